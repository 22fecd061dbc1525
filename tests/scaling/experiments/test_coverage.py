"""Coverage: designs whose truth is what they say, runs that scatter as they say, and a short campaign over all."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import special

from scaling.experiments.coverage import (
    FIRST_ERROR,
    LEVEL,
    QUANTITIES,
    SMALLEST,
    Cell,
    Independent,
    Pool,
    Quanta,
    Scored,
    SharedTest,
    campaign,
    read_campaigns,
    read_design,
    score,
    unseen,
    unseen_asymptote,
)
from scaling.laws import fit_shards, shards
from scaling.laws.regions import find_regions
from scaling.randomness import generator
from scaling.study import Study

PLAIN = {"kind": "independent", "beta": -0.3, "shards": 8, "decades": 2.5, "seeds": 3}
POOL = PLAIN | {"kind": "pool", "seeds": 5}
SHARED_TEST = PLAIN | {"kind": "test-set", "items": 2_000}
QUANTA = PLAIN | {"kind": "quanta"}


@pytest.fixture
def coverage(study):
    return study.experiments.coverage


def log_means(design, draws):
    """Log mean error of the shards (draws, shards)."""
    return np.log([design.draw(generator("test", i)).error for i in range(draws)])


def test_a_short_campaign_over_all_designs_keeps_its_promise_or_finds_no_region(coverage):
    shares, refused = [], []
    for name, design in coverage.designs.items():
        came = campaign(name, design, 3)
        shares += [cell.share for cell in came.cells.values()]
        if design.lawless:
            assert came.cells == {}
            refused.append(came.refused)
        else:
            assert set(came.cells) == set(QUANTITIES)
    assert np.mean(shares) > 0.9
    assert min(refused) > 0.8


def test_the_designs_span_what_studies_may_meet(coverage):
    designs = coverage.designs.values()
    assert {design.kind for design in designs} == {"independent", "pool", "test-set", "quanta"}
    assert {design.seeds for design in designs} == {3, 5}
    assert {design.shards for design in designs} >= {6, 8, 10, 14}
    assert {design.beta for design in designs} >= {-0.07, -0.3, -0.5, -1}
    assert {design.floor > 0 for design in designs if not design.cut} == {True, False}
    assert {design.floor > 0 for design in designs if design.cut} == {True, False}


@pytest.mark.parametrize(
    "settings", [PLAIN, PLAIN | {"beta": -0.5, "gamma": 0.02}, PLAIN | {"beta": -1, "gamma": 0.01}]
)
def test_the_noise_free_curve_is_the_law_that_the_truth_says(settings):
    design = read_design(settings)
    law = fit_shards(shards(design.N, design.curve(design.N)))
    assert law.beta.value == pytest.approx(design.beta, abs=1e-6)
    assert law.gamma.value == pytest.approx(design.floor, abs=1e-6)
    assert law.alpha.value == pytest.approx(design.amplitude(law.N0), rel=1e-5)


def test_a_plateau_holds_small_data_and_is_forgotten_by_large():
    design = read_design(PLAIN | {"plateau": 1_000, "gamma": 0.01})
    assert design.curve(np.array([1.0])) == pytest.approx(design.curve(np.array([10.0])), rel=1e-4)
    assert design.curve(np.array([1e6])) == pytest.approx(design.amplitude(1e6) + 0.01, rel=1e-5)


def test_the_rule_finds_a_region_where_a_design_has_one_and_none_where_not(coverage):
    for design in coverage.designs.values():
        if design.cut:
            quiet = design.model_copy(update={"misfit": 0.0, "seed_sd": (0.001, 0.001)})
            regions, _ = find_regions(quiet.draw(generator("test")))
            assert regions.identified != design.lawless


def test_unseen_quanta_are_summed_to_the_last():
    N, terms = 300.0, 3_000_000
    for beta in (-0.33, -0.5):
        power = 1 / (1 + beta)
        p = np.arange(1, terms + 1, dtype=np.float64) ** -power / special.zeta(power)
        unknown = special.zeta(power, terms + 1) / special.zeta(power)  # so rare that hardly any was seen
        assert unseen(beta, N) == pytest.approx(np.sum(p * (1 - p) ** N) + unknown, rel=2e-4)


@pytest.mark.parametrize("beta", [-0.2, -0.33, -0.5])
def test_unseen_quanta_become_the_power_law(beta):
    for N, tolerance in ((100.0, 0.03), (1e4, 0.003)):
        assert unseen(beta, N) == pytest.approx(unseen_asymptote(beta, N), rel=tolerance)


def test_runs_of_quanta_leave_unseen_what_the_sum_says():
    design = read_design(QUANTA)
    rng = generator("test")
    runs = [design.run(1_000, rng) for _ in range(300)]
    assert np.mean(runs) == pytest.approx(unseen(design.beta, 1_000.0), abs=4 * np.std(runs) / 300**0.5)
    assert 1 - design.run(1, rng) <= 1 / special.zeta(1 / (1 + design.beta)) + 1e-12


def test_independent_runs_scatter_as_the_design_says():
    design = read_design(PLAIN | {"misfit": 0.02, "seed_sd": [0.2, 0.01]})
    logs = log_means(design, 800) - np.log(design.curve(design.N))
    expected = np.sqrt(0.02**2 + design.sd(design.N) ** 2 / design.seeds)
    assert logs.std(0) == pytest.approx(expected, rel=0.12)
    assert np.exp(logs).mean(0) == pytest.approx(np.ones(8), abs=0.02)
    assert design.sd(design.N[[0, -1]]) == pytest.approx([0.2, 0.01], rel=1e-4)


def test_runs_from_one_pool_share_their_luck_as_the_shards_grow():
    design = read_design(POOL | {"decades": 1.5, "seed_sd": [0.05, 0.05]})
    logs = log_means(design, 400)
    share, (_, runs) = design.N / design.N[-1], np.unique(design.rows, return_counts=True)
    correlation = np.sqrt(np.outer(share, share))
    np.fill_diagonal(correlation, 1 / runs + (1 - 1 / runs) * share)
    assert np.cov(logs.T) / 0.05**2 == pytest.approx(correlation, abs=0.2)
    assert runs.tolist() == [5, 5, 5, 5, 2, 2, 2, 2]


def test_a_shared_test_set_moves_all_shards_as_the_shards_covariance_says():
    design = read_design(SHARED_TEST | {"seed_sd": [1e-6, 1e-6]})
    drawn = [design.draw(generator("test", i)) for i in range(250)]
    logs = np.log([study.error for study in drawn])
    told = np.mean([study.covariance for study in drawn], axis=0)
    assert np.sqrt(np.diag(np.cov(logs.T))) == pytest.approx(np.sqrt(np.diag(told)), rel=0.25)
    assert np.corrcoef(logs.T)[0, -1] > 0.15
    assert np.exp(logs).mean(0) == pytest.approx(design.curve(design.N), rel=0.02)


def test_every_repetition_has_a_stream_of_its_own():
    design = read_design(PLAIN)
    first = score(design, generator("coverage", "a", 0))
    again = score(design, generator("coverage", "a", 0))
    assert first == again
    assert first != score(design, generator("coverage", "a", 1))
    assert campaign("a", design, 1).cells["beta"].width == pytest.approx(first["beta"].width)


def test_the_true_slope_under_a_floor_is_that_of_the_straight_line():
    # Nearly exact runs leave an interval as wide as the bend, and the line's own slope in it; not β.
    design = read_design(PLAIN | {"gamma": 0.05, "seed_sd": [0.001, 0.001]})
    scored = score(design, generator("test"))
    law = fit_shards(design.draw(generator("test")))
    assert scored["slope"].hit
    assert not law.slope.low <= design.beta <= law.slope.high


def test_a_cell_counts_hits_and_is_silent_about_open_widths():
    cell = Cell.of([Scored(i < 95, 0.1 + i) for i in range(100)])
    assert (cell.share, cell.trials) == (0.95, 100)
    assert cell.low < 0.95 < cell.high
    assert (cell.low, cell.high) == pytest.approx((0.8882, 0.9785), abs=1e-4)
    assert cell.width == pytest.approx(49.6)
    assert Cell.of([Scored(True, np.inf), Scored(True, np.inf), Scored(True, 1.0)]).width is None


def test_what_came_out_is_read_as_it_was_written(tmp_path):
    came = campaign("plain", read_design(PLAIN), 2)
    path = tmp_path / "plain.json"
    path.write_text(came.model_dump_json())
    assert read_campaigns([str(path)]) == (came,)


def test_a_design_says_what_it_is():
    design = read_design(
        PLAIN | {"gamma": 0.05, "misfit": 0.02, "seed_sd": [0.2, 0.01], "plateau": 4_000, "bend": 1, "cut": True}
    )
    assert design.description == (
        "exponent −0.3, 8 shards × 3 seeds, floor 0.05, plateau to 4,000, bend 1, misfit 2 %, seed SD 20 to 1 %"
    )
    assert read_design(PLAIN).description == "exponent −0.3, 8 shards × 3 seeds, seed SD 3 %"
    assert read_design(POOL).description.endswith("one finite pool")
    assert read_design(SHARED_TEST).description.endswith("one test set of 2,000 items")
    assert read_design(QUANTA).description == "exponent −0.3, 8 shards × 3 seeds, Zipf quanta"


@pytest.mark.parametrize(
    ("kind", "design"),
    [(Independent, PLAIN), (Pool, POOL), (SharedTest, SHARED_TEST), (Quanta, QUANTA)],
    ids=lambda given: given.__name__ if isinstance(given, type) else "",
)
def test_designs_begin_and_end_where_they_say(kind, design):
    made = read_design(design)
    assert isinstance(made, kind)
    assert made.N[0] == SMALLEST
    assert np.log10(made.N[-1] / SMALLEST) == pytest.approx(made.decades, abs=1e-4)
    assert np.array_equal(made.N, np.round(made.N))
    if kind is not Quanta:
        assert made.curve(made.N)[0] == FIRST_ERROR


@pytest.mark.parametrize(
    "wrong",
    [
        PLAIN | {"beta": 0.3},
        PLAIN | {"beta": -1.5},
        PLAIN | {"shards": 4},
        PLAIN | {"seeds": 1},
        PLAIN | {"seed_sd": [0.03, 0]},
        PLAIN | {"items": 100},
        PLAIN | {"kind": "nested"},
        QUANTA | {"beta": -1},
        QUANTA | {"misfit": 0.02},
    ],
)
def test_a_design_that_means_nothing_is_refused(wrong):
    with pytest.raises(ValidationError):
        read_design(wrong)


def test_the_goal_is_lower_after_a_cut(config):
    config["experiments"]["coverage"] |= {
        "goal": 0.92,
        "goal_cut": 0.88,
        "designs": {"all": PLAIN, "some": PLAIN | {"cut": True}},
    }
    coverage = Study.of(config).experiments.coverage
    assert (coverage.goal_of("all"), coverage.goal_of("some")) == (0.92, 0.88)
    assert list(coverage.faults(Study.of(config))) == []
    assert LEVEL == 0.95
