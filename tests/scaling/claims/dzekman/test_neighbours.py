"""D4, D5 and D6: neighbours that come close to the network, or overtake it, or don't; one neighbour or several."""

import pandas as pd
import pytest

from scaling.claims import Evidence
from scaling.claims.dzekman.neighbours import DataBeatsPrior, DataComeClose, OneNeighbour
from scaling.comparisons import Ratio, crossing
from scaling.curves import fit_curve, gather

CLOSE = DataComeClose(
    domain="spiral", neighbours="knn", crafted="polar-8", N=1_000, more=10_000, near=1.5, region="tip"
)
DATA = DataBeatsPrior(domain="spiral", neighbours="knn", crafted="polar", ratio=1.5)
ONE = OneNeighbour(domain="spiral", one="nearest", several="knn", level=0.95)

# D4


@pytest.fixture(scope="module")
def close(record, evidence, balanced):
    """k-NN with ten times the data errs so many times as often as the small network, which validation didn't choose."""

    def make(overall, region, seeds=8, spread=0.05):
        found = []
        for seed, noise in enumerate(balanced(seeds, 2, spread)):
            error = {"error": 0.1 * overall * noise[0], "tip": 0.2 * region * noise[1]}
            found.append(record("knn", 10_000, seed, **error))
            found.append(record("knn", 1_000, seed, 0.4, tip=0.4))
            found.append(record("polar", 1_000, seed, 0.1, size=8, tip=0.2))
            found.append(record("polar", 1_000, seed, 0.05, size=64, tip=0.1))
        return evidence(*found)

    return make


@pytest.mark.parametrize(
    ("overall", "region", "expected"),
    [
        (1.0, 0.8, "supported"),
        (1.3, 0.8, "supported"),
        (0.75, 0.8, "supported"),
        (1.5, 0.8, "undecided"),  # the interval crosses the border
        (1.0, 1.0, "undecided"),
        (1.7, 0.8, "contradicted"),
        (0.6, 0.8, "contradicted"),  # beyond close: far better
        (1.0, 1.2, "contradicted"),
    ],
)
def test_neighbours_must_come_close_overall_and_be_better_in_the_region(close, verdict, overall, region, expected):
    assert verdict(CLOSE, close(overall, region)) == expected


def test_one_seed_does_not_show_that_neighbours_come_close(close, verdict):
    assert verdict(CLOSE, close(1.0, 0.5, seeds=1)) == "undecided"


def test_neighbours_get_more_data_and_the_network_is_the_one_that_is_named(close, value):
    found = close(1.2, 0.8)
    assert value(CLOSE, found, "overall") == pytest.approx(1.2)
    family = CLOSE.model_copy(update={"crafted": "polar"})
    assert value(family, found, "overall") == pytest.approx(2 * value(CLOSE, found, "overall"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"domain": "spirals"}, "domain = 'spirals': no such domain. The study has spiral"),
        ({"crafted": "mlp"}, "crafted = 'mlp': no family or model of spiral. It has knn-1"),
        ({"crafted": "mlp-polar-33"}, "mlp-polar-32"),
        ({"N": 999}, "N = 999: no shard of spiral. Its train_sizes are [100, 1000"),
        ({"more": 999}, "more = 999: no shard of spiral"),
        ({"region": "head"}, "region = 'head': no region of spiral. It has tail, tip."),
    ],
)
def test_what_the_study_lacks_of_neighbours_and_network_is_told(study, change, words):
    claim = study.claims.D4
    assert list(claim.faults(study)) == []
    assert list(claim.model_copy(update={"crafted": "mlp-polar"}).faults(study)) == []
    (fault,) = claim.model_copy(update=change).faults(study)
    assert words in fault


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


def test_the_crafted_network_is_a_family_for_its_sizes_are_compared(study):
    claim = study.claims.D5
    assert list(claim.model_copy(update={"neighbours": "knn-5"}).faults(study)) == []
    (fault,) = claim.model_copy(update={"crafted": "mlp-polar-32"}).faults(study)
    assert fault.startswith("crafted = 'mlp-polar-32': no family of spiral. It has knn-1, ")


# D6


@pytest.fixture(scope="module")
def neighbours(record, evidence, balanced):
    """One neighbour errs so many times as often as several, for each N."""

    def make(ratios, seeds=5, spread=0.05):
        found = []
        for N, ratio in ratios.items():
            for seed, (noise,) in enumerate(balanced(seeds, 1, spread)):
                found.append(record("nearest", N, seed, 0.1 * ratio * noise))
                found.append(record("knn", N, seed, 0.1))
        return evidence(*found)

    return make


@pytest.mark.parametrize(
    ("ratios", "expected"),
    [
        ({100: 0.8, 1_000: 0.6, 10_000: 0.5}, "supported"),
        ({100: 0.99, 1_000: 0.6, 10_000: 0.5}, "undecided"),
        ({100: 1.0, 1_000: 1.0, 10_000: 1.0}, "undecided"),
        ({100: 1.5, 1_000: 0.6, 10_000: 0.5}, "contradicted"),
    ],
)
def test_one_neighbour_must_be_better_everywhere_and_be_worse_nowhere(neighbours, verdict, ratios, expected):
    assert verdict(ONE, neighbours(ratios)) == expected


def test_among_many_shards_one_doubtful_ratio_above_one_contradicts_nothing(neighbours, verdict):
    doubtful = neighbours({100: 1.08})
    assert ONE.test(doubtful).numbers["first"].low > 1
    assert verdict(ONE, doubtful) == "contradicted"
    assert verdict(ONE, neighbours({100: 1.08, **dict.fromkeys((300, 1_000, 3_000, 10_000), 0.5)})) == "undecided"


def test_its_numbers_are_those_of_the_ends_and_the_extremes(neighbours, value):
    found = neighbours({100: 0.8, 1_000: 0.5, 10_000: 0.7}, spread=0.0)
    names = ("shards", "smallest", "largest", "first", "last", "least", "most")
    assert [value(ONE, found, name) for name in names] == pytest.approx([3, 100, 10_000, 0.8, 0.7, 0.5, 0.8])


def test_its_intervals_are_of_the_level_that_is_set(neighbours):
    found = neighbours({100: 0.8})
    bold = ONE.model_copy(update={"level": 0.6}).test(found).numbers["first"]
    assert bold.level == 0.6
    assert bold.high < ONE.test(found).numbers["first"].high


def test_a_shard_on_which_one_neighbour_never_errs_supports_nothing(neighbours, verdict):
    found = neighbours({100: 0.8, 1_000: 0.0})
    assert verdict(ONE, found) == "undecided"
    assert ONE.test(found).numbers["silent"].value == 1


def test_neighbours_without_a_shard_in_common_are_not_compared(record, evidence):
    outcome = ONE.test(evidence(record("nearest", 100, 0, 0.1), record("knn", 1_000, 0, 0.1)))
    assert (outcome.verdict, outcome.numbers) == ("undecided", {})


def test_neighbours_that_the_study_lacks_are_told(study):
    assert list(study.claims.D6.faults(study)) == []
    (fault,) = study.claims.D6.model_copy(update={"several": "knn-7"}).faults(study)
    assert fault.startswith("several = 'knn-7': no family or model of spiral. It has knn-1, knn-5")
