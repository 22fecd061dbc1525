"""Intervals: each bound lies where the profile meets the F criterion, and they cover what they should."""

import numpy as np
import pytest
from scipy import optimize, stats

from scaling.laws import Law, fit_law, power_law
from scaling.laws.intervals import pinned

N = np.geomspace(100, 1e5, 8)
N0 = np.sqrt(1e7)


def noisy(seed, beta=-0.3, gamma=0.2, noise=0.02):
    return power_law(N, 1, beta, gamma, N0) * np.exp(noise * np.random.default_rng(seed).normal(size=len(N)))


def excess(law: Law, curve, starts, bounds) -> float:
    """(least RSS − RSS of the law) / what the F criterion allows: 1 on the bound of a profile interval.

    `curve` maps the two parameters left free to errors: found by another optimiser in other coordinates.
    """
    rss, df = law.rms_residual**2 * law.shards, law.shards - 3
    fits = [
        optimize.least_squares(
            lambda p: np.log(np.maximum(curve(*p), 1e-300)) - np.log(law.error),
            np.clip(start, np.array(bounds[0]) + 1e-9, np.array(bounds[1]) - 1e-9),
            bounds=bounds,
            x_scale="jac",
            xtol=1e-14,
            ftol=1e-14,
            gtol=1e-14,
        )
        for start in starts
    ]
    return (min(2 * fit.cost for fit in fits) - rss) / (rss * stats.f.ppf(law.level, 1, df) / df)


@pytest.mark.parametrize("level", [0.95, 0.8])
@pytest.mark.parametrize(("seed", "beta", "gamma"), [(0, -0.3, 0.2), (1, -0.3, 0.0), (2, -0.8, 0.05), (3, -0.15, 0.5)])
def test_every_bound_is_where_the_profile_meets_the_criterion(seed, beta, gamma, level):
    law = fit_law(N, noisy(seed, beta, gamma), level=level)
    x, a, b, g = N / law.N0, law.alpha.value, law.beta.value, law.gamma.value
    betas = [b * factor for factor in (0.4, 0.7, 1, 1.5, 2.5)]
    free_beta = ([0, -3], [np.inf, -0.005])
    for side in ("low", "high"):
        v = getattr(law.beta, side)
        if v is not None:
            assert excess(
                law,
                lambda alpha, gamma, v=v: alpha * x**v + gamma,
                [(a, g), (a / 2, a / 2)],
                ([0, 0], [np.inf] * 2),
            ) == pytest.approx(1, abs=1e-6)
        v = getattr(law.gamma, side)
        if v:
            assert excess(
                law, lambda alpha, beta, v=v: alpha * x**beta + v, [(a, c) for c in betas], free_beta
            ) == pytest.approx(1, abs=0.01)
        v = getattr(law.alpha, side)
        if v is not None:
            assert excess(
                law, lambda gamma, beta, v=v: v * x**beta + gamma, [(g + 0.1, c) for c in betas], free_beta
            ) == pytest.approx(1, abs=0.01)
        for i in (0, 30, 59, 71):
            v, at = getattr(law.band, side)[i], x * law.N0 / law.band.N[i]
            assert excess(
                law,
                lambda share, beta, v=v, at=at: v * (share + (1 - share) * at**beta),
                [(s, c) for c in betas for s in (0.05, 0.5)],
                ([0, -3], [1, -0.005]),
            ) == pytest.approx(1, abs=0.01)


def test_the_band_holds_the_law_and_runs_on_to_three_times_the_largest_shard():
    law = fit_law(N, noisy(0))
    n, low, high = np.array(law.band.N), np.array(law.band.low), np.array(law.band.high)
    assert (np.diff(n) > 0).all()
    assert (n[0], n[-1]) == (pytest.approx(N[0]), pytest.approx(3 * N[-1]))
    assert law.band.value == pytest.approx(law.predict(n))
    assert ((low < law.band.value) & (law.band.value < high)).all()


def test_the_slope_interval_is_that_of_the_straight_regression():
    law = fit_law(N, noisy(0))
    line = stats.linregress(np.log(N), np.log(noisy(0)))
    half = stats.t.ppf(0.975, len(N) - 2) * line.stderr
    assert [law.slope.low, law.slope.value, law.slope.high] == pytest.approx(
        [line.slope - half, line.slope, line.slope + half], rel=1e-10
    )


def test_a_wider_level_gives_wider_intervals():
    narrow, wide = (fit_law(N, noisy(0), level=level) for level in (0.8, 0.95))
    for name in ("alpha", "beta", "gamma", "slope"):
        a, b = getattr(narrow, name), getattr(wide, name)
        assert b.low < a.low < a.high < b.high


@pytest.mark.parametrize(
    ("low", "high", "known"),
    [(-2, -1, True), (-2.1, -1, False), (1, 2, True), (-1, 1, False), (0, 0.1, False)],
)
def test_pinned_means_within_a_factor_two(low, high, known):
    assert pinned(low, high) is known


def test_a_shallow_noisy_curve_tells_its_slope_only():
    law = fit_law(N, noisy(1, beta=-0.05, gamma=2.0, noise=0.01))
    assert law.verdict == "slope only"
    assert not law.gamma.identified


@pytest.mark.parametrize(("beta", "gamma"), [(-0.3, 0.2), (-0.3, 0.0)])
def test_the_interval_of_beta_covers_the_truth(beta, gamma):
    covered = [
        (law.beta.low or -3) <= beta <= (law.beta.high or 0)
        for law in (fit_law(N, noisy(seed, beta, gamma)) for seed in range(150))
    ]
    # 135 of 150: intervals of 95 % fall short of it once in 300 times, and these seeds don't; of 83 %, 99 times in 100.
    assert np.mean(covered) >= 0.9
