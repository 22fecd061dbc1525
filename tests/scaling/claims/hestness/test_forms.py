"""H1 and H9: power laws, exponentials and noise get the verdicts that they deserve."""

import functools

import numpy as np
import pytest

from scaling.claims import Evidence
from scaling.claims.hestness.forms import ExponentialGains, PowerLaws
from scaling.laws.rivals import FORMS, Rival

POWER_LAWS = PowerLaws(max_residual=0.03, max_prediction=0.05, bad_residual=0.05)
EXPONENTIAL = ExponentialGains(ratio=0.5)


def exponential(N):
    return 0.02 + 0.3 * np.exp(-N / 20_000)


def with_errors(found, residual=0.01, **rolling):
    """The evidence with these rolling errors by form, and this residual of every law; other forms can't foretell."""
    rivals = tuple(
        Rival(
            form=form, parameters=2, rms_residual=residual, rolling_error=rolling.get(form.replace(" ", "_")), aicc=None
        )
        for form in FORMS
    )
    curves = []
    for curve in found.curves:
        law = curve.analysis.law.model_copy(update={"rms_residual": residual})
        analysis = curve.analysis.model_copy(update={"law": law, "rivals": rivals})
        curves.append(curve.model_copy(update={"analysis": analysis}))
    return Evidence(found.tables, tuple(curves), found.neural)


@pytest.fixture(scope="module")
def evidence(evidence):
    """Rivals are what these claims are about."""
    return functools.partial(evidence, whole=True)


@pytest.fixture(scope="module")
def plain(curve, evidence, power):
    """One curve that may speak."""
    return evidence(*curve(power(-0.3)))


# H1


def test_power_laws_everywhere_support_power_laws(curve, evidence, verdict, value, power):
    found = evidence(*curve(power(-0.3)), *curve(power(-0.5), "polar", "spiral"))
    assert verdict(POWER_LAWS, found) == "supported"
    assert value(POWER_LAWS, found, "passing") == 2


def test_a_curve_that_an_exponential_foretells_better_contradicts_power_laws(curve, evidence, verdict, value, power):
    found = evidence(*curve(power(-0.3)), *curve(exponential, "polar", "spiral"))
    assert verdict(POWER_LAWS, found) == "contradicted"
    assert value(POWER_LAWS, found, "failing") == 1


@pytest.mark.parametrize("form", ["power_law", "power_law_with_floor", "plateau", "shifted", "broken"])
def test_any_power_form_may_foretell_the_curve(plain, verdict, form):
    assert verdict(POWER_LAWS, with_errors(plain, **{form: 0.04})) == "supported"
    assert verdict(POWER_LAWS, with_errors(plain, **{form: 0.06})) == "undecided"
    assert verdict(POWER_LAWS, with_errors(plain, 0.06, **{form: 0.2}, exponential=0.09)) == "contradicted"
    assert verdict(POWER_LAWS, with_errors(plain, 0.06, **{form: 0.2}, logarithmic=0.11)) == "undecided"


@pytest.mark.parametrize("form", ["exponential", "logarithmic"])
def test_forms_without_a_power_do_not_stand_for_one(plain, verdict, form):
    assert verdict(POWER_LAWS, with_errors(plain, **{form: 0.01})) == "undecided"


def test_a_rival_that_foretells_better_what_the_power_law_fits_well_contradicts_nothing(plain, verdict):
    assert verdict(POWER_LAWS, with_errors(plain, 0.02, power_law=0.04, exponential=0.01)) == "supported"


def test_a_noisy_curve_leaves_power_laws_undecided(curve, evidence, verdict, value, power, wavy):
    found = evidence(*curve(power(-0.3)), *curve(wavy, "polar", "spiral"))
    assert verdict(POWER_LAWS, found) == "undecided"
    assert (value(POWER_LAWS, found, "passing"), value(POWER_LAWS, found, "failing")) == (1, 0)


@pytest.mark.parametrize("lawful", [True, False])
def test_a_curve_limited_by_compute_may_not_speak_about_power_laws(curve, evidence, verdict, value, power, lawful):
    shape = power(-0.3) if lawful else exponential
    found = evidence(*curve(power(-0.3)), *curve(shape, "polar", "spiral", limited=True))
    assert verdict(POWER_LAWS, found) == "undecided"
    assert (value(POWER_LAWS, found, "eligible"), value(POWER_LAWS, found, "silent")) == (1, 1)


