"""Claims: every verdict on evidence made to deserve it, and reasons whose numbers all exist."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scaling.claims import (
    Claims,
    DataBeatsPrior,
    Evidence,
    InformedPrior,
    Outcome,
    PowerLaws,
    UsualExponent,
    read_outcomes,
)
from scaling.comparisons import Ratio, crossing
from scaling.curves import fit_curve, gather

SIZES = (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000)

POWER_LAWS = PowerLaws(max_residual=0.03, max_prediction=0.05, bad_residual=0.05)
EXPONENT = UsualExponent(steepest=-0.35, flattest=-0.07, share=0.66)
PRIOR = InformedPrior(domain="spiral", informed="polar", plain="raw", N=1_000, region="tip", ratio=0.8)
DATA = DataBeatsPrior(domain="spiral", neighbours="knn", crafted="polar", ratio=1.5)


def power(slope, start=0.3):
    return lambda N: start * (N / 100) ** slope


def exponential(N):
    return 0.02 + 0.3 * np.exp(-N / 20_000)


def wavy(N):
    """A power law, but for misses of 8 % up and down that no form foretells."""
    return power(-0.3)(N) * (1.08 if SIZES.index(N) % 2 else 0.92)


def evidence(*records, neural=()):
    domains = sorted({record.domain for record in records})
    tables = {domain: gather(record for record in records if record.domain == domain) for domain in domains}
    curves = tuple(fit_curve(tables[d], family) for d in domains for family in dict.fromkeys(tables[d].family))
    return Evidence(tables, curves, frozenset(neural))


def verdict(claim, found):
    """Test a claim, and see that its reason names only numbers that exist and types none itself."""
    outcome = claim.test(found)
    macros = re.findall(r"\\(val|interval)\{claim\.([^.}]*)\.([^}]*)\}", outcome.reason)
    assert macros
    for macro, id, name in macros:
        assert id == claim.id
        assert outcome.numbers[name].printed if macro == "val" else outcome.numbers[name].printed_interval
    typed = re.sub(r"\\(val|interval)\{[^}]*\}", "", outcome.reason)
    assert not re.search(r"\d|<<|>>", typed)
    for number in outcome.numbers.values():
        assert np.isfinite(number.value)
    return outcome.verdict


def value(claim, found, name):
    return claim.test(found).numbers[name].value


@pytest.fixture
def curve(records):
    """Make the records of a network's curve, limited by compute or not."""

    def make(errors, family="cnn", domain="images", sizes=SIZES, limited=False, **fields):
        single = records(family, errors, sizes, domain=domain, size=8, **fields)
        gain = 0.9 if limited else 1.0
        doubled = lambda N: gain * errors(N)  # noqa: E731
        return single + records(family, doubled, sizes[-1:], domain=domain, size=8, budget_scale=2, **fields)

    return make


# H1


def test_power_laws_everywhere_support_power_laws(curve):
    found = evidence(*curve(power(-0.3)), *curve(power(-0.5), "polar", "spiral"))
    assert verdict(POWER_LAWS, found) == "supported"
    assert value(POWER_LAWS, found, "passing") == 2


def test_a_curve_that_an_exponential_foretells_better_contradicts_power_laws(curve):
    found = evidence(*curve(power(-0.3)), *curve(exponential, "polar", "spiral"))
    assert verdict(POWER_LAWS, found) == "contradicted"
    assert value(POWER_LAWS, found, "failing") == 1


def test_a_rival_that_foretells_better_what_the_power_law_fits_well_contradicts_nothing(curve):
    nearly_flat = lambda N: 0.3 + 0.1 * exponential(N)  # noqa: E731
    found = evidence(*curve(nearly_flat))
    (law,) = (curve.law for curve in found.curves)
    errors = {rival.form: rival.rolling_error for rival in law.rivals}
    assert errors["exponential"] < errors["power law with floor"] / 2
    assert verdict(POWER_LAWS, found) == "supported"


def test_a_noisy_curve_leaves_power_laws_undecided(curve):
    found = evidence(*curve(power(-0.3)), *curve(wavy, "polar", "spiral"))
    assert verdict(POWER_LAWS, found) == "undecided"
    assert (value(POWER_LAWS, found, "passing"), value(POWER_LAWS, found, "failing")) == (1, 0)


@pytest.mark.parametrize("shape", [power(-0.3), exponential])
def test_a_curve_limited_by_compute_may_not_speak_about_power_laws(curve, shape):
    found = evidence(*curve(power(-0.3)), *curve(shape, "polar", "spiral", limited=True))
    assert verdict(POWER_LAWS, found) == "undecided"
    assert (value(POWER_LAWS, found, "eligible"), value(POWER_LAWS, found, "silent")) == (1, 1)


def test_a_silent_curve_beside_one_that_speaks_for_its_domain_does_not_matter(curve):
    found = evidence(*curve(power(-0.3)), *curve(exponential, "mlp", limited=True))
    assert verdict(POWER_LAWS, found) == "supported"


