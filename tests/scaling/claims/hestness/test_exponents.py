"""H2, H3, H4 and H8: slopes inside or outside a range, equal or different, and what settles neither."""

import numpy as np
import pytest

from scaling.claims.hestness.exponents import (
    ArchitectureMovesOffset,
    DomainSetsSlope,
    KnobMovesOffset,
    UsualExponent,
)
from scaling.study import Study

EXPONENT = UsualExponent(steepest=-0.35, flattest=-0.07, share=0.66)
NEURAL = [("images", "cnn"), ("images", "mlp"), ("spiral", "polar")]
PAIR = ("images", "cnn", "mlp")
OFFSET = ArchitectureMovesOffset(pairs=(PAIR,), margin=0.02, level=0.9)
DOMAIN = DomainSetsSlope(domains=("images", "spiral"), margin=0.02, level=0.9)


@pytest.fixture(scope="session")
def noisy(power):
    """A power law whose shards miss it by so much, of themselves."""

    def make(slope, misfit=0.01, key=0, start=0.3):
        rng = np.random.default_rng(key)
        misses: dict[int, float] = {}
        return lambda N: power(slope, start)(N) * misses.setdefault(N, np.exp(misfit * rng.normal()))

    return make


# H2


@pytest.mark.parametrize(
    ("images", "spiral", "expected"),
    [
        (-0.2, -0.3, "supported"),
        (-0.5, -0.9, "contradicted"),
        (-0.5, -0.02, "contradicted"),
        (-0.2, -0.5, "undecided"),
    ],
)
def test_slopes_inside_or_outside_the_range_settle_the_usual_exponent(
    curve, evidence, verdict, power, images, spiral, expected
):
    found = evidence(*curve(power(images)), *curve(power(spiral), "polar", "spiral"), neural=NEURAL)
    assert verdict(EXPONENT, found) == expected


def test_a_slope_whose_interval_crosses_the_range_settles_nothing(curve, evidence, verdict, value, wavy):
    uncertain = lambda N: wavy(N) * (N / 100) ** -0.05  # noqa: E731
    found = evidence(*curve(uncertain), neural=NEURAL)
    assert verdict(EXPONENT, found) == "undecided"
    assert [value(EXPONENT, found, side) for side in ("inside", "outside", "silent")] == [0, 0, 0]


def test_families_of_a_domain_that_disagree_settle_nothing(curve, evidence, verdict, power):
    found = evidence(*curve(power(-0.2)), *curve(power(-0.5), "mlp"), neural=NEURAL)
    assert verdict(EXPONENT, found) == "undecided"


@pytest.mark.parametrize("slope", [-0.2, -0.5])
def test_a_curve_limited_by_compute_may_not_speak_about_the_exponent(curve, evidence, verdict, value, power, slope):
    found = evidence(*curve(power(slope), limited=True), neural=NEURAL)
    assert verdict(EXPONENT, found) == "undecided"
    assert value(EXPONENT, found, "silent") == 1


def test_only_neural_families_speak_about_the_exponent(curve, records, evidence, verdict, power, sizes):
    knn = records("knn", power(-0.9), sizes, domain="images")
    assert verdict(EXPONENT, evidence(*curve(power(-0.2)), *knn, neural=NEURAL)) == "supported"
    assert verdict(EXPONENT, evidence(*knn, neural=NEURAL)) == "undecided"


def test_a_range_the_wrong_way_round_is_refused():
    with pytest.raises(ValueError, match=r"steepest = -0\.07 is not below flattest = -0\.35"):
        UsualExponent(steepest=-0.07, flattest=-0.35, share=0.66)


# H3 and H4


@pytest.mark.parametrize("kind", [ArchitectureMovesOffset, KnobMovesOffset])
@pytest.mark.parametrize(
    ("first", "second", "misfit", "expected"),
    [
        (-0.3, -0.3, 0.01, "supported"),
        (-0.3, -0.4, 0.01, "contradicted"),
        (-0.4, -0.3, 0.01, "contradicted"),
        (-0.3, -0.3, 0.2, "undecided"),
        (-0.3, -0.32, 0.01, "undecided"),
    ],
)
def test_an_offset_supports_a_slope_contradicts_and_noise_settles_nothing(
    curve, evidence, verdict, value, noisy, kind, first, second, misfit, expected
):
    claim = kind(**OFFSET.model_dump())
    found = evidence(*curve(noisy(first, misfit)), *curve(noisy(second, misfit, 1, 0.1), "mlp"))
    assert verdict(claim, found) == expected
    assert value(claim, found, "images.cnn.mlp") == pytest.approx(first - second, abs=misfit)


def test_luck_that_both_families_share_does_not_hide_that_they_are_equal(curve, evidence, verdict, wavy):
    found = evidence(*curve(wavy), *curve(lambda N: wavy(N) / 3, "mlp"))
    assert verdict(OFFSET, found) == "supported"


