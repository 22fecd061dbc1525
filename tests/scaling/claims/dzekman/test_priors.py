"""D1, D2, D3 and D9: priors that help or don't, and what is no prior."""

from dataclasses import replace

import pandas as pd
import pytest

from scaling.claims.dzekman.priors import (
    FocalLossTradesVariance,
    InformedPrior,
    NothingOnTop,
    RegularisersLackPrior,
)
from scaling.study import Study, StudyError

PRIOR = InformedPrior(domain="spiral", informed="polar", plain="raw", N=1_000, region="tip", ratio=0.8)
REGULARISED = RegularisersLackPrior(
    domain="spiral", regularised="polar", plain="raw", N=1_000, region="tip", margin=0.1, level=0.9
)
ON_TOP = NothingOnTop(domain="spiral", elaborate="polar", informed="raw", N=1_000, ratio=0.9)


@pytest.fixture(scope="module")
def priors(record, evidence, balanced):
    """Two families whose errors have these ratios, with some spread from seed to seed."""

    def make(overall, tip, seeds=5, spread=0.1):
        found = []
        for seed, noise in enumerate(balanced(seeds, 2, spread)):
            found.append(record("polar", 1_000, seed, 0.1 * overall * noise[0], size=8, tip=0.2 * tip * noise[1]))
            found.append(record("raw", 1_000, seed, 0.1, size=8, tip=0.2))
        return evidence(*found)

    return make


# D1


@pytest.mark.parametrize(
    ("tip", "expected"),
    [
        (1.0, "supported"),
        (0.95, "supported"),
        (0.91, "undecided"),  # the interval crosses the border
        (1.09, "undecided"),
        (0.8, "contradicted"),
        (1.5, "undecided"),  # it harms: neither what the claim says nor its contrary
    ],
)
def test_a_regulariser_must_change_nothing_where_samples_are_rare(priors, verdict, tip, expected):
    assert verdict(REGULARISED, priors(0.5, tip, seeds=20, spread=0.06)) == expected


def test_few_seeds_do_not_show_that_a_regulariser_changes_nothing(priors, verdict):
    assert verdict(REGULARISED, priors(1.0, 1.0, seeds=3)) == "undecided"
    assert verdict(REGULARISED, priors(1.0, 1.0, seeds=1)) == "undecided"


def test_the_regularisers_ratios_have_the_level_of_the_test(priors):
    numbers = REGULARISED.test(priors(0.5, 1.0)).numbers
    assert [numbers[name].level for name in ("region", "overall")] == [0.9, 0.9]
    assert numbers["overall"].value == pytest.approx(0.5)


def test_errors_beside_the_ratios_are_shares_however_few_the_seeds(priors):
    numbers = REGULARISED.test(priors(0.5, 1.0, seeds=2, spread=1.0)).numbers
    for error in (numbers["regularised-error"], numbers["plain-error"]):
        assert 0 <= error.low <= error.value <= error.high <= 1
        assert error.printed.endswith(" %")


# D2


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
    assert value(PRIOR, found, "overall") == pytest.approx(0.4)


def test_families_that_never_err_leave_the_prior_undecided(record, evidence):
    outcome = PRIOR.test(evidence(*(record(name, 1_000, 0, 0.0, size=8, tip=0.0) for name in ("polar", "raw"))))
    assert (outcome.verdict, outcome.numbers) == ("undecided", {})


def test_a_learner_may_be_a_family_at_the_chosen_size_or_a_model(record, evidence, value):
    errors = (("polar", 8, 0.1), ("polar", 16, 0.3), ("raw", 8, 0.2))
    found = evidence(
        *(record(name, 1_000, seed, error, size=size, tip=error) for name, size, error in errors for seed in range(3))
    )
    ratios = [value(PRIOR.model_copy(update={"informed": name}), found, "overall") for name in ("polar", "polar-16")]
    assert ratios == pytest.approx([0.5, 1.5])


@pytest.mark.parametrize("id", ["D1", "D2", "D3"])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"domain": "spirals"}, "domain = 'spirals': no such domain. The study has spiral"),
        ({"N": 999}, "N = 999: no shard of "),
        ({"informed": "mlp-33", "regularised": "mlp-33"}, "= 'mlp-33': no family or model of spiral. It has knn-1"),
        ({"region": "head"}, "region = 'head': no region of spiral. It has tail, tip."),
    ],
)
def test_what_the_study_lacks_is_told(study, id, change, words):
    claim = getattr(study.claims, id)
    assert list(claim.faults(study)) == []
    change = {key: value for key, value in change.items() if key in type(claim).model_fields}
    faults = list(claim.model_copy(update=change).faults(study))
    assert len(faults) >= len(change)
    assert all(words in fault for fault in faults)


def test_a_learner_with_shards_of_its_own_must_have_the_one_in_question(config):
    config["domains"]["spiral"]["families"]["mlp-polar"]["train_sizes"] = [100, 10_000]
    del config["experiments"]["bias"]
    config["claims"] = {"D3": config["claims"]["D3"]}
    with pytest.raises(StudyError) as error:
        Study.of(config)
    assert str(error.value) == (
        "claims.D3.N = 1000: no shard of mlp-polar on spiral. Its train_sizes are [100, 10000]."
    )


