"""Exponents: differences known in advance, how often each verdict comes out, and why an F-test does not do."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from scaling.laws import Estimate, Law, fit_law
from scaling.laws.exponents import (
    ExponentDifference,
    SlopeDifference,
    common_slope_test,
    exponent_difference,
    paired_runs,
    paired_slope_difference,
    slope_difference,
    slope_of,
)
from scaling.laws.lines import Slope
from scaling.laws.shards import CurveError, TooFewShards

SHARDS = np.geomspace(100, 100 * 10**2.5, 8)  # 2.5 decades
SEEDS = 3
N = np.repeat(SHARDS, SEEDS)
REPETITIONS = 200


def pairs(rng, delta=0.0, seed_sd=0.02, misfit=0.0, seeds=SEEDS):
    """N and the errors of two families whose slopes differ by delta, on shards with luck that both share."""
    sizes = np.repeat(SHARDS, seeds)
    luck = np.exp(0.3 * rng.normal(size=len(sizes)))
    misses = np.repeat(misfit * rng.normal(size=len(SHARDS)), seeds)
    seed_sd = np.repeat(np.broadcast_to(seed_sd, len(SHARDS)), seeds)
    ratio = sizes**delta * np.exp(misses + seed_sd * rng.normal(size=len(sizes)))
    return sizes, 0.3 * sizes**-0.3 * luck * ratio, sizes**-0.3 * luck


def campaign(delta=0.0, **design):
    rng = np.random.default_rng(0)
    return [paired_slope_difference(*pairs(rng, delta, **design)) for _ in range(REPETITIONS)]


def share(found, verdict):
    return np.mean([difference.verdict == verdict for difference in found])


def two_curves(rng, delta, noise):
    """Two curves of one seed, each with its own noise."""
    return [(SHARDS, SHARDS ** (-0.3 - d) * np.exp(noise * rng.normal(size=len(SHARDS)))) for d in (0, delta)]


# Paired


def test_a_difference_without_noise_is_found_exactly():
    difference = paired_slope_difference(SHARDS, 3 * SHARDS**-0.35, SHARDS**-0.3)
    assert difference.value == pytest.approx(-0.05, abs=1e-12)
    assert difference.high - difference.low < 1e-8
    assert difference.verdict == "different"
    assert paired_slope_difference(SHARDS, 3 * SHARDS**-0.31, SHARDS**-0.3).verdict == "equal within the margin"


def test_luck_that_both_families_share_cancels():
    rng = np.random.default_rng(0)
    sizes, first, second = pairs(rng, 0.05)
    luck = np.exp(rng.normal(size=len(sizes)))
    with_luck, without = (
        paired_slope_difference(sizes, first * luck, second * luck),
        paired_slope_difference(sizes, first, second),
    )
    assert with_luck.value == pytest.approx(without.value, rel=1e-9)
    assert with_luck.standard_error == pytest.approx(without.standard_error, rel=1e-6)


def test_without_seeds_it_is_the_ordinary_regression_of_the_log_ratio():
    _, first, second = pairs(np.random.default_rng(1), 0.05, misfit=0.1, seeds=1)
    difference = paired_slope_difference(SHARDS, first, second)
    judge = stats.linregress(np.log(SHARDS), np.log(first / second))
    assert (difference.value, difference.standard_error) == pytest.approx((judge.slope, judge.stderr))
    assert difference.df == len(SHARDS) - 2


@pytest.mark.parametrize("seed", range(5))
def test_the_verdict_is_that_of_the_interval_and_of_the_p_values(seed):
    rng = np.random.default_rng(seed)
    for delta in (0, 0.01, 0.02, 0.03, 0.06):
        difference = paired_slope_difference(*pairs(rng, delta, misfit=0.02))
        equal = difference.inner_low >= -0.02 and difference.inner_high <= 0.02
        assert (difference.verdict == "equal within the margin") == equal == (difference.p_equal <= 0.05)
        assert (difference.verdict == "different") == (difference.p_different <= 0.05)
        if difference.verdict == "different":
            assert difference.inner_low > 0.02 or difference.inner_high < -0.02
        assert difference.low < difference.inner_low < difference.value < difference.inner_high < difference.high


positive = st.floats(0.01, 100)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), positive, positive, st.randoms(use_true_random=False))
def test_units_order_and_direction_change_what_they_should(seed, factor, scale, shuffle):
    sizes, first, second = pairs(np.random.default_rng(seed), 0.03, misfit=0.02)
    plain = paired_slope_difference(sizes, first, second).model_dump()
    order = list(range(len(sizes)))
    shuffle.shuffle(order)
    other = paired_slope_difference(sizes[order] * scale, first[order] * factor, second[order]).model_dump()
    numbers = [name for name, value in plain.items() if isinstance(value, float)]
    assert [other[name] for name in numbers] == pytest.approx([plain[name] for name in numbers], rel=1e-5, abs=1e-9)
    back = paired_slope_difference(sizes, second, first)
    assert (back.value, back.low, back.high) == pytest.approx((-plain["value"], -plain["high"], -plain["low"]))
    assert (back.p_equal, back.p_different) == pytest.approx((plain["p_equal"], plain["p_different"]), rel=1e-5)


@pytest.mark.parametrize(
    ("seed_sd", "misfit"),
    [(0.05, 0.0), (0.02, 0.02), (np.geomspace(0.2, 0.01, 8), 0.0), (np.geomspace(0.01, 0.1, 8), 0.01)],
    ids=["seeds", "misfit", "seeds that settle", "seeds that part"],
)
def test_its_intervals_cover_the_truth(seed_sd, misfit):
    found = campaign(0.03, seed_sd=seed_sd, misfit=misfit)
    assert np.mean([difference.low <= 0.03 <= difference.high for difference in found]) >= 0.9


def test_equality_is_supported_where_it_holds_and_hardly_ever_at_the_margin():
    # Each of two curves 2 % off: their difference is so by the root of two.
    noise = {"seeds": 1, "seed_sd": 0.02 * np.sqrt(2)}
    assert share(campaign(0.0, **noise), "equal within the margin") > 0.75
    for margin in (0.02, -0.02):
        found = campaign(margin, **noise)
        assert share(found, "equal within the margin") < 0.1  # 5 %, and what 200 repetitions allow
        assert share(found, "different") < 0.1
    assert share(campaign(0.08, **noise), "different") > 0.95


def test_noise_leaves_it_open_whatever_an_f_test_does_not_find():
    rng = np.random.default_rng(0)
    found = campaign(0.0, seeds=1, seed_sd=0.2)
    assert share(found, "open") > 0.95
    kept = [common_slope_test(two_curves(rng, 0.05, 0.2)).p > 0.05 for _ in range(REPETITIONS)]
    assert np.mean(kept) > 0.8, "a common slope is not rejected, though the slopes differ by more than the margin"


def test_an_f_test_rejects_differences_that_do_not_matter():
    rng = np.random.default_rng(0)
    rejected = np.mean([common_slope_test(two_curves(rng, 0.01, 0.02)).p < 0.05 for _ in range(REPETITIONS)])
    assert 0.2 < rejected < 0.55
    right = np.mean([common_slope_test(two_curves(rng, 0.0, 0.02)).p < 0.05 for _ in range(REPETITIONS)])
    assert right < 0.1


def test_large_standard_errors_keep_the_size_of_the_test():
    """With a standard error far beyond the margin, either sign may mislead: together they may in 5 % of cases."""
    rng = np.random.default_rng(0)
    wide = [Slope(value=0.02 + 0.1 * rng.normal(), standard_error=0.1, df=1e6) for _ in range(2_000)]
    found = [SlopeDifference.of(slope, paired=True, margin=0.02, level=0.95, alpha=0.05) for slope in wide]
    assert share(found, "different") < 0.065


def test_seeds_that_saw_the_same_data_do_not_mislead():
    """The seeds of the largest shards agree on what is luck of the pool."""
    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(100):
        sizes, first, second = pairs(rng, seed_sd=0.1)
        for shard in SHARDS[SHARDS[-1] / 5 < SHARDS]:
            seeds = sizes == shard
            first[seeds] = 0.3 * second[seeds] * np.exp(0.1 * rng.normal() + 0.001 * rng.normal(size=SEEDS))
        difference = paired_slope_difference(sizes, first, second, pool=SHARDS[-1])
        wrong += difference.low > 0 or difference.high < 0
    assert wrong <= 10


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"first": np.ones(3)}, r"first has shape \(3,\) and N \(24,\)"),
        (
            {"second": np.r_[0.0, np.ones(23)]},
            r"second\[0\] = 0\.0, expected a positive, finite error.*Leave the pair out",
        ),
        ({"first": np.r_[np.nan, np.ones(23)]}, r"first\[0\] = nan"),
        ({"margin": 0.0}, r"margin = 0\.0, expected a positive difference of slopes"),
        ({"alpha": 0.5}, r"alpha = 0\.5, expected a probability between 0 and 0\.5"),
        ({"level": 1.0}, r"level = 1\.0, expected a probability between 0 and 1"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_advice(change, message):
    with pytest.raises(ValueError, match=message):
        paired_slope_difference(**{"N": N, "first": np.ones(24), "second": np.ones(24)} | change)


def test_two_shards_are_too_few():
    with pytest.raises(TooFewShards, match=r"2 shards, expected at least 3 that both saw\. Measure more"):
        paired_slope_difference(N[:6], np.ones(6), np.ones(6))


def test_runs_are_paired_by_shard_and_seed():
    first = pd.DataFrame({"N": [10, 10, 20, 20], "seed": [0, 1, 0, 1], "error": [0.1, 0.2, 0.3, 0.0]})
    second = pd.DataFrame({"N": [20, 20, 10, 30], "seed": [1, 0, 1, 0], "error": [0.5, 0.6, 0.4, 0.7]})
    assert paired_runs(first, second).to_dict("list") == {
        "N": [10, 20],
        "seed": [1, 0],
        "first": [0.2, 0.3],
        "second": [0.4, 0.6],
    }


# Unpaired


def test_two_slopes_are_compared_as_welch_compares_two_means():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.1, 0.02, 9), rng.normal(0.05, 0.05, 5)
    means = [Slope(value=x.mean(), standard_error=x.std(ddof=1) / np.sqrt(len(x)), df=len(x) - 1) for x in (a, b)]
    difference, judge = slope_difference(*means), stats.ttest_ind(a, b, equal_var=False)
    assert difference.df == pytest.approx(judge.df)
    assert (difference.low, difference.high) == pytest.approx(tuple(judge.confidence_interval(0.95)))
    assert not difference.paired


def test_a_law_of_single_runs_has_the_standard_error_of_the_regression():
    error = np.exp(0.1 * np.random.default_rng(0).normal(size=8)) * SHARDS**-0.3
    judge = stats.linregress(np.log(SHARDS), np.log(error))
    slope = slope_of(fit_law(SHARDS, error))
    assert (slope.value, slope.standard_error, slope.df) == pytest.approx((judge.slope, judge.stderr, 6))


# The F-test beside it


def test_the_f_test_is_that_of_nested_regressions():
    curves = two_curves(np.random.default_rng(0), 0.02, 0.05) + two_curves(np.random.default_rng(1), 0.05, 0.05)
    x = np.concatenate([np.log(N) for N, _ in curves])
    y = np.concatenate([np.log(error) for _, error in curves])
    group = np.repeat(np.eye(4), 8, axis=0)
    rss = [
        np.linalg.lstsq(design, y, rcond=None)[1][0]
        for design in (np.column_stack([group, x]), np.column_stack([group, group * x[:, None]]))
    ]
    F = (rss[0] - rss[1]) / 3 / (rss[1] / 24)
    test = common_slope_test(curves)
    assert test.df == (3, 24)
    assert (test.F, test.p) == pytest.approx((F, stats.f.sf(F, 3, 24)))
    assert test.slope == pytest.approx(np.linalg.lstsq(np.column_stack([group, x]), y, rcond=None)[0][-1])


def test_exact_curves_of_one_slope_are_not_rejected():
    assert common_slope_test([(SHARDS, SHARDS**-0.3), (SHARDS, 3 * SHARDS**-0.3)]).p > 0.05
    assert common_slope_test([(SHARDS, SHARDS**-0.3), (SHARDS, 3 * SHARDS**-0.4)]).p < 1e-9


def test_the_f_test_needs_two_curves_of_three_shards():
    with pytest.raises(CurveError, match="1 curve, expected at least two"):
        common_slope_test([(SHARDS, SHARDS**-0.3)])
    with pytest.raises(TooFewShards, match="a curve of 2 shards"):
        common_slope_test([(SHARDS, SHARDS**-0.3), (SHARDS[:2], SHARDS[:2])])


@pytest.fixture
def law_of():
    """A law with this exponent and interval; nothing else of it is read."""

    def make(value, low, high):
        beta = Estimate(value=value, low=low, high=high, identified=False)
        return Law.model_construct(beta=beta)

    return make


def test_bounds_of_a_difference_of_exponents_are_recovered_from_those_of_either(law_of):
    found = exponent_difference(law_of(-0.4, -0.7, -0.36), law_of(-0.2, -0.23, -0.16))
    assert found.value == pytest.approx(-0.2)
    assert found.low == pytest.approx(-0.2 - np.hypot(0.3, 0.04))
    assert found.high == pytest.approx(-0.2 + np.hypot(0.04, 0.03))


def test_a_bound_that_is_open_leaves_one_of_the_difference_open(law_of):
    found = exponent_difference(law_of(-0.4, None, -0.3), law_of(-0.2, -0.3, -0.1))
    assert found.low is None
    assert found.high is not None


@pytest.mark.parametrize(
    ("exponents", "way"),
    [
        ((-0.2, -0.3, -0.1), "same way"),
        ((-0.2, None, -0.1), "same way"),
        ((0.2, 0.1, None), "other way"),
        ((-0.2, -0.3, 0.0), "not known"),
        ((-0.2, -0.3, None), "not known"),
    ],
)
def test_exponents_differ_as_slopes_do_the_other_way_or_nobody_knows(exponents, way):
    slopes = slope_difference(*(Slope(value=value, standard_error=0.01, df=5) for value in (-0.5, -0.3)))
    assert ExponentDifference(*exponents).beside(slopes) == way
