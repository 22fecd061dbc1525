"""fit_surface: the best optimum is found, to rounding; resamples, leave-outs and the frontier follow from it."""

import os
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from scaling.laws.surfaces import (
    Bootstrap,
    Coefficients,
    Surface,
    SurfaceError,
    SurfaceWarning,
    bootstrap,
    fit_surface,
    leave_out,
)

TRUTH = {"E": 1.8, "A": 480.0, "B": 2100.0, "a": 0.35, "b": 0.37}
BUDGET = 1e23


def coefficients(**changed):
    return Coefficients(**{name: np.asarray(value) for name, value in (TRUTH | changed).items()})


def design(seed=0, points=240):
    """Sizes and tokens as on Chinchilla's figure: 4e7 to 1.6e10 parameters, 1e18 to 1e22 FLOPs."""
    rng = np.random.default_rng(seed)
    size = np.exp(rng.uniform(np.log(4e7), np.log(1.6e10), points))
    return size, 10 ** rng.uniform(18, 22, points) / (6 * size)


def noisy(seed=0, points=240, noise=0.004, **changed):
    """Noise with the heavy tails of Chinchilla's residuals: Student's t with 3 degrees of freedom."""
    size, data = design(seed, points)
    error = noise * np.random.default_rng(seed + 1000).standard_t(3, points)
    return size, data, coefficients(**changed).predict(size, data) * np.exp(error)


def objective(parameters, size, data, loss, delta=1e-3):
    """The sum of Huber losses, at (log E, log A, log B, a, b): arrays (5, ...)."""
    log_E, log_A, log_B, a, b = np.asarray(parameters)[..., None]
    terms = np.stack(np.broadcast_arrays(log_E, log_A - a * np.log(size), log_B - b * np.log(data)))
    residual = np.abs(np.log(loss) - np.logaddexp.reduce(terms))
    return np.where(residual < delta, residual**2 / 2, delta * (residual - delta / 2)).sum(-1)


def logs(surface):
    return np.array([np.log(surface.E), np.log(surface.A), np.log(surface.B), surface.a, surface.b])


@pytest.fixture(scope="module")
def fitted() -> Surface:
    return fit_surface(*noisy())


@pytest.fixture(scope="module")
def resampled(fitted) -> Bootstrap:
    return bootstrap(fitted, seed=1, draws=200)


# Known truth


@given(
    seed=st.integers(0, 10**6),
    a=st.floats(0.1, 1.0),
    b=st.floats(0.1, 1.0),
    shares=st.tuples(st.floats(0.2, 1.0), st.floats(0.2, 1.0), st.floats(0.2, 1.0)),
)
@settings(max_examples=12, deadline=None)
def test_a_surface_without_noise_is_recovered(seed, a, b, shares):
    size, data = design(seed, points=40)
    E, P, Q = shares
    truth = coefficients(E=E, A=P * np.exp(a * np.log(size).mean()), B=Q * np.exp(b * np.log(data).mean()), a=a, b=b)
    surface = fit_surface(size, data, truth.predict(size, data))
    assert surface.predict(size, data) == pytest.approx(truth.predict(size, data), rel=1e-8)
    for name, value in truth._asdict().items():
        assert getattr(surface, name) == pytest.approx(float(value), rel=1e-6)


def test_a_surface_without_a_floor_has_none():
    size, data = design(points=40)
    surface = fit_surface(size, data, coefficients(E=0).predict(size, data))
    assert pytest.approx(0, abs=1e-10) == surface.E
    assert surface.a == pytest.approx(TRUTH["a"], rel=1e-6)


def test_where_size_has_no_effect_there_is_no_frontier():
    size, data, loss = noisy(A=0, noise=1e-5)
    loss = loss * (size / size.min()) ** 1e-4
    with pytest.warns(SurfaceWarning, match="no effect of size"):
        surface = fit_surface(size, data, loss)
    assert surface.A == 0
    with pytest.raises(SurfaceError, match="wider range of size"):
        surface.optimal(BUDGET)