@pytest.mark.parametrize("sizes", [(100, 200, 400, 800, 1_600, 2_000, 2_400), SIZES[:4], SIZES[:6]])
def test_a_short_curve_settles_nothing_about_power_laws(curve, sizes):
    assert verdict(POWER_LAWS, evidence(*curve(power(-0.3), sizes=sizes))) == "undecided"


# H2

NEURAL = [("images", "cnn"), ("images", "mlp"), ("spiral", "polar")]


@pytest.mark.parametrize(
    ("images", "spiral", "expected"),
    [
        (-0.2, -0.3, "supported"),
        (-0.5, -0.9, "contradicted"),
        (-0.5, -0.02, "contradicted"),
        (-0.2, -0.5, "undecided"),
    ],
)
def test_slopes_inside_or_outside_the_range_settle_the_usual_exponent(curve, images, spiral, expected):
    found = evidence(*curve(power(images)), *curve(power(spiral), "polar", "spiral"), neural=NEURAL)
    assert verdict(EXPONENT, found) == expected


def test_a_slope_whose_interval_crosses_the_range_settles_nothing(curve):
    uncertain = lambda N: wavy(N) * (N / 100) ** -0.05  # noqa: E731
    found = evidence(*curve(uncertain), neural=NEURAL)
    assert verdict(EXPONENT, found) == "undecided"
    assert [value(EXPONENT, found, side) for side in ("inside", "outside", "silent")] == [0, 0, 0]


def test_families_of_a_domain_that_disagree_settle_nothing(curve):
    found = evidence(*curve(power(-0.2)), *curve(power(-0.5), "mlp"), neural=NEURAL)
    assert verdict(EXPONENT, found) == "undecided"


@pytest.mark.parametrize("slope", [-0.2, -0.5])
def test_a_curve_limited_by_compute_may_not_speak_about_the_exponent(curve, slope):
    found = evidence(*curve(power(slope), limited=True), neural=NEURAL)
    assert verdict(EXPONENT, found) == "undecided"
    assert value(EXPONENT, found, "silent") == 1


def test_only_neural_families_speak_about_the_exponent(curve, records):
    knn = records("knn", power(-0.9), SIZES, domain="images")
    assert verdict(EXPONENT, evidence(*curve(power(-0.2)), *knn, neural=NEURAL)) == "supported"
    assert verdict(EXPONENT, evidence(*knn, neural=NEURAL)) == "undecided"


# D2


def priors(record, overall, tip, seeds=5, spread=0.1):
    """Two families whose errors have these ratios, with some spread from seed to seed."""
    rng = np.random.default_rng(0)
    found = []
    for seed in range(seeds):
        noise = np.exp(spread * rng.normal(size=2))
        found.append(record("polar", 1_000, seed, 0.1 * overall * noise[0], size=8, tip=0.2 * tip * noise[1]))
        found.append(record("raw", 1_000, seed, 0.1, size=8, tip=0.2))
    return evidence(*found)


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
def test_the_prior_must_help_beyond_doubt_both_overall_and_in_the_region(record, overall, tip, expected):
    assert verdict(PRIOR, priors(record, overall, tip)) == expected


def test_one_seed_settles_nothing_about_the_prior(record):
    assert verdict(PRIOR, priors(record, 0.1, 0.1, seeds=1)) == "undecided"


def test_the_prior_is_compared_in_pairs_of_seeds(record):
    found = priors(record, 0.4, 0.5)
    assert value(PRIOR, found, "seeds") == 5
    assert value(PRIOR, found, "overall") == pytest.approx(0.4, rel=0.2)


def test_families_that_never_err_leave_the_prior_undecided(record):
    outcome = PRIOR.test(evidence(*(record(name, 1_000, 0, 0.0, size=8, tip=0.0) for name in ("polar", "raw"))))
    assert (outcome.verdict, outcome.numbers) == ("undecided", {})


# D5

TOP = 30_000
"""Where k-NN (slope -.5) and the network (slope -.25, three times better at N = 100) differ by a third."""
CROSSING = 100 * 3**4


def crossing_families(records, larger=0.95, limited=False):
    """k-NN overtakes the small network at CROSSING; the larger one errs `larger` times as often as the small."""
    sizes = [N for N in SIZES if N <= TOP]
    gain = 0.9 if limited else 1.0
    small = power(-0.25, 0.1)
    return evidence(
        *records("knn", power(-0.5), sizes),
        *records("polar", small, sizes, size=8),
        *records("polar", lambda N: larger * small(N), sizes, size=64),
        *records("polar", lambda N: gain * small(N), [TOP], size=8, budget_scale=2),
        *records("polar", lambda N: gain * larger * small(N), [TOP], size=64, budget_scale=2),
    )


def test_crossings_in_range_and_small_differences_support_data_over_priors(records):
    found = crossing_families(records)
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


