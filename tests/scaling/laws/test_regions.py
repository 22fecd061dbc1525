"""Regions: a plateau is cut off where it ends, a power law is left alone, and a bend without end has no region."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from scaling.laws import TooFewShards, fit_shards, power_law, shards
from scaling.laws.fitting import MIN_SHARDS
from scaling.laws.regions import MARGIN, MIN_DECADES, Regions, bend, find_regions, lack_of_fit
from scaling.laws.rivals import TOLERANCE

N = np.geomspace(100, 1e6, 13)  # three shards a decade
STRAIGHT = power_law(N, 1, -0.3, 0, 1e4)
FLOORED = power_law(N, 1, -0.3, 0.1, 1e4)
PLATEAU = 0.9 * np.minimum(1, (N / 1000) ** -0.4)  # three shards before its end
EVERYWHERE = np.exp(-0.05 * np.log(N / 100) ** 2)


def drawn(error, seed=0, sd=0.03, misfit=0.01, seeds=3, n=N):
    rng = np.random.default_rng(seed)
    means = error * np.exp(misfit * rng.normal(size=len(n)))
    return shards(np.repeat(n, seeds), (means[:, None] * np.exp(sd * rng.normal(size=(len(n), seeds)))).ravel())


# The small-data region


def test_a_plateau_is_cut_where_it_ends_and_a_margin_beyond():
    covered = []
    for seed in range(8):
        regions, law = find_regions(drawn(PLATEAU, seed))
        assert regions.identified
        assert regions.dropped == 3 + MARGIN
        assert pytest.approx(N[3 + MARGIN :]) == law.N
        assert regions.lack_of_fit < 0.01
        covered.append((law.beta.low or -3) <= -0.4 <= (law.beta.high or 0))
    assert np.mean(covered) > 0.8


@pytest.mark.parametrize("length", range(1, 5))
def test_the_longer_the_plateau_the_more_is_cut(length):
    end = np.sqrt(N[length - 1] * N[length])
    regions, _ = find_regions(drawn(0.9 * np.minimum(1, (N / end) ** -0.4)))
    assert regions.dropped == length + MARGIN


@pytest.mark.parametrize("misfit", [0.0, 0.02])
@pytest.mark.parametrize("error", [STRAIGHT, FLOORED], ids=["straight", "floor"])
def test_a_power_law_is_seldom_cut(error, misfit):
    """A lack of fit that passes at p > .10 fails in no more than a tenth of the curves that have none."""
    p = np.array([lack_of_fit(drawn(error, seed, misfit=misfit)) for seed in range(100)])
    assert np.mean(p < 0.10) <= 0.10


@pytest.mark.parametrize("error", [STRAIGHT, FLOORED], ids=["straight", "floor"])
def test_a_power_law_is_one_region(error):
    regions, law = find_regions(measured := drawn(error))
    assert regions.identified
    assert regions.dropped == 0
    assert law == fit_shards(measured)


def test_a_curve_that_bends_everywhere_has_no_region_and_is_fitted_whole():
    for seed in range(3):
        regions, law = find_regions(measured := drawn(EVERYWHERE, seed))
        assert (regions.identified, regions.dropped) == (False, 0)
        assert law == fit_shards(measured)


def test_a_plateau_that_leaves_too_little_has_no_region():
    regions, law = find_regions(drawn(0.9 * np.minimum(1, (N / 3e4) ** -0.4)))
    assert not regions.identified
    assert pytest.approx(N) == law.N


def test_a_power_law_of_too_few_decades_is_no_region():
    near = np.geomspace(100, 100 * 10 ** (MIN_DECADES - 0.01), 9)
    regions, law = find_regions(drawn(near**-0.3, n=near))
    assert regions.lack_of_fit > 0.1
    assert (regions.identified, regions.dropped, law.shards) == (False, 0, 9)


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(5, 12), decades=st.floats(1, 4))
@settings(max_examples=12, deadline=None)
def test_whatever_the_curve_a_region_is_long_enough(seed, count, decades):
    rng = np.random.default_rng(seed)
    n = np.geomspace(100, 100 * 10**decades, count)
    measured = drawn(np.exp(-np.cumsum(rng.exponential(rng.choice([0.05, 0.3]), count))), seed, n=n)
    regions, law = find_regions(measured, 0.9)
    assert law.level == 0.9
    assert measured.N[regions.dropped :] == law.N
    assert regions.dropped == 0 or regions.dropped > MARGIN
    if regions.identified:
        assert law.shards >= MIN_SHARDS
        assert law.decades >= MIN_DECADES - 1e-9
        assert regions.dropped or regions.lack_of_fit >= 0.1
    else:
        assert regions.dropped == 0
    assert Regions.model_validate_json(regions.model_dump_json()) == regions


def test_four_shards_are_too_few():
    with pytest.raises(TooFewShards, match="4 shards, expected at least 5"):
        find_regions(shards(N[:4], STRAIGHT[:4]))


# The tests it rests on


@pytest.mark.parametrize("seeds", [1, 3])
def test_the_lack_of_fit_is_that_of_the_residuals(seeds):
    """χ² where the covariance is declared, F where seeds have told it."""
    measured = drawn(FLOORED, 1, misfit=0.03, seeds=seeds)
    y = np.log(measured.error)
    weights = np.linalg.inv(np.linalg.cholesky(np.array(measured.covariance) + TOLERANCE**2 * np.eye(13)))

    def residuals(at):
        return weights @ (np.logaddexp(at[0] - at[1] * np.log(N / 1e4), at[2]) - y)

    rss = 2 * optimize.least_squares(residuals, [0, 0.3, -2], xtol=1e-12, ftol=1e-12).cost
    p = stats.chi2.sf(rss, 10) if seeds == 1 else stats.f.sf(rss / 10, 10, 26)
    assert lack_of_fit(measured) == pytest.approx(p, rel=1e-4)


@pytest.mark.parametrize("error", [STRAIGHT, power_law(N, 1, -0.5, 0.3, 1e4)], ids=["straight", "floor"])
def test_a_power_law_seldom_looks_bent_at_its_small_end(error):
    """No more often than chance, with all the misfit that is tolerated; and a floor is another bend."""
    p = np.array([bend(drawn(error, seed, misfit=TOLERANCE)) for seed in range(30)])
    for level in (0.01, 0.05, 0.1, 0.25, 0.5):
        assert np.mean(p <= level) <= level + 2 * np.sqrt(level * (1 - level) / 30)


@pytest.mark.parametrize("error", [PLATEAU, EVERYWHERE, 0.9 / (1 + (N / 2000) ** 0.6)])
def test_a_plateau_is_seen_as_a_bend(error):
    assert max(bend(drawn(error, seed)) for seed in range(4)) < 1e-3


def test_a_bend_within_the_tolerance_is_none_however_exact():
    slight = (N + 5) ** -0.3
    assert np.ptp(np.log(slight * N**0.3)) < TOLERANCE
    assert bend(shards(N, slight)) > 0.3


# The irreducible region


def test_the_floor_reaches_half_of_the_error_where_the_power_law_does():
    regions, law = find_regions(drawn(power_law(N, 1, -0.5, 0.3, 1e4)))
    assert law.gamma.identified
    assert law.predict(regions.irreducible) == pytest.approx(2 * law.gamma.value, rel=1e-9)
    assert regions.irreducible == pytest.approx(1e4 / 0.3**2, rel=0.3)


@given(st.integers(0, 999), st.sampled_from([0.0, 0.02, 0.3]))
@settings(max_examples=8, deadline=None)
def test_an_irreducible_region_is_spoken_of_only_if_a_floor_is_known(seed, gamma):
    regions, law = find_regions(drawn(power_law(N, 1, -0.3, gamma, 1e4), seed))
    assert (regions.irreducible is not None) == (law.gamma.identified and law.gamma.low > 0)


def test_a_straight_power_law_has_no_irreducible_region():
    regions, _ = find_regions(drawn(STRAIGHT))
    assert regions.irreducible is None