def test_an_exponent_where_the_search_ends_is_called_so():
    size, data = design(points=40)
    with pytest.warns(SurfaceWarning, match="b = 3 is where the search ends"):
        fit_surface(size, data, 1 + (size / 1e9) ** -0.3 + (data / data.min()) ** -4.0)


# The optimum


def test_no_surface_nearby_is_better(fitted):
    points = fitted.size, fitted.data, fitted.loss
    rng = np.random.default_rng(0)
    assert fitted.gradient <= 1e-12
    assert objective(logs(fitted), *points) == pytest.approx(fitted.objective, rel=1e-12)
    for scale in (1e-1, 1e-3, 1e-5):
        others = logs(fitted)[:, None] + scale * rng.normal(size=(5, 200))
        assert objective(others, *points).min() > fitted.objective


def test_a_search_of_the_whole_space_finds_nothing_better(fitted):
    """Differential evolution over every exponent and every term's share, then polished."""
    points = fitted.size, fitted.data, fitted.loss
    middle = np.log([fitted.size, fitted.data, fitted.loss]).mean(-1)

    def centred(parameters):
        log_E, log_P, log_Q, a, b = parameters
        return objective([log_E, log_P + a * middle[0], log_Q + b * middle[1], a, b], *points)

    bounds = [*[(middle[2] - 5, middle[2] + 0.1)] * 3, *[(0.02, 1.5)] * 2]
    found = optimize.differential_evolution(centred, bounds, rng=0, maxiter=150, vectorized=True, updating="deferred")
    assert fitted.objective <= found.fun
    assert found.fun == pytest.approx(fitted.objective, rel=1e-3)
    assert (fitted.starts, fitted.agreement) == (64, 1.0)


def test_the_best_of_200_random_starts_of_bfgs_is_not_better():
    given_points = noisy(3, points=24, noise=0.01)
    surface = fit_surface(*given_points)
    size, data, loss = given_points
    rng = np.random.default_rng(0)
    low, high = [-1, 0, 0, 0, 0], [1, 25, 25, 2, 2]  # the grid of Hoffmann et al. (2022)
    log_size, log_data, log_loss = np.log(size), np.log(data), np.log(loss)

    def slope(parameters, *_):
        log_E, log_A, log_B, a, b = parameters
        terms = np.stack([np.full_like(size, log_E), log_A - a * log_size, log_B - b * log_data])
        log_predicted = np.logaddexp.reduce(terms)
        share = np.exp(terms - log_predicted)
        pull = np.clip(log_loss - log_predicted, -1e-3, 1e-3)
        return -(np.vstack([share, -log_size * share[1], -log_data * share[2]]) @ pull)

    found = [
        optimize.minimize(objective, rng.uniform(low, high), given_points, method="BFGS", jac=slope).fun
        for _ in range(200)
    ]
    assert surface.objective <= np.nanmin(found) * (1 + 1e-12)
    assert surface.agreement == 1.0


def test_a_wide_huber_loss_is_least_squares():
    size, data, loss = noisy(points=60)
    surface = fit_surface(size, data, loss, delta=10)

    def residual(parameters):
        log_E, log_A, log_B, a, b = parameters
        return np.log(np.exp(log_E) + np.exp(log_A) * size**-a + np.exp(log_B) * data**-b) - np.log(loss)

    found = optimize.least_squares(residual, logs(surface) + 0.01, xtol=1e-15, ftol=1e-15, gtol=1e-15)
    assert surface.objective == pytest.approx(found.cost, rel=1e-9)
    assert surface.b == pytest.approx(found.x[4], rel=1e-5)


