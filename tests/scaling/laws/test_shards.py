"""Shards: means, and a covariance that simulation confirms: seeds, a shared pool, a shared test set."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from scaling.laws import CurveError, Shards, item_covariance, shards
from scaling.laws.shards import SHARED

N = np.array([100.0, 300.0, 1000.0, 3000.0, 10000.0])
ERROR = 2 * N**-0.3


def runs(seed=0, seeds=3, sd=0.05, n=N, error=ERROR):
    """Seeds with a standard deviation of log error `sd` at each N, mean 1 relative to `error`."""
    scale = np.broadcast_to(sd, n.shape)[:, None]
    noise = scale * np.random.default_rng(seed).normal(size=(len(n), seeds)) - scale**2 / 2
    return np.repeat(n, seeds), (error[:, None] * np.exp(noise)).ravel()


# Means


@given(st.lists(st.tuples(st.sampled_from([10, 20, 50, 90]), st.floats(0.01, 10)), min_size=1, max_size=20))
def test_a_shard_is_the_mean_of_its_runs(rows):
    n, error = zip(*rows, strict=True)
    measured = shards(n, error)
    assert tuple(sorted(set(n))) == measured.N
    means = [np.mean([e for size, e in rows if size == N]) for N in measured.N]
    assert measured.error == pytest.approx(means, rel=1e-12)


@given(st.permutations(range(15)))
@settings(max_examples=30)
def test_the_order_of_the_rows_changes_rounding_at_most(order):
    n, error = runs()
    one, other = shards(n, error), shards(n[order], error[order])
    assert other.N == one.N
    assert other.error == pytest.approx(one.error, rel=1e-14)
    assert np.array(other.covariance) == pytest.approx(np.array(one.covariance), rel=1e-9)


def test_a_run_without_error_counts_where_another_has_some():
    assert shards([1, 1, 2], [0.0, 0.2, 0.1]).error == (0.1, 0.1)


def test_single_runs_tell_no_spread():
    measured = shards(N, ERROR)
    assert measured.spread is None
    assert not np.any(measured.covariance)


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_equal_seeds_tell_no_spread(seeds):
    """Their mean may differ from them by rounding."""
    for error in (ERROR, ERROR / 3, ERROR / 7):
        assert shards(np.repeat(N, seeds), np.repeat(error, seeds)).spread is None


def test_shards_survive_json_exactly():
    measured = shards(*runs(), test=np.eye(5) * 0.01)
    assert Shards.model_validate_json(measured.model_dump_json()) == measured


# The spread of the seeds


def relative_variances(n, error):
    """s² of each shard, relative to its mean, and its degrees of freedom."""
    each = [error[n == size] for size in np.unique(n)]
    return np.array([np.var(e, ddof=1) / e.mean() ** 2 for e in each]), np.array([len(e) - 1 for e in each])


@pytest.mark.parametrize("seeds", [2, 5])
@pytest.mark.parametrize("sd", [(0.05, 0.05), (0.2, 0.01), (0.01, 0.1)])
def test_the_smoothed_variance_is_most_likely(sd, seeds):
    """Likelihood of a gamma variable of mean v: df/2·(log v + s²/v), up to a constant."""
    for seed in range(10):
        n, error = runs(seed, seeds, np.geomspace(*sd, 5))
        s2, df = relative_variances(n, error)
        spread = shards(n, error).spread
        assert spread.df == df.sum()
        x = np.log(N / spread.N0)

        def loss(at, s2=s2, df=df, x=x):
            log_v = at[0] + at[1] * x
            return df / 2 @ (log_v + s2 * np.exp(-log_v))

        found = optimize.minimize(loss, [np.log(s2.mean()), 0], method="Nelder-Mead", tol=1e-12)
        assert [spread.level, spread.slope] == pytest.approx(found.x, abs=1e-5)


def test_a_wide_fall_of_two_seeds_is_fitted_to_the_end():
    """Scoring by full steps goes to and fro here."""
    sizes = np.geomspace(100, 1e5, 9)
    error = 0.2 + (sizes / 3000) ** -0.3
    noise = np.geomspace(0.2, 0.01, 9)[:, None] * np.random.default_rng(25).normal(size=(9, 2))
    spread = shards(np.repeat(sizes, 2), (error[:, None] * np.exp(noise)).ravel()).spread
    s2, _ = relative_variances(np.repeat(sizes, 2), (error[:, None] * np.exp(noise)).ravel())
    score = s2 / spread.variance(sizes) - 1
    assert [score.sum(), score @ np.log(sizes)] == pytest.approx([0, 0], abs=1e-6)


@pytest.mark.parametrize("sd", [(0.05, 0.05), (0.2, 0.01), (0.01, 0.1)])
def test_a_log_linear_variance_is_recovered_on_average(sd):
    spreads = [shards(*runs(seed, 4, np.geomspace(*sd, 5))).spread for seed in range(400)]
    slopes = np.array([spread.slope for spread in spreads])
    truth = 2 * np.log(sd[1] / sd[0]) / np.log(N[-1] / N[0])
    assert slopes.mean() == pytest.approx(truth, abs=4 * slopes.std() / 20)
    # Its logarithm lies a little below, as that of an average of 15 squares does.
    levels = np.array([spread.level for spread in spreads])
    middle = np.log(sd[0] * sd[1])
    assert middle - 2 / 15 - 4 * levels.std() / 20 < levels.mean() < middle + 4 * levels.std() / 20
    told = np.array(spreads[0].errors[:2])
    assert [levels.var(), slopes.var()] == pytest.approx(told, rel=0.4)


def test_two_shards_with_seeds_tell_a_constant_variance():
    n, error = [1, 1, 2, 2, 2, 3], [0.9, 1.1, 0.4, 0.5, 0.6, 0.3]
    spread = shards(n, error).spread
    assert spread.slope == 0
    assert spread.df == 3
    assert spread.variance(7) == pytest.approx((1 * 0.02 + 2 * 0.04) / 3)


def test_a_mean_of_independent_seeds_varies_as_one_over_their_number():
    n, error = runs()
    keep = np.r_[0, 3, 4, 6:15]  # one seed at the first N, two at the second
    measured = shards(n[keep], error[keep])
    assert np.array(measured.covariance) == pytest.approx(
        np.diag(measured.spread.expected_variance(N) / np.array([1, 2, 3, 3, 3]))
    )


def test_all_seeds_equal_but_at_one_end_say_nothing_absurd_of_the_others():
    n, error = np.repeat(N, 2), np.repeat(ERROR, 2)
    error[-1] *= 1.1
    variance = shards(n, error).spread.variance(N)
    assert variance.max() < 0.1
    assert variance.min() > 1e-8


@pytest.mark.parametrize("at", [0, 2, 4])
@pytest.mark.parametrize("pool", [None, 2e4])
def test_the_variance_of_a_prediction_holds_a_run_as_often_as_it_says(at, pool):
    """With a pool the largest shard says nothing, and its variance is extrapolated."""
    sd = np.geomspace(0.1, 0.02, 5)
    spreads = [shards(*runs(seed, 3, sd), pool=pool).spread for seed in range(300)]
    half = stats.norm.ppf(0.975) * np.sqrt([spread.prediction_variance(N[at], 0.95) for spread in spreads])
    assert np.mean(1 - 2 * stats.norm.sf(half / sd[at])) == pytest.approx(0.95, abs=0.025)


def test_more_than_a_decade_beyond_the_shards_the_variance_stays():
    spread = shards(*runs(sd=np.geomspace(0.2, 0.01, 5))).spread
    assert spread.variance([0.1, 1e9]) == pytest.approx(spread.variance([10, 1e5]))
    assert spread.variance(1e5) < spread.variance(1e4) < spread.variance(100) < spread.variance(10)
    assert spread.prediction_variance(1e9, 0.95) == pytest.approx(spread.prediction_variance(1e5, 0.95))


def test_the_less_is_known_of_a_variance_the_more_is_granted():
    few, many = (shards(*runs(seeds=seeds, sd=np.full(5, 0.05))).spread for seeds in (2, 20))
    for spread, most in ((few, 3), (many, 1.2)):
        asked = [spread.prediction_variance(n, 0.95) / spread.variance(n) for n in (1000, 1e4, 1e5)]
        assert asked == sorted(asked)
        assert 1 < asked[0] < most
        assert 1 < spread.expected_variance(1000) / spread.variance(1000) < asked[0]


# A finite pool


def draws(rng, pool, n, seeds, times):
    """Means (times, seeds) of n examples drawn without putting back, from pools (times, P) of one study each."""
    order = np.argsort(rng.random((times, seeds, pool.shape[1])), axis=-1)[..., :n]
    return np.take_along_axis(pool[:, None, :], order, axis=-1).mean(-1)


def test_seeds_of_one_pool_vary_together_as_its_examples_do():
    """Errors that depend on their examples as a mean does, drawn from 100: the formula is exact."""
    rng = np.random.default_rng(0)
    pool = rng.normal(size=(20_000, 100))
    small, large = draws(rng, pool, 10, 3, 20_000), draws(rng, pool, 40, 2, 20_000)
    found = np.cov(small.mean(1), large.mean(1))
    # The variance of a run is that of a mean of independent examples.
    each = np.sqrt([1 / 10, 1 / 40])
    correlation = np.array([[1 / 3 + 2 / 3 * 0.1, np.sqrt(10 * 40) / 100], [0, 1 / 2 + 1 / 2 * 0.4]])
    correlation[1, 0] = correlation[0, 1]
    assert found == pytest.approx(correlation * np.outer(each, each), rel=0.04)


def test_a_pool_gives_every_two_shards_that_covariance():
    n, error = runs()
    measured = shards(n, error, pool=1e5)
    sd = np.sqrt(measured.spread.expected_variance(N))
    share = N / 1e5
    expected = np.sqrt(np.outer(share, share)) * np.outer(sd, sd)
    np.fill_diagonal(expected, sd**2 * (1 / 3 + 2 / 3 * share))
    assert np.array(measured.covariance) == pytest.approx(expected, rel=1e-12)
    assert (np.linalg.eigvalsh(measured.covariance) > 0).all()


def test_an_endless_pool_is_none():
    n, error = runs()
    assert np.array(shards(n, error, pool=1e15).covariance) == pytest.approx(
        np.array(shards(n, error).covariance), rel=1e-9, abs=1e-12
    )


def test_seeds_of_one_pool_spread_less_than_their_variance():
    """Correlated by N/P, their own variance shows but 1 − N/P of it: the spread told is that of independent runs."""
    rng = np.random.default_rng(1)
    sizes, P, told = (5, 10, 15, 20), 100, []
    for _ in range(300):
        pool = rng.normal(size=(1, P))
        error = np.concatenate([1 + 0.1 * draws(rng, pool, n, 5, 1)[0] for n in sizes])
        told.append(shards(np.repeat(sizes, 5), error, pool=P).spread.variance(20))
    assert np.mean(told) == pytest.approx(0.01 / 20, rel=0.1)


def test_shards_that_share_the_pool_say_nothing_of_their_variance():
    n, error = runs(seeds=4)
    pool = 4 * N[-1]  # the largest shard is more than a fifth of it
    quiet, loud = error.copy(), error.copy()
    quiet[-4:] = ERROR[-1]
    loud[-4:] = ERROR[-1] * np.array([0.5, 1.5, 0.7, 1.3])
    one, other = (shards(n, e, pool=pool) for e in (quiet, loud))
    assert one.spread == other.spread
    assert one.spread.df == 12
    assert one.covariance == other.covariance
    # What is extrapolated is granted more.
    assert one.covariance[-1][-1] > one.spread.variance(N[-1]) * (1 / 4 + 3 / 4 / 4)


def test_a_fifth_of_the_pool_is_still_independent():
    n, error = runs()
    assert shards(n, error, pool=SHARED * N[-1]).spread.df == 10
    assert shards(n, error, pool=SHARED * N[-1] - 1).spread.df == 8


def test_seeds_that_all_took_the_whole_pool_are_one_run():
    n, error = runs()
    measured = shards(n, error, pool=N[-1])
    assert measured.covariance[-1][-1] == pytest.approx(measured.spread.prediction_variance(N[-1], 0.95), rel=1e-9)


# A shared test set


def test_the_items_covariance_is_that_of_a_joint_bootstrap():
    rng = np.random.default_rng(0)
    hard = rng.gamma(0.5, size=200)
    losses = [
        a * hard * rng.gamma(2, 0.5, size=(runs, 200)) + b for a, b, runs in ((1, 0, 3), (0.5, 0.1, 2), (0.2, 0.2, 1))
    ]
    drawn = rng.integers(200, size=(8000, 200))
    means = np.log([loss.mean(0)[drawn].mean(1) for loss in losses])
    found, told = np.cov(means), item_covariance(losses)
    assert told == pytest.approx(found, rel=0.08)
    correlation = told[0, 1] / np.sqrt(told[0, 0] * told[1, 1])
    assert correlation > 0.5


def test_items_that_hold_more_than_one_thing_vary_by_the_ratio_of_their_sums():
    rng = np.random.default_rng(0)
    tokens = rng.integers(1, 60, size=200)
    hard = rng.gamma(8, 0.25, size=200)
    sums = [a * tokens * hard * rng.gamma(20, 0.05, size=(runs, 200)) for a, runs in ((1, 3), (0.5, 2))]
    drawn = rng.integers(200, size=(8000, 200))
    means = np.log([loss.mean(0)[drawn].sum(1) / tokens[drawn].sum(1) for loss in sums])
    share = len(tokens) / tokens.sum()
    told = item_covariance([share * loss for loss in sums], tokens * share)
    assert told == pytest.approx(np.cov(means), rel=0.08)
    assert told[0, 0] < item_covariance(sums)[0, 0] / 2, "without the lengths of the items"


def test_independent_test_sets_would_leave_shards_uncorrelated():
    rng = np.random.default_rng(0)
    told = item_covariance([rng.random((2, 10_000)), rng.random((3, 10_000))])
    assert told[0, 1] / np.sqrt(told[0, 0] * told[1, 1]) == pytest.approx(0, abs=0.05)


def test_errors_that_are_right_or_wrong_vary_binomially():
    wrong = np.zeros((1, 400), bool)
    wrong[0, :40] = True
    assert item_covariance([wrong])[0, 0] == pytest.approx(0.9 / (399 * 0.1))


@given(st.floats(1e-3, 1e3))
def test_the_unit_of_the_losses_changes_nothing(unit):
    losses = [np.random.default_rng(i).random((2, 30)) for i in range(3)]
    assert item_covariance([loss * unit for loss in losses]) == pytest.approx(item_covariance(losses), rel=1e-9)


def test_the_test_sets_covariance_joins_that_of_the_seeds():
    n, error = runs()
    test = 0.01 * np.ones((5, 5)) + np.eye(5)
    alone, both = np.array(shards(n, error).covariance), np.array(shards(n, error, test=test).covariance)
    assert both == pytest.approx(alone + test, rel=1e-12)


# Parts


def test_between_and_without_keep_the_covariance_of_what_is_left():
    test = np.cov(np.random.default_rng(0).normal(size=(5, 50)))
    measured = shards(*runs(), pool=1e5, test=test)
    whole = np.array(measured.covariance)
    part = measured.between(1, 4)
    assert (part.N, part.error) == (measured.N[1:4], measured.error[1:4])
    assert np.array_equal(part.covariance, whole[1:4, 1:4])
    assert measured.N[2:] == measured.between(2).N
    for index in range(5):
        rest, others = measured.without(index), np.delete(np.arange(5), index)
        assert len(rest) == 4
        assert (rest.N, rest.error) == (tuple(N[others]), tuple(np.array(measured.error)[others]))
        assert np.array_equal(rest.covariance, whole[np.ix_(others, others)])
        assert rest.spread == part.spread == measured.spread


# Bad input


@pytest.mark.parametrize(
    ("n", "error", "message"),
    [
        ([1, 2, 3], [1, 2], r"N has shape \(3,\) and error \(2,\), expected \(runs,\) twice"),
        ([[1, 2]], [[1, 2]], r"N has shape \(1, 2\)"),
        ([], [], r"N has shape \(0,\)"),
        (1, 2, r"N has shape \(\)"),
        ([1, 0], [1, 1], r"N\[1\] = 0.0, expected a positive"),
        ([1, 2, 3], [1, np.nan, 1], r"error\[1\] = nan, expected"),
        ([1, 2, 3], [1, 1, -0.1], r"error\[2\] = -0.1, expected.*Leave the run out, and say so"),
        ([1, np.inf, 3], [1, 1, 1], r"N\[1\] = inf"),
        ([10, 20, 20], [0.1, 0, 0], r"mean error at N = 20 is 0, expected a positive number.*Test on more items"),
    ],
)
def test_what_is_no_curve_is_explained(n, error, message):
    with pytest.raises(CurveError, match=message):
        shards(n, error)


@pytest.mark.parametrize(
    ("test", "message"),
    [
        (np.eye(4), r"test has shape \(4, 4\), expected \(5, 5\)"),
        (np.ones(5), r"test has shape \(5,\)"),
        (np.full((5, 5), np.nan), "no covariance: expected finite"),
        (np.triu(np.ones((5, 5))), "no covariance: expected .* same above the diagonal as below"),
        (-np.eye(5), "no covariance: its least eigenvalue is -1"),
    ],
)
def test_what_is_no_covariance_of_the_shards_is_explained(test, message):
    with pytest.raises(CurveError, match=message):
        shards(N, ERROR, test=test)


@pytest.mark.parametrize("pool", [0, -1, np.nan, 5000])
def test_a_pool_holds_the_largest_shard(pool):
    with pytest.raises(CurveError, match=r"pool = .*expected"):
        shards(*runs(), pool=pool)


@pytest.mark.parametrize(
    "losses",
    [
        [np.zeros((2, 10)), np.ones((2, 10))],
        [np.ones((2, 1))],
        [np.ones((2, 10)), np.ones((2, 9))],
        [np.ones(10)],
        [],
    ],
    ids=["no loss", "one item", "other items", "no runs", "none"],
)
def test_losses_without_a_covariance_are_explained(losses):
    with pytest.raises(CurveError, match="expected"):
        item_covariance(losses)
