"""Families seed by seed: ratios against scipy's paired t, and crossings put where they are known to be."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from scaling.comparisons import (
    NothingToCompare,
    Ratio,
    budget_check,
    crossing,
    learner_runs,
    log_ratio,
    mean,
    paired_ratio,
    ratios_by_size,
    runner_up,
)
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


@pytest.mark.parametrize("level", [0.6, 0.9, 0.99])
def test_the_interval_has_the_level_that_is_asked_for(level):
    top, bottom = errors(0), errors(1)
    low, high = stats.ttest_rel(np.log(top), np.log(bottom)).confidence_interval(level)
    ratio = log_ratio(top, bottom, level)
    assert np.log([ratio.low, ratio.high]) == pytest.approx([low, high])
    assert (ratio.level, ratio.number().level) == (level, level)


@pytest.mark.parametrize("bound", [0.5, 1.0, 1.7])
def test_p_values_are_those_of_the_one_sided_paired_t_test_on_logs(bound):
    top, bottom = errors(0), errors(1)
    ratio = log_ratio(top, bottom)
    for p, alternative in ((ratio.p_above(bound), "greater"), (ratio.p_below(bound), "less")):
        assert p == pytest.approx(stats.ttest_rel(np.log(top), np.log(bound * bottom), alternative=alternative).pvalue)
    assert (ratio.p_above(bound) < 0.025) == ratio.above(bound)
    assert (ratio.p_below(bound) < 0.025) == ratio.below(bound)


def test_p_values_of_ratios_without_spread():
    same = log_ratio(pd.Series({0: 0.25, 1: 0.25}), pd.Series({0: 0.5, 1: 0.5}))
    assert [same.p_below(1), same.p_above(1), same.p_below(0.5)] == [0, 1, 1]
    single = log_ratio(pd.Series({0: 0.1}), pd.Series({0: 0.2}))
    assert [single.p_below(1), single.p_above(1)] == [1, 1]


def test_an_interval_lies_below_above_or_within_bounds_as_a_whole_or_not_at_all():
    ratio = Ratio(1.0, 0.9, 1.1, 5)
    assert [ratio.below(1.2), ratio.below(1.1), ratio.below(1.0)] == [True, False, False]
    assert [ratio.above(0.8), ratio.above(0.9), ratio.above(1.0)] == [True, False, False]
    assert [ratio.within(0.9, 1.1), ratio.within(0.95, 1.2), ratio.within(0.5, 1.05)] == [True, False, False]
    single = Ratio(1.0, None, None, 1)
    assert [single.below(9), single.above(0.1), single.within(0.1, 9)] == [False, False, False]


def test_a_mean_has_the_interval_of_the_t_test():
    found = mean(errors(0))
    low, high = stats.ttest_1samp(errors(0), 0).confidence_interval(0.95)
    assert [found.value, found.low, found.high] == pytest.approx([(low + high) / 2, low, high])
    assert mean(pd.Series({0: 0.1})).low is None
    with pytest.raises(NothingToCompare, match="no seed ended well"):
        mean(pd.Series(dtype=float))


@pytest.mark.parametrize(
    ("values", "most", "low", "high"),
    [
        ((0.1, 0.5), 1, 0, 1),
        ((0.1, 0.5), np.inf, 0, 2.84),
        ((0.97, 0.99), 1, 0.853, 1),
        ((0.45, 0.47), 1, 0.333, 0.587),
    ],
)
def test_the_interval_of_a_mean_ends_where_no_error_can_be(values, most, low, high):
    found = mean(pd.Series(values), most)
    assert found.value == pytest.approx(np.mean(values))
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-3), pytest.approx(high, abs=1e-2))


def test_a_mean_of_shares_is_printed_in_percent():
    number = mean(pd.Series([0.1, 0.5]), most=1).share()
    assert (number.printed, number.printed_interval, number.level) == ("30.0 %", "[0.0, 100.0] %", 0.95)
    assert (number.value, number.unit, number.how) == (
        pytest.approx(0.3),
        "fraction",
        "t on 2 seeds, cut to what can be",
    )


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


def test_a_learner_is_a_family_at_the_chosen_sizes_or_a_model_chosen_or_not(record):
    table = gather(
        [
            *(record("a", 100, seed, 0.1, size=8) for seed in range(2)),
            *(record("a", 100, seed, 0.2, size=16) for seed in range(2)),
            record("a", 100, 2, None, size=16),
            record("a", 1_000, 0, 0.2, size=8),
            record("a", 1_000, 0, 0.1, size=16),
            record("a", 1_000, 0, 0.05, size=8, budget_scale=2),
            record("b", 100, 0, 0.3),
        ]
    )

    def found(*args):
        return [(run.model, run.N, run.seed) for run in learner_runs(table, *args).itertuples()]

    assert found("a") == [("a-8", 100, 0), ("a-8", 100, 1), ("a-16", 1_000, 0)]
    assert found("a-8") == [("a-8", 100, 0), ("a-8", 100, 1), ("a-8", 1_000, 0)]
    assert found("a-16", 100) == [("a-16", 100, 0), ("a-16", 100, 1)], "the seed that diverged is left out"
    assert found("a-8", 1_000, 2) == [("a-8", 1_000, 0)]
    assert found("b") == [("b", 100, 0)]
    assert found("c") == []
    assert paired_ratio(table, "a-16", "a-8", 100, "error").value == pytest.approx(2)


def test_the_second_of_a_ranking_is_compared_with_the_first_if_there_is_one(record):
    table = gather(record(name, 100, seed, error) for name, error in (("a", 0.1), ("b", 0.2)) for seed in (0, 1))
    assert runner_up(table, ["a", "b"], 100).value == pytest.approx(2)
    assert runner_up(table, ["a"], 100) is None
    assert runner_up(table, ["a", "b"], 999) is None


def test_the_budget_is_checked_at_the_largest_shard_seed_by_seed(record):
    runs = [(100, 1, 0, 0.5), (200, 1, 0, 0.4), (200, 1, 1, 0.3), (200, 2, 0, 0.2), (200, 2, 1, 0.15), (200, 2, 2, 9.0)]
    table = gather(record("net", N, seed, error, size=8, budget_scale=scale) for N, scale, seed, error in runs)
    check = budget_check(table, "net")
    assert (check.value, check.pairs) == (pytest.approx(0.5), 2)
    assert budget_check(table[table.budget_scale == 1], "net") is None


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