def test_the_optimum_of_chinchillas_data_is_reached():
    """Besiroglu et al. (2024): 245 points read off a figure of Hoffmann et al. (2022); they have no licence."""
    path = os.environ.get("EPOCH_CHINCHILLA_CSV")
    if not path:
        pytest.skip("EPOCH_CHINCHILLA_CSV is not set to the path of Epoch's svg_extracted_data.csv")
    table = pd.read_csv(path)
    size, loss = table["Model Size"], table["loss"]
    data = table["Training FLOP"] / (6 * size)
    surface = fit_surface(size, data, loss, exclude_highest=5)
    assert surface.objective == pytest.approx(0.0010182740, abs=5e-11)
    assert (surface.E, surface.a, surface.b) == pytest.approx((1.8172, 0.3473, 0.3672), abs=5e-5)
    assert surface.agreement == 1.0
    every = fit_surface(size, data, loss)
    assert every.b == pytest.approx(0.453, abs=5e-4)
    (without,) = leave_out(every, [surface.excluded]).coefficients.b
    assert without == pytest.approx(surface.b, rel=1e-9)


# Units, order, copies


@given(by_loss=st.floats(1e-3, 1e3), by_size=st.floats(1e-3, 1e3), by_data=st.floats(1e-3, 1e3))
@settings(max_examples=5, deadline=None)
def test_units_move_the_amplitudes_alone(fitted, by_loss, by_size, by_data):
    size, data, loss = (np.array(values) for values in (fitted.size, fitted.data, fitted.loss))
    other = fit_surface(by_size * size, by_data * data, by_loss * loss)
    a, b = fitted.a, fitted.b
    expected = (fitted.E, fitted.A * by_size**a, fitted.B * by_data**b)
    assert pytest.approx([by_loss * value for value in expected], rel=1e-7) == (other.E, other.A, other.B)
    assert (other.a, other.b, other.objective) == pytest.approx((a, b, fitted.objective), rel=1e-8)


def test_the_order_of_the_points_changes_nothing(fitted):
    order = np.random.default_rng(0).permutation(240)
    other = fit_surface(*(np.array(values)[order] for values in (fitted.size, fitted.data, fitted.loss)))
    assert np.array(other.coefficients) == pytest.approx(np.array(fitted.coefficients), rel=1e-9)


def test_sum_or_mean_is_the_same_answer(fitted):
    """Every point twice: the sum doubles, the mean and the surface stay."""
    twice = fit_surface(*(values * 2 for values in (fitted.size, fitted.data, fitted.loss)))
    assert np.array(twice.coefficients) == pytest.approx(np.array(fitted.coefficients), rel=1e-9)
    assert twice.objective == pytest.approx(2 * fitted.objective, rel=1e-12)


def test_the_highest_losses_are_left_out_on_request():
    size, data, loss = noisy(points=40)
    surface = fit_surface(size, data, loss, exclude_highest=5)
    kept = np.sort(np.argsort(loss)[:-5])
    assert surface.loss == tuple(loss[kept])
    assert sorted([*surface.excluded, *surface.groups]) == list(range(40))
    assert np.array(surface.coefficients) == pytest.approx(
        np.array(fit_surface(size[kept], data[kept], loss[kept]).coefficients), rel=1e-12
    )


def test_a_surface_is_stored_at_full_precision(fitted, resampled):
    assert Surface.model_validate_json(fitted.model_dump_json()) == fitted
    assert Bootstrap.model_validate_json(resampled.model_dump_json()) == resampled


# The frontier


@given(
    a=st.floats(0.05, 1.5),
    b=st.floats(0.05, 1.5),
    A=st.floats(1, 1e3),
    B=st.floats(1, 1e3),
    flops=st.floats(1, 10),
)
@settings(max_examples=30, deadline=None)
def test_the_frontier_is_the_least_loss_of_a_budget(a, b, A, B, flops):
    law = coefficients(E=0, A=A, B=B, a=a, b=b)
    best = law.optimal(BUDGET, flops)
    assert flops * best.size * best.data == pytest.approx(BUDGET)

    def loss(log_size):
        return float(law.predict(np.exp(log_size), BUDGET / flops / np.exp(log_size)))

    middle = np.log(best.size)
    found = optimize.minimize_scalar(loss, bracket=(middle - 2, middle + 1), tol=1e-12)
    assert found.x == pytest.approx(middle, abs=1e-4)
    assert best.loss == pytest.approx(found.fun, rel=1e-12)
    more = law.optimal(10 * BUDGET, flops)
    assert np.log10(more.size / best.size) == pytest.approx(law.size_exponent)


