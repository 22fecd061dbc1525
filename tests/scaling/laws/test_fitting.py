"""fit_law: known truths are recovered, units and order do not matter, and bad input is explained."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from scaling.laws import Law, TooFewShards, fit_law, fit_shards, power_law, shards

N = np.geomspace(100, 1e5, 9)
N0 = np.sqrt(1e7)


def noisy(seed=0, beta=-0.3, gamma=0.2, noise=0.02, n=N):
    return power_law(n, 1, beta, gamma, N0) * np.exp(noise * np.random.default_rng(seed).normal(size=len(n)))


# Known truth


@given(
    beta=st.floats(-1.2, -0.05),
    share=st.sampled_from([0.0, 0.01, 0.1, 0.5, 1.0, 2.0]) | st.floats(0, 2),
    alpha=st.floats(1e-3, 1e3),
    shards=st.integers(6, 12),
    decades=st.floats(2, 4),
)
@settings(max_examples=100, deadline=None)
def test_a_curve_without_noise_is_recovered(beta, share, alpha, shards, decades):
    n = np.geomspace(50, 50 * 10**decades, shards)
    middle = np.exp(np.log(n).mean())
    error = power_law(n, alpha, beta, share * alpha, middle)
    law = fit_law(n, error)
    assert law.predict(n) == pytest.approx(error, rel=1e-8)
    assert law.verdict == "identified"
    assert law.beta.value == pytest.approx(beta, rel=1e-6)
    assert law.alpha.value == pytest.approx(alpha, rel=1e-6)
    assert law.gamma.value == pytest.approx(share * alpha, rel=1e-6, abs=1e-6 * alpha)
    assert pytest.approx(middle) == law.N0
    assert law.decades == pytest.approx(decades)


def test_a_flat_curve_has_a_floor_bounded_above_and_no_exponent():
    law = fit_law(N, np.full(9, 0.7))
    assert law.verdict in {"does not fall", "unidentified"}  # as rounding has it
    assert (law.beta.low, law.beta.high) == (None, None)
    assert (law.gamma.low, law.gamma.identified) == (0.0, False)
    assert law.gamma.high == pytest.approx(0.7)
    assert law.predict(N) == pytest.approx(np.full(9, 0.7))


def test_a_rising_curve_is_fitted_flat_and_unidentified():
    law = fit_law(N, N**0.1)
    assert law.verdict == "does not fall"
    assert not law.beta.identified
    assert not law.gamma.identified
    assert law.slope.value == pytest.approx(0.1)


@pytest.mark.parametrize("noise", [0, 0.02])
def test_a_straight_power_law_has_no_floor(noise):
    law = fit_law(N, noisy(gamma=0, noise=noise))
    assert law.verdict == "identified"
    assert law.gamma.low == 0.0
    assert not law.gamma.identified
    if not noise:
        assert law.gamma.value == 0.0


def test_an_exponent_beyond_the_search_range_stops_at_it():
    law = fit_law(N, power_law(N, 1, -4, 0, N0))
    assert law.beta.value == -3
    assert law.beta.low is None
    assert not law.beta.identified


def test_a_floor_reached_at_once_leaves_the_exponent_open_and_measures_the_floor():
    law = fit_law(N, np.r_[1.0, np.full(8, 0.5)] * np.exp(0.01 * np.random.default_rng(0).normal(size=9)))
    assert law.beta.low is None
    assert law.alpha.low is None
    assert law.gamma.identified
    assert law.gamma.low < 0.5 < law.gamma.high


# Units, order, determinism


@given(st.integers(0, 99), st.floats(1e-6, 1e6))
@settings(max_examples=25, deadline=None)
def test_the_unit_of_the_error_scales_alpha_and_gamma_and_nothing_else(seed, unit):
    law, scaled = fit_law(N, noisy(seed)), fit_law(N, noisy(seed) * unit)
    for name, factor in (("beta", 1), ("slope", 1), ("alpha", unit), ("gamma", unit)):
        one, other = getattr(law, name), getattr(scaled, name)
        assert other.value == pytest.approx(one.value * factor, rel=1e-7)
        assert other.low == pytest.approx(one.low * factor, rel=1e-7)
        assert other.high == pytest.approx(one.high * factor, rel=1e-7)
        assert other.identified == one.identified


@given(st.integers(0, 99), st.floats(1e-3, 1e6))
@settings(max_examples=25, deadline=None)
def test_the_unit_of_the_sizes_changes_no_parameter(seed, unit):
    law, scaled = fit_law(N, noisy(seed)), fit_law(N * unit, noisy(seed))
    for name in ("alpha", "beta", "gamma", "slope"):
        one, other = getattr(law, name), getattr(scaled, name)
        assert [other.value, other.low, other.high] == pytest.approx([one.value, one.low, one.high], rel=1e-7)
    assert pytest.approx(law.N0 * unit) == scaled.N0


@given(st.permutations(range(9)))
@settings(max_examples=20, deadline=None)
def test_the_order_of_the_rows_changes_nothing(order):
    assert fit_law(N[order], noisy()[order]) == fit_law(N, noisy())


def seeded(seed=0, seeds=3, sd=(0.05, 0.05), misfit=0.02):
    """Rows of a curve whose runs scatter from `sd` at the smallest shard to that at the largest."""
    rng = np.random.default_rng(seed)
    means = noisy(seed, noise=misfit)[:, None]
    return np.repeat(N, seeds), (means * np.exp(np.geomspace(*sd, 9)[:, None] * rng.normal(size=(9, seeds)))).ravel()


def numbers(law, unit=1.0):
    """All that a law says in numbers, its errors given in a unit."""
    for name, factor in (("alpha", unit), ("gamma", unit), ("beta", 1), ("slope", 1)):
        estimate = getattr(law, name)
        yield from (bound / factor for bound in (estimate.value, estimate.low, estimate.high) if bound is not None)
    forecast, needed = law.forecast(10 * law.N[-1]), law.data_needed(float(law.predict(law.N[-1])) / 1.2)
    for part in (forecast.curve, forecast.shard, forecast.run):
        yield from (part.low / unit, part.high / unit)
    yield from (n / law.N0 for n in (needed.N, needed.interval.low, needed.interval.high) if n is not None)
    yield from law.residuals


TEST_SET = 1e-4 * (1 + np.eye(9))


@given(seed=st.integers(0, 99), unit=st.floats(1e-6, 1e6), data=st.floats(1e-3, 1e6))
@settings(max_examples=10, deadline=None)
def test_with_seeds_a_pool_and_a_test_set_units_change_nothing_either(seed, unit, data):
    n, error = seeded(seed)
    law = fit_law(n, error, pool=3e5, test=TEST_SET)
    scaled = fit_law(data * n, unit * error, pool=data * 3e5, test=TEST_SET)
    assert pytest.approx(data * law.N0) == scaled.N0
    assert list(numbers(scaled, unit)) == pytest.approx(list(numbers(law)), rel=1e-4, abs=1e-6)
    assert (scaled.verdict, scaled.gamma.identified) == (law.verdict, law.gamma.identified)


@given(st.permutations(range(27)))
@settings(max_examples=8, deadline=None)
def test_the_order_of_the_seeds_changes_rounding_at_most(order):
    n, error = seeded()
    assert list(numbers(fit_law(n[order], error[order]))) == pytest.approx(
        list(numbers(fit_law(n, error))), rel=1e-6, abs=1e-9
    )


# Every run given twice: the same errors, told with more confidence


def moves(one, other):
    """How far β moved, as a part of its interval; and the slope."""
    width = (one.beta.high or 0) - (one.beta.low or -3)
    return abs(other.beta.value - one.beta.value) / width, abs(other.slope.value - one.slope.value)


@given(seed=st.integers(0, 999), variance=st.floats(1e-6, 1e-2))
@settings(max_examples=8, deadline=None)
def test_however_sure_all_shards_are_alike_the_estimates_are_the_same(seed, variance):
    measured = shards(N, noisy(seed))
    known = tuple(map(tuple, (variance * np.eye(9)).tolist()))
    law, surer = fit_shards(measured), fit_shards(measured.model_copy(update={"covariance": known}))
    for name in ("alpha", "beta", "gamma", "slope"):
        assert getattr(surer, name).value == pytest.approx(getattr(law, name).value, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(("sd", "typical", "most"), [((0.05, 0.05), 0.03, 0.2), ((0.2, 0.01), 0.08, 0.5)])
def test_twice_the_seeds_move_an_exponent_by_a_small_part_of_its_interval(sd, typical, most):
    """The weights of the shards depend on how the misfit compares to the seeds; the slope has none."""
    by = []
    for seed in range(12):
        n, error = seeded(seed, sd=sd)
        moved, slope = moves(fit_law(n, error), fit_law(np.tile(n, 2), np.tile(error, 2)))
        assert slope < 1e-12
        by.append(moved)
    assert np.median(by) < typical
    assert max(by) < most


def test_a_law_survives_json_exactly_and_foretells_the_same():
    for law in (fit_law(N, noisy()), fit_law(*seeded(), pool=3e5, test=TEST_SET)):
        again = Law.model_validate_json(law.model_dump_json())
        assert again == law
        assert again.forecast(1e7) == law.forecast(1e7)
        assert again.data_needed(0.3) == law.data_needed(0.3)


@given(st.integers(5, 12), st.integers(0, 2**32 - 1), st.floats(0.01, 5))
@settings(max_examples=50, deadline=None)
def test_whatever_the_errors_the_law_is_finite_and_within_its_bounds(shards, seed, spread):
    rng = np.random.default_rng(seed)
    n = np.geomspace(30, 30 * 10 ** rng.uniform(0.3, 5), shards)
    law = fit_law(n, np.exp(rng.normal(size=shards) * spread))
    law.model_dump_json()
    assert 0 < law.agreement <= 1
    for estimate in (law.alpha, law.beta, law.gamma, law.slope):
        assert estimate.low is None or estimate.low <= estimate.value
        assert estimate.high is None or estimate.value <= estimate.high


def test_every_start_reaches_the_optimum_of_an_ordinary_curve():
    assert fit_law(N, noisy()).agreement == 1


@pytest.mark.parametrize("seed", range(6))
def test_no_other_start_finds_a_better_law(seed):
    rng = np.random.default_rng(seed)
    error = noisy(seed, rng.uniform(-1, -0.05), rng.uniform(0, 1), noise=rng.uniform(0.02, 0.3))
    law, x = fit_law(N, error), N / N0

    def residuals(p):
        return np.log(np.exp(p[0]) * (p[2] + (1 - p[2]) * x ** p[1])) - np.log(error)

    bounds = ([-10, -3, 0], [10, -0.005, 1])
    starts = rng.uniform([-2, -3, 0], [2, -0.005, 1], (30, 3))
    found = min(optimize.least_squares(residuals, start, bounds=bounds, x_scale="jac").cost for start in starts)
    assert law.rms_residual**2 * law.shards <= 2 * found * (1 + 1e-9)


# Bad input


def test_four_shards_are_too_few():
    with pytest.raises(TooFewShards, match=r"4 shards, expected at least 5.*Measure more"):
        fit_law([1, 2, 3, 4], [4, 3, 2, 1])


def test_a_level_is_a_probability():
    with pytest.raises(ValueError, match="level = 95"):
        fit_law(N, noisy(), level=95)


def test_five_shards_are_enough():
    assert fit_law(N[::2], noisy()[::2]).shards == 5
