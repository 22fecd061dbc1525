"""Answers to what is asked of measured curves: what they foretell, what it costs, and which are equally steep."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

from pydantic import BaseModel, ConfigDict

from scaling.laws.analysis import Analysis, Audit
from scaling.laws.exponents import (
    CommonSlopeTest,
    SlopeDifference,
    common_slope_test,
    paired_runs,
    paired_slope_difference,
    slope_difference,
    slope_of,
)
from scaling.laws.forecasts import Cost, DataNeeded, Forecast
from scaling.laws.lines import MIN_POINTS
from scaling.laws.measured import MeasuredCurve
from scaling.laws.shards import CurveError


class Target(BaseModel):
    """The size for an error, and its cost."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    needed: DataNeeded
    cost: Cost | None
    """None without a price, or where nothing tells what a run computes."""


class Outlook(BaseModel):
    """What one curve foretells."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    domain: str
    model: str
    refusal: str | None
    """Why it foretells nothing."""
    forecasts: tuple[Forecast, ...]
    targets: tuple[Target, ...]
    verdict: tuple[str, ...]
    """What the curve tells: `Law.verdict`, and whether its power-law region is not identified."""
    largest: float | None
    """The largest shard, beyond which every forecast extrapolates."""
    audit: Audit | None
    """How well the smaller shards foretell the largest."""


class Comparison(BaseModel):
    """The slopes of two models of a domain."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    domain: str
    first: str
    second: str
    shards: int
    """Distinct N at which both have a run of the same seed, in the power-law regions of both."""
    difference: SlopeDifference | None
    """In pairs of equal N and seed; of the two slopes by themselves where such pairs are at fewer than three N."""
    refusal: str | None
    """Why there is none."""
    common: CommonSlopeTest | None
    """The F-test of a common slope, of the pairs."""


def outlook(
    curve: MeasuredCurve,
    sizes: Iterable[float] = (),
    errors: Iterable[float] = (),
    *,
    price_per_example: float | None = None,
    price_per_flop: float | None = None,
) -> Outlook:
    """Foretell a curve's error at sizes, and the sizes for errors with their cost.

    sizes: numbers of examples N. errors: in the unit of the curve's. The cost is that of the data by the price of an
    example, or else of one training run by the price of a unit of compute.
    """
    law = curve.law
    targets = [law.data_needed(error) for error in errors] if law else []
    return Outlook(
        domain=curve.domain,
        model=curve.model,
        refusal=curve.refusal,
        forecasts=tuple(law.forecast(N) for N in sizes) if law else (),
        targets=tuple(
            Target(needed=needed, cost=_cost(curve, needed, price_per_example, price_per_flop)) for needed in targets
        ),
        verdict=verdict(curve.analysis) if curve.analysis else (),
        largest=law.N[-1] if law else None,
        audit=curve.analysis.audit if curve.analysis else None,
    )


def verdict(analysis: Analysis) -> tuple[str, ...]:
    """Say in the words of `Law.verdict` what a curve tells, and whether its power-law region is not identified."""
    return (analysis.law.verdict, *([] if analysis.regions.identified else ["region not identified"]))


def compare(
    curves: Sequence[MeasuredCurve], *, margin: float, level: float = 0.95, pool: float | None = None
) -> tuple[Comparison, ...]:
    """Compare the slopes of every two models of a domain, over the power-law regions that they share.

    margin: slopes nearer than this count as equal. level: that of the interval. pool: as of `shards`.
    """
    return tuple(
        _comparison(first, second, margin, level, pool)
        for first, second in combinations(curves, 2)
        if first.domain == second.domain
    )


def _cost(
    curve: MeasuredCurve, needed: DataNeeded, price_per_example: float | None, price_per_flop: float | None
) -> Cost | None:
    if price_per_example is not None:
        return needed.cost(lambda N: price_per_example * N)
    if price_per_flop is not None and (growth := curve.growth):
        return needed.cost(lambda N: price_per_flop * growth.compute(N))
    return None


def _comparison(
    first: MeasuredCurve, second: MeasuredCurve, margin: float, level: float, pool: float | None
) -> Comparison:
    found = {"domain": first.domain, "first": first.model, "second": second.model}
    if first.law is None or second.law is None:
        without = " and ".join(curve.model for curve in (first, second) if curve.law is None)
        return Comparison(**found, shards=0, difference=None, refusal=f"no law of {without}", common=None)
    pairs = paired_runs(first.table(), second.table())
    pairs = pairs[pairs.N.isin(set(first.law.N) & set(second.law.N))]
    shards = int(pairs.N.nunique())
    if shards < MIN_POINTS:
        difference = slope_difference(slope_of(first.law), slope_of(second.law), margin=margin, level=level)
        return Comparison(**found, shards=shards, difference=difference, refusal=None, common=None)
    try:
        difference = paired_slope_difference(
            pairs.N, pairs["first"], pairs["second"], pool=pool, margin=margin, level=level
        )
        means = pairs.groupby("N")[["first", "second"]].mean()
        common = common_slope_test([(means.index, means[name]) for name in means])
    except CurveError as problem:
        return Comparison(**found, shards=shards, difference=None, refusal=str(problem), common=None)
    return Comparison(**found, shards=shards, difference=difference, refusal=None, common=common)
