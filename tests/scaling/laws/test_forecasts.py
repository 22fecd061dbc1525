"""Forecasts: error at N and N for an error are each other's inverse, and say how far and how surely they reach."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling.laws import fit_law, power_law
from scaling.laws.forecasts import Cost, DataNeeded, Forecast, Range

N = np.geomspace(100, 1e5, 9)
N0 = np.sqrt(1e7)
SEEDS = 3


def noisy(seed=0, beta=-0.3, gamma=0.2, noise=0.02, seeds=SEEDS):
    noises = noise * np.random.default_rng(seed).normal(size=len(N) * seeds)
    return fit_law(np.repeat(N, seeds), np.repeat(power_law(N, 1, beta, gamma, N0), seeds) * np.exp(noises))


@pytest.fixture(scope="module")
def floored():
    """A law whose floor is measured."""
    law = noisy(beta=-0.5)
    assert law.gamma.identified
    return law


@pytest.fixture(scope="module")
def straight():
    """A law that tells no floor."""
    law = noisy(seed=1, gamma=0.0)
    assert not law.gamma.identified
    return law


@pytest.fixture(scope="module")
def flat():
    """A curve that tells no exponent."""
    law = fit_law(N, 0.7 * np.exp(0.01 * np.random.default_rng(0).normal(size=9)))
    assert law.beta.high is None
    return law


# The error at N


@given(st.floats(1, 1e9))
@settings(deadline=None)
def test_a_forecast_is_the_law_and_how_far_it_reaches(floored, n):
    forecast = floored.forecast(n)
    assert forecast.error == pytest.approx(float(floored.predict(n)), rel=1e-9)
    assert (forecast.N, forecast.factor) == (n, pytest.approx(n / 1e5))


@given(seed=st.integers(0, 999), n=st.floats(10, 1e8), gamma=st.sampled_from([0, 0.2]), seeds=st.integers(1, 4))
@settings(max_examples=25, deadline=None)
def test_a_run_is_less_sure_than_a_shard_and_a_shard_than_the_curve(seed, n, gamma, seeds):
    forecast = noisy(seed, gamma=gamma, seeds=seeds).forecast(n)
    run, shard, curve = forecast.run, forecast.shard, forecast.curve
    assert run.low <= shard.low <= curve.low < forecast.error < curve.high <= shard.high <= run.high
    if seeds == 1:
        assert run == shard
    else:
        assert run.high > shard.high


def test_where_runs_scatter_more_a_run_is_less_sure_and_the_curve_no_less():
    quiet, loud = (
        fit_law(np.repeat(N, 2), (power_law(N, 1, -0.3, 0.2, N0)[:, None] * [1 - sd, 1 + sd]).ravel())
        for sd in (0.001, 0.05)
    )
    widths = [
        np.log(part.high / part.low)
        for law in (quiet, loud)
        for part in (law.forecast(1e6).run, law.forecast(1e6).shard)
    ]
    assert widths[2] > 10 * widths[0]


@given(st.floats(1, 100), st.floats(1.5, 100))
@settings(max_examples=20, deadline=None)
def test_the_farther_the_forecast_the_less_sure(straight, factor, farther):
    near, far = (straight.forecast(1e5 * f).curve for f in (factor, factor * farther))
    assert far.high / far.low > near.high / near.low


def test_the_forecasts_of_all_sizes_are_the_band(floored):
    for i in range(0, 72, 7):
        curve = floored.forecast(floored.band.N[i]).curve
        assert (curve.low, curve.high) == pytest.approx((floored.band.low[i], floored.band.high[i]), rel=1e-9)


@pytest.mark.parametrize("n", [1e-6, 1, 1e9, 1e15, 1e30])
def test_however_far_a_forecast_is_finite(floored, straight, flat, n):
    for law in (floored, straight, flat, noisy(seeds=2)):
        law.forecast(n).model_dump_json()


def test_few_seeds_at_small_shards_still_foretell_a_run_far_away():
    sizes = np.append(N, N[:3])
    noise = 0.03 * np.random.default_rng(0).normal(size=12)
    forecast = fit_law(sizes, power_law(sizes, 1, -0.3, 0.2, N0) * np.exp(noise)).forecast(1e8)
    assert forecast.run.low < forecast.error < forecast.run.high < 1


@pytest.mark.parametrize("n", [0, -5, np.nan, np.inf])
def test_a_forecast_is_for_a_positive_finite_number_of_examples(floored, n):
    with pytest.raises(ValueError, match=r"N = .*, expected a positive, finite number"):
        floored.forecast(n)


# N for an error


@given(seed=st.integers(0, 999), n=st.floats(10, 1e7), gamma=st.sampled_from([0, 0.1]))
@settings(max_examples=25, deadline=None)
def test_data_needed_inverts_the_forecast(seed, n, gamma):
    law = noisy(seed, gamma=gamma)
    needed = law.data_needed(law.forecast(n).error)
    assert pytest.approx(n, rel=1e-6) == needed.N
    assert needed.factor == pytest.approx(n / 1e5, rel=1e-6)
    assert needed.interval.low <= needed.N
    assert needed.interval.high is None or needed.interval.high >= needed.N


@given(st.floats(0.23, 4))
@settings(deadline=None)
def test_its_interval_ends_where_the_band_meets_the_error(floored, error):
    """Earliest where the lowest curve allowed meets it, latest where the highest does."""
    interval = floored.data_needed(error).interval
    assert floored.forecast(interval.low).curve.low == pytest.approx(error, rel=1e-9)
    if interval.high is not None:
        assert floored.forecast(interval.high).curve.high == pytest.approx(error, rel=1e-9)
    else:
        assert floored.forecast(1e30).curve.high > error


@given(st.floats(0.21, 3), st.floats(0.5, 0.999))
@settings(deadline=None)
def test_a_lower_error_needs_more_data(floored, error, lower):
    easy, hard = floored.data_needed(error), floored.data_needed(error * lower)

    def late(n):
        return np.inf if n is None else n

    assert late(easy.N) <= late(hard.N)
    assert late(easy.interval.low) <= late(hard.interval.low)
    assert late(easy.interval.high) <= late(hard.interval.high)


def test_the_interval_of_the_floor_says_what_is_reachable(floored):
    gamma = floored.gamma
    verdicts = [
        (1.01 * gamma.high, "reachable"),
        (0.99 * gamma.high, "open"),
        (1.001 * gamma.value, "open"),
        (0.999 * gamma.value, "open"),
        (1.02 * gamma.low, "open"),
        (0.98 * gamma.low, "unreachable"),
    ]
    for error, verdict in verdicts:
        needed = floored.data_needed(error)
        assert needed.verdict == verdict, error
        assert (needed.N is None) == (error < gamma.value)
        assert (needed.interval.low is None) == (verdict == "unreachable")
        assert (needed.interval.high is None) == (verdict != "reachable")
        assert (needed.factor is None) == (needed.N is None)


def test_an_error_between_those_measured_is_within_the_shards(floored, straight):
    for law in (floored, straight):
        for error, verdict in (
            (law.forecast(90).error, "below the shards"),
            (law.forecast(110).error, "within the shards"),
            (law.forecast(0.9e5).error, "within the shards"),
            (law.forecast(1.1e5).error, "reachable"),
        ):
            assert law.data_needed(error).verdict == verdict


def test_without_a_floor_nothing_is_unreachable(straight):
    for error in np.geomspace(1e-6, 1, 9):
        needed = straight.data_needed(error)
        assert needed.verdict != "unreachable"
        assert needed.interval.low is not None
    # What floors the data allow forbid the lowest.
    assert straight.data_needed(1e-6).verdict == "open"


def test_a_flat_curve_leaves_lower_errors_open(flat):
    """Its floor is bounded by the rates searched, not by the data: nothing is known to be out of reach."""
    for error in (0.69, 0.5, 0.3, 0.01):
        needed = flat.data_needed(error)
        assert needed.verdict == "open"
        assert needed.interval.high is None


def test_how_late_a_curve_as_flat_as_the_search_allows_arrives_is_open():
    """It has no floor, but could be flatter than any that was looked at."""
    law = fit_law(N, N**-0.00505 * np.exp(2e-4 * np.random.default_rng(0).normal(size=9)))
    assert law.beta.high is None
    needed = law.data_needed(0.97 * law.error[-1])
    assert needed.verdict == "open"
    assert needed.N is not None
    assert needed.interval.low < needed.N
    assert needed.interval.high is None
    # Among the shards it is known when the error was met.
    assert law.data_needed(float(np.sqrt(law.error[0] * law.error[-1]))).interval.high < N[-1]


@pytest.mark.parametrize("error", [0, -0.1, np.nan, np.inf])
def test_data_is_needed_for_a_positive_finite_error(floored, error):
    with pytest.raises(ValueError, match=r"error = .*, expected a positive, finite error"):
        floored.data_needed(error)


def test_the_intervals_of_a_law_read_from_json_are_those_of_the_fresh_one(floored):
    again = type(floored).model_validate_json(floored.model_dump_json())
    assert again.forecast(1e6) == floored.forecast(1e6)
    assert again.data_needed(0.25) == floored.data_needed(0.25)


def test_forecasts_survive_json_exactly(floored):
    forecast, needed = floored.forecast(1e6), floored.data_needed(0.2)
    assert Forecast.model_validate_json(forecast.model_dump_json()) == forecast
    assert DataNeeded.model_validate_json(needed.model_dump_json()) == needed


# Its cost


def needed(value, low, high):
    return DataNeeded(error=0.1, verdict="reachable", N=value, interval=Range(low=low, high=high), factor=None)


def test_a_cost_is_that_of_the_size_and_of_its_bounds():
    cost = needed(1e6, 5e5, 4e6).cost(lambda N: 0.02 * N)
    assert (cost.value, cost.low, cost.high) == pytest.approx((2e4, 1e4, 8e4))


def test_what_is_open_has_no_cost(floored):
    assert needed(None, 10, None).cost(lambda N: 2 * N) == Cost(value=None, low=20, high=None)
    unreachable = floored.data_needed(0.9 * floored.gamma.low)
    assert unreachable.cost(lambda N: N) == Cost(value=None, low=None, high=None)
