"""Intervals by profile: what the shard means allow, given how far they lie from the law.

The region of level p holds every (k, D, c) whose residual sum of squares is at most RSS·(1 + F_p(1, df)/df),
RSS the least and df = shards − 3. A bound of a quantity is its extreme over the region, the same as the bound
of its profile (Bates & Watts 1988, chapter 6). For the curve it bounds the mean, not a new measurement.
"""

from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict
from scipy import stats

from scaling.laws.forms import BoolArray, Decay, FloatArray, Point, crossing

PRECISION = 1e-10  # log errors are not trusted beyond this: an exact curve keeps a region of some width
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


class Region(NamedTuple):
    """A region as a grid that fills it and holds the best point; at each point, c = level ± slack."""

    rate: FloatArray  # (rates, 1)
    drop: FloatArray  # (rates, drops)
    level: FloatArray  # (rates, drops)
    slack: FloatArray  # (rates, drops)
    open: tuple[bool, bool]  # whether it touches the smallest and the largest rate searched
    floorless: bool  # whether a curve with γ = 0 lies in it

    def bounds(self, quantity: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Least and greatest of e^c·quantity (…), for a quantity (rates, drops, …) ≥ 0."""
        level, slack = (part[(..., *(None,) * (quantity.ndim - 2))] for part in (self.level, self.slack))
        return (np.exp(level - slack) * quantity).min((0, 1)), (np.exp(level + slack) * quantity).max((0, 1))


def region(decay: Decay, best: Point, rates: FloatArray, level: float) -> Region:
    """The region of a level around the best point; `rates` (m,), ascending, is the range searched."""
    shards = len(decay.clock)
    quantile = float(stats.f.ppf(level, 1, shards - 3))
    limit = best.rss + max(best.rss, shards * PRECISION**2) * quantile / (shards - 3)

    def beyond(rate: FloatArray) -> BoolArray:
        each = rate.ravel()
        return np.asarray(decay.rss(each, decay.best_drop(each)) > limit).reshape(rate.shape)

    nodes = np.unique(np.append(rates, best.rate))
    first, last = np.flatnonzero(~beyond(nodes) | (nodes == best.rate))[[0, -1]]
    outside = [max(first - 1, 0), min(last + 1, len(nodes) - 1)]
    flattest, steepest = crossing(beyond, nodes[[first, last]], nodes[outside])

    # Curves without a floor are straight lines: an edge of the region, on which many extremes lie.
    t = decay.clock - decay.clock.mean()
    straight = t @ decay.log_error / (t @ t)
    room = limit - np.square(decay.residuals(straight * decay.clock)).sum()
    edge = straight + np.sqrt(max(room, 0) / (t @ t)) * (2 * _NODES - 1)
    rate = np.concatenate([flattest * (steepest / flattest) ** _NODES, edge, [best.rate]])
    rate = np.clip(rate, flattest, steepest)

    middle, largest = decay.best_drop(rate), rate * decay.span
    low, high = (
        crossing(lambda drop: decay.rss(rate[:, None], drop) > limit, middle, end) for end in (0 * largest, largest)
    )
    rate, drop = rate[:, None], low[:, None] + (high - low)[:, None] * _NODES
    slack = np.sqrt(np.maximum(limit - decay.rss(rate, drop), 0) / shards)
    touches = bool(first == 0), bool(last == len(nodes) - 1)
    floorless = bool(room >= 0 and edge[0] <= rates[-1] and edge[-1] >= rates[0])
    return Region(rate, drop, decay.level(rate, drop), slack, touches, floorless)


def pinned(low: float, high: float) -> bool:
    """Is the quantity known: its bounds of one sign and no more than a factor 2 apart?"""
    return 0 < low <= high <= 2 * low or 2 * high <= low <= high < 0


def slope_interval(decay: Decay, level: float) -> Estimate:
    """Slope of the regression of log error on −clock, with its t interval on shards − 2 df."""
    x, df = decay.clock.mean() - decay.clock, len(decay.clock) - 2
    slope = float(x @ decay.log_error / (x @ x))
    residual = decay.residuals(slope * x)
    half = float(stats.t.ppf((1 + level) / 2, df) * np.sqrt(residual @ residual / df / (x @ x)))
    low, high = slope - half, slope + half
    return Estimate(value=slope, low=low, high=high, identified=pinned(low, high))


def parameter_intervals(decay: Decay, best: Point, around: Region) -> tuple[Estimate, Estimate, Estimate]:
    """α (the decaying part of the error at N0), β and γ of a power law with floor.

    Where the search, not the data, bounds β, its interval is open. Open towards 0, any split of the error
    between α and γ will do and γ is only bounded above; so it is if a curve without a floor is in the region.
    Open towards steep powers, α has no lower bound.
    """
    flat, steep = around.open
    k, D, scale = np.array(best.rate), np.array(best.drop), np.exp(best.level)
    low, high = -float(around.rate.max()), -float(around.rate.min())
    beta = Estimate(
        value=-best.rate,
        low=None if steep else low,
        high=None if flat else high,
        identified=not (flat or steep) and pinned(low, high),
    )
    N0 = float(decay.clock.mean())
    low, high = map(float, around.bounds(decay.amplitude(around.rate, around.drop, N0)))
    alpha = Estimate(
        value=float(scale * decay.amplitude(k, D, N0)),
        low=None if steep else low,
        high=high,
        identified=not steep and pinned(low, high),
    )
    low, high = map(float, around.bounds(1 - decay.amplitude(around.rate, around.drop, 0)))
    measured = not (flat or around.floorless)
    gamma = Estimate(
        value=float(scale * (1 - decay.amplitude(k, D, 0))),
        low=low if measured else 0.0,
        high=high,
        identified=measured,
    )
    return alpha, beta, gamma


def band_of(decay: Decay, best: Point, around: Region, largest: float) -> Band:
    """The curve's interval from the smallest shard to three times the `largest`: 72 points, even in log N."""
    clock = np.append(np.linspace(decay.span, 0, 60), np.linspace(0, -np.log(3), 13)[1:])
    low, high = around.bounds(np.exp(decay.curve(around.rate, around.drop, clock)))
    value = np.exp(best.level + decay.curve(np.array(best.rate), np.array(best.drop), clock))
    N = largest * np.exp(-clock)
    return Band(N=tuple(N.tolist()), value=tuple(value.tolist()), low=tuple(low.tolist()), high=tuple(high.tolist()))
