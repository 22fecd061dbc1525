"""D2 and D5: priors that help or don't, and data that overtake them or don't."""

import numpy as np
import pandas as pd
import pytest

from scaling.claims import Evidence
from scaling.claims.dzekman import DataBeatsPrior, InformedPrior, RecurrenceKeepsUp
from scaling.comparisons import Ratio, crossing
from scaling.curves import fit_curve, gather

PRIOR = InformedPrior(domain="spiral", informed="polar", plain="raw", N=1_000, region="tip", ratio=0.8)
DATA = DataBeatsPrior(domain="spiral", neighbours="knn", crafted="polar", ratio=1.5)

# D2


@pytest.fixture(scope="module")
def priors(record, evidence):
    """Two families whose errors have these ratios, with some spread from seed to seed."""

    def make(overall, tip, seeds=5, spread=0.1):
        rng = np.random.default_rng(0)
        found = []
        for seed in range(seeds):
            noise = np.exp(spread * rng.normal(size=2))
            found.append(record("polar", 1_000, seed, 0.1 * overall * noise[0], size=8, tip=0.2 * tip * noise[1]))
            found.append(record("raw", 1_000, seed, 0.1, size=8, tip=0.2))
        return evidence(*found)

    return make


@pytest.mark.parametrize(
    ("overall", "tip", "expected"),
    [
        (0.4, 0.5, "supported"),
        (0.4, 0.9, "undecided"),
        (0.75, 0.4, "undecided"),
        (0.4, 1.5, "contradicted"),
        (1.5, 0.4, "contradicted"),
        (1.05, 0.4, "undecided"),
    ],
)
def test_the_prior_must_help_beyond_doubt_both_overall_and_in_the_region(priors, verdict, overall, tip, expected):
    assert verdict(PRIOR, priors(overall, tip)) == expected


def test_one_seed_settles_nothing_about_the_prior(priors, verdict):
    assert verdict(PRIOR, priors(0.1, 0.1, seeds=1)) == "undecided"


def test_the_prior_is_compared_in_pairs_of_seeds(priors, value):
    found = priors(0.4, 0.5)
    assert value(PRIOR, found, "seeds") == 5
    assert value(PRIOR, found, "overall") == pytest.approx(0.4, rel=0.2)


def test_families_that_never_err_leave_the_prior_undecided(record, evidence):
    outcome = PRIOR.test(evidence(*(record(name, 1_000, 0, 0.0, size=8, tip=0.0) for name in ("polar", "raw"))))
    assert (outcome.verdict, outcome.numbers) == ("undecided", {})


# D5

TOP = 30_000
"""Where k-NN (slope -.5) and the network (slope -.25, three times better at N = 100) differ by a third."""
CROSSING = 100 * 3**4


@pytest.fixture(scope="module")
def crossing_families(records, evidence, power, sizes):
    """k-NN overtakes the small network at CROSSING; the larger one errs `larger` times as often as the small."""
    shards = [N for N in sizes if N <= TOP]
    small = power(-0.25, 0.1)

    def make(larger=0.95, limited=False):
        gain = 0.9 if limited else 1.0
        return evidence(
            *records("knn", power(-0.5), shards),
            *records("polar", small, shards, size=8),
            *records("polar", lambda N: larger * small(N), shards, size=64),
            *records("polar", lambda N: gain * small(N), [TOP], size=8, budget_scale=2),
            *records("polar", lambda N: gain * larger * small(N), [TOP], size=64, budget_scale=2),
        )

    return make


def test_crossings_in_range_and_small_differences_support_data_over_priors(crossing_families, verdict, value):
    found = crossing_families()
    assert verdict(DATA, found) == "supported"
    assert value(DATA, found, "top") == TOP
    assert value(DATA, found, "frozen-crossing") == pytest.approx(CROSSING)
    assert value(DATA, found, "scaled-crossing") == pytest.approx(CROSSING / 0.95**4)
    assert value(DATA, found, "spread") == pytest.approx(0.95 * 300**0.25 / 3)


def test_a_crossing_whose_interval_leaves_the_range_is_not_bracketed():
    steady = {100: Ratio(2.0, 1.9, 2.1, 5), 1_000: Ratio(0.9, 0.8, 1.1, 5)}
    at = crossing(steady)
    assert at.high is None
    assert not at.bracketed
    assert crossing(steady | {10_000: Ratio(0.5, 0.4, 0.6, 5)}).bracketed


def test_the_frozen_network_is_the_smallest_even_where_the_larger_is_chosen(crossing_families, value):
    assert value(DATA, crossing_families(larger=0.5), "frozen-crossing") == pytest.approx(CROSSING)