@given(a=st.floats(0.1, 1.0), b=st.floats(0.1, 1.0), factor=st.floats(0.1, 10))
@settings(max_examples=30, deadline=None)
def test_the_cost_of_a_size_off_the_frontier(a, b, factor):
    law = coefficients(a=a, b=b)
    best, off = law.optimal(BUDGET), law.off_optimal(factor, BUDGET)
    size = factor * best.size
    assert off.penalty == pytest.approx(law.predict(size, best.data / factor) - best.loss, rel=1e-6, abs=1e-12)
    assert off.penalty >= -1e-12
    assert law.optimal(off.worth * BUDGET).loss == pytest.approx(best.loss + off.penalty, rel=1e-9)
    if np.isfinite(off.overhead):
        assert law.predict(size, off.overhead * BUDGET / (6 * size)) == pytest.approx(best.loss, rel=1e-9)
        assert off.overhead >= 1 - 1e-9
    else:
        assert law.predict(size, np.inf) >= best.loss


def test_at_the_optimum_nothing_is_lost(fitted):
    off = fitted.off_optimal([0.1, 1, 10], BUDGET)
    assert (off.penalty[1], off.worth[1], off.overhead[1]) == pytest.approx((0, 1, 1), abs=1e-12)
    assert off.overhead[0] == np.inf


# Resamples


def test_a_draw_is_the_surface_of_the_points_drawn(fitted, resampled):
    """Each draw's search begins at the surface; a search from all starts ends at the same place."""
    points = [np.array(values) for values in (fitted.size, fitted.data, fitted.loss)]
    counts = np.random.default_rng(1).multinomial(240, np.full(240, 1 / 240), size=5)
    for count, draw in zip(counts, resampled.draws, strict=False):
        again = fit_surface(*(np.repeat(values, count) for values in points))
        assert np.array(again.coefficients) == pytest.approx(np.array(draw), rel=1e-8)
    assert resampled.converged == 1.0


def test_a_seed_names_its_draws(fitted, resampled):
    assert bootstrap(fitted, seed=1, draws=20).draws == pytest.approx(np.array(resampled.draws[:20]), rel=1e-9)
    assert bootstrap(fitted, seed=2, draws=2).draws != resampled.draws[:2]


def test_points_of_one_model_are_drawn_together():
    """A surface of copies, grouped, spreads as that of the points; ungrouped, they would count as news."""
    size, data, loss = noisy(points=60)
    alone = bootstrap(fit_surface(size, data, loss), seed=0, draws=100)
    groups = [f"model {i:02d}" for i in range(60)]
    copies = fit_surface(*(np.tile(values, 3) for values in (size, data, loss)), groups=groups * 3)
    together = bootstrap(copies, seed=0, draws=100)
    assert np.array(together.coefficients) == pytest.approx(np.array(alone.coefficients), rel=1e-6)


def test_intervals_hold_the_truth_as_often_as_they_say():
    covered = []
    for seed in range(24):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SurfaceWarning)
            draws = bootstrap(fit_surface(*noisy(seed, points=60)), seed=seed, draws=100)
        estimates = draws.estimates()
        covered.append([estimates[name].low <= TRUTH[name] <= estimates[name].high for name in ("E", "a", "b")])
    assert np.mean(covered) > 0.88


