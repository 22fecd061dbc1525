"""Sizes: surfaces whose best size is known, optima at the edge, and published growth."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from scaling.laws.sizes import NoSizeLaw, SizeLaw, best_sizes, fit_size_law, measure_of

SHARDS = 1_000 * 2 ** np.arange(8)
GRID = 2 ** np.arange(4, 16)


def parabola(growth, at=300, bend=0.05):
    """Log error is a parabola in log size, its lowest point at `at`·(N/8000)^growth: interpolation is exact."""
    return lambda N, size: N**-0.3 * np.exp(bend * np.log(size / (at * (N / 8_000) ** growth)) ** 2)


def underfit_overfit(a, b, A=1.0, B=0.1):
    """Capacity against variance: A·s^−a + B·(s/N)^b is lowest at s ∝ N^(b/(a + b))."""
    return lambda N, size: A * size**-a + B * (size / N) ** b


def table(error, grid=GRID, shards=SHARDS, seeds=3, noise=0.0, key=0, parameters=lambda size: 10 * size):
    rng = np.random.default_rng(key)
    rows = [
        {
            "family": "cnn",
            "model": f"cnn-{size}",
            "size": size,
            "parameters": parameters(size),
            "N": N,
            "seed": seed,
            "budget_scale": 1,
            "validation": error(N, size) * np.exp(noise * rng.normal()),
        }
        for N in shards
        for size in grid
        for seed in range(seeds)
    ]
    return pd.DataFrame(rows)


def law(runs, **options):
    measure = measure_of(runs, "cnn")
    return fit_size_law(best_sizes(runs, "cnn"), measure, **options)


# The best size


def test_sizes_are_compared_over_the_seeds_that_all_of_them_have():
    """Where the first seed is the easiest by far, a size with that seed alone isn't the better for it."""
    runs = table(lambda N, size: 1 / size, grid=(1, 2, 4), shards=(1_000,))
    runs["validation"] *= 1 + 9 * runs.seed
    runs = runs[(runs["size"] != 2) | (runs.seed == 0)]
    assert best_sizes(runs, "cnn")[0].best == 40
    runs.loc[runs["size"] == 2, "seed"] = 99  # none in common: all that there are
    assert best_sizes(runs, "cnn")[0].best == 20


# The law


@pytest.mark.parametrize("growth", [0.3, 0.54, 0.89])
def test_a_growth_that_interpolation_meets_exactly_is_found_exactly(growth):
    found = law(table(parabola(growth)))
    assert found.exponent.value == pytest.approx(growth, abs=1e-9)
    assert found.predict(8_000) == pytest.approx(3_000, rel=1e-9)
    assert found.measure == "parameters"


@pytest.mark.parametrize(("a", "b"), [(0.3, 0.5), (0.5, 0.5), (0.2, 0.8)])
def test_the_growth_of_a_surface_of_capacity_and_variance_is_found(a, b):
    found = law(table(underfit_overfit(a, b), grid=2 ** np.arange(1, 24)))
    assert len(found.interior) == len(SHARDS)
    assert found.exponent.value == pytest.approx(b / (a + b), abs=0.01)
    assert found.exponent.low < b / (a + b) < found.exponent.high


def test_its_interval_carries_the_step_of_the_grid():
    found = law(table(parabola(0.5)))
    x = np.log(SHARDS)
    error = np.log(2) / np.sqrt(12) / np.sqrt(((x - x.mean()) ** 2).sum())
    assert found.slope.standard_error == pytest.approx(error, rel=1e-6)
    assert (found.exponent.high - found.exponent.low) / 2 == pytest.approx(stats.t.ppf(0.975, 6) * error, rel=1e-6)
    coarse = law(table(parabola(0.5), grid=4 ** np.arange(2, 9)))
    assert coarse.slope.standard_error == pytest.approx(2 * error, rel=1e-6)


def test_a_line_that_is_worse_than_the_grid_has_a_wider_interval():
    rng = np.random.default_rng(0)
    jumps = dict(zip(SHARDS, 5.0 ** rng.normal(size=8), strict=True))
    rough = law(table(lambda N, size: parabola(0.5)(N, size / jumps[N]), grid=2 ** np.arange(1, 20)))
    assert rough.slope.standard_error > 2 * law(table(parabola(0.5))).slope.standard_error
    assert rough.misfit > 0.5


def test_its_intervals_cover_the_truth():
    covered = []
    for key in range(60):
        found = law(table(parabola(0.6, bend=0.03), noise=0.03, key=key))
        covered.append(found.exponent.low <= 0.6 <= found.exponent.high)
    assert np.mean(covered) >= 0.9


@settings(max_examples=20)
@given(st.floats(0.01, 100), st.sampled_from([1, 2, 5]))
def test_the_unit_of_the_error_and_the_order_of_the_rows_change_nothing(factor, step):
    runs = table(parabola(0.5), noise=0.02)
    other = runs.assign(validation=factor * runs.validation).sample(frac=1, random_state=step)
    assert law(other).exponent.value == pytest.approx(law(runs).exponent.value, rel=1e-9)


@pytest.mark.parametrize(
    ("growth", "data", "model"),
    [(0.68, 104, 23.5), (0.68, 750, 90), (0.57, 80.5, 12.2)],
    ids=["word language model", "translation", "images"],
)
def test_published_growth_of_the_model_is_data_growth_to_the_power(growth, data, model):
    found = law(table(parabola(growth)))
    assert found.growth(data) == pytest.approx(data**growth) == pytest.approx(model, rel=0.01)


