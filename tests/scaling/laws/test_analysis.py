"""Analysis: all that a curve tells, and an audit that foretells its end from its beginning alone."""

import numpy as np
import pytest

from scaling.laws import TooFewShards, fit_shards, power_law, shards
from scaling.laws.analysis import AHEAD, AUDIT_FACTOR, Analysis, Audit, analyse, audit
from scaling.laws.regions import find_regions
from scaling.laws.rivals import rank
from scaling.laws.sensitivity import influences, variants

N = np.geomspace(100, 1e6, 13)  # 2.15 apart: the audit leaves out the largest and one more
ERROR = power_law(N, 1, -0.3, 0.1, 1e4)


def drawn(seed=0, error=ERROR, seeds=3, sd=0.03, misfit=0.02, n=N):
    rng = np.random.default_rng(seed)
    means = error * np.exp(misfit * rng.normal(size=len(n)))
    return shards(np.repeat(n, seeds), (means[:, None] * np.exp(sd * rng.normal(size=(len(n), seeds)))).ravel())


@pytest.fixture(scope="module")
def analysis():
    return analyse(drawn())


# The whole


def test_an_analysis_is_what_its_parts_say(analysis):
    measured = drawn()
    assert analysis.shards == measured
    assert (analysis.regions, analysis.law) == find_regions(measured)
    assert analysis.rivals == rank(measured)
    assert analysis.variants == variants(analysis.law)
    assert analysis.influences == influences(analysis.law)
    assert analysis.audit == audit(measured)
    assert analysis.ahead == analysis.law.forecast(AHEAD * 1e6)
    assert analysis.ahead.factor == pytest.approx(AHEAD)


def test_half_of_the_last_error_is_asked_for(analysis):
    assert analysis.halved.error == pytest.approx(float(analysis.law.predict(1e6)) / 2)
    assert analysis.halved.N is None or analysis.halved.N > 1e6


def test_an_analysis_survives_json_exactly(analysis):
    assert Analysis.model_validate_json(analysis.model_dump_json()) == analysis


def test_after_a_plateau_the_law_is_that_of_the_region_and_the_rivals_those_of_all_shards():
    found = analyse(measured := drawn(error=0.9 * np.minimum(1, (N / 1000) ** -0.4), misfit=0.01))
    assert found.regions.dropped > 0
    assert found.law == fit_shards(measured.between(found.regions.dropped))
    assert found.rivals == rank(measured)
    assert len(found.influences) == found.law.shards


def test_the_level_is_that_of_all_intervals():
    narrow, wide = (analyse(drawn(), level) for level in (0.5, 0.95))
    assert (narrow.law.level, wide.law.level) == (0.5, 0.95)
    for part in ("audit", "ahead"):
        one, other = getattr(narrow, part), getattr(wide, part)
        one, other = (one, other) if part == "audit" else (one.run, other.run)
        assert other.low < one.low < one.high < other.high


def test_four_shards_are_too_few():
    with pytest.raises(TooFewShards):
        analyse(shards(N[:4], ERROR[:4]))


@pytest.mark.parametrize("error", [np.full(13, 0.7), N**0.1, ERROR, power_law(N, 1, -4, 0, 1e4)])
def test_the_strangest_curve_is_analysed(error):
    found = analyse(shards(N, error))
    assert Analysis.model_validate_json(found.model_dump_json()) == found


# The audit


@pytest.mark.parametrize(("last", "last_but_one"), [(0.5, 1.5), (2, 1), (1, 0.7)])
def test_what_is_less_than_three_times_smaller_has_no_say(last, last_but_one):
    """Single runs: no seeds' spread is shared by the shards."""
    one = drawn(seeds=1)
    changed = shards(N, np.append(one.error[:-2], [last_but_one * one.error[-2], last * one.error[-1]]))
    before, after = audit(one), audit(changed)
    assert (after.predicted, after.low, after.high) == (before.predicted, before.low, before.high)
    assert after.observed == pytest.approx(last * before.observed)
    assert after.log_error == pytest.approx(before.log_error - np.log(last))
    assert (before.shards, before.factor) == (11, pytest.approx(N[-1] / N[-3]))
    assert before.factor >= AUDIT_FACTOR


def test_the_audit_is_the_forecast_of_a_shard_by_the_smaller_ones():
    measured = drawn(seeds=1)
    law = fit_shards(measured.between(0, 11))
    forecast, found = law.forecast(N[-1]), audit(measured)
    assert (found.N, found.predicted, found.observed) == (N[-1], pytest.approx(forecast.error), measured.error[-1])
    assert (found.low, found.high) == pytest.approx((forecast.shard.low, forecast.shard.high))
    assert found.log_error == pytest.approx(np.log(forecast.error / measured.error[-1]))


def test_seeds_and_test_set_of_the_shard_foretold_are_in_its_interval():
    measured = drawn(seeds=1)
    uncertain = np.zeros((13, 13))
    uncertain[-1, -1] = 0.04
    one, other = audit(measured), audit(measured.model_copy(update={"covariance": tuple(map(tuple, uncertain))}))
    assert other.predicted == pytest.approx(one.predicted, rel=1e-6)
    assert other.low < one.predicted * np.exp(-1.9 * 0.2) < one.low
    assert one.high < one.predicted * np.exp(1.9 * 0.2) < other.high


def test_shards_just_three_times_smaller_are_used():
    n = 100 * 3.0 ** np.arange(7)
    found = audit(drawn(error=n**-0.3, n=n))
    assert (found.shards, found.factor) == (6, pytest.approx(3))


@pytest.mark.parametrize(("count", "few"), [(6, True), (7, False)])
def test_fewer_than_five_smaller_shards_foretell_nothing(count, few):
    """Of shards 2.15 apart, the largest but one is too near to the largest."""
    measured = drawn(n=N[:count], error=ERROR[:count])
    assert (audit(measured) is None) == few
    assert (analyse(measured).audit is None) == few


def test_the_audit_leaves_a_plateau_out():
    found = audit(drawn(error=0.9 * np.minimum(1, (N / 400) ** -0.4), misfit=0.01))
    assert found.shards < 11
    assert found.hit


@pytest.mark.parametrize(("observed", "hit"), [(0.9, False), (1, True), (1.5, True), (2, True), (2.1, False)])
def test_a_hit_is_within_the_interval(observed, hit):
    found = Audit(
        N=10, factor=3, shards=5, identified=True, predicted=1.5, low=1, high=2, observed=observed, log_error=0
    )
    assert found.hit is hit


def test_audits_of_curves_that_are_power_laws_hit_as_often_as_they_say():
    hits = [audit(drawn(seed)).hit for seed in range(30)]
    assert np.mean(hits) >= 0.9


def test_an_audit_misses_a_floor_that_nothing_foretold():
    late = np.maximum(power_law(N, 1, -0.3, 0, 1e4), 0.3)
    found = audit(drawn(error=late, misfit=0.005, sd=0.01))
    assert not found.hit
    assert found.log_error < 0


def test_a_flat_curve_foretells_itself():
    assert audit(shards(N, np.full(13, 0.7))).hit