def test_the_frontier_and_its_costs_have_intervals(fitted, resampled):
    frontier = resampled.optimal(BUDGET)
    for part in ("size", "data", "loss"):
        estimate = getattr(frontier, part)
        assert estimate.value == pytest.approx(float(getattr(fitted.optimal(BUDGET), part)))
        assert estimate.low < estimate.value < estimate.high
    cost = resampled.off_optimal(2, BUDGET)
    assert 0 < cost.penalty.low < cost.penalty.high
    assert cost.worth.high < 1 < cost.overhead.low
    assert resampled.off_optimal(0.05, BUDGET).overhead is None
    narrow, wide = (resampled.estimate(lambda c: c.a, level) for level in (0.5, 0.95))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_a_bound_that_is_not_finite_is_open(resampled):
    half = resampled.estimate(lambda c: np.where(c.a > np.median(c.a) + 1e-12, np.inf, c.a))
    assert (half.high, half.identified) == (None, False)
    with pytest.raises(SurfaceError, match="no interval"):
        resampled.estimate(lambda c: c.a / 0 if c.a.ndim else np.array(np.inf))


# Leave-outs


def test_leaving_out_is_fitting_without():
    size, data, loss = noisy(points=40)
    loss[7] *= 1.2
    surface = fit_surface(size, data, loss)
    influence = leave_out(surface)
    assert influence.left_out == tuple((i,) for i in range(40))
    keep = np.arange(40) != 7
    without = fit_surface(size[keep], data[keep], loss[keep])
    assert np.array(influence.refits[7]) == pytest.approx(np.array(without.coefficients), rel=1e-8)
    shift = influence.shift(lambda c: c.b)
    assert shift[7] == pytest.approx(without.b - surface.b, rel=1e-6)
    (pair,) = leave_out(surface, [[7, 8]]).refits
    assert pair[4] == pytest.approx(without.b, abs=0.1)


# Bad input


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": [1, -2] + [1] * 8}, r"loss\[1\] = -2.0, expected a positive"),
        ({"size": [np.nan] * 10}, r"size\[0\] = nan, expected a positive"),
        ({"size": [1.0] * 9}, r"size \(9,\), data \(10,\)"),
        ({"groups": [1, 2]}, r"groups \(2,\)"),
        ({"delta": 0}, "delta = 0.0, expected a positive"),
        ({"exclude_highest": 11}, "exclude_highest = 11, expected 0 to 10"),
        ({"exclude_highest": 4}, "6 points, expected at least 7"),
        ({"size": [1, 2] * 5}, "2 distinct values of size"),
        ({"data": [20 * 2**i for i in range(10)]}, "data is a power of size"),
    ],
)
def test_what_is_no_surface_is_explained(changes, message):
    given_points = {"size": [2.0**i for i in range(10)], "data": [3, 1, 4, 1, 5, 9, 2, 6, 5, 3], "loss": [1.0] * 10}
    with pytest.raises(SurfaceError, match=message):
        fit_surface(**(given_points | changes))


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda s: bootstrap(s, seed=0, draws=0), "draws = 0"),
        (lambda s: leave_out(s, [["nobody"]]), "No group 'nobody'"),
        (lambda s: leave_out(s, [range(235)]), "5 points without"),
        (lambda s: s.optimal(-1), "compute = -1.0, expected a positive"),
        (lambda s: s.off_optimal([1, 0], BUDGET), r"factor\[1\] = 0.0, expected a positive"),
        (lambda s: bootstrap(s, seed=0, draws=1).estimate(lambda c: c.a, level=95), "level = 95"),
    ],
)
def test_what_a_surface_cannot_tell_is_explained(fitted, ask, message):
    with pytest.raises(SurfaceError, match=message):
        ask(fitted)


def test_four_models_are_too_few_to_resample():
    size, data, loss = noisy(points=40)
    surface = fit_surface(size, data, loss, groups=[0, 1, 2, 3] * 10)
    with pytest.raises(SurfaceError, match="4 groups, expected at least 5"):
        bootstrap(surface, seed=0)
