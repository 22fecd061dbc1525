"""The forms: what they say, their inverse, and the coordinates of the search."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling.laws import data_needed, power_law
from scaling.laws.forms import Decay, crossing

N = np.geomspace(100, 1e5, 9)
rates = st.floats(0.005, 3)
shares = st.floats(0, 1)


@pytest.mark.parametrize(
    ("alpha", "beta", "current", "desired", "times"),
    [(13.0, -0.066, 3.37, 2.48, 104), (3.06, -0.128, 0.28, 0.12, 750), (15.0, -0.309, 0.194, 0.05, 80.5)],
    ids=["word language model", "translation", "images"],
)
def test_data_needed_meets_table_1_of_hestness_2019(alpha, beta, current, desired, times):
    assert data_needed(desired, alpha, beta) / data_needed(current, alpha, beta) == pytest.approx(times, rel=6e-3)


@given(st.floats(-1.2, -0.05), st.floats(0, 2))
def test_data_needed_is_the_inverse(beta, gamma):
    assert data_needed(power_law(N, 2, beta, gamma, 1000), 2, beta, gamma, 1000) == pytest.approx(N, rel=1e-6)


def test_an_error_at_or_below_the_floor_is_unreachable():
    assert data_needed([0.3, 0.2, 0.1], 1, -0.5, 0.2).tolist()[1:] == [np.inf, np.inf]


@given(rates, shares)
def test_a_decay_on_the_log_of_the_sizes_is_a_power_law_with_floor(rate, share):
    decay = Decay(np.log(N[-1] / N), np.zeros(9), np.eye(9))
    k, drop = np.array(rate), np.array(share * rate * decay.span)
    alpha, gamma = decay.amplitude(k, drop, 0.0), 1 - decay.amplitude(k, drop, 0.0)
    assert 0 <= gamma <= 1
    curve = np.exp(decay.curve(k, drop, decay.clock))
    assert curve == pytest.approx(power_law(N, alpha, -rate, gamma, N[-1]), rel=1e-9)
    assert np.log(curve[0] / curve[-1]) == pytest.approx(drop, abs=1e-12)


def test_a_decay_of_rate_zero_is_linear_on_its_clock():
    decay = Decay(np.log(N[-1] / N), np.zeros(9), np.eye(9))
    curve = np.exp(decay.curve(np.array(1e-9), np.array(2.0), decay.clock))
    assert np.diff(curve) == pytest.approx(np.full(8, -np.expm1(2.0) / 8), rel=1e-7)


def test_predictions_far_beyond_the_shards_keep_a_finite_log():
    decay = Decay(N[-1] - N, np.zeros(9), np.eye(9))
    k, drop = np.array(500 / decay.span), np.array(500.0)
    assert np.isfinite(decay.curve(k, drop, np.array([-1e9]))).all()


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.02, 0.3]))
def test_the_best_drop_is_the_least_over_a_fine_grid(seed, noise):
    rng = np.random.default_rng(seed)
    decay = Decay(np.log(N[-1] / N), rng.uniform(-1, 0.2) * np.log(N) + noise * rng.normal(size=9), np.eye(9))
    rate = np.geomspace(0.005, 3, 20)
    drops = (rate * decay.span)[:, None] * np.linspace(0, 1, 2001)
    least = decay.rss(rate[:, None], drops).min(-1)
    assert (decay.rss(rate, decay.best_drop(rate)) <= least * (1 + 1e-9)).all()


@given(st.integers(0, 2**32 - 1), st.floats(0.02, 2.5))
def test_the_profile_slope_is_the_derivative_of_the_profile(seed, rate):
    decay = Decay(np.log(N[-1] / N), -0.4 * np.log(N) + 0.3 * np.random.default_rng(seed).normal(size=9), np.eye(9))
    k = rate * (1 + 1e-5 * np.array([-1, 0, 1]))
    profile = decay.rss(k, decay.best_drop(k))
    assert decay.profile_slope(k)[1] == pytest.approx((profile[2] - profile[0]) / (k[2] - k[0]), rel=1e-3, abs=1e-5)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=4))
def test_a_crossing_is_found_in_either_direction(where):
    at = np.array(where)
    zeros, ones = np.zeros_like(at), np.ones_like(at)
    assert crossing(lambda x: x > at[:, None], zeros, ones) == pytest.approx(at, abs=1e-12)
    assert crossing(lambda x: x < at[:, None], ones, zeros) == pytest.approx(at, abs=1e-12)