def test_one_pair_that_differs_contradicts_and_one_that_is_open_withdraws_support(curve, evidence, verdict, noisy):
    found = evidence(
        *curve(noisy(-0.3)),
        *curve(noisy(-0.3, key=1), "mlp"),
        *curve(noisy(-0.3, 0.2, key=2), "rough"),
        *curve(noisy(-0.5, key=3), "steep"),
    )
    of = lambda *others: OFFSET.model_copy(update={"pairs": (PAIR, *(("images", "cnn", name) for name in others))})  # noqa: E731
    assert verdict(OFFSET, found) == "supported"
    assert verdict(of("rough"), found) == "undecided"
    assert verdict(of("steep"), found) == "contradicted"


@pytest.mark.parametrize("second", [-0.3, -0.5])
def test_a_pair_with_a_curve_limited_by_compute_settles_nothing(curve, evidence, verdict, value, power, second):
    found = evidence(*curve(power(-0.3)), *curve(power(second), "mlp", limited=True))
    assert verdict(OFFSET, found) == "undecided"
    assert value(OFFSET, found, "silent") == 1


def test_a_silent_pair_beside_equal_ones_withdraws_support_but_no_contradiction(curve, evidence, verdict, power):
    pairs = OFFSET.model_copy(update={"pairs": (PAIR, ("images", "cnn", "tired"))})
    tired = curve(power(-0.3), "tired", limited=True)
    assert verdict(pairs, evidence(*curve(power(-0.3)), *curve(power(-0.3), "mlp"), *tired)) == "undecided"
    assert verdict(pairs, evidence(*curve(power(-0.3)), *curve(power(-0.5), "mlp"), *tired)) == "contradicted"


@pytest.mark.parametrize("last", [4, 6])
def test_families_that_share_too_few_shards_or_decades_settle_nothing(
    curve, evidence, verdict, value, power, sizes, last
):
    """Four shards are too few, and the first six lie too close."""
    close = (100, 120, 150, 200, 250, 300, *sizes[2:])
    apart = tuple(N if index < last else N + 1 for index, N in enumerate(close if last == 6 else sizes))
    found = evidence(*curve(power(-0.3), sizes=close if last == 6 else sizes), *curve(power(-0.3), "mlp", sizes=apart))
    assert verdict(OFFSET, found) == "undecided"
    assert value(OFFSET, found, "silent") == 1


def test_the_f_test_decides_nothing_and_stands_in_no_reason(curve, evidence, verdict, value, noisy):
    found = evidence(*curve(noisy(-0.3, 0.2)), *curve(noisy(-0.3, 0.2, key=1), "mlp"))
    assert value(OFFSET, found, "images.cnn.mlp.common") > 0.05
    assert verdict(OFFSET, found) == "undecided"
    assert "common" not in OFFSET.test(found).reason


@pytest.mark.parametrize(
    ("floor", "slope", "way"),
    [
        (0.0, -0.5, "and so do the exponents"),
        (0.05, -0.4, "differ the other way"),
        (0.0, -0.3, None),  # slopes that do not differ
    ],
)
def test_where_slopes_differ_it_is_told_what_the_exponents_do(
    curve, evidence, verdict, value, power, floor, slope, way
):
    """A floor flattens a curve whose exponent is the steeper one."""

    def bent(N):
        return floor + power(-0.6 if floor else -0.3)(N)

    found = evidence(*curve(bent, "mlp"), *curve(power(slope)))
    verdict(OFFSET, found)
    reason = OFFSET.test(found).reason
    assert (way is None and "exponents" not in reason) or way in reason
    expected = (-0.3 if not floor else -0.6) - slope
    assert value(OFFSET, found, "images.cnn.mlp.beta") == pytest.approx(-expected, abs=0.02)


def test_exponents_that_nobody_knows_are_told_as_such(curve, evidence, noisy, power):
    found = evidence(*curve(noisy(-0.3, 0.02)), *curve(lambda N: 0.04 + power(-0.35)(N) * noisy(0, 0.03)(N), "mlp"))
    reason = OFFSET.test(found).reason
    assert "whether the exponents $\\beta$ differ is not known: " in reason


@pytest.mark.parametrize("floor", [0.0, 0.05])
def test_a_floor_behind_the_least_difference_of_domains_is_told(records, evidence, verdict, power, sizes, floor):
    found = evidence(
        *records("knn", lambda N: floor + power(-0.6)(N), sizes, domain="images", noise=0.01),
        *records("knn", power(-0.45), sizes, domain="spiral", noise=0.01),
    )
    verdict(DOMAIN, found)
    reason = DOMAIN.test(found).reason
    assert (r"(a floor flattens the curve on \domain{images})" in reason) == (floor > 0)
    assert ("other way, by" in reason) == (floor > 0)


