"""Intervals by profile: what the shard means allow, given their covariance and how far they lie from the law.

The region of a level holds every (k, D, c) whose whitened residual sum of squares exceeds the least by no more than a
budget (`misfit`). A bound of a quantity is its extreme over the region, the same as the bound of its profile (Bates &
Watts 1988, chapter 6). A new measurement z with variance v of its logarithm joins the sum of squares as
(z − curve)²/v, which is profiled along with the rest: its bounds are the extremes of curve ± √(v·room), room what is
left of the budget.
"""

from functools import cached_property
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from scaling.laws.forms import BoolArray, Decay, FloatArray, Point, crossing
from scaling.laws.misfit import Misfit

_NODES = (1 - np.cos(np.linspace(0, np.pi, 33))) / 2  # dense towards both ends, where the extremes lie


class Estimate(BaseModel):
    """A value and the bounds of its interval, of the level that stands in the law; None where it is open."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    value: float
    low: float | None
    high: float | None
    identified: bool


class Band(BaseModel):
    """The fitted curve and its pointwise interval, over the shards and on to three times the largest."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    N: tuple[float, ...]
    value: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


class Bounds(NamedTuple):
    """A quantity (…) with its interval."""

    value: FloatArray
    low: FloatArray
    high: FloatArray


class Profile:
    """The region of a level around the best point, as a grid (rates, drops) that fills it and holds that point."""

    def __init__(self, decay: Decay, best: Point, rates: FloatArray, limit: float, misfit: float) -> None:
        """Fill the region of all curves whose whitened sum of squares is at most `limit`.

        `rates` (m,), ascending, is the range searched; the covariance of `decay` has `misfit`, τ², in it.
        """
        self.decay, self.best, self.limit, self.misfit = decay, best, limit, misfit
        nodes = np.unique(np.append(rates, best.rate))
        first, last = np.flatnonzero(~self._beyond(nodes) | (nodes == best.rate))[[0, -1]]
        outside = [max(first - 1, 0), min(last + 1, len(nodes) - 1)]
        flattest, steepest = crossing(self._beyond, nodes[[first, last]], nodes[outside])
        self.open = bool(first == 0), bool(last == len(nodes) - 1)
        """Whether it touches the smallest and the largest rate searched."""

        # Curves without a floor are straight lines: an edge of the region, on which many extremes lie.
        line = Line(decay)
        room = self.limit - line.rss
        edge = line.rate + np.sqrt(max(room, 0) / line.information) * (2 * _NODES - 1)
        self.floorless = bool(room >= 0 and edge[0] <= rates[-1] and edge[-1] >= rates[0])
        """Whether a curve with γ = 0 lies in it."""

        rate = np.concatenate([flattest * (steepest / flattest) ** _NODES, edge, [best.rate]])
        rate = np.clip(rate, flattest, steepest)
        middle, largest = decay.best_drop(rate), rate * decay.span
        low, high = (
            crossing(lambda drop: decay.rss(rate[:, None], drop) > self.limit, middle, end)
            for end in (0 * largest, largest)
        )
        self.rate = rate[:, None]
        self.drop = low[:, None] + (high - low)[:, None] * _NODES
        self.level = decay.level(self.rate, self.drop)

    @cached_property
    def room(self) -> FloatArray:
        """What is left of the limit (rates, drops) at the best c."""
        return np.asarray(np.maximum(self.limit - self.decay.rss(self.rate, self.drop), 0))

    def _beyond(self, rate: FloatArray) -> BoolArray:
        each = rate.ravel()
        return np.asarray(self.decay.rss(each, self.decay.best_drop(each)) > self.limit).reshape(rate.shape)

    def slack(self, variance: FloatArray | float = 0.0) -> FloatArray:
        """How far c, with a new measurement's own error of this variance (…), may move: (rates, drops, …)."""
        variance = np.asarray(variance)
        room = self.room[(..., *(None,) * variance.ndim)]
        return np.asarray(np.sqrt(room * (1 / self.decay.information + variance)))

    def bounds(self, quantity: FloatArray) -> tuple[float, float]:
        """Least and greatest of e^c·quantity, for a quantity (rates, drops) ≥ 0."""
        slack = self.slack()
        low, high = np.exp(self.level - slack) * quantity, np.exp(self.level + slack) * quantity
        return float(low.min()), float(high.max())

    def parameters(self) -> tuple[Estimate, Estimate, Estimate]:
        """α (the decaying part of the error at N0), β and γ of a power law with floor.

        Where the search, not the data, bounds β, its interval is open. Open towards 0, any split of the error
        between α and γ will do and γ is only bounded above; so it is if a curve without a floor is in the region.
        Open towards steep powers, α has no lower bound.
        """
        flat, steep = self.open
        decay, best = self.decay, self.best
        k, D, scale = np.array(best.rate), np.array(best.drop), np.exp(best.level)
        low, high = -float(self.rate.max()), -float(self.rate.min())
        beta = Estimate(
            value=-best.rate,
            low=None if steep else low,
            high=None if flat else high,
            identified=not (flat or steep) and pinned(low, high),
        )
        N0 = float(decay.clock.mean())
        low, high = self.bounds(decay.amplitude(self.rate, self.drop, N0))
        alpha = Estimate(
            value=float(scale * decay.amplitude(k, D, N0)),
            low=None if steep else low,
            high=high,
            identified=not steep and pinned(low, high),
        )
        low, high = self.bounds(1 - decay.amplitude(self.rate, self.drop, 0))
        measured = not (flat or self.floorless) and low > 0
        gamma = Estimate(
            value=float(scale * (1 - decay.amplitude(k, D, 0))),
            low=low if measured else 0.0,
            high=high,
            identified=measured,
        )
        return alpha, beta, gamma

    def curve(self, clock: FloatArray, variance: FloatArray | float = 0.0) -> Bounds:
        """The error (points,) on a clock (points,): of the curve, or of measurements with `variance` (points,)."""
        variance = np.broadcast_to(variance, clock.shape)
        value = self.best.level + self.decay.curve(np.array(self.best.rate), np.array(self.best.drop), clock)
        allowed = self.level[..., None] + self.decay.curve(self.rate, self.drop, clock)
        slack = self.slack(variance)
        return Bounds(np.exp(value), np.exp((allowed - slack).min((0, 1))), np.exp((allowed + slack).max((0, 1))))

    def clock_at(self, error: float) -> Bounds:
        """The clock at which the curve meets an error, with its latest and earliest; −inf where it never does."""
        target, slack = np.log(error), self.slack()
        best = self.decay.meets(np.array(self.best.rate), np.array(self.best.drop), np.array(target - self.best.level))
        # A higher level needs more data, so a lower clock.
        late = self.decay.meets(self.rate, self.drop, target - (self.level + slack))
        early = self.decay.meets(self.rate, self.drop, target - (self.level - slack))
        return Bounds(best, np.asarray(late.min()), np.asarray(early.max()))


