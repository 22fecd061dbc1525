"""The controls, whose laws are known: simulated errors have the mean that theory says, and it falls as it says."""

from math import inf, pi

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import zeta
from scipy.stats import binom

from scaling.domains import coin, images, linear, quanta, spiral, torus
from scaling.models import knn, lookup, ols
from scaling.training import Budget, Run, train

COIN = coin.Domain(kind="coin", heads=0.3, coins=50)
LINEAR = linear.Domain(kind="linear", dimensions=5, noise=0.7, functions=20, validation_size=50, test_size=400)
QUANTA = quanta.Domain(kind="quanta", tail=0.5, validation_size=50, test_size=2_000)
TORUS = torus.Domain(kind="torus", dimensions=3, validation_size=50, test_size=400)
LOOKUP, OLS, NEAREST = lookup.Family(kind="lookup"), ols.Family(kind="ols"), knn.Family(kind="knn", k=1)
CONTROLS = [
    (COIN, LOOKUP),
    (LINEAR, OLS),
    (QUANTA, LOOKUP),
    (QUANTA.model_copy(update={"tail": 1.0}), LOOKUP),
    (TORUS, NEAREST),
    (TORUS.model_copy(update={"dimensions": 1}), NEAREST),
    (TORUS.model_copy(update={"dimensions": 4}), NEAREST),
]
EACH = pytest.mark.parametrize(("domain", "family"), CONTROLS, ids=lambda settings: settings.kind)


def errors(domain, family, N, seeds):
    """Simulate the test error of each seed."""

    def error(seed):
        draw, metric = domain.draw("control", N, seed, None), domain.metric
        answers = family.memorise(draw.train, domain.task)(draw.test[metric])
        return domain.task.score(answers, draw.test[metric])[metric].mean()

    return np.array([error(seed) for seed in range(seeds)])


@EACH
@pytest.mark.parametrize(("N", "seeds"), [(30, 100), (300, 40), (2_000, 15)])
def test_simulated_errors_have_the_mean_that_theory_says(domain, family, N, seeds):
    found = errors(domain, family, N, seeds)
    sure_to = found.std(ddof=1) / np.sqrt(seeds)
    assert found.mean() == pytest.approx(domain.known.error(N), abs=4 * sure_to)
    assert sure_to < 0.1 * found.mean(), "else this test says little"


@EACH
def test_in_the_end_the_error_falls_by_the_exponent(domain, family):
    law = domain.known
    assert law.slope([10**7, 10**8]) == pytest.approx(law.exponent, abs=0.005)
    assert law.slope([100, 1_000, 10_000]) == pytest.approx(law.exponent, abs=0.05)


@EACH
@settings(max_examples=10)
@given(N=st.integers(10, 10**6))
def test_more_examples_err_less(domain, family, N):
    assert 0 < domain.known.error(2 * N) < domain.known.error(N)


@EACH
def test_the_law_speaks_of_the_family_that_follows_it_alone(domain, family):
    others = [LOOKUP, OLS, NEAREST, knn.Family(kind="knn", k=2)]
    assert [other for other in others if domain.known.speaks_of(other)] == [family]
    assert family.complaint(domain.task) is None


def test_a_domain_that_is_no_control_has_no_known_law():
    assert images.Domain(kind="images", validation_size=10).known is None
    plane = spiral.Domain(kind="spiral", validation_size=1, test_size=1, region_size=1, map_size=1, map_seeds={})
    assert plane.known is None


@EACH
def test_sets_are_drawn_anew_and_the_same_each_time(domain, family):
    def numbers(N, seed):
        draw = domain.draw("control", N, seed, None)
        return [draw.train, draw.validation, draw.test[domain.metric]]

    def same(one, other):
        return one.x.shape == other.x.shape and bool((one.x == other.x).all() and (one.y == other.y).all())

    assert all(map(same, numbers(40, 0), numbers(40, 0)))
    assert not same(numbers(40, 0)[0], numbers(40, 1)[0])
    assert not same(numbers(40, 0)[0], domain.task.first(numbers(41, 0)[0], 40))
    assert all(map(same, numbers(40, 0)[1:], numbers(41, 0)[1:])), "tests depend on the seed alone"
    for part in numbers(40, 0):
        assert (part.x.shape[1], part.y.shape[1]) == (domain.task.inputs, domain.task.outputs)