def test_a_silent_curve_beside_one_that_speaks_for_its_domain_does_not_matter(curve, evidence, verdict, power):
    found = evidence(*curve(power(-0.3)), *curve(exponential, "mlp", limited=True))
    assert verdict(POWER_LAWS, found) == "supported"


@pytest.mark.parametrize("n", [(100, 200, 400, 800, 1_600, 2_000, 2_400), 4, 6])
def test_a_short_curve_settles_nothing_about_power_laws(curve, evidence, verdict, power, sizes, n):
    short = sizes[:n] if isinstance(n, int) else n
    assert verdict(POWER_LAWS, evidence(*curve(power(-0.3), sizes=short))) == "undecided"


def test_a_curve_that_may_speak_but_foretells_nothing_is_told(plain, verdict, value):
    found = with_errors(plain)
    assert verdict(POWER_LAWS, found) == "undecided"
    assert value(POWER_LAWS, found, "unforetold") == 1
    assert "too few shards to predict the largest" in POWER_LAWS.test(found).reason
    assert "too few shards" not in POWER_LAWS.test(with_errors(plain, shifted=0.04)).reason


def test_a_stricter_threshold_withdraws_support(curve, evidence, verdict, wavy):
    found = evidence(*curve(lambda N: wavy(N) ** 0.1))
    assert verdict(POWER_LAWS, found) == "supported"
    assert verdict(POWER_LAWS.model_copy(update={"max_residual": 1e-4}), found) == "undecided"


# H9


def test_power_laws_contradict_exponential_gains(curve, evidence, verdict, value, power):
    found = evidence(*curve(power(-0.3)), *curve(power(-0.5), "polar", "spiral"))
    assert verdict(EXPONENTIAL, found) == "contradicted"
    assert value(EXPONENTIAL, found, "power") == 2


def test_exponentials_support_exponential_gains(curve, evidence, verdict, value):
    found = evidence(*curve(exponential))
    assert verdict(EXPONENTIAL, found) == "supported"
    assert value(EXPONENTIAL, found, "exponential") == 1


@pytest.mark.parametrize(
    ("power_error", "exponential_error", "expected"),
    [
        (0.049, 0.1, "contradicted"),
        (0.051, 0.1, "undecided"),
        (0.1, 0.051, "undecided"),
        (0.1, 0.049, "supported"),
        (0.0, 0.0, "undecided"),
    ],
)
def test_a_form_must_halve_the_error_of_the_other(plain, verdict, power_error, exponential_error, expected):
    found = with_errors(plain, shifted=power_error, exponential=exponential_error)
    assert verdict(EXPONENTIAL, found) == expected


@pytest.mark.parametrize("rolling", [{}, {"shifted": 0.1}, {"exponential": 0.1}])
def test_curves_that_foretell_nothing_leave_exponential_gains_undecided(plain, rolling):
    outcome = EXPONENTIAL.test(with_errors(plain, **rolling))
    assert (outcome.verdict, outcome.numbers) == ("undecided", {})


def test_the_best_power_form_counts_and_the_logarithm_does_not(plain, verdict):
    assert verdict(EXPONENTIAL, with_errors(plain, power_law=0.2, broken=0.01, exponential=0.1)) == "contradicted"
    assert verdict(EXPONENTIAL, with_errors(plain, power_law=0.2, logarithmic=0.01, exponential=0.15)) == "undecided"


def test_curves_that_disagree_leave_exponential_gains_undecided(curve, evidence, verdict, value, power):
    found = evidence(*curve(power(-0.3)), *curve(exponential, "polar", "spiral"))
    assert verdict(EXPONENTIAL, found) == "undecided"
    assert (value(EXPONENTIAL, found, "power"), value(EXPONENTIAL, found, "exponential")) == (1, 1)


def test_a_curve_limited_by_compute_may_not_speak_about_exponential_gains(curve, evidence, verdict, power):
    assert EXPONENTIAL.test(evidence(*curve(exponential, limited=True))).verdict == "undecided"
    both = evidence(*curve(power(-0.3)), *curve(exponential, "mlp", limited=True))
    assert verdict(EXPONENTIAL, both) == "contradicted"
