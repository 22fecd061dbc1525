"""Forecasts: the error at a size, the size for an error, what that costs, and how far each reaches beyond the data.

Intervals are profiles of the law (`intervals`). A new shard's mean differs from the curve by the misfit, a single run
by the spread of the seeds as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from scaling.laws.intervals import Profile
    from scaling.laws.shards import Spread


Verdict = Literal["below the shards", "within the shards", "reachable", "open", "unreachable"]


class Range(BaseModel):
    """Bounds of an interval; None where it is open."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    low: float | None
    high: float | None


class Forecast(BaseModel):
    """The error at N."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    N: float
    error: float
    curve: Range
    """The mean error that the law stands for."""
    shard: Range
    """The mean of many new runs."""
    run: Range
    """A single new run; as the shard's where nothing tells how seeds differ."""
    factor: float
    """N over the largest shard: above one it is an extrapolation, by so much."""
    below: bool
    """Is N below the shards that the law was fitted to, where it need not hold?"""

    @classmethod
    def of(cls, profile: Profile, largest: float, N: float, spread: Spread | None, level: float) -> Forecast:
        """Foretell from a profile of shards up to the `largest`."""
        if not (np.isfinite(N) and N > 0):
            raise ValueError(f"N = {N}, expected a positive, finite number of examples.")
        misfit, seeds = profile.misfit, spread.prediction_variance(N, level) if spread else 0.0
        clock = np.full(3, np.log(largest / N))
        below = bool(clock[0] > profile.decay.span + 1e-9)
        error, low, high = profile.curve(clock, np.array([0.0, misfit, misfit + seeds]))
        curve, shard, run = (Range(low=float(a), high=float(b)) for a, b in zip(low, high, strict=True))
        return cls(
            N=N, error=float(error[0]), curve=curve, shard=shard, run=run, factor=float(N / largest), below=below
        )


class Cost(BaseModel):
    """A cost with the bounds of its interval; None where N is open."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    value: float | None
    low: float | None
    high: float | None


class DataNeeded(BaseModel):
    """The size at which a curve meets an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    error: float
    verdict: Verdict
    """Open: some floors in the interval of γ forbid it, or γ has no lower bound. Unreachable: all do."""
    N: float | None
    """None where the best law's floor forbids it."""
    interval: Range
    """Its low end is None if no floor in the interval allows the error; its high end if one forbids it."""
    factor: float | None
    """N over the largest shard."""

    @classmethod
    def of(cls, profile: Profile, N: tuple[float, ...], error: float) -> DataNeeded:
        """Invert the curve of a profile."""
        if not (np.isfinite(error) and error > 0):
            raise ValueError(f"error = {error}, expected a positive, finite error to reach.")
        value, late, early = (_size(float(clock), N[-1]) for clock in profile.clock_at(error))
        # A curve as flat as the search allows could be flatter: when it arrives is not known, nor that it never does.
        flat = profile.open[0]
        if late is not None and late > N[-1] and flat:
            late = None
        verdict: Verdict = "reachable"
        if early is None:
            verdict = "open" if flat else "unreachable"
        elif value is None or late is None:
            verdict = "open"
        elif value <= N[-1]:
            verdict = "within the shards" if value >= N[0] else "below the shards"
        return cls(
            error=error,
            verdict=verdict,
            N=value,
            interval=Range(low=early, high=late),
            factor=None if value is None else value / N[-1],
        )

    def cost(self, of: Callable[[float], float]) -> Cost:
        """What the data cost; `of` gives the cost, rising with N, of N examples, or of a run on them."""
        value, low, high = (None if N is None else of(N) for N in (self.N, self.interval.low, self.interval.high))
        return Cost(value=value, low=low, high=high)


def _size(clock: float, largest: float) -> float | None:
    return None if clock == -np.inf else float(largest * np.exp(-clock))