@EACH
def test_it_runs_through_the_one_training(domain, family):
    run = Run(
        domain="control",
        data=domain.model_dump(),
        family="known",
        learner=family.model_dump(),
        model="known",
        size=None,
        N=300,
        seed=3,
        budget=Budget(batch_size=1, max_batch_size=1, batches_per_epoch=1, epochs=1, min_steps=30, max_steps=30),
        shares_pool=False,
    )
    record, outcomes, _ = train(run, None)
    assert record.test == {domain.metric: pytest.approx(errors(domain, family, 300, 4)[3])}
    assert outcomes[domain.metric].mean() == record.test[domain.metric] < domain.guess


@given(st.integers(1, 300), st.floats(0.01, 0.99))
def test_the_coins_law_is_the_sum_over_all_counts_of_heads(N, p):
    k = np.arange(N + 1)
    expected = (binom.pmf(k, N, p) * abs(k / N - p)).sum()
    assert COIN.model_copy(update={"heads": p}).known.error(N) == pytest.approx(expected, rel=1e-9)


def test_the_coins_law_goes_to_that_of_the_normal_distribution():
    assert COIN.known.error(10**6) == pytest.approx((2 * 0.3 * 0.7 / (pi * 10**6)) ** 0.5, rel=1e-5)


@given(st.floats(0.1, 3, exclude_min=True))
def test_few_quanta_have_a_law_in_closed_form(a):
    s, law = 1 + a, QUANTA.model_copy(update={"tail": a}).known
    again = [zeta(j * s) / zeta(s) ** j for j in (2, 3)]  # that all of so many are the same
    assert law.error(1) == pytest.approx(1 - again[0], rel=1e-9)
    assert law.error(2) == pytest.approx(1 - 2 * again[0] + again[1], rel=1e-9)


def test_quanta_come_up_by_zipfs_law_and_their_signs_are_balanced_and_fixed():
    things, signs = QUANTA.draw("control", 20_000, 0, None).train
    shares = [(things == k).mean() for k in (1, 2, 3)]
    assert shares == pytest.approx(np.arange(1, 4) ** -1.5 / zeta(1.5), abs=0.015)
    signs_of = dict(zip(things[:, 0], signs[:, 0], strict=True))
    assert [signs_of[k] for k in things[:, 0]] == list(signs[:, 0])
    assert set(signs_of.values()) == {-1, 1}
    assert np.mean(list(signs_of.values())) == pytest.approx(0, abs=0.1)


def test_least_squares_have_no_mean_where_examples_are_as_many_as_weights_and_one_again_below():
    law = LINEAR.known
    assert [law.error(N) for N in (4, 5, 6)] == [inf] * 3
    many = LINEAR.model_copy(update={"dimensions": 12})
    found = errors(many, OLS, 6, 200)
    assert found.mean() == pytest.approx(many.known.error(6), abs=4 * found.std() / np.sqrt(200))


def test_all_linear_functions_are_as_long_as_each_other():
    test = LINEAR.draw("control", 10, 0, None).test["squared distance"]
    weights = np.linalg.lstsq(test.x, test.y, rcond=None)[0]
    assert np.square(weights).sum(axis=0) == pytest.approx(1)
    assert np.square(test.y).mean() == pytest.approx(LINEAR.guess, rel=0.1)


@pytest.mark.parametrize("N", [20, 200])
def test_the_law_of_a_ring_is_that_of_its_nearest_point(N):
    ring = TORUS.model_copy(update={"dimensions": 1})

    def density(r):
        return 2 * N * (1 - 2 * r) ** (N - 1) * 2 * (1 - np.cos(2 * pi * r))

    assert ring.known.error(N) == pytest.approx(quad(density, 0, 0.5)[0], rel=1e-6)


def test_the_torus_has_no_border():
    examples = TORUS.draw("control", 200, 0, None).train
    moved = examples._replace(x=(examples.x + 0.4) % 1)
    asked = TORUS.draw("control", 200, 1, None).train
    answers = NEAREST.memorise(examples, TORUS.task)(asked)
    assert (answers == NEAREST.memorise(moved, TORUS.task)(asked._replace(x=(asked.x + 0.4) % 1))).all()
    assert np.square(asked.y).mean() == pytest.approx(TORUS.guess, rel=0.2)
