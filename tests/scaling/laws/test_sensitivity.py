"""Sensitivity: other losses are minimised in earnest, and leaving a shard out is fitting without it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from scaling.laws import fit_law, fit_shards, power_law, shards
from scaling.laws.fitting import BETA_RANGE
from scaling.laws.sensitivity import HUBER, influences, variants

N = np.geomspace(100, 1e5, 9)
N0 = np.sqrt(1e7)
LOSSES = {
    "least squares": np.square,
    "Huber": lambda r: np.where(np.abs(r) <= HUBER, r**2 / 2, HUBER * (np.abs(r) - HUBER / 2)),
    "least absolute": np.abs,
}


def error_of(seed=0, beta=-0.3, gamma=0.2, noise=0.02):
    return power_law(N, 1, beta, gamma, N0) * np.exp(noise * np.random.default_rng(seed).normal(size=len(N)))


def loss_of(name, error, alpha, beta, gamma):
    return LOSSES[name](np.log(error) - np.log(power_law(N, alpha, beta, gamma, N0))).sum()


def by_loss(law):
    return {variant.loss: variant for variant in variants(law)}


# Losses


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", LOSSES)
def test_no_search_of_all_laws_finds_a_lower_loss(name, seed):
    """Differential evolution over exponent, error in the middle and the floor's share of the last error."""
    rng = np.random.default_rng(seed)
    error = error_of(seed, rng.uniform(-1, -0.1), rng.choice([0, 0.2, 0.5]), noise=rng.choice([0.01, 0.1]))
    variant = by_loss(fit_law(N, error))[name]
    reached = loss_of(name, error, variant.alpha, variant.beta, variant.gamma)

    def value(at):
        k, level, share = np.exp(at[0]), np.exp(at[1]), at[2]
        curve = share + (1 - share) * (N[:, None] / N[-1]) ** -k
        return LOSSES[name](np.log(error)[:, None] - np.log(level * curve)).sum(0)

    last = np.log(error[-1])
    bounds = [tuple(np.log([-BETA_RANGE[1], -BETA_RANGE[0]])), (last - 0.5, last + 0.5), (0, 1)]
    found = optimize.differential_evolution(
        value, bounds, rng=0, maxiter=250, tol=1e-12, vectorized=True, updating="deferred", polish=False
    )
    assert reached <= found.fun * (1 + 1e-6)
    assert reached == pytest.approx(found.fun, rel=0.05)


@given(beta=st.floats(-1, -0.05), gamma=st.sampled_from([0.0, 0.1, 0.5]), alpha=st.floats(1e-3, 1e3))
@settings(max_examples=8, deadline=None)
def test_without_noise_every_loss_has_the_same_law(beta, gamma, alpha):
    for variant in variants(fit_law(N, power_law(N, alpha, beta, gamma * alpha, N0))):
        assert variant.beta == pytest.approx(beta, rel=1e-4)
        assert variant.alpha == pytest.approx(alpha, rel=1e-4)
        assert variant.gamma == pytest.approx(gamma * alpha, rel=1e-4, abs=1e-4 * alpha)


def test_least_squares_is_the_law_where_all_shards_are_as_sure():
    law = fit_law(N, error_of())
    variant = by_loss(law)["least squares"]
    assert (variant.alpha, variant.beta, variant.gamma) == pytest.approx(
        (law.alpha.value, law.beta.value, law.gamma.value), rel=1e-9
    )


def test_one_wild_shard_moves_least_squares_and_hardly_the_others():
    error = error_of(noise=0.002)
    wild = np.where(np.arange(9) == 4, 1.5 * error, error)
    moved = {
        name: abs(variant.beta - by_loss(fit_law(N, error))[name].beta)
        for name, variant in by_loss(fit_law(N, wild)).items()
    }
    assert moved["least squares"] > 0.03
    assert moved["least absolute"] < 0.01
    assert moved["Huber"] < 0.01


