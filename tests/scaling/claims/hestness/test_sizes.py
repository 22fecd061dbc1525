"""H6: sizes that grow with the data, too fast, not at all, or out of the grid."""

import numpy as np
import pytest

from scaling.claims.hestness.sizes import SublinearSize

SUBLINEAR = SublinearSize(min_optima=4)
GRID = tuple(2**k for k in range(15))


@pytest.fixture(scope="session")
def sized(record, power, sizes):
    """Records of a family whose best size is 100·(N/4000)^growth, but for a noise, from a grid of sizes."""

    def make(growth, family="cnn", domain="images", grid=GRID, noise=0.02, limited=False, at=100):
        rng = np.random.default_rng(0)
        made = []
        for N in sizes:
            best = np.log(at) + growth * np.log(N / 4_000) + noise * rng.normal()
            for size in grid:
                error = power(-0.3)(N) * np.exp(0.05 * (np.log(size) - best) ** 2)
                made += [record(family, N, seed, error, domain=domain, size=size) for seed in range(2)]
                if sizes[-1] == N:
                    gain = 0.8 if limited else 1.0
                    made.append(record(family, N, 0, error * gain, domain=domain, size=size, budget_scale=2))
        return made

    return make


@pytest.mark.parametrize(
    ("growth", "expected"), [(0.5, "supported"), (1.4, "contradicted"), (-0.4, "contradicted"), (1.02, "undecided")]
)
def test_the_growth_of_the_best_size_settles_it(sized, evidence, verdict, value, growth, expected):
    found = evidence(*sized(growth))
    assert verdict(SUBLINEAR, found) == expected
    assert value(SUBLINEAR, found, "images.cnn") == pytest.approx(growth, abs=0.1)


def test_an_optimum_at_the_edge_of_the_grid_measures_nothing(sized, evidence, verdict, value):
    found = evidence(*sized(0.5, grid=GRID[:5]))
    assert verdict(SUBLINEAR, found) == "undecided"
    assert (value(SUBLINEAR, found, "eligible"), value(SUBLINEAR, found, "laws")) == (1, 0)


def test_more_optima_may_be_asked_for(sized, evidence, verdict):
    found = evidence(*sized(0.5))
    assert verdict(SUBLINEAR.model_copy(update={"min_optima": 8}), found) == "supported"
    assert verdict(SUBLINEAR.model_copy(update={"min_optima": 9}), found) == "undecided"


@pytest.mark.parametrize("growth", [0.5, 1.4])
def test_a_curve_limited_by_compute_may_not_speak_about_sizes(sized, evidence, verdict, value, growth):
    found = evidence(*sized(growth, limited=True))
    assert verdict(SUBLINEAR, found) == "undecided"
    assert (value(SUBLINEAR, found, "eligible"), value(SUBLINEAR, found, "silent")) == (0, 1)


def test_every_domain_with_sizes_must_have_a_law(sized, evidence, verdict, value):
    spiral = {"family": "mlp", "domain": "spiral"}
    assert verdict(SUBLINEAR, evidence(*sized(0.5), *sized(0.6, **spiral))) == "supported"
    edge = evidence(*sized(0.5), *sized(0.6, **spiral, grid=GRID[:5]))
    assert verdict(SUBLINEAR, edge) == "undecided"
    assert value(SUBLINEAR, edge, "silent") == 1
    assert verdict(SUBLINEAR, evidence(*sized(1.4), *sized(0.6, **spiral))) == "contradicted"


def test_families_of_one_size_play_no_part(sized, records, evidence, verdict, power, sizes):
    knn = records("knn", power(-0.4), sizes)
    assert verdict(SUBLINEAR, evidence(*sized(0.5), *knn)) == "supported"
    outcome = SUBLINEAR.test(evidence(*knn))
    assert (outcome.verdict, outcome.numbers) == ("undecided", {})
    assert outcome.reason == "no family is on offer at several sizes"