def test_a_network_that_diverged_at_the_largest_shard_leaves_data_and_priors_undecided(
    record, records, evidence, power
):
    found = evidence(
        *records("knn", power(-0.5), [100, 300]),
        *records("polar", power(-0.25), [100], size=8),
        record("polar", 300, 0, None, size=8),
    )
    assert DATA.test(found).verdict == "undecided"


def test_a_network_that_stays_ahead_as_it_grows_leaves_it_undecided(crossing_families, verdict):
    found = crossing_families(larger=0.5)
    assert verdict(DATA, found) == "undecided"
    assert "scaled-crossing" not in DATA.test(found).numbers


def test_a_network_that_stays_ahead_at_every_size_contradicts(records, evidence, verdict, power, sizes):
    shards = [N for N in sizes if N <= TOP]
    found = evidence(*records("knn", power(-0.25), shards), *records("polar", power(-0.25, 0.1), shards, size=8))
    assert verdict(DATA, found) == "contradicted"


def test_a_network_ahead_within_doubt_leaves_it_undecided(record, records, evidence, verdict, power, sizes):
    shards = [N for N in sizes if N <= TOP]
    doubtful = [record("knn", N, s, power(-0.25, 0.11)(N) * f) for N in shards for s, f in enumerate((0.5, 1, 2))]
    found = evidence(*doubtful, *records("polar", power(-0.25, 0.1), shards, size=8))
    assert verdict(DATA, found) == "undecided"


def test_a_third_family_far_behind_leaves_it_undecided(records, crossing_families, verdict, power):
    found = crossing_families()
    far = records("raw", power(-0.1), found.tables["spiral"].N.unique(), size=8)
    table, curves = gather(far), (*found.curves, fit_curve(gather(far), "raw"))
    wider = Evidence({"spiral": pd.concat([found.tables["spiral"], table], ignore_index=True)}, curves, found.neural)
    assert verdict(DATA, wider) == "undecided"


def test_a_network_limited_by_compute_may_not_speak_about_data_and_priors(crossing_families, verdict):
    found = crossing_families(limited=True)
    assert verdict(DATA, found) == "undecided"
    assert "limited by compute" in DATA.test(found).reason


def test_a_contradiction_by_a_network_limited_by_compute_is_none(records, curve, evidence, verdict, power, sizes):
    shards = sizes[:6]
    network = curve(power(-0.25, 0.1), "polar", "spiral", sizes=shards, limited=True)
    assert verdict(DATA, evidence(*records("knn", power(-0.25), shards), *network)) == "undecided"


# D8

KEEPS_UP = RecurrenceKeepsUp(domain="spiral", recurrent="mingru", attention="transformer", margin=0.02)


@pytest.fixture(scope="module")
def rivals(record, evidence):
    """Losses of attention, 1.5 after equal training; `more` of the recurrent network, `gain` by twice the budget."""

    def make(more, gain=0.0, seeds=4, cost=1.0, spread=0.002):
        rng = np.random.default_rng(0)
        found = []
        for family, loss in (("mingru", 1.5 + more), ("transformer", 1.5)):
            for scale in (1, 2):
                for seed in range(seeds):
                    error = loss - gain * (scale - 1) + spread * rng.normal()
                    made = record(family, 1_000, seed, error, size=8, budget_scale=scale)
                    flops = int(1e6 * scale * (cost if family == "mingru" else 1))
                    found.append(made.model_copy(update={"flops": flops}))
        return evidence(*found)

    return make


@pytest.mark.parametrize(
    ("more", "gain", "cost", "expected"),
    [
        (0.0, 0.0, 1.4, "supported"),
        (-0.1, 0.05, 1.4, "supported"),
        (0.0, 0.05, 1.4, "undecided"),  # in as much time, attention might win
        (0.0, 0.0, 2.5, "undecided"),  # in as much time, attention might do still more
        (0.1, 0.01, 1.4, "contradicted"),
        (0.1, 0.09, 1.4, "undecided"),  # trained longer, the recurrent network keeps up
        (0.02, 0.0, 1.4, "undecided"),
    ],
)
def test_recurrence_must_keep_up_at_equal_data_and_time(rivals, verdict, more, gain, cost, expected):
    assert verdict(KEEPS_UP, rivals(more, gain, cost=cost)) == expected


def test_one_seed_settles_nothing_about_recurrence(rivals, verdict):
    assert verdict(KEEPS_UP, rivals(-1.0, seeds=1)) == "undecided"


def test_a_family_that_always_diverged_leaves_recurrence_undecided(record, evidence):
    outcome = KEEPS_UP.test(evidence(*(record(name, 1_000, 0, None, size=8) for name in ("mingru", "transformer"))))
    assert (outcome.verdict, outcome.numbers) == ("undecided", {})