class Line:
    """The straight line through log errors on a clock: the power law without a floor, by generalised least squares."""

    def __init__(self, decay: Decay) -> None:
        t, y = decay.whitener @ decay.clock, decay.whitener @ decay.log_error
        self.information = float(t @ t)
        self.rate = float(t @ y / self.information)
        self.rss = float(np.square(y - self.rate * t).sum())
        self.level = float((decay.log_error - self.rate * decay.clock) @ decay.mean_weights)


def pinned(low: float, high: float) -> bool:
    """Is the quantity known: its bounds of one sign and no more than a factor 2 apart?"""
    return 0 < low <= high <= 2 * low or 2 * high <= low <= high < 0


def slope_interval(log_N: FloatArray, log_error: FloatArray, covariance: FloatArray, level: float) -> Estimate:
    """Effective slope: ordinary least squares of log error on log N (shards,), with its interval on shards − 2 df.

    All shards count alike, so that it says the same of a bent curve whichever of its shards were measured best; its
    variance is that under `covariance` (shards, shards) and the misfit of the line.
    """
    x = log_N - log_N.mean()
    weights = x / (x @ x)
    slope = float(weights @ log_error)
    line = np.stack([np.ones_like(x), x], axis=1)
    misfit = Misfit(covariance, log_error - log_error.mean() - slope * x, line)
    known, each = float(weights @ covariance @ weights), float(weights @ weights)
    widest, budget = misfit.widest(level, lambda misfit: known + misfit * each)
    half = float(np.sqrt(budget * (known + widest * each)))
    return Estimate(value=slope, low=slope - half, high=slope + half, identified=pinned(slope - half, slope + half))