def test_the_huber_loss_lies_between_the_other_two():
    """Where it counts small residuals as squares and large ones as absolute values."""
    tiny = by_loss(fit_law(N, error_of(noise=HUBER / 20)))
    assert tiny["Huber"].beta == pytest.approx(tiny["least squares"].beta, rel=1e-5)
    large = by_loss(fit_law(N, error_of(noise=300 * HUBER)))
    assert large["Huber"].beta == pytest.approx(large["least absolute"].beta, rel=0.05)


@given(st.floats(1e-6, 1e6))
@settings(max_examples=8, deadline=None)
def test_the_unit_of_the_error_scales_alpha_and_gamma(unit):
    for one, other in zip(variants(fit_law(N, error_of())), variants(fit_law(N, error_of() * unit)), strict=True):
        assert other.beta == pytest.approx(one.beta, rel=1e-6)
        assert (other.alpha / unit, other.gamma / unit) == pytest.approx((one.alpha, one.gamma), rel=1e-6)


def test_parameters_stay_within_their_bounds():
    for error in (np.full(9, 0.7), N**0.1, power_law(N, 1, -4, 0, N0)):
        for variant in variants(fit_law(N, error)):
            assert BETA_RANGE[0] * (1 + 1e-9) <= variant.beta <= BETA_RANGE[1] * (1 - 1e-9)
            assert variant.alpha >= 0
            assert variant.gamma >= -1e-12


# Shards left out


@pytest.mark.parametrize("seed", range(3))
def test_leaving_a_shard_out_is_fitting_the_others(seed):
    """Single runs, all as sure: the covariance does not depend on which are fitted."""
    error = error_of(seed)
    found = influences(fit_law(N, error))
    assert [influence.N for influence in found] == pytest.approx(N)
    for i, influence in enumerate(found):
        keep = np.arange(9) != i
        law = fit_law(N[keep], error[keep])
        assert influence.beta == pytest.approx(law.beta.value, rel=1e-6)
        assert influence.gamma == pytest.approx(law.gamma.value, rel=1e-6, abs=1e-9)
        assert influence.residual == pytest.approx(np.log(error[i] / law.predict(N[i])), rel=1e-6, abs=1e-9)


def test_leaving_a_shard_out_keeps_the_covariance_of_the_others():
    rng = np.random.default_rng(0)
    sd = np.geomspace(0.2, 0.01, 9)[:, None]
    measured = shards(np.repeat(N, 3), (error_of()[:, None] * np.exp(sd * rng.normal(size=(9, 3)))).ravel())
    law = fit_shards(measured)
    for i, influence in enumerate(influences(law)):
        rest = measured.without(i)
        weights = np.linalg.inv(np.linalg.cholesky(np.array(rest.covariance) + law.misfit**2 * np.eye(8)))

        def residuals(at, rest=rest, weights=weights):
            curve = np.logaddexp(at[0] - at[1] * np.log(np.array(rest.N) / N0), at[2])
            return weights @ (curve - np.log(rest.error))

        start = [np.log(law.alpha.value), -law.beta.value, np.log(max(law.gamma.value, 1e-4))]
        found = optimize.least_squares(
            residuals, start, bounds=([-np.inf, 0.005, -50], [np.inf, 3, np.inf]), xtol=1e-14, ftol=1e-14, gtol=1e-14
        )
        assert influence.beta == pytest.approx(-found.x[1], rel=1e-4)
        assert influence.gamma == pytest.approx(np.exp(found.x[2]), rel=1e-4, abs=1e-6)


def test_a_wild_shard_stands_out():
    error = error_of(noise=0.005)
    error[6] *= 1.2
    law = fit_law(N, error)
    found = influences(law)
    residuals = [abs(influence.residual) for influence in found]
    assert np.argmax(residuals) == 6
    assert found[6].residual == pytest.approx(np.log(1.2), abs=0.02)
    moved = [abs(influence.beta - law.beta.value) for influence in found]
    assert found[6].beta == pytest.approx(-0.3, abs=0.03)
    assert moved[6] > np.median(moved)


def test_of_five_shards_none_can_be_left_out():
    assert influences(fit_law(N[::2], error_of()[::2])) == ()
