"""D7: a region that is missed or isn't, and data elsewhere that help there or don't."""

import pytest

from scaling.claims.dzekman.tip import DataElsewhere
from scaling.study import Study, StudyError

ELSEWHERE = DataElsewhere(
    domain="spiral",
    arm="elsewhere",
    learners=("knn", "polar"),
    N=1_000,
    more=10_000,
    region="tip",
    missed=0.25,
    margin=0.1,
    level=0.9,
)


@pytest.fixture(scope="module")
def tips(record, evidence, balanced):
    """Errors in the tip of k-NN and of the network, and what more data elsewhere multiply them by."""

    def make(knn=(0.45, 1.0), polar=(0.4, 1.0), seeds=20, spread=0.05):
        found = []
        for seed, noise in enumerate(balanced(seeds, 4, spread)):
            for family, size, (tip, change), (first, then) in (
                ("knn", None, knn, noise[:2]),
                ("polar", 8, polar, noise[2:]),
            ):
                before = tip * first
                after = before * change * then
                found.append(record(family, 1_000, seed, 0.1, size=size, tip=before))
                found.append(record(family, 10_000, seed, 0.1, size=size, tip=tip / 9))
                found.append(record(family, 10_000, seed, 0.1, size=size, tip=after, domain="spiral-elsewhere"))
            found.append(record("polar", 1_000, seed, 0.05, size=64, tip=0.1))
        return evidence(*found)

    return make


SMALL = ELSEWHERE.model_copy(update={"learners": ("knn", "polar-8")})


def read(claim, found):
    """The verdict; the reason names models, whose names have digits."""
    return claim.test(found).verdict


@pytest.mark.parametrize(
    ("knn", "polar", "expected"),
    [
        ((0.45, 1.0), (0.4, 1.0), "supported"),
        ((0.45, 1.0), (0.4, 1.05), "supported"),
        ((0.45, 1.0), (0.2, 1.0), "undecided"),  # not missed
        ((0.45, 1.0), (0.25, 1.0), "undecided"),  # within doubt
        ((0.45, 1.0), (0.4, 0.9), "undecided"),
        ((0.45, 1.0), (0.4, 1.3), "undecided"),  # worse, which nobody claims
        ((0.45, 1.0), (0.4, 0.8), "contradicted"),
        ((0.45, 0.8), (0.2, 1.0), "contradicted"),
    ],
)
def test_all_must_miss_the_region_and_none_may_be_helped(tips, knn, polar, expected):
    assert read(SMALL, tips(knn, polar)) == expected


def test_its_reason_names_the_numbers_of_every_learner(tips, verdict, record, evidence):
    found = [
        record(family, N, seed, 0.1, tip=0.4 + seed / 1_000, domain=domain)
        for family in ("knn", "polar")
        for domain, N in (("spiral", 1_000), ("spiral-elsewhere", 10_000))
        for seed in range(5)
    ]
    assert verdict(ELSEWHERE, evidence(*found)) == "supported"


def test_a_gain_within_doubt_of_one_among_several_contradicts_nothing(tips):
    found = tips(polar=(0.4, 0.88))
    alone = SMALL.model_copy(update={"learners": ("polar-8",)})
    assert alone.test(found).numbers["polar-8.change"].high < 0.9
    assert read(alone, found) == "contradicted"
    assert read(SMALL, found) == "undecided"


def test_seeds_pair_across_domain_and_arm(tips, value):
    found = tips(polar=(0.4, 0.8))
    assert value(SMALL, found, "polar-8.change") == pytest.approx(0.8)
    assert value(SMALL, found, "polar-8.error") == pytest.approx(0.4, rel=0.01)
    numbers = SMALL.test(found).numbers
    assert (numbers["polar-8.change"].level, numbers["polar-8.error"].level) == (0.9, 0.95)


def test_errors_in_the_region_are_shares_however_few_the_seeds(tips):
    for name in ("knn", "polar-8"):
        error = SMALL.test(tips(seeds=2, spread=0.3)).numbers[f"{name}.error"]
        assert 0 <= error.low <= error.value <= error.high <= 1
        assert error.printed.endswith(" %")


def test_one_seed_settles_nothing_about_the_region(tips):
    assert read(SMALL, tips(knn=(0.45, 0.1), seeds=1)) == "undecided"


def test_a_learner_that_always_diverged_leaves_it_undecided(tips, record, evidence):
    runs = [
        record(family, N, 0, error, domain=domain, tip=0.4)
        for domain, N in (("spiral", 1_000), ("spiral-elsewhere", 10_000))
        for family, error in (("knn", 0.1), ("polar", None))
    ]
    outcome = ELSEWHERE.test(evidence(*runs))
    assert (outcome.verdict, outcome.numbers) == ("undecided", {})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"arm": "nowhere"}, ["arm = 'nowhere': no arm of experiments.bias. It has elsewhere, noisy"]),
        ({"region": "head"}, ["region = 'head': no region of spiral. It has tail, tip."]),
        ({"N": 999}, ["N = 999: no shard of spiral."]),
        ({"more": 999}, ["more = 999: no shard of spiral-elsewhere. Its train_sizes are [10000]."]),
        ({"learners": ("mlp-raw-32",)}, ["learners[0] = 'mlp-raw-32': no family or model of spiral-elsewhere."]),
        (
            {"learners": ("knn-5", "knn-7")},
            [
                "learners[1] = 'knn-7': no family or model of spiral.",
                "learners[1] = 'knn-7': no family or model of spiral-elsewhere.",
            ],
        ),
        ({"domain": "spirals"}, ["domain = 'spirals'"]),
        ({"learners": ("knn-5", "knn-5")}, ["learners = ['knn-5', 'knn-5']: a learner is repeated. Give each once."]),
    ],
)
def test_what_the_study_lacks_is_told(study, change, words):
    assert list(study.claims.D7.faults(study)) == []
    faults = list(study.claims.D7.model_copy(update=change).faults(study))
    assert len(faults) == len(words)
    assert all(fault.startswith(word) for fault, word in zip(faults, words, strict=True))


def test_without_the_experiment_the_claim_is_gone(config):
    config["experiments"]["bias"] = None
    assert {"D7", "D9"}.isdisjoint(Study.of(config).claims.present())
    assert {"D1", "D6", "H1"} <= Study.of(config).claims.present().keys()


def test_an_experiment_with_faults_of_its_own_is_told_once_and_asked_nothing(config):
    config["experiments"]["bias"]["arms"]["elsewhere"]["data"] = {"tip_form": 3}
    with pytest.raises(StudyError) as error:
        Study.of(config)
    assert [line.split(" ")[0] for line in str(error.value).splitlines()] == [
        "experiments.bias.arms.elsewhere.data.tip_form"
    ]
