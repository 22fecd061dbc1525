"""From records to curves: the tidy table, the size that validation chooses, the law and what stands against it."""

import random

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling.curves import (
    BUDGET_TOLERANCE,
    Curve,
    chosen_runs,
    fit_curve,
    gather,
    ranked,
    read_curves,
    read_table,
    read_tables,
)

SIZES = (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)


def falling(N):
    return 0.3 * (N / 100) ** -0.3


@pytest.fixture
def study_records(record, records):
    """A k-NN, and a network in two sizes of which the larger is the better from 1,000 on; some runs diverged."""
    return [
        *records("knn", falling, SIZES, tip=0.4),
        *records("mlp", lambda N: falling(N) * (0.9 if N < 1_000 else 1.1), SIZES, size=8, tip=0.3),
        *records("mlp", falling, SIZES, size=32, tip=0.2),
        *records("mlp", lambda N: 0.9 * falling(N), SIZES[-1:], size=8, tip=0.2, budget_scale=2),
        *records("mlp", lambda N: 0.9 * falling(N), SIZES[-1:], size=32, tip=0.2, budget_scale=2),
        record("mlp", 100, 7, None, size=8),
        record("mlp", 100, 7, None, size=32),
    ]


def read_back(table, folder):
    table.to_csv(folder / "spiral.csv", index=False)
    return read_table(folder / "spiral.csv")


def test_gather_sorts_by_model_budget_size_and_seed(study_records):
    table = gather(study_records)
    keys = list(zip(table.family, table["size"].fillna(0), table.budget_scale, table.N, table.seed, strict=True))
    assert keys == sorted(keys)
    assert len(table) == len(study_records)


def test_the_budget_is_judged_where_a_family_ends_though_others_go_on(study_records, records):
    further = records("knn", falling, (1_000_000,), tip=0.1)
    curves = [fit_curve(gather([*study_records, *more]), "mlp") for more in ([], further)]
    assert curves[0].budget_gain == curves[1].budget_gain == pytest.approx(0.1)


def test_curves_are_ranked_where_both_have_a_shard(study_records, records):
    table = gather([*study_records, *records("short", falling, SIZES[:-2], tip=0.1)])
    curves = {family: fit_curve(table, family) for family in ("mlp", "short", "knn")}
    assert [curve.family for curve in ranked(curves.values(), SIZES[-1])] == ["mlp", "knn"]
    assert {curve.family for curve in ranked(curves.values(), SIZES[0])} == {"mlp", "short", "knn"}
    assert ranked(curves.values(), 7) == []
    assert curves["short"].at(SIZES[-1]) is None


def test_the_order_of_the_records_changes_nothing(study_records):
    table = gather(study_records)
    for seed in range(5):
        shuffled = random.Random(seed).sample(study_records, len(study_records))
        pd.testing.assert_frame_equal(gather(shuffled), table)
    diverged_first = sorted(study_records, key=lambda record: record.outcome == "trained")
    pd.testing.assert_frame_equal(gather(diverged_first), table)


def test_a_table_survives_its_csv(study_records, tmp_path):
    table = gather(study_records)
    pd.testing.assert_frame_equal(read_back(table, tmp_path), table)
    pd.testing.assert_frame_equal(read_tables([str(tmp_path / "spiral.csv")])["spiral"], table)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_no_digit_is_lost_in_the_csv(record, tmp_path_factory, errors):
    table = gather([record(seed=seed, error=error) for seed, error in enumerate(errors)])
    assert read_back(table, tmp_path_factory.getbasetemp()).error.tolist() == table.error.tolist()


def test_curves_fitted_to_the_csv_and_to_the_table_agree(study_records, tmp_path):
    table = gather(study_records)
    for family in ("knn", "mlp"):
        assert fit_curve(read_back(table, tmp_path), family) == fit_curve(table, family)


def test_a_curve_survives_its_json(study_records, tmp_path):
    curve = fit_curve(gather(study_records), "mlp")
    (tmp_path / "mlp.json").write_text(curve.model_dump_json())
    assert read_curves([str(tmp_path / "mlp.json")]) == (curve,)


def test_validation_chooses_the_size_at_each_shard(study_records):
    curve = fit_curve(gather(study_records), "mlp")
    assert {shard.N: shard.model for shard in curve.shards} == {N: "mlp-8" if N < 1_000 else "mlp-32" for N in SIZES}


def test_the_choice_is_by_the_median_over_seeds_and_never_looks_at_the_test_error(record):
    steady = [record("mlp", 100, seed, 0.5, size=8, validation=0.2) for seed in range(3)]
    lucky = [record("mlp", 100, seed, 0.1, size=32, validation=v) for seed, v in enumerate((0.01, 0.21, 0.21))]
    assert fit_curve(gather(steady + lucky), "mlp").shards[0].model == "mlp-8"


def test_a_tie_goes_to_the_smaller_size(record):
    tied = [record("mlp", 100, seed, 0.1, size=size) for size in (128, 8, 32) for seed in range(3)]
    assert fit_curve(gather(tied), "mlp").shards[0].model == "mlp-8"


def test_the_doubled_budget_chooses_nothing(record):
    single = [record("mlp", 100, 0, error, size=size) for size, error in ((8, 0.1), (32, 0.2))]
    doubled = [record("mlp", 100, 0, error, size=size, budget_scale=2) for size, error in ((8, 0.3), (32, 0.01))]
    table = gather(single + doubled)
    assert table[table.chosen].model.tolist() == ["mlp-8", "mlp-8"]
    assert table[table.chosen].budget_scale.tolist() == [1, 2]


