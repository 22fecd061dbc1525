"""Families seed by seed: ratios against scipy's paired t, and crossings put where they are known to be."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from scaling.comparisons import NothingToCompare, Ratio, crossing, log_ratio, paired_ratio, ratios_by_size
from scaling.curves import gather

SIZES = (100, 1_000, 10_000, 100_000)


def errors(seed, n=5):
    return pd.Series(np.random.default_rng(seed).uniform(0.05, 0.3, n), index=range(n))


@pytest.mark.parametrize("n", [2, 3, 5, 30])
def test_the_interval_is_that_of_the_paired_t_test_on_logs(n):
    top, bottom = errors(0, n), errors(1, n)
    judge = stats.ttest_rel(np.log(top), np.log(bottom))
    low, high = judge.confidence_interval(0.95)
    ratio = log_ratio(top, bottom)
    assert np.log([ratio.value, ratio.low, ratio.high]) == pytest.approx([(low + high) / 2, low, high])
    assert ((ratio.low > 1) or (ratio.high < 1)) == (judge.pvalue < 0.05)
    assert ratio.pairs == n


def test_the_other_way_round_is_the_inverse():
    there, back = log_ratio(errors(0), errors(1)), log_ratio(errors(1), errors(0))
    assert [back.value, back.low, back.high] == pytest.approx([1 / there.value, 1 / there.high, 1 / there.low])


def test_pairs_are_matched_by_seed_not_by_place():
    top = errors(0)
    assert log_ratio(top, 2 * top.iloc[::-1]) == log_ratio(top, 2 * top)
    assert log_ratio(top, 2 * top).value == pytest.approx(0.5)


def test_a_seed_that_one_family_lacks_is_left_out():
    top, bottom = errors(0, 5), errors(1, 5)
    assert log_ratio(top, bottom.drop(2)) == log_ratio(top.drop(2), bottom.drop(2))


def test_a_pair_with_a_zero_is_left_out():
    top, bottom = errors(0, 5), errors(1, 5)
    top[1], bottom[3] = 0, 0
    assert log_ratio(top, bottom) == log_ratio(top.drop([1, 3]), bottom.drop([1, 3]))
    assert log_ratio(top, bottom).pairs == 3


def test_one_pair_has_a_ratio_and_an_open_interval():
    ratio = log_ratio(pd.Series({0: 0.1}), pd.Series({0: 0.2}))
    assert ratio.value == pytest.approx(0.5)
    assert (ratio.low, ratio.high, ratio.pairs) == (None, None, 1)
    assert ratio.number().printed_interval == "[…, …]"


@pytest.mark.parametrize("bottom", [{0: 0.0, 1: 0.0}, {2: 0.1}, {}])
def test_without_a_pair_there_is_no_ratio(bottom):
    with pytest.raises(NothingToCompare, match="no seed has an error above zero"):
        log_ratio(pd.Series({0: 0.1, 1: 0.1}), pd.Series(bottom, dtype=float))


def test_a_paired_ratio_compares_the_chosen_runs_at_one_size(record):
    table = gather(
        [
            record(family, N, seed, error * (1 + seed / 10), size=size, tip=tip)
            for family, size, error, tip in (("a", 8, 0.1, 0.3), ("a", 16, 0.2, 0.9), ("b", 8, 0.4, 0.4))
            for N in SIZES
            for seed in range(3)
        ]
    )
    assert paired_ratio(table, "a", "b", 1_000, "error").value == pytest.approx(0.25)
    assert paired_ratio(table, "a", "b", 1_000, "error_tip").value == pytest.approx(0.75)


def test_ratios_by_size_are_taken_where_both_have_runs(records):
    table = gather(
        [*records("knn", lambda N: 1 / N, SIZES), *records("mlp", lambda N: 2 / N, (*SIZES[:2], 10**6), size=8)]
    )
    ratios = ratios_by_size(table, "knn", table[table.family == "mlp"])
    assert list(ratios) == [100, 1_000]
    assert [ratio.value for ratio in ratios.values()] == pytest.approx([0.5, 0.5])


def straight(at, spread=1.0, slope=-0.5):
    """Ratios that fall as a straight line on logs, through one at N = `at`."""
    values = {N: (N / at) ** slope for N in SIZES}
    return {N: Ratio(value, value / spread, value * spread, 5) for N, value in values.items()}


@pytest.mark.parametrize("at", [150, 1_000, 31_623, 99_000])
def test_a_crossing_is_found_where_it_is(at):
    assert crossing(straight(at)).value == pytest.approx(at)


def test_its_interval_is_where_the_bounds_cross():
    found = crossing(straight(3_000, spread=1.2))
    assert found.low == pytest.approx(3_000 / 1.2**2)
    assert found.high == pytest.approx(3_000 * 1.2**2)


def test_a_bound_that_does_not_cross_in_range_is_open():
    found = crossing(straight(90_000, spread=1.5))
    assert found.low == pytest.approx(90_000 / 1.5**2)
    assert found.high is None
    assert "…" in found.number().printed_interval


def test_without_intervals_the_crossing_has_none():
    found = crossing({N: Ratio(ratio.value, None, None, 1) for N, ratio in straight(3_000).items()})
    assert found.value == pytest.approx(3_000)
    assert (found.low, found.high) == (None, None)


@pytest.mark.parametrize("ratios", [straight(10), straight(10**6), straight(3_000, slope=0.5)])
def test_what_is_not_bracketed_is_no_crossing(ratios):
    assert crossing(ratios) is None


def test_the_last_of_several_crossings_counts_and_only_if_it_holds_to_the_end():
    values = dict(zip(SIZES, (2, 0.5, 2, 0.5), strict=True))
    assert crossing({N: Ratio(v, v, v, 5) for N, v in values.items()}).value == pytest.approx(10**4.5)
    values[100_000] = 1.5
    assert crossing({N: Ratio(v, v, v, 5) for N, v in values.items()}) is None


def test_the_order_of_the_sizes_changes_nothing():
    ratios = straight(3_000)
    assert crossing(dict(reversed(ratios.items()))) == crossing(ratios)


def test_numbers_say_how_sure_they_are():
    number = log_ratio(errors(0), errors(1)).number()
    assert number.low < number.value < number.high
    assert number.level == 0.95
    assert "5 log ratios" in number.how