@pytest.mark.parametrize("growth", [0.54, 0.57, 0.68, 0.89])
def test_every_exponent_published_by_hestness_2019_is_told_from_none_and_from_one(growth):
    found = law(table(parabola(growth), grid=2 ** np.arange(2, 20), shards=1_000 * 2 ** np.arange(12)))
    assert found.exponent.low > 0
    assert found.exponent.high < 1


def test_a_law_survives_its_json():
    found = law(table(parabola(0.5)))
    assert SizeLaw.model_validate_json(found.model_dump_json()) == found


# Optima


def test_the_median_over_seeds_chooses_not_the_best_run():
    runs = table(parabola(0.0, at=256), shards=[1_000])
    lucky = (runs["size"] == 1_024) & (runs.seed == 0)
    (plain,) = best_sizes(runs, "cnn")
    (found,) = best_sizes(runs.assign(validation=runs.validation.where(~lucky, 1e-6)), "cnn")
    assert plain.best == found.best == 2_560


def test_a_diverged_run_counts_as_the_worst():
    runs = table(parabola(0.0, at=256), shards=[1_000])
    unstable = (runs["size"] == 256) & (runs.seed > 0)
    (found,) = best_sizes(runs.assign(validation=runs.validation.where(~unstable)), "cnn")
    assert found.best != 2_560


def test_an_optimum_next_to_sizes_that_diverge_stays_where_it_is():
    runs = table(parabola(0.0, at=256), shards=[1_000])
    (found,) = best_sizes(runs.assign(validation=runs.validation.where(runs["size"] <= 256)), "cnn")
    assert (found.place, found.best, found.size) == ("interior", 2_560, 2_560)


def test_runs_under_twice_the_budget_and_of_other_families_play_no_part():
    runs = table(parabola(0.5))
    others = table(parabola(-0.5)).assign(budget_scale=2), table(parabola(-0.5)).assign(family="mlp")
    assert best_sizes(pd.concat([runs, *others]), "cnn") == best_sizes(runs, "cnn")


@given(st.floats(-0.49, 0.49), st.floats(0.01, 1))
def test_a_parabola_between_the_grid_is_met(offset, bend):
    at = 256 * 2**offset
    (found,) = best_sizes(table(parabola(0.0, at=at, bend=bend), shards=[1_000]), "cnn")
    assert (found.best, found.place) == (2_560, "interior")
    assert found.size == pytest.approx(10 * at, rel=1e-6)
    assert found.step == pytest.approx(np.log(2))


@pytest.mark.parametrize(("at", "place"), [(2, "smallest"), (10**6, "largest")])
def test_an_optimum_at_the_edge_is_told(at, place):
    (found,) = best_sizes(table(parabola(0.0, at=at), shards=[1_000]), "cnn")
    assert found.place == place
    assert found.size == found.best


def test_equal_sizes_go_to_the_smaller_and_one_size_is_the_only():
    flat = table(lambda N, size: 0.1)
    assert {optimum.place for optimum in best_sizes(flat, "cnn")} == {"smallest"}
    assert {optimum.place for optimum in best_sizes(flat[flat["size"] == 16], "cnn")} == {"only"}


def test_a_size_without_errors_cannot_be_refined():
    flawless = table(lambda N, size: float(size < 64))
    assert {optimum.place for optimum in best_sizes(flawless, "cnn")} == {"flawless"}


# What counts as size, and refusals


def test_trained_weights_are_the_size_where_they_tell_the_models_apart():
    assert measure_of(table(parabola(0.5)), "cnn") == "parameters"
    same = table(parabola(0.5), parameters=lambda size: 100)
    assert measure_of(same, "cnn") == measure_of(table(parabola(0.5), parameters=lambda size: 0), "cnn") == "size"
    assert law(same).measure == "size"
    assert law(same).exponent.value == pytest.approx(0.5, abs=1e-9)
    square = table(parabola(0.5), parameters=lambda size: size**2)
    assert law(square).exponent.value == pytest.approx(1.0, abs=1e-9)
    assert fit_size_law(best_sizes(square, "cnn", "size"), "size").exponent.value == pytest.approx(0.5, abs=1e-9)


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        (GRID[:4], r"grid edge: 2 of 8 shards have an interior optimum, expected at least 4: at 6 the largest size on"),
        (GRID[7:], r"grid edge: 1 of 8 .*: at 7 the smallest size on offer is the best \(offer smaller ones\)"),
        (GRID[:1], r"grid edge: 0 of 8 .*: at 8 no two sizes can be compared \(offer more\)"),
        (GRID[3:6], r"grid edge: 1 of 8 .*: at 3 the smallest .*; at 4 the largest"),
    ],
)
def test_optima_at_the_edge_of_the_grid_are_refused_with_advice(grid, message):
    with pytest.raises(NoSizeLaw, match=message):
        law(table(parabola(0.9), grid=grid))


def test_four_optima_are_enough_unless_more_are_asked_for():
    runs = table(parabola(0.5), shards=SHARDS[:4])
    assert len(law(runs).interior) == 4
    with pytest.raises(NoSizeLaw, match="4 of 4 shards have an interior optimum, expected at least 5"):
        law(runs, min_optima=5)
    with pytest.raises(NoSizeLaw, match="3 of 3 shards have an interior optimum, expected at least 4"):
        law(table(parabola(0.5), shards=SHARDS[:3]), min_optima=2)


def test_a_family_without_sizes_is_refused():
    nameless = table(parabola(0.5), parameters=lambda size: 0).assign(size=np.nan)
    for family in ("cnn", "gone"):
        with pytest.raises(NoSizeLaw, match=f"{family}: size is missing or 0, expected a size of every model"):
            best_sizes(nameless, family)
