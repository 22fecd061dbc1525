"""Misfit: the restricted likelihood is that of the contrasts, and its intervals run from the t to the normal one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg, stats

from scaling.laws.intervals import slope_interval
from scaling.laws.misfit import PRECISION, Misfit

SHARDS = 9
X = np.vander(np.linspace(-1, 1, SHARDS), 3)
seeds = st.integers(0, 2**32 - 1)


def covariance(rng, scale=1.0):
    """Known covariance: seeds of unequal spread, and a test set that all share."""
    shared = np.outer(*[rng.uniform(0.5, 1.5, SHARDS)] * 2)
    return scale * (np.diag(rng.uniform(0.1, 3, SHARDS)) + rng.uniform(0, 2) * (shared + shared.T) / 2)


def draw(rng, known, misfit):
    """Deviations under a known covariance and a misfit."""
    return rng.multivariate_normal(np.zeros(len(known)), known + misfit * np.eye(len(known)))


def criterion(known, deviations, derivatives, misfit):
    """−2 log likelihood of the contrasts K'r, K'X = 0, which no parameter moves."""
    K = linalg.null_space(derivatives.T)
    V = K.T @ (known + misfit * np.eye(len(known))) @ K
    contrasts = K.T @ deviations
    return np.linalg.slogdet(V)[1] + contrasts @ np.linalg.solve(V, contrasts)


# The estimate


@given(seeds, st.sampled_from([0.0, 0.1, 1.0, 10.0]))
@settings(max_examples=40, deadline=None)
def test_the_estimate_is_the_most_likely_of_a_fine_grid(seed, misfit):
    rng = np.random.default_rng(seed)
    known = covariance(rng)
    deviations = draw(rng, known, misfit)
    estimate = Misfit(known, deviations, X).estimate
    least = min(criterion(known, deviations, X, each) for each in np.append(0, np.geomspace(1e-4, 1e3, 400)))
    assert criterion(known, deviations, X, estimate) <= least + 1e-7


@given(seeds)
@settings(deadline=None)
def test_without_known_covariance_it_is_the_residual_variance(seed):
    deviations = np.random.default_rng(seed).normal(size=SHARDS)
    rss = np.linalg.lstsq(X, deviations)[1][0]
    assert Misfit(np.zeros((SHARDS, SHARDS)), deviations, X).estimate == pytest.approx(rss / (SHARDS - 3), rel=1e-9)


def test_it_is_right_on_average():
    """REML is unbiased where the estimate may not be negative but seldom would be."""
    rng = np.random.default_rng(0)
    known = covariance(rng, 0.1)
    estimates = [Misfit(known, draw(rng, known, 1.0), X).estimate for _ in range(300)]
    assert np.mean(estimates) == pytest.approx(1.0, abs=4 * np.std(estimates) / np.sqrt(300))


def test_deviations_below_what_is_known_show_no_misfit():
    known = np.diag(np.linspace(1, 2, SHARDS))
    assert Misfit(known, 0.1 * draw(np.random.default_rng(0), known, 0), X).estimate < 1e-4


@pytest.mark.parametrize("known", [np.zeros((SHARDS, SHARDS)), np.ones((SHARDS, SHARDS)), np.eye(SHARDS)])
def test_an_exact_curve_keeps_a_misfit_that_is_next_to_nothing(known):
    misfit = Misfit(known, np.zeros(SHARDS), X)
    assert PRECISION**2 <= misfit.estimate <= max(PRECISION**2, 1e-9 * known.max())
    widest, budget = misfit.widest(0.95)
    assert np.isfinite(widest)
    assert budget > 0


# What does not matter


@given(seeds, st.floats(1e-3, 1e3))
@settings(max_examples=25, deadline=None)
def test_the_unit_of_the_deviations_squared_is_that_of_the_misfit(seed, unit):
    rng = np.random.default_rng(seed)
    known = covariance(rng)
    deviations = draw(rng, known, 2.0)
    one, other = Misfit(known, deviations, X), Misfit(unit**2 * known, unit * deviations, X)
    small = 1e-7 * known.max()
    assert other.estimate / unit**2 == pytest.approx(one.estimate, rel=1e-5, abs=small)
    (widest, budget), (scaled, same) = one.widest(0.9), other.widest(0.9)
    assert scaled / unit**2 == pytest.approx(widest, rel=1e-5, abs=small)
    assert same == pytest.approx(budget, rel=1e-5)


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_what_the_parameters_can_take_up_is_no_misfit(seed):
    rng = np.random.default_rng(seed)
    known = covariance(rng)
    deviations = draw(rng, known, 2.0)
    one = Misfit(known, deviations, X)
    other = Misfit(known, deviations + X @ rng.normal(size=3), X @ (rng.normal(size=(3, 3)) + 5 * np.eye(3)))
    assert other.estimate == pytest.approx(one.estimate, rel=1e-5, abs=1e-7 * known.max())
    assert other.widest(0.9)[1] == pytest.approx(one.widest(0.9)[1], rel=1e-5)


# The budget


@given(seeds, st.floats(0.5, 0.99), st.sampled_from([0.0, 0.3, 3.0]))
@settings(max_examples=40, deadline=None)
def test_at_the_estimate_the_budget_is_positive_and_known(seed, level, misfit):
    rng = np.random.default_rng(seed)
    known = covariance(rng)
    found = Misfit(known, draw(rng, known, misfit), X)
    df = SHARDS - 3
    (budget,) = found.budget(np.array([found.estimate]), level)
    assert budget == pytest.approx(df * np.log1p(stats.f.ppf(level, 1, df) / df))
    assert budget > 0
    others = np.geomspace(1e-6, 1e3, 200)
    assert (found.budget(others, level) <= budget + 1e-7).all()


@given(seeds, st.floats(0.5, 0.99), st.sampled_from([0.0, 0.3, 3.0]))
@settings(max_examples=25, deadline=None)
def test_of_all_misfits_the_widest_interval_counts(seed, level, misfit):
    rng = np.random.default_rng(seed)
    known = covariance(rng)
    found = Misfit(known, draw(rng, known, misfit), X)
    contrast = rng.normal(size=3)

    def variance(misfits):
        V = known + misfits[:, None, None] * np.eye(SHARDS)
        return contrast @ np.linalg.inv(X.T @ np.linalg.solve(V, X)) @ contrast

    widest, budget = found.widest(level, variance)
    width = budget * variance(np.array([widest]))[0]
    others = np.append(np.geomspace(1e-6, 1e3, 300), found.estimate)
    assert width >= (found.budget(others, level) * variance(others)).max() * (1 - 1e-9)
    assert budget == pytest.approx(found.budget(np.array([widest]), level)[0])


def test_a_higher_level_has_the_larger_budget():
    rng = np.random.default_rng(0)
    for known in (np.zeros((SHARDS, SHARDS)), covariance(rng)):
        found = Misfit(known, draw(rng, known, 1.0), X)
        products = [np.prod(found.widest(level)) for level in (0.5, 0.8, 0.95, 0.99)]
        assert products == sorted(products)


# Intervals: from t to normal


@given(seeds, st.floats(0.5, 0.999), st.integers(4, 15))
@settings(max_examples=40, deadline=None)
def test_without_known_covariance_the_interval_is_students(seed, level, shards):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, shards))
    slope = slope_interval(x, y, np.zeros((shards, shards)), level)
    line = stats.linregress(x, y)
    half = stats.t.ppf((1 + level) / 2, shards - 2) * line.stderr
    assert [slope.low, slope.value, slope.high] == pytest.approx([line.slope - half, line.slope, line.slope + half])


def test_without_known_covariance_every_estimate_has_students_interval():
    deviations = np.random.default_rng(0).normal(size=SHARDS)
    found = Misfit(np.zeros((SHARDS, SHARDS)), deviations, X)
    widest, budget = found.widest(0.9)
    variance = np.linalg.lstsq(X, deviations)[1][0] / (SHARDS - 3)
    assert np.sqrt(widest * budget) == pytest.approx(stats.t.ppf(0.95, SHARDS - 3) * np.sqrt(variance))


def half_widths(shards, known, misfit, repetitions=100):
    """Half-widths of slopes over the normal one, that knows all of the covariance; and how many hold the truth."""
    rng = np.random.default_rng(0)
    x = np.linspace(-1, 1, shards)
    V = known * np.diag(np.linspace(0.5, 1.5, shards))
    weights = x / (x @ x)
    normal = stats.norm.ppf(0.975) * np.sqrt(weights @ (V + misfit * np.eye(shards)) @ weights)
    slopes = [slope_interval(x, draw(rng, V, misfit), V, 0.95) for _ in range(repetitions)]
    half = np.array([(slope.high - slope.low) / 2 for slope in slopes])
    return half / normal, np.mean([slope.low <= 0 <= slope.high for slope in slopes])


@pytest.mark.parametrize("shards", [6, 9, 14])
def test_a_known_covariance_brings_the_interval_near_the_normal_one(shards):
    """Never below it, but above it while so few shards can't tell that there is no misfit."""
    widths, _ = half_widths(shards, 1.0, 0.0)
    t = stats.t.ppf(0.975, shards - 2) / stats.norm.ppf(0.975)
    assert widths.min() >= 1
    assert np.median(widths) < min(t, 1.35)


def test_many_shards_of_known_covariance_have_the_normal_interval():
    widths, _ = half_widths(60, 1.0, 0.0, 20)
    assert np.median(widths) == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize(("known", "misfit"), [(1, 0), (1, 0.3), (1, 3), (0, 1)])
def test_intervals_hold_the_truth_as_often_as_they_say(known, misfit):
    _, held = half_widths(8, known, misfit, 300)
    assert held >= 0.93