# D3


@pytest.mark.parametrize(
    ("overall", "expected"),
    [(1.0, "supported"), (1.5, "supported"), (0.9, "undecided"), (0.7, "contradicted")],
)
def test_more_on_top_must_not_make_it_better(priors, verdict, overall, expected):
    assert verdict(ON_TOP, priors(overall, 0.1, seeds=20)) == expected


def test_one_seed_does_not_show_that_more_on_top_is_no_better(priors, verdict):
    assert verdict(ON_TOP, priors(2.0, 2.0, seeds=1)) == "undecided"


# D9

FOCAL = FocalLossTradesVariance(domain="spiral", plain="polar-8", arm="focal", focal="polar-focal", N=1_000)


@pytest.fixture(scope="module")
def maps(record, evidence, balanced):
    """Hard cells of which focal loss gets so many times as many wrong, with so many times the disagreement."""

    def make(error, disagreement, seeds=20, spread=0.1):
        runs, rows = [], []
        for seed, noise in enumerate(balanced(seeds, 2, spread)):
            runs += [record("polar", 1_000, seed, 0.1, size=8), record("polar", 1_000, seed, 0.05, size=64)]
            runs.append(record("polar-focal", 1_000, seed, 0.1, size=8, domain="spiral-focal"))
            for domain, model, N, factors in (
                ("spiral", "polar-8", 1_000, (1, 1)),
                ("spiral-focal", "polar-focal-8", 1_000, noise * (error, disagreement)),
                ("spiral", "polar-64", 1_000, (9, 9)),
                ("spiral", "polar-8", 100, (9, 9)),
                ("spiral-focal", "polar-8", 1_000, (9, 9)),
            ):
                found = {"error": 0.4 * factors[0], "disagreement": 0.1 * factors[1]}
                rows.append({"domain": domain, "model": model, "N": N, "seed": seed, **found})
        return replace(evidence(*runs), hard=pd.DataFrame(rows))

    return make


@pytest.mark.parametrize(
    ("error", "disagreement", "expected"),
    [
        (0.8, 1.3, "supported"),
        (0.8, 1.0, "undecided"),
        (1.0, 1.3, "undecided"),
        (1.0, 1.0, "undecided"),
        (1.3, 1.3, "contradicted"),
        (0.8, 0.8, "contradicted"),
    ],
)
def test_focal_loss_must_gain_and_must_pay(maps, verdict, error, disagreement, expected):
    assert verdict(FOCAL, maps(error, disagreement)) == expected


def test_maps_are_compared_in_pairs_of_seeds(maps, value):
    found = maps(0.8, 1.3)
    few = replace(found, hard=found.hard[(found.hard.seed < 5) | (found.hard.domain == "spiral")])
    assert [value(FOCAL, found, "seeds"), value(FOCAL, few, "seeds")] == [20, 5]
    assert value(FOCAL, found, "error") == pytest.approx(0.8)


def test_one_seed_settles_nothing_about_focal_loss(maps, verdict):
    assert verdict(FOCAL, maps(0.1, 9.0, seeds=1)) == "undecided"


def test_without_maps_nothing_is_said_of_focal_loss(maps):
    found = maps(0.8, 1.3)
    outcome = FOCAL.test(replace(found, hard=None))
    assert (outcome.verdict, outcome.numbers) == ("undecided", {})
    assert "no decision maps" in outcome.reason
    for hard in (found.hard[found.hard.domain == "spiral"], found.hard.iloc[:0]):
        outcome = FOCAL.test(replace(found, hard=hard))
        assert (outcome.verdict, outcome.numbers) == ("undecided", {})
        assert "no decision map of polar-focal was compared on spiral-focal" in outcome.reason


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"plain": "mlp"}, ["plain = 'mlp': no family or model of spiral."]),
        ({"focal": "mlp"}, ["focal = 'mlp': no family or model of spiral-focal. It has mlp-polar-focal, "]),
        ({"arm": "vocal"}, ["arm = 'vocal': no arm of experiments.bias. It has elsewhere, noisy"]),
        ({"domain": "images", "plain": "cnn", "N": 100}, ["arm = 'focal': no arm of images."]),
        ({"domain": "spirals"}, ["domain = 'spirals'"]),
        (
            {"N": 100},
            [
                "N = 100: no shard of spiral-focal. Its train_sizes are [1000].",
                "N = 100: fewer than 4 seeds of spiral-focal keep their decision maps.",
                "N = 100: fewer than 4 seeds of spiral keep their decision maps. Its data.map_seeds are {1000: 20",
            ],
        ),
    ],
)
def test_what_the_study_lacks_of_focal_loss_is_told(study, change, words):
    assert list(study.claims.D9.faults(study)) == []
    faults = list(study.claims.D9.model_copy(update=change).faults(study))
    assert len(faults) == len(words)
    assert all(fault.startswith(word) for fault, word in zip(faults, words, strict=True))
