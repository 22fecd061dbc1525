"""Comparisons of learners seed by seed: ratios and differences of errors, and where one overtakes the other.

A learner goes by the name of a family, at the size that validation chose, or of a model: a family at one size.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scaling.curves import chosen_runs
from scaling.numbers import Number, fixed, share, size_interval

if TYPE_CHECKING:
    import pandas as pd

LEVEL = 0.95


class NothingToCompare(ValueError):
    """No pair of runs allows a ratio; the message says why, as a clause."""


@dataclass(frozen=True)
class Ratio:
    """A geometric mean ratio over paired seeds, with its t interval on the log scale; open with one pair."""

    value: float
    low: float | None
    high: float | None
    pairs: int
    level: float = LEVEL
    """That of the interval."""
    spread: float | None = None
    """Standard error of the mean log ratio; None with one pair."""

    def below(self, bound: float) -> bool:
        """Does the whole interval lie below a bound?"""
        return self.high is not None and self.high < bound

    def above(self, bound: float) -> bool:
        """Does the whole interval lie above a bound?"""
        return self.low is not None and self.low > bound

    def within(self, low: float, high: float) -> bool:
        """Does the whole interval lie between two bounds?"""
        return self.low is not None and self.high is not None and low <= self.low and self.high <= high

    def p_above(self, bound: float) -> float:
        """Give the one-sided p value with which the paired t test shows a ratio above a bound; 1 with one pair."""
        return self._p(float(np.log(self.value / bound)))

    def p_below(self, bound: float) -> float:
        """Give the one-sided p value with which the paired t test shows a ratio below a bound; 1 with one pair."""
        return self._p(float(np.log(bound / self.value)))

    def _p(self, distance: float) -> float:
        """Give the p value of lying so far, on the log scale, on the side in question."""
        from scipy import stats

        if self.spread is None:
            return 1.0
        if self.spread == 0:
            return 0.0 if distance > 0 else 1.0
        return float(stats.t.sf(distance / self.spread, self.pairs - 1))

    def number(self) -> Number:
        """Give it as a number of the paper."""
        return fixed(
            self.value,
            2,
            interval=(self.low, self.high),
            level=self.level,
            how=f"paired t on {self.pairs} log ratios",
        )


@dataclass(frozen=True)
class Mean:
    """A mean error over seeds, with its t interval, cut to what can be; open with one seed."""

    value: float
    low: float | None
    high: float | None
    seeds: int

    def share(self) -> Number:
        """Give that of shares as a number of the paper."""
        return share(self.value, self.low, self.high, level=LEVEL, how=f"t on {self.seeds} seeds, cut to what can be")


@dataclass(frozen=True)
class Difference:
    """A mean difference over paired seeds, with its t interval; open with one pair."""

    value: float
    low: float | None
    high: float | None
    pairs: int

    def number(self, unit: str) -> Number:
        """Give it as a number of the paper."""
        how = f"paired t on {self.pairs} differences"
        return fixed(self.value, 3, unit=unit, interval=(self.low, self.high), level=LEVEL, how=how)


@dataclass(frozen=True)
class Crossing:
    """The N at which a ratio falls to one, and where its interval's bounds do; None where that is out of range."""

    value: float
    low: float | None
    high: float | None

    @property
    def bracketed(self) -> bool:
        """Does the whole interval lie within the shards?"""
        return self.low is not None and self.high is not None

    def number(self) -> Number:
        """Give it as a number of the paper."""
        return size_interval(self.value, self.low, self.high, LEVEL, "paired t on log ratios, inverted")


def difference(one: pd.Series[float], other: pd.Series[float]) -> Difference:
    """Take errors indexed by seed from each other, pair by pair; raises NothingToCompare if no seed has both."""
    pairs = one.to_frame("one").join(other.rename("other"), how="inner")
    if pairs.empty:
        raise NothingToCompare("no seed ended well with both, so there is no difference")
    return Difference(*_t_interval((pairs.one - pairs.other).to_numpy()), len(pairs))


def mean(errors: pd.Series[float], most: float = np.inf) -> Mean:
    """Average errors over seeds, of which none is below zero or above `most`; raises NothingToCompare without any.

    Of few seeds a t interval may reach beyond. Cut there it holds the truth as often as before.
    """
    if errors.empty:
        raise NothingToCompare("no seed ended well, so there is no mean")
    middle, *ends = _t_interval(np.asarray(errors, dtype=np.float64))
    low, high = (None if end is None else min(max(end, 0.0), most) for end in ends)
    return Mean(middle, low, high, len(errors))


def _t_interval(values: NDArray[np.float64], level: float = LEVEL) -> tuple[float, float | None, float | None]:
    """Give the mean of independent values with its bounds; without bounds if there is but one."""
    from scipy import stats

    middle, error = float(values.mean()), _standard_error(values)
    if error is None:
        return middle, None, None
    half = float(stats.t.ppf((1 + level) / 2, len(values) - 1) * error)
    return middle, middle - half, middle + half


def _standard_error(values: NDArray[np.float64]) -> float | None:
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None


