"""Answers: forecasts and costs are the law's, slopes are compared in pairs where there are pairs."""

import numpy as np
import pandas as pd
import pytest

from scaling.laws.answers import compare, outlook
from scaling.laws.exponents import paired_slope_difference
from scaling.laws.measured import measured_curves

N = np.array([100 * 2**k for k in range(10)])


def runs(model="cnn", slope=-0.3, domain="images", n=N, first_seed=0, own=1):
    """Three runs at every N, whose luck of the shard, 3 %, is shared by all models, beside 0.5 % of their own."""
    sizes, numbers = np.repeat(n, 3), np.tile(np.arange(3), len(n))
    shared, alone = np.random.default_rng(0).normal(size=len(sizes)), np.random.default_rng(own).normal(size=len(sizes))
    error = 2 * sizes**slope * np.exp(0.03 * shared + 0.005 * alone)
    return pd.DataFrame(
        {"domain": domain, "model": model, "size": pd.NA, "N": sizes, "seed": numbers + first_seed, "error": error}
    ).assign(compute=10.0 * sizes)


def curves(*tables):
    return measured_curves(pd.concat(tables, ignore_index=True))


def test_an_outlook_is_the_laws():
    (curve,) = curves(runs())
    found = outlook(curve, [1e5, 1e6], [0.02])
    assert found.forecasts == tuple(curve.law.forecast(n) for n in (1e5, 1e6))
    assert [target.needed for target in found.targets] == [curve.law.data_needed(0.02)]
    assert found.targets[0].cost is None
    assert found.largest == N[-1]
    assert found.audit == curve.analysis.audit


@pytest.mark.parametrize(("price", "each"), [("price_per_example", 3), ("price_per_flop", 30)])
def test_a_cost_is_the_price_of_the_data_or_of_a_run(price, each):
    (curve,) = curves(runs())
    (target,) = outlook(curve, errors=[0.02], **{price: 3}).targets
    assert target.cost.value == pytest.approx(each * target.needed.N)
    assert target.cost.low == pytest.approx(each * target.needed.interval.low)
    assert target.cost.high == pytest.approx(each * target.needed.interval.high)


def test_without_compute_a_price_per_flop_costs_nothing_known():
    (curve,) = curves(runs().assign(compute=np.nan))
    (target,) = outlook(curve, errors=[0.02], price_per_flop=1).targets
    assert target.cost is None


def test_a_curve_without_a_law_foretells_nothing():
    (curve,) = curves(runs(n=N[:3]))
    found = outlook(curve, [1e6], [0.01], price_per_example=1)
    assert (found.forecasts, found.targets, found.audit) == ((), (), None)
    assert "3 shards" in found.refusal


def test_equal_slopes_are_equal_and_different_ones_different():
    same, other, _ = compare(curves(runs("a"), runs("b", own=2), runs("c", -0.2, own=3)), margin=0.02)
    assert (same.first, same.second, same.difference.verdict) == ("a", "b", "equal within the margin")
    assert (other.first, other.second, other.difference.verdict) == ("a", "c", "different")
    assert other.difference.value == pytest.approx(-0.1, abs=0.01)
    assert other.common.p < 0.001 < same.common.p


def test_pairs_are_of_equal_n_and_seed_in_both_regions():
    first, second = runs("a"), runs("b", own=2)
    (found,) = compare(curves(first, second[second.N > 100]), margin=0.02)
    kept = first.N > 100
    assert found.shards == 9
    assert found.difference == paired_slope_difference(
        first.N[kept], first.error[kept], second.error[kept], margin=0.02
    )


def test_without_pairs_the_slopes_stand_by_themselves():
    paired, alone = (
        compare(curves(runs("a"), runs("b", own=2, first_seed=start)), margin=0.02)[0] for start in (0, 100)
    )
    assert paired.difference.paired
    assert not alone.difference.paired
    assert alone.common is None
    assert alone.difference.standard_error > paired.difference.standard_error


def test_models_of_different_domains_are_not_compared():
    assert compare(curves(runs("a"), runs("a", domain="words")), margin=0.02) == ()


def test_a_model_without_a_law_is_named():
    (found,) = compare(curves(runs("a"), runs("b", n=N[:4])), margin=0.02)
    assert found.difference is None
    assert found.refusal == "no law of b"
