"""Rivals: each form is fitted as well as it can be, and foretells its own curves best."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from scaling.laws import Shards, shards
from scaling.laws.rivals import FORMS, HELD_OUT, PARAMETERS, TOLERANCE, FormName, fit_form, rank

N = np.geomspace(100, 1e6, 11)

# Log error, as written in the module, of (shards,) sizes and as many parameters as the form has.
FORMULAS = {
    "power law": lambda n, a, k: a - k * np.log(n),
    "power law with floor": lambda n, a, k, g: np.logaddexp(g, a - k * np.log(n)),
    "plateau": lambda n, e, k, b: e - np.logaddexp(0, k * (np.log(n) - b)),
    "shifted": lambda n, a, k, s: a - k * np.logaddexp(np.log(n), s),
    "broken": lambda n, a, k0, b, f, k1: (
        a - k0 * np.log(n) - (k1 - k0) * np.exp(f) * np.logaddexp(0, (np.log(n) - b) / np.exp(f))
    ),
    "exponential": lambda n, a, s, g: np.logaddexp(g, a - n / np.exp(s)),
    "logarithmic": lambda n, a, b: np.log(np.maximum(a - b * np.log(n), 1e-12)),
}
TRUTHS = {
    "power law": (1, 0.3),
    "power law with floor": (1, 0.3, np.log(0.05)),
    "plateau": (np.log(0.9), 0.6, np.log(2000)),
    "shifted": (2, 0.5, np.log(3000)),
    "broken": (0, 0.1, np.log(1e4), np.log(0.5), 0.5),
    "exponential": (np.log(0.5), np.log(2e5), np.log(0.1)),
    "logarithmic": (1, 0.06),
}
# Where random starts for another optimiser may begin.
RANGES = {
    "power law with floor": ([-2, 0.01, -6], [4, 2, 0]),
    "plateau": ([-2, 0.05, 4], [1, 2, 12]),
    "shifted": ([-2, 0.05, 4], [5, 2, 12]),
    "broken": ([-2, 0.01, 6, -2.5, 0.01], [3, 1, 12, 0.5, 1]),
    "exponential": ([-3, 8, -5], [1, 15, 0]),
    "logarithmic": ([0.5, 0.01], [2, 0.1]),
}
# And the bounds that the forms are searched within, where they have any.
x = np.log(N)
BOUNDS = {
    "power law with floor": ([-np.inf, 0.005, -40], [np.inf, 3, np.inf]),
    "plateau": ([-np.inf, 0.02, x[0] - 8], [np.inf, 3, x[-1]]),
    "shifted": ([-np.inf, -np.inf, x[0] - 12], [np.inf, np.inf, x[-1] + 2]),
    "broken": ([-np.inf, -np.inf, x[1], np.log(0.05), -np.inf], [np.inf, np.inf, x[-2], np.log(2), np.inf]),
    "exponential": ([-np.inf, np.log((N[-1] - N[0]) / 500), -40], [np.inf, np.log((N[-1] - N[0]) / 0.01), np.inf]),
    "logarithmic": ([-np.inf] * 2, [np.inf] * 2),
}


def drawn(form: FormName, noise=0.0, seed=0, n=N) -> Shards:
    return shards(n, np.exp(FORMULAS[form](n, *TRUTHS[form]) + noise * np.random.default_rng(seed).normal(size=len(n))))


def with_covariance(measured: Shards, covariance) -> Shards:
    return measured.model_copy(update={"covariance": tuple(map(tuple, np.asarray(covariance).tolist()))})


# The fits


@pytest.mark.parametrize("form", FORMS)
def test_a_form_passes_through_its_own_curve(form):
    fit = fit_form(form, drawn(form))
    assert fit.curve(N) == pytest.approx(FORMULAS[form](N, *TRUTHS[form]), abs=1e-8)
    between = np.sqrt(N[1:] * N[:-1])
    assert fit.curve(between) == pytest.approx(FORMULAS[form](between, *TRUTHS[form]), abs=1e-6)


@pytest.mark.parametrize("noise", [0.02, 0.2])
@pytest.mark.parametrize("form", RANGES)
def test_no_random_start_of_another_optimiser_ends_lower(form, noise):
    measured = drawn(form, noise, seed=3)
    y, bounds, rng = np.log(measured.error), BOUNDS[form], np.random.default_rng(0)

    def residuals(at):
        return (FORMULAS[form](N, *at) - y) / TOLERANCE

    starts = rng.uniform(*RANGES[form], (50, PARAMETERS[form]))
    found = [optimize.least_squares(residuals, start, bounds=bounds, x_scale="jac", max_nfev=60) for start in starts]
    best = optimize.least_squares(residuals, min(found, key=lambda fit: fit.cost).x, bounds=bounds, x_scale="jac")
    fit = fit_form(form, measured)
    assert fit.rss <= 2 * best.cost * (1 + 1e-6)
    assert fit.rss == pytest.approx(float(np.square((fit.curve(N) - y) / TOLERANCE).sum()), rel=1e-9)


def test_a_power_law_is_generalised_least_squares():
    rng = np.random.default_rng(0)
    measured = drawn("power law", 0.1)
    known = np.cov(rng.normal(size=(11, 40))) * 0.01
    V = np.linalg.inv(known + TOLERANCE**2 * np.eye(11))
    X = np.stack([np.ones(11), np.log(N)], axis=1)
    a, b = np.linalg.solve(X.T @ V @ X, X.T @ V @ np.log(measured.error))
    fit = fit_form("power law", with_covariance(measured, known))
    r = np.log(measured.error) - a - b * np.log(N)
    assert fit.curve(N) == pytest.approx(a + b * np.log(N), abs=1e-9)
    assert fit.rss == pytest.approx(r @ V @ r, rel=1e-9)


@pytest.mark.parametrize("form", FORMS)
def test_shards_that_are_uncertain_weigh_little(form):
    """One is off by a factor of two, and known to be no better."""
    measured = drawn(form)
    off = measured.model_copy(update={"error": (*measured.error[:5], 2 * measured.error[5], *measured.error[6:])})
    known = np.zeros((11, 11))
    known[5, 5] = 1e4
    assert fit_form(form, with_covariance(off, known)).curve(N) == pytest.approx(np.log(measured.error), abs=1e-3)


@pytest.mark.parametrize("form", FORMS)
def test_a_larger_covariance_is_a_smaller_sum_and_the_same_curve(form):
    """So the sum of squares and their mean are of one optimum."""
    measured = drawn(form, 0.05)
    one = fit_form(form, measured)
    other = fit_form(form, with_covariance(measured, 99 * TOLERANCE**2 * np.eye(11)))
    assert other.curve(N) == pytest.approx(one.curve(N), abs=1e-7)
    assert other.rss == pytest.approx(one.rss / 100, rel=1e-7)


@given(unit=st.floats(1e-6, 1e6), data=st.floats(1e-3, 1e3))
@settings(max_examples=5, deadline=None)
@pytest.mark.parametrize("form", FORMS)
def test_units_move_no_curve(form, unit, data):
    measured = drawn(form, 0.05)
    one = fit_form(form, measured)
    other = fit_form(form, shards(data * N, unit * np.array(measured.error)))
    ahead = np.append(N, 3 * N[-1])
    assert other.curve(data * ahead) - np.log(unit) == pytest.approx(one.curve(ahead), abs=1e-5)
    assert other.rss == pytest.approx(one.rss, rel=1e-6)


def test_more_parameters_come_no_farther():
    for seed in range(5):
        rss = {form: fit_form(form, drawn("power law", 0.1, seed)).rss for form in FORMS}
        for form in ("power law with floor", "shifted", "broken"):
            assert rss[form] <= rss["power law"] * (1 + 1e-3)


def test_a_logarithmic_law_is_clipped_where_it_turns_negative():
    measured = drawn("logarithmic")
    beyond = fit_form("logarithmic", measured).curve(np.array([1e9]))
    assert np.exp(beyond) == pytest.approx(1e-6 * measured.error[-1])


# The ranking


@pytest.mark.parametrize("form", FORMS)
def test_a_form_foretells_its_own_curve_best(form):
    first = rank(drawn(form))[0]
    assert first.form == form
    assert first.rolling_error < 1e-6


@pytest.mark.parametrize("form", FORMS)
def test_under_noise_it_does_so_on_average(form):
    """Better than all forms that do not hold it: those with more freedom may come near, at best."""
    holds = {
        "power law": {"power law with floor", "shifted", "broken", "plateau"},
        "shifted": {"plateau", "broken"},
        "plateau": {"shifted", "broken"},
        "exponential": {"power law with floor"},
    }
    found = {each: [] for each in FORMS}
    for seed in range(4):
        for rival in rank(drawn(form, 0.004, seed)):
            found[rival.form].append(rival.rolling_error)
    mean = {each: np.mean(errors) for each, errors in found.items()}
    worse = set(FORMS) - {form} - holds.get(form, set())
    assert mean[form] < min(mean[each] for each in worse)


def test_the_best_forecaster_comes_first_and_of_equals_the_simplest():
    for form in FORMS:
        ranked = rank(drawn(form, 0.03))
        errors = [rival.rolling_error for rival in ranked]
        assert errors == sorted(errors)
        assert {rival.form for rival in ranked} == set(FORMS)
    # On an exact straight line a floor or a break of no effect foretells as well.
    assert [rival.parameters for rival in rank(drawn("power law"))[:2]] == [2, 3]


def test_the_rolling_error_is_that_of_the_next_shard_from_all_smaller_ones():
    measured = drawn("power law with floor", 0.05)
    for rival in rank(measured):
        misses = []
        for top in (8, 9, 10):
            fit = fit_form(rival.form, measured.between(0, top))
            misses.append(abs(fit.curve(N[[top]])[0] - np.log(measured.error[top])))
        assert rival.rolling_error == pytest.approx(np.mean(misses), rel=1e-9)


def test_aicc_is_that_of_the_normal_likelihood():
    measured = drawn("power law with floor", 0.05)
    fits = {rival.form: rival for rival in rank(measured)}
    criteria = {}
    for form, rival in fits.items():
        fit = fit_form(form, measured)
        r = np.log(measured.error) - fit.curve(N)
        assert rival.rms_residual == pytest.approx(np.sqrt(np.mean(r**2)), rel=1e-9)
        k, n = PARAMETERS[form] + 1, len(N)
        likelihood = stats.norm.logpdf(r, scale=np.sqrt(np.mean(r**2))).sum()
        criteria[form] = 2 * k - 2 * likelihood + (2 * k**2 + 2 * k) / (n - k - 1)
    # Up to what all forms share.
    for form, rival in fits.items():
        assert rival.aicc - fits["power law"].aicc == pytest.approx(criteria[form] - criteria["power law"], abs=1e-6)


@pytest.mark.parametrize("count", range(3, 11))
def test_forms_that_too_few_shards_can_tell_are_left_out_or_not_compared(count):
    for rival in (ranked := rank(drawn("power law", 0.02, n=N[:count]))):
        parameters = PARAMETERS[rival.form]
        assert count > parameters == rival.parameters
        # Every forecast leaves at least one degree of freedom; AICc one more, and the scale is a parameter.
        assert (rival.rolling_error is not None) == (count >= 7 and count - HELD_OUT > parameters)
        assert (rival.aicc is not None) == (count > parameters + 2)
    last = [rival.rolling_error is None for rival in ranked]
    assert last == sorted(last)
    assert {rival.form for rival in ranked} == {form for form in FORMS if count > PARAMETERS[form]}