def log_ratio(numerator: pd.Series[float], denominator: pd.Series[float], level: float = LEVEL) -> Ratio:
    """Compare errors indexed by seed, pair by pair, on the log scale; pairs with a zero are left out.

    Raises NothingToCompare if no pair is left.
    """
    pairs = numerator.to_frame("top").join(denominator.rename("bottom"), how="inner")
    pairs = pairs[(pairs > 0).all(axis=1)]
    if pairs.empty:
        raise NothingToCompare("no seed has an error above zero with both, so there is no ratio")
    logs = np.log(pairs.top.to_numpy() / pairs.bottom.to_numpy())
    middle, low, high = _t_interval(logs, level)
    low, high = (None if end is None else float(np.exp(end)) for end in (low, high))
    return Ratio(float(np.exp(middle)), low, high, len(pairs), level, _standard_error(logs))


def learner_runs(table: pd.DataFrame, learner: str, N: int | None = None, budget_scale: int = 1) -> pd.DataFrame:
    """Select the runs of a learner that ended well: a family's at the chosen sizes, a model's whether chosen or not."""
    if learner in set(table.family):
        return chosen_runs(table, learner, N, budget_scale)
    runs = table[(table.model == learner) & (table.budget_scale == budget_scale) & (table.outcome == "trained")]
    return runs if N is None else runs[runs.N == N]


def learner_errors(
    table: pd.DataFrame, learner: str, N: int, column: str = "error", budget_scale: int = 1
) -> pd.Series[float]:
    """Give a column of errors of a learner at N, indexed by seed."""
    return learner_runs(table, learner, N, budget_scale).set_index("seed")[column]


def largest_shard(table: pd.DataFrame, *learners: str) -> int:
    """Find the largest shard that all of the learners have."""
    return min(int(table[(table.family == learner) | (table.model == learner)].N.max()) for learner in learners)


def paired_ratio(
    table: pd.DataFrame, top: str, bottom: str, N: int, column: str = "error", level: float = LEVEL
) -> Ratio:
    """Compare `column` of two learners at N over the seeds that both have."""
    errors, others = (learner_errors(table, learner, N, column) for learner in (top, bottom))
    return log_ratio(errors, others, level)


def runner_up(table: pd.DataFrame, ranking: Sequence[str], N: int) -> Ratio | None:
    """Compare the second of some families with the first at N; None if there is none, or no seed to compare by."""
    if len(ranking) < 2:
        return None
    try:
        return paired_ratio(table, ranking[1], ranking[0], N)
    except NothingToCompare:
        return None


def budget_check(table: pd.DataFrame, family: str) -> Ratio | None:
    """Compare a family's errors at its largest shard after twice the training with those after once; None if it can't.

    `Curve.budget_gain` is that of the means; how far seeds scatter, this ratio's spread says.
    """
    largest = int(table[table.family == family].N.max())
    doubled, single = (learner_errors(table, family, largest, budget_scale=scale) for scale in (2, 1))
    try:
        return log_ratio(doubled, single)
    except NothingToCompare:
        return None


def ratios_by_size(single: pd.DataFrame, top: str, bottom: pd.DataFrame, level: float = LEVEL) -> dict[int, Ratio]:
    """Compare the runs of the learner `top` with the runs `bottom` at every N where that is possible."""
    ours = learner_runs(single, top)
    ratios: dict[int, Ratio] = {}
    for N in sorted(set(ours.N) & set(bottom.N)):
        errors, others = (runs[runs.N == N].set_index("seed").error for runs in (ours, bottom))
        with contextlib.suppress(NothingToCompare):
            ratios[int(N)] = log_ratio(errors, others, level)
    return ratios


def crossing(ratios: Mapping[int, Ratio]) -> Crossing | None:
    """Find the last N at which the ratio falls through one, by linear interpolation of logs between shards.

    The interval's ends are where the lower and the upper bound of the ratio do the same.
    """
    sizes = sorted(ratios)
    value = _falls_through_one(sizes, [ratios[N].value for N in sizes])
    return None if value is None else Crossing(value, *crossing_bounds(ratios))


def crossing_bounds(ratios: Mapping[int, Ratio]) -> tuple[float | None, float | None]:
    """Find where the lower and the upper bound of the ratio fall through one; None where they don't within the shards.

    Where the ratio itself does not, they still tell beyond, or before, which N the crossing lies.
    """
    sizes = sorted(ratios)
    ends = []
    for bounds in ([ratios[N].low for N in sizes], [ratios[N].high for N in sizes]):
        known = [bound for bound in bounds if bound is not None]
        ends.append(_falls_through_one(sizes, known) if len(known) == len(sizes) else None)
    return ends[0], ends[1]


def _falls_through_one(sizes: list[int], ratios: list[float]) -> float | None:
    logs, positions = np.log(ratios), np.log(sizes)
    falls = [i for i in range(len(sizes) - 1) if logs[i] > 0 >= logs[i + 1]]
    if not falls or logs[-1] > 0:
        return None
    i = falls[-1]
    share = logs[i] / (logs[i] - logs[i + 1])
    return float(np.exp(positions[i] + share * (positions[i + 1] - positions[i])))
