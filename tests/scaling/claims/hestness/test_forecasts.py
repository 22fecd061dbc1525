"""H7: audits that hold, miss, or are too few."""

import numpy as np
import pytest

from scaling.claims import Evidence
from scaling.claims.hestness.forecasts import Foretelling
from scaling.laws.analysis import Audit

FORETELLING = Foretelling(min_curves=10, hits=0.9, error=0.05, few_hits=0.6)


@pytest.fixture(scope="module")
def audited(curve, evidence, power):
    """Evidence with so many audits that hit and miss, each wrong by log_error, and others that may not speak."""
    free = evidence(*curve(power(-0.3))).curves[0]
    limited = evidence(*curve(power(-0.3), limited=True)).curves[0]

    def make(hits, misses, log_error=0.03, silent=0, unaudited=0):
        def with_audit(plain, hit):
            width = 2 * abs(log_error) if hit else abs(log_error) / 2
            audit = Audit(
                N=1e5,
                factor=4.0,
                shards=6,
                identified=True,
                predicted=0.1 * np.exp(log_error),
                low=0.1 * np.exp(log_error - width),
                high=0.1 * np.exp(log_error + width),
                observed=0.1,
                log_error=log_error,
            )
            assert audit.hit == hit
            return plain.model_copy(update={"analysis": plain.analysis.model_copy(update={"audit": audit})})

        curves = [with_audit(free, True)] * hits + [with_audit(free, False)] * misses
        curves += [with_audit(limited, False)] * silent
        curves += [free.model_copy(update={"analysis": free.analysis.model_copy(update={"audit": None})})] * unaudited
        return Evidence({}, tuple(curves), frozenset())

    return make


@pytest.mark.parametrize(
    ("hits", "misses", "log_error", "expected"),
    [
        (10, 0, 0.03, "supported"),
        (9, 1, -0.05, "supported"),
        (9, 1, 0.051, "undecided"),
        (8, 2, 0.03, "undecided"),
        (7, 3, 0.03, "undecided"),
        (6, 4, 0.03, "contradicted"),
        (12, 8, -0.2, "contradicted"),
        (9, 0, 0.03, "undecided"),
        (0, 9, 0.03, "undecided"),
    ],
)
def test_the_share_of_intervals_that_hold_settles_it(audited, verdict, value, hits, misses, log_error, expected):
    found = audited(hits, misses, log_error)
    assert verdict(FORETELLING, found) == expected
    assert (value(FORETELLING, found, "audited"), value(FORETELLING, found, "hits")) == (hits + misses, hits)
    assert value(FORETELLING, found, "error") == pytest.approx(abs(log_error))


def test_curves_of_one_domain_are_not_taken_for_independent(audited, value):
    assert "not independent" in FORETELLING.test(audited(10, 0)).reason
    assert value(FORETELLING, audited(10, 0), "domains") == 1
    assert "not independent" not in FORETELLING.test(audited(1, 0)).reason


def test_silent_and_unaudited_curves_do_not_count(audited, verdict, value):
    found = audited(10, 0, silent=20, unaudited=5)
    assert verdict(FORETELLING, found) == "supported"
    assert value(FORETELLING, found, "audited") == 10


@pytest.mark.parametrize("others", [{"silent": 12}, {"unaudited": 12}])
def test_without_an_audit_that_may_speak_it_is_undecided(audited, others):
    outcome = FORETELLING.test(audited(0, 0, **others))
    assert (outcome.verdict, outcome.numbers) == ("undecided", {})


def test_measured_power_laws_foretell_themselves(curve, evidence, value, power):
    made = [row for slope in (-0.2, -0.4) for row in curve(power(slope), f"net{int(-10 * slope)}")]
    found = evidence(*made, whole=True)
    assert (value(FORETELLING, found, "audited"), value(FORETELLING, found, "hits")) == (2, 2)
    assert value(FORETELLING, found, "error") < 1e-3


def test_shares_of_hits_the_wrong_way_round_are_refused():
    with pytest.raises(ValueError, match=r"few_hits = 0\.9 is not below hits = 0\.9"):
        Foretelling(min_curves=10, hits=0.9, error=0.05, few_hits=0.9)
