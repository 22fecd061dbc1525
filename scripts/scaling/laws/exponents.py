"""Exponents: do two curves fall equally steeply?

Compared is the effective slope d log ε / d log N, Hestness's exponent without a floor. Two families of one domain see
the same shards, so the log ratio of their errors, taken pair by pair, holds none of the luck that they share: the slope
of its mean over seeds is the difference of theirs,

    log (ε_A/ε_B) = c + Δ·log N,

by generalised least squares under the seeds' variance, smoothed over the shards (`shards`), plus the misfit of a
straight line (`lines`), with a t interval on shards − 2 degrees of freedom. Curves of different domains have no pairs:
theirs is the difference of two slopes, on the degrees of freedom of Welch (1947) and Satterthwaite (1946).

Equality is shown by two one-sided tests (TOST, Schuirmann 1987): the whole interval of level 1 − 2α must lie within a
margin. That an F-test does not reject a common slope shows nothing: the noisier the curves, the less it rejects; and
with clean curves it rejects differences that do not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict

from scaling.laws.lines import MIN_POINTS, Slope, fit_line
from scaling.laws.shards import CurveError, TooFewShards, shards

if TYPE_CHECKING:
    import pandas as pd

    from scaling.laws.fitting import Law

MARGIN = 0.02
"""Slopes nearer than this count as equal: over three decades of data it moves an error by 15 %."""

Verdict = Literal["equal within the margin", "different", "open"]


class SlopeDifference(BaseModel):
    """Slope of the first curve less that of the second, and whether they are equal within a margin."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    paired: bool
    value: float
    standard_error: float
    df: float
    level: float
    low: float
    high: float
    """Interval of `level`."""
    margin: float
    alpha: float
    """Size of each test."""
    inner_low: float
    inner_high: float
    """Interval of level 1 − 2·alpha, which the equivalence test looks at."""
    p_equal: float
    """The larger p of the two one-sided tests; at most alpha where the inner interval lies within the margin."""
    p_different: float
    """p of a difference beyond the margin, of either sign, against all smaller ones."""
    verdict: Verdict

    @classmethod
    def of(cls, difference: Slope, *, paired: bool, margin: float, level: float, alpha: float) -> SlopeDifference:
        """Test a difference of slopes. Raises ValueError for a margin or a level that is none."""
        if not margin > 0:
            raise ValueError(f"margin = {margin}, expected a positive difference of slopes. Give {MARGIN}, say.")
        for name, value, limit in (("level", level, 1.0), ("alpha", alpha, 0.5)):
            if not 0 < value < limit:
                raise ValueError(f"{name} = {value}, expected a probability between 0 and {limit:g}.")
        low, high = difference.interval(level)
        inner_low, inner_high = difference.interval(1 - 2 * alpha)
        p_equal = max(difference.p_above(-margin), difference.p_below(margin))
        # At a true difference of the margin either tail may mislead, so both count.
        size = Slope(value=abs(difference.value), standard_error=difference.standard_error, df=difference.df)
        p_different = min(1.0, size.p_above(margin) + size.p_above(-margin))
        verdict: Verdict = "open"
        if p_equal <= alpha:
            verdict = "equal within the margin"
        elif p_different <= alpha:
            verdict = "different"
        return cls(
            paired=paired,
            value=difference.value,
            standard_error=difference.standard_error,
            df=difference.df,
            level=level,
            low=low,
            high=high,
            margin=margin,
            alpha=alpha,
            inner_low=inner_low,
            inner_high=inner_high,
            p_equal=p_equal,
            p_different=p_different,
            verdict=verdict,
        )


def paired_slope_difference(
    N: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    *,
    pool: float | None = None,
    margin: float = MARGIN,
    level: float = 0.95,
    alpha: float = 0.05,
) -> SlopeDifference:
    """Compare the slopes of two families that saw the same shards.

    N (pairs,): size of the shard; rows of equal N are its seeds. first, second (pairs,): the positive errors of the two
    families, in any unit. pool: examples that the shards are drawn from, if finite (`shards`): where N > pool/5 the
    spread of the seeds says nothing, and that of the smaller shards serves. margin: slopes nearer than this count as
    equal. level: that of the interval. alpha: size of the tests. Raises TooFewShards below three distinct N, CurveError
    for all else amiss.
    """
    sizes, errors = np.asarray(N, dtype=np.float64), [np.asarray(error, dtype=np.float64) for error in (first, second)]
    for name, values in zip(("first", "second"), errors, strict=True):
        if values.shape != sizes.shape:
            raise CurveError(f"{name} has shape {values.shape} and N {sizes.shape}, expected (pairs,) of all.")
        for i in np.flatnonzero(~(np.isfinite(values) & (values > 0)))[:1]:
            raise CurveError(
                f"{name}[{i}] = {values[i]}, expected a positive, finite error: the logarithm of the ratio is "
                "compared. Leave the pair out, and say so."
            )
    ratio = errors[0] / errors[1]
    # Either way round, so that neither family is the measure of the other.
    measured = [shards(sizes, each, pool=pool) for each in (ratio, 1 / ratio)]
    if len(measured[0]) < MIN_POINTS:
        few = f"{len(measured[0])} shards, expected at least {MIN_POINTS} that both saw"
        raise TooFewShards(f"{few}. Measure more shards.")
    _, shard = np.unique(sizes, return_inverse=True)
    # The mean of logs: the log of a mean grows with the seeds' spread, and would bend the line with it.
    mean = np.bincount(shard, np.log(ratio)) / np.bincount(shard)
    covariance = np.mean([part.covariance for part in measured], axis=0)
    slope = fit_line(np.log(measured[0].N), mean, covariance).slope
    return SlopeDifference.of(slope, paired=True, margin=margin, level=level, alpha=alpha)


