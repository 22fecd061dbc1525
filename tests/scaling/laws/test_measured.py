"""Measured curves: every curve of a table is analysed or refused, at the best size of each N."""

import numpy as np
import pandas as pd
import pytest

from scaling.laws import fit_law, measured
from scaling.laws.measured import MeasuredCurve, fit_growth, measured_curves

N = np.array([100 * 2**k for k in range(9)])


def runs(model="cnn", domain="images", n=N, seeds=3, seed=0, **columns):
    """A table of runs of 2·N^−0.3, a seed's luck 2 %."""
    sizes, numbers = np.repeat(n, seeds), np.tile(np.arange(seeds), len(n))
    error = 2 * sizes**-0.3 * np.exp(0.02 * np.random.default_rng(seed).normal(size=len(sizes)))
    known = {"domain": domain, "model": model, "size": pd.NA, "N": sizes, "seed": numbers, "error": error}
    return pd.DataFrame(known | {"compute": np.nan} | columns).astype({"size": "Int64"})


def test_a_curve_is_that_of_its_runs():
    table = runs()
    (curve,) = measured_curves(table)
    assert (curve.domain, curve.model, curve.refusal) == ("images", "cnn", None)
    assert curve.law == fit_law(table.N, table.error)
    assert [(run.N, run.seed, run.error) for run in curve.runs] == list(
        table[["N", "seed", "error"]].itertuples(index=False, name=None)
    )
    assert curve.table()[["N", "seed", "error"]].equals(table[["N", "seed", "error"]])


def test_level_and_pool_are_handed_on():
    table = runs()
    (curve,) = measured_curves(table, level=0.8, pool=1e5)
    assert curve.law == fit_law(table.N, table.error, level=0.8, pool=1e5)


def test_the_order_of_rows_changes_nothing_but_that_of_the_curves():
    table = pd.concat([runs("b"), runs("a", seed=1), runs("a", "words", seed=2)])
    curves = measured_curves(table)
    shuffled = measured_curves(table.sample(frac=1, random_state=0))
    assert [(curve.domain, curve.model) for curve in curves] == [("images", "b"), ("images", "a"), ("words", "a")]
    key = MeasuredCurve.model_dump_json
    assert sorted(map(key, curves)) == sorted(map(key, shuffled))


def test_curves_come_out_the_same_from_several_processes(monkeypatch):
    monkeypatch.setattr(measured, "FEW", 1)
    table = pd.concat([runs("a", n=N[:5], seeds=2), runs("b", n=N[:5], seeds=2, seed=1)])
    assert measured_curves(table, cores=2) == measured_curves(table, cores=1)


def test_too_few_shards_are_refused_and_the_others_fitted():
    short, curve = measured_curves(pd.concat([runs("short", n=N[:4]), runs()]))
    assert short.law is None
    assert "4 shards, expected at least 5" in short.refusal
    assert curve.law is not None


def test_a_curve_survives_json():
    (curve,) = measured_curves(runs(compute=6.0 * np.repeat(N, 3)))
    again = MeasuredCurve.model_validate_json(curve.model_dump_json())
    assert again == curve
    assert again.law.forecast(1e6) == curve.law.forecast(1e6)


# Sizes


def at_sizes(sizes, exponent=0.5):
    """Runs whose best size grows as N^exponent; each size's error is a parabola in log size."""
    parts = []
    for size in sizes:
        table = runs(size=size)
        off = np.log(size / (4 * (table.N / 100) ** exponent))
        parts.append(table.assign(error=table.error * (1 + 0.05 * off**2)))
    return pd.concat(parts, ignore_index=True)


def test_each_n_counts_at_the_size_of_lowest_median_error():
    table = at_sizes([4, 16, 64])
    (curve,) = measured_curves(table)
    medians = table.groupby(["N", "size"]).error.median()
    for optimum in curve.sizes:
        assert optimum.best == medians[optimum.N].idxmin()
    kept = [
        run for best in curve.sizes for run in table[(table.N == best.N) & (table["size"] == best.best)].error.to_list()
    ]
    assert [run.error for run in curve.runs] == kept


def test_the_size_law_is_that_of_the_optima():
    (curve,) = measured_curves(at_sizes([2.0**k for k in range(0, 9)]))
    assert curve.size_refusal is None
    assert curve.size_law.exponent.low < 0.5 < curve.size_law.exponent.high


def test_without_interior_optima_there_is_no_size_law_but_a_curve():
    (curve,) = measured_curves(at_sizes([4, 8]))
    assert curve.size_law is None
    assert "grid edge" in curve.size_refusal
    assert curve.law is not None


def test_one_size_is_no_choice():
    (curve,) = measured_curves(runs(size=64))
    assert curve.sizes == ()
    assert (curve.size_law, curve.size_refusal) == (None, None)


# Compute


@pytest.mark.parametrize("power", [0.5, 1.0, 1.7])
def test_compute_grows_by_its_power(power):
    growth = fit_growth(N, 7 * N**power)
    assert growth.power == pytest.approx(power)
    assert growth.middle == pytest.approx(7 * growth.N0**power)


def test_runs_without_compute_are_left_out_of_its_growth():
    compute = 7.0 * N
    compute[::2] = np.nan
    assert fit_growth(N, compute).power == pytest.approx(1)
    assert fit_growth(N, [5.0] + [np.nan] * 8) is None


def test_a_price_per_operation_costs_what_a_run_takes():
    (curve,) = measured_curves(runs(compute=1e9 * np.repeat(N, 3) ** 1.5))
    assert 2e-9 * curve.growth.compute(N[0]) == pytest.approx(2 * N[0] ** 1.5)
