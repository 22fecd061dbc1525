"""Lines: against scipy and direct matrix algebra, and standard errors that keep their promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from scaling.laws.lines import Slope, fit_line
from scaling.laws.misfit import Misfit

X = np.linspace(0, 6, 8)
NOTHING = np.zeros((8, 8))


def noisy(seed, noise=0.1, slope=0.5):
    return 1 + slope * X + noise * np.random.default_rng(seed).normal(size=8)


@pytest.mark.parametrize("seed", range(3))
def test_without_known_variance_it_is_the_ordinary_regression(seed):
    y = noisy(seed)
    line, judge = fit_line(X, y, NOTHING), stats.linregress(X, y)
    assert (line.slope.value, line.slope.standard_error) == pytest.approx((judge.slope, judge.stderr), rel=1e-9)
    assert line.middle == pytest.approx(y.mean())
    assert line.misfit == pytest.approx(judge.stderr * np.sqrt(((X - X.mean()) ** 2).sum()))
    half = stats.t.ppf(0.975, 6) * judge.stderr
    assert line.slope.interval(0.95) == pytest.approx((judge.slope - half, judge.slope + half))


def test_known_variance_is_the_floor():
    line = fit_line(X, noisy(0, 1e-3), 0.1**2 * np.eye(8))
    assert line.slope.standard_error == pytest.approx(0.1 / np.sqrt(((X - X.mean()) ** 2).sum()))
    assert line.misfit < 1e-5


@given(st.integers(0, 2**32 - 1))
def test_it_is_the_generalised_regression_under_its_own_misfit(seed):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(8, 8)) * 0.02
    covariance, y = root @ root.T, noisy(rng, 0.3)
    line = fit_line(X, y, covariance)
    inverse = np.linalg.inv(covariance + line.misfit**2 * np.eye(8))
    design = np.stack([np.ones(8), X - X.mean()], axis=1)
    spread = np.linalg.inv(design.T @ inverse @ design)
    best = spread @ design.T @ inverse @ y
    assert line.misfit == pytest.approx(np.sqrt(Misfit(covariance, y - design @ best, design).estimate), rel=1e-3)
    assert (line.middle, line.slope.value) == pytest.approx(tuple(best), rel=1e-6)
    assert line.slope.standard_error == pytest.approx(np.sqrt(spread[1, 1]), rel=1e-6)


def test_an_exact_line_is_found_exactly():
    line = fit_line(X, 1 + 0.5 * X, NOTHING)
    assert line.slope.value == pytest.approx(0.5, abs=1e-12)
    assert 0 < line.slope.standard_error < 1e-9


def test_points_known_badly_hardly_count():
    y = 1 + 0.5 * X
    y[-1] += 3
    covariance = np.diag([1e-4] * 7 + [100])
    assert fit_line(X, y, covariance).slope.value == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize(("value", "bound"), [(0.5, 0.3), (-0.2, 0.1), (1.0, 1.0)])
def test_p_values_are_those_of_t(value, bound):
    slope = Slope(value=value, standard_error=0.1, df=5)
    assert slope.p_above(bound) == pytest.approx(1 - stats.t.cdf((value - bound) / 0.1, 5))
    assert slope.p_above(bound) + slope.p_below(bound) == pytest.approx(1)
    low, high = slope.interval(0.9)
    assert slope.p_above(low) == pytest.approx(0.05)
    assert slope.p_below(high) == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("known", "misfit"), [(np.full(8, 0.05), 0.0), (np.zeros(8), 0.05), (np.geomspace(0.2, 0.01, 8), 0.02)]
)
def test_its_intervals_cover_the_truth(known, misfit):
    rng = np.random.default_rng(0)
    spread = np.sqrt(known**2 + misfit**2)
    lines = (fit_line(X, 0.5 * X + spread * rng.normal(size=8), np.diag(known**2)) for _ in range(300))
    bounds = np.array([line.slope.interval(0.95) for line in lines])
    assert np.mean((bounds[:, 0] <= 0.5) & (bounds[:, 1] >= 0.5)) >= 0.91
