"""Comparisons of families seed by seed: ratios and differences of errors, and where one overtakes the other."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scaling.curves import chosen_runs
from scaling.numbers import Number, fixed, size_interval

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

    def number(self) -> Number:
        """Give it as a number of the paper."""
        return fixed(
            self.value,
            2,
            interval=(self.low, self.high),
            level=LEVEL,
            how=f"paired t on {self.pairs} log ratios",
        )


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
        raise NothingToCompare("no seed ended well in both families, so there is no difference")
    return Difference(*_t_interval((pairs.one - pairs.other).to_numpy()), len(pairs))


def _t_interval(values: NDArray[np.float64]) -> tuple[float, float | None, float | None]:
    """Give the mean of independent values with its bounds; without bounds if there is but one."""
    from scipy import stats

    middle = float(values.mean())
    if len(values) < 2:
        return middle, None, None
    half = float(stats.t.ppf((1 + LEVEL) / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return middle, middle - half, middle + half


def log_ratio(numerator: pd.Series[float], denominator: pd.Series[float]) -> Ratio:
    """Compare errors indexed by seed, pair by pair, on the log scale; pairs with a zero are left out.

    Raises NothingToCompare if no pair is left.
    """
    pairs = numerator.to_frame("top").join(denominator.rename("bottom"), how="inner")
    pairs = pairs[(pairs > 0).all(axis=1)]
    if pairs.empty:
        raise NothingToCompare("no seed has an error above zero in both families, so there is no ratio")
    middle, low, high = _t_interval(np.log(pairs.top.to_numpy() / pairs.bottom.to_numpy()))
    low, high = (None if end is None else float(np.exp(end)) for end in (low, high))
    return Ratio(float(np.exp(middle)), low, high, len(pairs))


def paired_ratio(table: pd.DataFrame, top: str, bottom: str, N: int, column: str) -> Ratio:
    """Compare `column` of two families at N over the seeds that both have."""
    return log_ratio(*(chosen_runs(table, family, N).set_index("seed")[column] for family in (top, bottom)))


def ratios_by_size(single: pd.DataFrame, neighbours: str, network: pd.DataFrame) -> dict[int, Ratio]:
    """Compare the chosen runs of `neighbours` with the runs of `network` at every N where that is possible."""
    ours = single[(single.family == neighbours) & single.chosen]
    ratios: dict[int, Ratio] = {}
    for N in sorted(set(ours.N) & set(network.N)):
        errors = (runs[runs.N == N].set_index("seed").error for runs in (ours, network))
        with contextlib.suppress(NothingToCompare):
            ratios[int(N)] = log_ratio(*errors)
    return ratios


def crossing(ratios: Mapping[int, Ratio]) -> Crossing | None:
    """Find the last N at which the ratio falls through one, by linear interpolation of logs between shards.

    The interval's ends are where the lower and the upper bound of the ratio do the same.
    """
    sizes = sorted(ratios)
    value = _falls_through_one(sizes, [ratios[N].value for N in sizes])
    if value is None:
        return None
    ends = []
    for bounds in ([ratios[N].low for N in sizes], [ratios[N].high for N in sizes]):
        known = [bound for bound in bounds if bound is not None]
        ends.append(_falls_through_one(sizes, known) if len(known) == len(sizes) else None)
    return Crossing(value, *ends)


def _falls_through_one(sizes: list[int], ratios: list[float]) -> float | None:
    logs, positions = np.log(ratios), np.log(sizes)
    falls = [i for i in range(len(sizes) - 1) if logs[i] > 0 >= logs[i + 1]]
    if not falls or logs[-1] > 0:
        return None
    i = falls[-1]
    share = logs[i] / (logs[i] - logs[i + 1])
    return float(np.exp(positions[i] + share * (positions[i + 1] - positions[i])))
