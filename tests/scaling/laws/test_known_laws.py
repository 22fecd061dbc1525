"""Laws that are known exactly: their exponents and amplitudes come out of the fit, and published tables are met."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, spatial, special, stats

from scaling.laws import fit_law, shards
from scaling.laws.rivals import FORMS, FormName, fit_form
from scaling.laws.sizes import Optimum, fit_size_law


def amplitude(law):
    """α at N = 1 of a law without a floor: what stands before N^β."""
    return law.alpha.value * law.N0**-law.beta.value


# Least squares on Gaussian inputs: excess risk σ²·d/(N − d − 1)


def excess(N, d, variance=1.0):
    return variance * d / (N - d - 1)


@pytest.mark.parametrize("N", [20, 80])
def test_least_squares_has_the_excess_that_the_formula_says(N):
    rng, d = np.random.default_rng(0), 5
    X, noise = rng.normal(size=(3000, N, d)), rng.normal(size=(3000, N, 1))
    mistakes = np.linalg.solve(X.mT @ X, X.mT @ noise)  # of the weights; inputs of unit covariance
    assert np.square(mistakes).sum(1).mean() == pytest.approx(excess(N, d), rel=0.05)


def test_the_excess_of_least_squares_tends_to_one_over_N():
    fits = [fit_law(N, excess(N, 10, 0.25)) for N in (np.geomspace(s, 100 * s, 8) for s in (30, 300, 3000, 30_000))]
    misses = [abs(law.slope.value + 1) for law in fits]
    assert misses == sorted(misses, reverse=True)
    assert fits[-1].slope.value == pytest.approx(-1, abs=1e-4)
    assert fits[-1].beta.value == pytest.approx(-1, abs=1e-3)
    assert amplitude(fits[-1]) == pytest.approx(2.5, rel=0.01)


# Quanta learnt when first seen, of probabilities p_k = c·k^−(1+a) (Hutter 2021, Michaud 2023)


def unseen(N, a, counted=100_000):
    """Σ p(1 − p)^N exactly; the tail beyond those counted, too rare to be seen, to first order in N·p."""
    c = 1 / special.zeta(1 + a)
    p = c * np.arange(1.0, counted) ** -(1 + a)
    rare = c * special.zeta(1 + a, counted) - N * c**2 * special.zeta(2 + 2 * a, counted)
    return (p * np.exp(N * np.log1p(-p))).sum() + rare


@pytest.mark.parametrize("a", [0.5, 1.0, 2.0])
def test_zipf_quanta_have_their_exponent_and_their_amplitude(a):
    N = np.geomspace(1e3, 1e5, 8)
    law = fit_law(N, [unseen(n, a) for n in N])
    share = a / (1 + a)
    c = 1 / special.zeta(1 + a)
    assert law.beta.value == pytest.approx(-share, abs=1e-3)
    assert law.slope.value == pytest.approx(-share, abs=1e-3)
    expected = c ** (1 / (1 + a)) / (1 + a) * special.gamma(share)
    assert law.predict(1e4) == pytest.approx(expected * 1e4**-share, rel=5e-3)
    assert amplitude(law) == pytest.approx(expected, rel=5e-3)


# A coin's estimated probability: E|p̂ − p| → √(2p(1 − p)/(πm))


@pytest.mark.parametrize("p", [0.5, 0.3, 0.1])
def test_the_mean_error_of_a_coin_falls_by_the_square_root(p):
    m = np.geomspace(1e3, 1e5, 8).round()
    errors = [stats.binom.expect(lambda k, n=n: np.abs(k / n - p), (n, p), maxcount=10**6) for n in m]
    law = fit_law(m, errors)
    assert law.beta.value == pytest.approx(-0.5, abs=1e-3)
    assert law.predict(1e4) == pytest.approx(np.sqrt(2 * p * (1 - p) / np.pi / 1e4), rel=1e-3)
    assert amplitude(law) == pytest.approx(np.sqrt(2 * p * (1 - p) / np.pi), rel=5e-3)


# The nearest neighbour's value of a smooth target without noise: squared error ∝ N^(−2/d)


def squared_gap(N):
    """Mean squared distance from a point of [0, 1] to the nearest of N: of two gaps, or of one at the ends."""
    return (N + 7) / (2 * (N + 1) * (N + 2) * (N + 3))


@pytest.mark.parametrize("N", [1, 4, 30])
def test_on_the_line_the_squared_gap_is_known(N):
    rng = np.random.default_rng(0)
    gaps = np.abs(rng.random((20_000, N)) - rng.random((20_000, 1))).min(1)
    assert np.square(gaps).mean() == pytest.approx(squared_gap(N), rel=0.06)


def test_on_the_line_the_nearest_neighbour_falls_as_one_over_N_squared():
    N = np.geomspace(1e3, 1e6, 8)
    law = fit_law(N, squared_gap(N))
    assert law.beta.value == pytest.approx(-2, abs=5e-3)
    assert law.predict(1e5) == pytest.approx(0.5 / 1e10, rel=5e-3)


@pytest.mark.parametrize("d", [1, 2, 3, 4])
def test_in_the_cube_the_nearest_neighbour_falls_with_its_dimension(d):
    """Σ sin(2πx): its squared slope is 2π² a direction on average, all directions alike. Opposite faces are joined."""
    rng = np.random.default_rng(d)
    sizes, errors = np.repeat((2 ** np.arange(8, 15)), 4), []

    def target(x):
        return np.sin(2 * np.pi * x).sum(-1)

    for N in sizes:
        known, asked = rng.random((N, d)), rng.random((2000, d))
        nearest = spatial.cKDTree(known, boxsize=1).query(asked)[1]
        errors.append(np.square(target(known[nearest]) - target(asked)).mean())
    law = fit_law(sizes, errors)
    assert law.slope.value == pytest.approx(-2 / d, rel=0.05)
    assert law.slope.low < -2 / d * 0.97
    ball = np.pi ** (d / 2) / special.gamma(d / 2 + 1)
    expected = 2 * np.pi**2 * special.gamma(1 + 2 / d) * (ball * 2**14) ** (-2 / d)
    assert law.predict(2**14) == pytest.approx(expected, rel=0.12)


# Kernel regression without ridge or noise, spectrum k^−α, target k^−(1 + 2rα) (Cui et al. 2021)


def kernel_error(N, alpha, r, kept=200_000):
    """The deterministic equivalent: N = Σ λ/(λ + κ), then κ²·Σ c²/(λ + κ)² / (1 − Σ λ²/(λ + κ)²/N)."""
    k = np.arange(1.0, kept)
    spectrum, target = k**-alpha, k ** -(1 + 2 * r * alpha)
    tail = kept ** (1 - alpha) / (alpha - 1)  # Σ λ beyond those kept

    def seen(log_kappa):
        return (spectrum / (spectrum + np.exp(log_kappa))).sum() + tail / np.exp(log_kappa) - N

    kappa = np.exp(optimize.brentq(seen, -alpha * np.log(N) - 3, -alpha * np.log(N) + 5, xtol=1e-12))
    share = np.square(spectrum / (spectrum + kappa)).sum() / N
    return kappa**2 * (target / (spectrum + kappa) ** 2).sum() / (1 - share)


def test_the_deterministic_equivalent_is_what_kernel_regression_does():
    rng, alpha, r, kept = np.random.default_rng(0), 1.5, 0.5, 3000
    k = np.arange(1.0, kept)
    found = []
    for _ in range(40):
        features = rng.normal(size=(60, kept - 1)) * k ** (-alpha / 2)
        weights = k ** (-(1 + 2 * r * alpha - alpha) / 2)
        kernel = features @ features.T
        learnt = features.T @ np.linalg.solve(kernel, features @ weights)
        found.append(k**-alpha @ np.square(learnt - weights))
    assert np.mean(found) == pytest.approx(kernel_error(60, alpha, r), rel=0.1)


@pytest.mark.parametrize(("alpha", "r"), [(1.5, 0.5), (2.0, 0.3), (3.0, 0.25)])
def test_kernel_regression_has_its_exponent_and_its_amplitude(alpha, r):
    """Sums become integrals: κ = (C/N)^α, C = (π/α)/sin(π/α); error B(2 − 2r, 2r)·(C/N)^(2rα)."""
    N = np.geomspace(100, 5000, 7)
    law = fit_law(N, [kernel_error(n, alpha, r) for n in N])
    exponent = 2 * alpha * r
    assert law.beta.value == pytest.approx(-exponent, rel=0.02)
    scale = np.pi / alpha / np.sin(np.pi / alpha)
    expected = special.beta(2 - 2 * r, 2 * r) * (scale / 1000) ** exponent
    assert law.predict(1000) == pytest.approx(expected, rel=0.02)


def test_a_target_smoother_than_the_kernel_can_use_falls_with_the_spectrum():
    """For r > 1 the exponent is 2α."""
    N = np.geomspace(300, 5000, 6)
    law = fit_law(N, [kernel_error(n, 1.2, 2.0) for n in N])
    assert law.slope.value == pytest.approx(-2.4, abs=0.05)


# Every form


N = np.geomspace(100, 1e6, 11)
MIDDLE = 1e4
TRUTHS = {
    "power law": lambda n, k, b: 2 * n**k,
    "power law with floor": lambda n, k, b: 0.1 * b + (n / MIDDLE) ** k,
    "plateau": lambda n, k, b: 0.9 / (1 + (n / (MIDDLE * b / 10)) ** -k),
    "shifted": lambda n, k, b: 3 * (n + 1000 * b) ** k,
    "broken": lambda n, k, b: n ** (k / 4) * (1 + (n / (MIDDLE * b)) ** (1 / 0.3)) ** (0.3 * k),
    "exponential": lambda n, k, b: 0.1 * b - k * np.exp(-n / 2e5),
    "logarithmic": lambda n, k, b: 1 + k / 20 * np.log(n / 100),
}


@given(k=st.floats(-0.9, -0.1), b=st.floats(0.5, 2))
@settings(max_examples=6, deadline=None)
@pytest.mark.parametrize("form", FORMS)
def test_every_form_recovers_its_own_curve_without_noise(form: FormName, k, b):
    """And the curve beyond the shards, which holds the parameters to account."""
    curve = TRUTHS[form]
    fit = fit_form(form, shards(N, curve(N, k, b)))
    assert np.exp(fit.curve(N)) == pytest.approx(curve(N, k, b), rel=1e-8)
    assert np.exp(fit.curve(3 * N[-1:])) == pytest.approx(curve(3 * N[-1:], k, b), rel=1e-5)
    assert fit.rss < 1e-9


@pytest.mark.parametrize(("k", "b"), [(-0.13, 0.608), (-0.12, 1.68), (-0.18, 0.75)])
def test_a_shallow_plateau_is_recovered_without_noise(k, b):
    """Its sum of squares is a narrow, curved valley."""
    curve = TRUTHS["plateau"](N, k, b)
    assert np.exp(fit_form("plateau", shards(N, curve)).curve(N)) == pytest.approx(curve, rel=1e-8)


# Published tables: Hestness, Ardalani & Diamos 2019, table 1

TABLE = {
    "word language model": (13.0, -0.066, 3.37, 2.48, 104),
    "translation": (3.06, -0.128, 0.28, 0.12, 750),
    "images": (15.0, -0.309, 0.194, 0.05, 80.5),
}


@pytest.mark.parametrize(("alpha", "beta", "current", "desired", "times"), TABLE.values(), ids=TABLE.keys())
def test_a_fitted_law_needs_the_data_of_table_1(alpha, beta, current, desired, times):
    now = (current / alpha) ** (1 / beta)
    N = now * np.geomspace(1e-3, 1, 8)
    law = fit_law(N, alpha * N**beta)
    assert amplitude(law) == pytest.approx(alpha, rel=1e-6)
    needed = law.data_needed(desired)
    assert needed.verdict == "reachable"
    assert pytest.approx(now, rel=1e-6) == law.data_needed(current).N
    assert needed.factor == pytest.approx(times, rel=6e-3)


@pytest.mark.parametrize(
    ("data", "exponent", "model"),
    [(104, 0.68, 23.5), (971, 0.89, 456), (750, 0.68, 90), (33, 0.54, 6.6), (80.5, 0.57, 12.2)],
    ids=["word language model", "character language model", "translation", "speech", "images"],
)
def test_models_grow_with_the_data_as_in_table_1(data, exponent, model):
    optima = tuple(
        Optimum(N=n, best=n**exponent, size=n**exponent, place="interior", step=0.0) for n in np.geomspace(1e3, 1e6, 6)
    )
    assert fit_size_law(optima).growth(data) == pytest.approx(model, rel=0.01)