def test_a_budget_check_pairs_seeds_and_one_that_failed_lets_no_curve_speak(record):
    once = [record("mlp", N, seed, 10 / N, size=8) for N in SIZES for seed in range(2)]
    top = max(SIZES)
    half = [record("mlp", top, 0, 9 / top, size=8, budget_scale=2), record("mlp", top, 1, None, size=8, budget_scale=2)]
    curve = fit_curve(gather([*once, *half]), "mlp")
    assert curve.budget_gain == pytest.approx(0.1)
    lost = [record("mlp", top, seed, None, size=8, budget_scale=2) for seed in range(2)]
    curve = fit_curve(gather([*once, *lost]), "mlp")
    assert curve.budget_check_failed
    assert curve.objection == "limited by its training budget"


def test_a_size_cannot_be_chosen_by_the_few_seeds_that_it_survives(record):
    steady = [record("mlp", 100, seed, 0.2, size=8) for seed in range(3)]
    lucky = [record("mlp", 100, seed, 0.1 if seed == 0 else None, size=64) for seed in range(3)]
    table = gather([*steady, *lucky])
    assert set(table[table.chosen].model) == {"mlp-8"}


def test_a_diverged_run_is_counted_and_left_out(record):
    errors = [0.1, None, 0.3, 0.8]
    table = gather([record("mlp", 100, seed, error, size=8) for seed, error in enumerate(errors)])
    (shard,) = fit_curve(table, "mlp").shards
    assert (shard.seeds, shard.diverged) == (3, 1)
    assert shard.mean == pytest.approx(0.4)
    assert shard.median == pytest.approx(0.3)
    assert len(chosen_runs(table, "mlp")) == 3


def test_all_that_diverged_under_the_single_budget_is_counted_at_any_size(study_records, record):
    assert fit_curve(gather(study_records), "mlp").diverged == 2
    doubled = record("mlp", SIZES[-1], 7, None, size=8, budget_scale=2)
    assert fit_curve(gather([*study_records, doubled]), "mlp").diverged == 2
    assert fit_curve(gather(study_records), "knn").diverged == 0


def test_a_size_that_always_diverges_is_never_chosen(record):
    table = gather([record("mlp", 100, 0, None, size=8), record("mlp", 100, 0, 0.2, size=32)])
    assert fit_curve(table, "mlp").shards[0].model == "mlp-32"


def test_where_all_runs_diverge_there_is_no_curve_but_a_reason(record):
    curve = fit_curve(gather([record("mlp", N, 0, None, size=8) for N in SIZES]), "mlp")
    assert (curve.shards, curve.law, curve.budget_gain) == ((), None, None)
    assert curve.diverged == len(SIZES)
    assert "0 shards" in curve.refusal
    assert curve.objection == "no law could be fitted"


def test_the_law_is_fitted_to_the_shard_means(records):
    curve = fit_curve(gather(records("knn", falling, SIZES)), "knn")
    assert curve.law.slope.value == pytest.approx(-0.3)
    assert curve.law.error == pytest.approx([falling(N) for N in SIZES])
    assert curve.refusal is None
    assert curve.objection is None


def test_four_shards_are_too_few_for_a_law(records):
    curve = fit_curve(gather(records("knn", falling, SIZES[:4])), "knn")
    assert curve.law is None
    assert "4 shards, expected at least 5" in curve.refusal
    assert curve.objection == "no law could be fitted"
    assert len(curve.shards) == 4


def test_a_shard_without_errors_is_shown_but_not_fitted(records):
    curve = fit_curve(gather(records("knn", lambda N: falling(N) if N < 100_000 else 0.0, SIZES)), "knn")
    assert curve.shards[-1].mean == 0
    assert max(curve.law.N) == 30_000


def test_five_shards_over_less_than_a_decade_and_a_half_are_too_short_to_speak(records):
    sizes = (100, 200, 400, 800, 1_600)
    assert fit_curve(gather(records("knn", falling, sizes)), "knn").objection == "too short"


@pytest.mark.parametrize(("gain", "limited"), [(-0.1, False), (0, False), (0.005, False), (0.015, True), (0.5, True)])
def test_a_curve_that_gains_by_twice_the_budget_is_limited_by_compute(records, gain, limited):
    single = records("mlp", falling, SIZES, size=8)
    doubled = records("mlp", lambda N: (1 - gain) * falling(N), SIZES[-1:], size=8, budget_scale=2)
    curve = fit_curve(gather(single + doubled), "mlp")
    assert curve.budget_gain == pytest.approx(gain)
    assert curve.compute_limited == limited == (gain > BUDGET_TOLERANCE)
    assert curve.objection == ("limited by its training budget" if limited else None)


def test_the_gain_is_that_of_the_chosen_size(records):
    table = gather(
        [
            *records("mlp", falling, SIZES, size=8),
            *records("mlp", lambda N: 2 * falling(N), SIZES, size=32),
            *records("mlp", falling, SIZES[-1:], size=8, budget_scale=2),
            *records("mlp", lambda N: 0.1 * falling(N), SIZES[-1:], size=32, budget_scale=2),
        ]
    )
    assert fit_curve(table, "mlp").budget_gain == pytest.approx(0)


def test_without_a_budget_there_is_no_gain(records):
    curve = fit_curve(gather(records("knn", falling, SIZES)), "knn")
    assert curve.budget_gain is None
    assert not curve.compute_limited


def test_shards_that_share_data_are_marked(records):
    table = gather(records("knn", falling, SIZES[:6]) + records("knn", falling, SIZES[6:], shares_pool=True))
    assert [shard.shares_pool for shard in fit_curve(table, "knn").shards] == [False] * 6 + [True]


def test_a_curve_takes_no_unknown_keys():
    with pytest.raises(ValueError, match="sharts"):
        Curve(domain="d", family="f", shards=(), law=None, refusal=None, budget_gain=None, sharts=())