def test_seeds_that_share_a_pool_say_nothing_of_their_spread(record, evidence, power, sizes):
    """The seeds differ by tenths, but for the two largest shards, where they saw the same data."""

    def interval(shares_pool):
        rng = np.random.default_rng(0)
        found = evidence(
            *(
                record(
                    family,
                    N,
                    seed,
                    power(-0.3)(N) * np.exp(0.1 * rng.normal() * (sizes[-2] > N)),
                    domain="images",
                    size=8,
                    shares_pool=shares_pool and sizes[-2] <= N,
                )
                for family in ("cnn", "mlp")
                for N in sizes
                for seed in range(3)
            )
        )
        number = OFFSET.test(found).numbers["images.cnn.mlp"]
        return number.high - number.low

    assert interval(shares_pool=True) > 1.1 * interval(shares_pool=False)


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (["nowhere", "cnn", "mlp"], r"claims.H3.pairs\[0\] = .*: no domain 'nowhere'. The study has spiral, images"),
        (["images", "cnn", "none"], r"claims.H3.pairs\[0\] = .*: no family 'none' of images. It has knn-1"),
        (["images", "cnn", "cnn"], r"claims.H3.pairs\[0\] = .*: 'cnn' is compared with itself"),
    ],
)
def test_a_pair_that_the_study_does_not_have_is_told(config, pairs, message):
    config["claims"]["H3"]["pairs"] = [pairs]
    with pytest.raises(ValueError, match=message):
        Study.of(config)


# H8


@pytest.mark.parametrize(
    ("images", "spiral", "misfit", "expected"),
    [
        (-0.2, -0.5, 0.01, "supported"),
        (-0.5, -0.2, 0.01, "supported"),
        (-0.3, -0.3, 0.005, "contradicted"),
        (-0.3, -0.3, 0.2, "undecided"),
        (-0.3, -0.32, 0.01, "undecided"),
    ],
)
def test_one_learner_in_two_domains_shows_whether_domains_set_the_slope(
    records, evidence, verdict, value, noisy, sizes, images, spiral, misfit, expected
):
    found = evidence(
        *records("knn", noisy(images, misfit), sizes, domain="images", noise=misfit),
        *records("knn", noisy(spiral, misfit, 1), sizes, domain="spiral", noise=misfit),
    )
    assert verdict(DOMAIN, found) == expected
    assert value(DOMAIN, found, "comparisons") == 1
    assert value(DOMAIN, found, "knn.images.spiral") == pytest.approx(images - spiral, abs=misfit)


def test_learners_that_disagree_leave_it_undecided(records, evidence, verdict, value, power, sizes):
    slopes = {("a", "images"): -0.3, ("a", "spiral"): -0.3, ("b", "images"): -0.3, ("b", "spiral"): -0.6}
    made = [
        row
        for (family, domain), slope in slopes.items()
        for row in records(family, power(slope), sizes, domain=domain, noise=0.01)
    ]
    found = evidence(*made)
    assert verdict(DOMAIN, found) == "undecided"
    assert [value(DOMAIN, found, name) for name in ("comparisons", "different", "equal")] == [2, 1, 1]


def test_different_learners_are_not_compared(records, evidence, power, sizes):
    found = evidence(
        *records("a", power(-0.2), sizes, domain="images"), *records("b", power(-0.6), sizes, domain="spiral")
    )
    outcome = DOMAIN.test(found)
    assert (outcome.verdict, outcome.numbers) == ("undecided", {})


@pytest.mark.parametrize("spiral", [-0.3, -0.6])
def test_a_learner_limited_by_compute_may_not_speak_about_domains(curve, evidence, power, spiral):
    found = evidence(*curve(power(-0.3)), *curve(power(spiral), "cnn", "spiral", limited=True))
    outcome = DOMAIN.test(found)
    assert (outcome.verdict, outcome.numbers) == ("undecided", {})


def test_a_domain_that_shares_no_learner_withdraws_support(records, evidence, verdict, value, power, sizes):
    three = DOMAIN.model_copy(update={"domains": ("images", "spiral", "speech")})
    made = [
        *records("knn", power(-0.2), sizes, domain="images"),
        *records("knn", power(-0.5), sizes, domain="spiral"),
        *records("cnn", power(-0.5), sizes, domain="speech"),
    ]
    assert verdict(three, evidence(*made)) == "undecided"
    assert value(three, evidence(*made), "silent") == 1


def test_a_domain_of_another_metric_is_left_out_or_refused(records, evidence, verdict, value, power, sizes, config):
    made = [
        *records("knn", power(-0.2), sizes, domain="images"),
        *records("knn", power(-0.5), sizes, domain="spiral"),
        *records("knn", power(-0.05, 3), sizes, domain="prose"),
    ]
    assert value(DOMAIN, evidence(*made), "comparisons") == 1
    assert verdict(DOMAIN, evidence(*made)) == "supported"
    config["claims"]["H8"]["domains"] = ["images", "prose", "images"]
    with pytest.raises(ValueError, match=r"domains\[1\] = 'prose': no such domain[^$]*a domain is repeated"):
        Study.of(config)


def test_domains_of_different_metrics_are_told(study, monkeypatch):
    monkeypatch.setattr(type(study.domains["images"].data), "metric", "nats")
    (fault,) = study.claims.H8.faults(study)
    assert "can't be compared (images: nats, spiral: error, mnist: error, speech: error)" in fault
