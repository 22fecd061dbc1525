"""H5: curves with both ends, one end or none, and what they say of three regions."""

from dataclasses import replace

import pytest

from scaling.claims import Evidence
from scaling.claims.hestness.regions import ThreeRegions

REGIONS = ThreeRegions(near=0.1, bend=0.01)
GUESSES = {"images": 0.9, "spiral": 0.3}


@pytest.fixture(scope="module")
def ends(curve, evidence, power):
    """Evidence of curves: each (domain, first error by that of the guess, p of a bend, floor known, limited)."""

    def make(*told, guesses=None):
        made = [
            curve(power(-0.3), f"net-{index}", domain, limited=limited)
            for index, (domain, *_, limited) in enumerate(told)
        ]
        found = evidence(*(row for rows in made for row in rows))
        curves = []
        for index, (domain, first, bend_p, floor, _) in enumerate(told):
            plain = found.curve(domain, f"net-{index}")
            shards = (plain.shards[0].model_copy(update={"mean": first * GUESSES[domain]}), *plain.shards[1:])
            gamma = plain.analysis.law.gamma.model_copy(update={"identified": floor})
            analysis = plain.analysis.model_copy(
                update={
                    "law": plain.analysis.law.model_copy(update={"gamma": gamma}),
                    "bend_p": bend_p,
                }
            )
            curves.append(plain.model_copy(update={"shards": shards, "analysis": analysis}))
        return Evidence(found.tables, tuple(curves), frozenset(), GUESSES if guesses is None else guesses)

    return make


WHOLE, START, END = (
    ("images", 0.95, 0.001, True, False),
    ("images", 0.95, 0.001, False, False),
    ("images", 0.5, 0.001, True, False),
)
STRAIGHT, MIDDLE = ("images", 0.95, 0.2, False, False), ("images", 0.5, 0.2, False, False)


def elsewhere(told):
    return ("spiral", *told[1:])


def silent(told):
    return (*told[:-1], True)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([WHOLE], "supported"),
        ([WHOLE, MIDDLE], "supported"),
        ([WHOLE, elsewhere(WHOLE)], "supported"),
        ([WHOLE, elsewhere(MIDDLE)], "undecided"),
        ([WHOLE, elsewhere(silent(WHOLE))], "undecided"),
        ([START, END], "undecided"),
        ([MIDDLE], "undecided"),
        ([STRAIGHT], "contradicted"),
        ([STRAIGHT, elsewhere(STRAIGHT)], "contradicted"),
        ([STRAIGHT, MIDDLE], "undecided"),
        ([STRAIGHT, START], "undecided"),
        ([silent(STRAIGHT)], "undecided"),
        ([silent(WHOLE)], "undecided"),
        ([STRAIGHT, silent(START)], "contradicted"),
        ([STRAIGHT, elsewhere(silent(STRAIGHT))], "undecided"),
    ],
)
def test_both_ends_of_one_curve_in_every_domain_settle_the_regions(ends, verdict, told, expected):
    assert verdict(REGIONS, ends(*told)) == expected


@pytest.mark.parametrize(("first", "expected"), [(0.91, 1), (0.89, 0), (1.09, 1), (1.11, 0)])
def test_the_start_counts_within_a_tenth_of_the_guess(ends, value, first, expected):
    assert value(REGIONS, ends(("spiral", first, 0.001, True, False)), "guessing") == expected


def test_what_is_seen_is_counted(ends, value):
    found = ends(WHOLE, START, END, elsewhere(STRAIGHT), silent(WHOLE))
    counted = {name: value(REGIONS, found, name) for name in ("eligible", "guessing", "bending", "ending", "whole")}
    assert counted == {"eligible": 4, "guessing": 3, "bending": 2, "ending": 2, "whole": 1}
    assert (value(REGIONS, found, "seen"), value(REGIONS, found, "domains")) == (1, 2)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([WHOLE, elsewhere(MIDDLE)], "supported"),
        ([MIDDLE, elsewhere(WHOLE)], "undecided"),
        ([STRAIGHT, elsewhere(WHOLE)], "contradicted"),
        ([elsewhere(STRAIGHT)], "undecided"),
        ([silent(WHOLE), elsewhere(WHOLE)], "undecided"),
        ([elsewhere(silent(STRAIGHT))], "undecided"),
    ],
)
def test_a_curve_whose_best_guess_is_unknown_settles_nothing(ends, verdict, told, expected):
    assert verdict(REGIONS, ends(*told, guesses={"images": 0.9})) == expected


def test_how_many_curves_best_guess_is_unknown_is_said(ends, value):
    found = ends(WHOLE, MIDDLE, elsewhere(WHOLE), elsewhere(silent(WHOLE)), guesses={"images": 0.9})
    assert [value(REGIONS, found, name) for name in ("unknown", "eligible", "seen", "domains")] == [1, 2, 1, 1]
    assert "is unknown of" in REGIONS.test(found).reason
    assert "unknown" not in REGIONS.test(ends(WHOLE, MIDDLE)).reason
    all_unknown = REGIONS.test(ends(elsewhere(WHOLE), elsewhere(MIDDLE), guesses={})).reason
    assert "none is of a domain whose best guess is known" in all_unknown
    assert "start" not in all_unknown


def test_a_measured_start_and_a_measured_floor_are_seen(curve, evidence, value):
    start = lambda N: 0.87 / (1 + (N / 2_000) ** 0.9)  # noqa: E731
    floor = lambda N: 0.1 + 0.4 * (N / 100) ** -0.6  # noqa: E731
    found = evidence(*curve(start, noise=0.005), *curve(floor, "floored", noise=0.005), whole=True)
    found = replace(found, guesses=GUESSES)
    counted = {name: value(REGIONS, found, name) for name in ("eligible", "guessing", "bending", "ending", "whole")}
    assert counted == {"eligible": 2, "guessing": 1, "bending": 1, "ending": 1, "whole": 0}