def test_the_frozen_network_is_the_smallest_even_where_the_larger_is_chosen(records):
    assert value(DATA, crossing_families(records, larger=0.5), "frozen-crossing") == pytest.approx(CROSSING)


def test_a_network_that_diverged_at_the_largest_shard_leaves_data_and_priors_undecided(record, records):
    found = evidence(
        *records("knn", power(-0.5), [100, 300]),
        *records("polar", power(-0.25), [100], size=8),
        record("polar", 300, 0, None, size=8),
    )
    assert DATA.test(found).verdict == "undecided"


def test_a_network_that_stays_ahead_as_it_grows_leaves_it_undecided(records):
    found = crossing_families(records, larger=0.5)
    assert verdict(DATA, found) == "undecided"
    assert "scaled-crossing" not in DATA.test(found).numbers


def test_a_network_that_stays_ahead_at_every_size_contradicts(records):
    sizes = [N for N in SIZES if N <= TOP]
    found = evidence(*records("knn", power(-0.25), sizes), *records("polar", power(-0.25, 0.1), sizes, size=8))
    assert verdict(DATA, found) == "contradicted"


def test_a_network_ahead_within_doubt_leaves_it_undecided(record, records):
    sizes = [N for N in SIZES if N <= TOP]
    doubtful = [record("knn", N, s, power(-0.25, 0.11)(N) * f) for N in sizes for s, f in enumerate((0.5, 1, 2))]
    found = evidence(*doubtful, *records("polar", power(-0.25, 0.1), sizes, size=8))
    assert verdict(DATA, found) == "undecided"


def test_a_third_family_far_behind_leaves_it_undecided(records):
    found = crossing_families(records)
    far = records("raw", power(-0.1), found.tables["spiral"].N.unique(), size=8)
    table, curves = gather(far), (*found.curves, fit_curve(gather(far), "raw"))
    wider = Evidence({"spiral": pd.concat([found.tables["spiral"], table], ignore_index=True)}, curves, found.neural)
    assert verdict(DATA, wider) == "undecided"


def test_a_network_limited_by_compute_may_not_speak_about_data_and_priors(records):
    found = crossing_families(records, limited=True)
    assert verdict(DATA, found) == "undecided"
    assert "limited by compute" in DATA.test(found).reason


def test_a_contradiction_by_a_network_limited_by_compute_is_none(curve, records):
    sizes = SIZES[:6]
    network = curve(power(-0.25, 0.1), "polar", "spiral", sizes=sizes, limited=True)
    assert verdict(DATA, evidence(*records("knn", power(-0.25), sizes), *network)) == "undecided"


# all


def test_a_range_the_wrong_way_round_is_refused():
    with pytest.raises(ValueError, match=r"steepest = -0\.07 is not below flattest = -0\.35"):
        UsualExponent(steepest=-0.07, flattest=-0.35, share=0.66)


def test_thresholds_are_the_settings_and_are_told(config):
    claims = Claims.model_validate(config["claims"]).present()
    assert list(claims) == ["H1", "H2", "D2", "D5"]
    for id, claim in claims.items():
        assert claim.id == id
        assert claim.statement
        assert "supported if" in claim.describe()
        assert "contradicted if" in claim.describe()


def test_a_stricter_threshold_withdraws_support(curve, records):
    found = evidence(*curve(lambda N: wavy(N) ** 0.1))
    assert verdict(POWER_LAWS, found) == "supported"
    strict = POWER_LAWS.model_copy(update={"max_residual": 1e-4})
    assert verdict(strict, found) == "undecided"
    assert verdict(DATA.model_copy(update={"ratio": 1.01}), crossing_families(records)) == "undecided"


def test_an_outcome_survives_its_json(curve, tmp_path):
    outcome = POWER_LAWS.test(evidence(*curve(power(-0.3))))
    (tmp_path / "H1.json").write_text(outcome.model_dump_json())
    assert read_outcomes([str(tmp_path / "H1.json")]) == (outcome,)
    assert isinstance(outcome, Outcome)


def test_evidence_read_from_files_judges_as_the_evidence_at_hand(curve, tmp_path):
    found = evidence(*curve(power(-0.2)), neural=[("images", "cnn")])
    found.tables["images"].to_csv(tmp_path / "images.csv", index=False)
    (tmp_path / "cnn.json").write_text(found.curves[0].model_dump_json())
    read = Evidence.read([str(tmp_path / "images.csv")], [str(tmp_path / "cnn.json")], [["images", "cnn"]])
    for claim in (POWER_LAWS, EXPONENT):
        assert claim.test(read) == claim.test(found)


def test_every_source_is_in_the_bibliography(config):
    bibliography = (Path(__file__).parents[2] / "paper/references.bib").read_text()
    for claim in Claims.model_validate(config["claims"]).present().values():
        assert f"{{{claim.source}," in bibliography