def slope_of(law: Law) -> Slope:
    """Give the standard error of a law's effective slope, from its interval, on shards − 2 degrees of freedom."""
    low, high, df = law.slope.low, law.slope.high, law.shards - 2
    assert low is not None
    assert high is not None
    error = (high - low) / 2 / float(scipy.stats.t.ppf((1 + law.level) / 2, df))
    return Slope(value=law.slope.value, standard_error=error, df=df)


def slope_difference(
    first: Slope, second: Slope, *, margin: float = MARGIN, level: float = 0.95, alpha: float = 0.05
) -> SlopeDifference:
    """Compare the slopes of curves that share no shards, such as those of one family in two domains.

    The degrees of freedom are those of Welch and Satterthwaite. Arguments as of `paired_slope_difference`.
    """
    variances = np.square([first.standard_error, second.standard_error])
    variance = float(variances.sum())
    df = variance**2 / float((variances**2 / [first.df, second.df]).sum()) if variance else first.df + second.df
    difference = Slope(value=first.value - second.value, standard_error=float(np.sqrt(variance)), df=df)
    return SlopeDifference.of(difference, paired=False, margin=margin, level=level, alpha=alpha)


class ExponentDifference(NamedTuple):
    """Exponent β of the first law less that of the second, with the interval of the laws' level; None where open."""

    value: float
    low: float | None
    high: float | None

    def beside(self, slopes: SlopeDifference) -> Literal["same way", "other way", "not known"]:
        """Do the exponents differ as the slopes do, the other way, or is that not known?"""
        if (self.low is None or self.low <= 0) and (self.high is None or self.high >= 0):
            return "not known"
        return "same way" if self.value * slopes.value > 0 else "other way"


def exponent_difference(first: Law, second: Law) -> ExponentDifference:
    """Take the exponents of two laws from each other, each fitted along with a floor of its own.

    The bounds are recovered from those of either profile, which may lie unevenly around its value (Zou & Donner 2008).
    That takes the curves for independent. Errors of shards that both saw go up and down together, which makes the
    interval rather too wide.
    """
    one, other = first.beta, second.beta
    value = one.value - other.value
    low = high = None
    if one.low is not None and other.high is not None:
        low = value - float(np.hypot(one.value - one.low, other.high - other.value))
    if one.high is not None and other.low is not None:
        high = value + float(np.hypot(one.high - one.value, other.value - other.low))
    return ExponentDifference(value, low, high)


class CommonSlopeTest(BaseModel):
    """The F-test that several curves share one slope. Not to reject is not to show that they do."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    slope: float
    """The slope that fits all curves best."""
    F: float
    df: tuple[int, int]
    p: float


def common_slope_test(curves: Sequence[tuple[ArrayLike, ArrayLike]]) -> CommonSlopeTest:
    """Test whether curves share one slope, each with a level of its own (analysis of covariance).

    curves: for each the sizes N (shards,) and the mean errors (shards,), at least two curves of three shards. It takes
    all their log errors for equally noisy and independent. It stands beside `paired_slope_difference`, never for it.
    """
    if len(curves) < 2:
        raise CurveError(f"{len(curves)} curve, expected at least two to share a slope")
    logs = []
    for N, error in curves:
        x, y = np.log(np.asarray(N, dtype=np.float64)), np.log(np.asarray(error, dtype=np.float64))
        if len(x) < MIN_POINTS:
            raise TooFewShards(f"a curve of {len(x)} shards, expected at least {MIN_POINTS}. Measure more shards.")
        logs.append((x - x.mean(), y - y.mean()))
    slope = float(sum(x @ y for x, y in logs) / sum(x @ x for x, _ in logs))
    common = sum(float(np.square(y - slope * x).sum()) for x, y in logs)
    separate = sum(float(np.square(y - (x @ y) / (x @ x) * x).sum()) for x, y in logs)
    df = len(curves) - 1, sum(len(x) for x, _ in logs) - 2 * len(curves)
    # What exact lines leave are rounding errors, and these are no evidence.
    rounding = 1e-24 * sum(float(y @ y) for _, y in logs) + np.finfo(float).tiny
    F = max(common - separate, 0.0) / df[0] / (max(separate, rounding) / df[1])
    return CommonSlopeTest(slope=slope, F=F, df=df, p=float(scipy.stats.f.sf(F, *df)))


def paired_runs(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Pair the runs of two families by (N, seed): columns N, seed, first, second (their errors), ascending.

    Both frames have columns N, seed and error, a row a run. A run without a partner is left out, and so is a pair in
    which a family makes no error: it has no ratio.
    """
    errors = [runs.set_index(["N", "seed"]).error.rename(name) for name, runs in (("first", first), ("second", second))]
    pairs = errors[0].to_frame().join(errors[1], how="inner").sort_index()
    return pairs[(pairs > 0).all(axis=1)].reset_index()
