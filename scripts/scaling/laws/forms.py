"""The forms a learning curve may have, in coordinates that the data determine well.

A form with a floor is a decay on a clock t that counts down to 0 at the largest shard:

    error = γ + a·exp(k·t)    power law: t = log(Nmax/N), k = −β;    exponential: t = Nmax − N, k = 1/s

γ and a are strongly correlated with k, so the search never uses them. It uses the error at the largest shard,
e^c, and the drop D of log error from the smallest shard to the largest:

    log error = c + log(1 + h·(e^D − 1)),   h = (e^(k·t) − 1)/(e^(k·T) − 1),   T = the clock's span

c is linear and is projected out (variable projection, Golub & Pereyra 1973). 0 ≤ D ≤ k·T says a ≥ 0, γ ≥ 0;
D = k·T is the curve without a floor, D = 0 the flat one; k → 0 with D free is a − b·log N.

Residuals are whitened by the covariance V of the log errors: sums of squares are generalised ones, r'·V⁻¹·r.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_DROPS = np.linspace(0, 1, 9)  # where the search for the best drop begins, as shares of the largest drop


def power_law(N: ArrayLike, alpha: float, beta: float, gamma: float = 0.0, N0: float = 1.0) -> FloatArray:
    """Error γ + α·(N/N0)^β in the shape of N and the unit of α and γ (Hestness et al. 2017)."""
    return np.asarray(gamma + alpha * (np.asarray(N, dtype=np.float64) / N0) ** beta)


def data_needed(error: ArrayLike, alpha: float, beta: float, gamma: float = 0.0, N0: float = 1.0) -> FloatArray:
    """N at which the power law with floor meets an error, its inverse; inf where the floor forbids it."""
    above = np.maximum(np.asarray(error, dtype=np.float64) - gamma, 0.0)
    with np.errstate(divide="ignore"):
        return np.asarray(N0 * (above / alpha) ** (1 / beta))


class Point(NamedTuple):
    """One curve: its rate k, drop D and best level c, and its whitened residual sum of squares."""

    rate: float
    drop: float
    level: float
    rss: float


@dataclass(frozen=True)
class Decay:
    """A decay with a floor, to be fitted to log errors.

    `clock` (shards,) falls from its span to 0; `log_error` (shards,) with `covariance` (shards, shards). Rates and
    drops below are arrays that broadcast to a shape (…); curves and residuals have one more axis, the shards' or that
    of another clock.
    """

    clock: FloatArray
    log_error: FloatArray
    covariance: FloatArray

    @cached_property
    def weights(self) -> FloatArray:
        """W (shards, shards) with W'W = V⁻¹."""
        return np.linalg.inv(np.linalg.cholesky(self.covariance))

    @cached_property
    def mean_weights(self) -> FloatArray:
        """Weights (shards,) of the best constant."""
        toward = self.weights.T @ self.weights.sum(1)
        return np.asarray(toward / self.information)

    @cached_property
    def information(self) -> float:
        """1'·V⁻¹·1: the inverse of the variance of c, the rest of the curve given."""
        return float(np.square(self.weights.sum(1)).sum())

    @cached_property
    def whitener(self) -> FloatArray:
        """The matrix (shards, shards) that takes deviations to whitened residuals at the best c."""
        return np.asarray(self.weights - np.outer(self.weights.sum(1), self.mean_weights))

    @property
    def span(self) -> float:
        """T: the clock at the smallest shard."""
        return float(self.clock[0])

    def at(self, rate: float, drop: float) -> Point:
        """The curve of a rate and a drop."""
        k, D = np.array(rate), np.array(drop)
        return Point(float(rate), float(drop), float(self.level(k, D)), float(self.rss(k, D)))

    def shape(self, rate: FloatArray, clock: FloatArray) -> FloatArray:
        """h (…, clock): 1 at the smallest shard, 0 at the largest, negative beyond it."""
        rate = rate[..., None]
        return np.asarray(np.expm1(rate * clock) / np.expm1(rate * self.span))

    def curve(self, rate: FloatArray, drop: FloatArray, clock: FloatArray) -> FloatArray:
        """Log error less c (…, clock).

        Far beyond the shards an exponential underflows and a logarithmic law turns negative: an error below a
        millionth of that at the largest shard counts as a millionth of it, so that the log is finite.
        """
        rise = self.shape(rate, clock) * np.expm1(drop)[..., None]
        return np.log1p(np.maximum(rise, 1e-6 - 1))

    def residuals(self, curve: FloatArray) -> FloatArray:
        """Whitened log error less the curve (…, shards), at the best c."""
        return np.asarray((self.log_error - curve) @ self.whitener.T)

    def rss(self, rate: FloatArray, drop: FloatArray) -> FloatArray:
        """Whitened residual sum of squares (…), at the best c."""
        return np.asarray(np.square(self.residuals(self.curve(rate, drop, self.clock))).sum(-1))

    def level(self, rate: FloatArray, drop: FloatArray) -> FloatArray:
        """The best c (…): log error at the largest shard."""
        return np.asarray((self.log_error - self.curve(rate, drop, self.clock)) @ self.mean_weights)

    def amplitude(self, rate: FloatArray, drop: FloatArray, clock: float) -> FloatArray:
        """The decaying part a·exp(k·clock) as a share of e^c (…); at clock 0, 1 less the share of γ."""
        return np.asarray(np.exp(rate * clock) * (np.expm1(drop) / np.expm1(rate * self.span)))

    def meets(self, rate: FloatArray, drop: FloatArray, rise: FloatArray) -> FloatArray:
        """The clock (…) at which log error less c is `rise` (…); −inf where the floor lies above, inf where D = 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            shape = np.expm1(rise) / np.expm1(drop)
            grown = np.where(rise == 0, 0.0, shape * np.expm1(rate * self.span))
            return np.asarray(np.where(grown > -1, np.log1p(np.maximum(grown, -1)) / rate, -np.inf))

    def best_drop(self, rate: FloatArray, largest: FloatArray | None = None) -> FloatArray:
        """The drop (m,) from 0 to `largest` (m,), k·T if not given, that fits best at each rate (m,).

        From the best of a grid, by Newton's method within a bracket, so that both bounds are reached exactly.
        """
        largest = rate * self.span if largest is None else largest
        grid, each = largest[:, None] * _DROPS, np.arange(len(rate))
        best = self.rss(rate[:, None], grid).argmin(-1)
        low, drop, high = (grid[each, np.clip(best + step, 0, len(_DROPS) - 1)] for step in (-1, 0, 1))
        shape = self.shape(rate, self.clock)
        for _ in range(60):  # 3 to 8 do, but for curves that rounding moves to and fro
            rise = shape * np.expm1(drop)[:, None]
            share = shape * np.exp(drop)[:, None] / (1 + rise)  # d curve / d drop
            r = self.residuals(np.log1p(rise)) @ self.whitener
            slope = -(r * share).sum(-1)
            bend = np.square(share @ self.whitener.T).sum(-1) - (r * share * (1 - share)).sum(-1)
            low, high = np.where(slope < 0, drop, low), np.where(slope > 0, drop, high)
            newton = drop - slope / np.where(bend > 0, bend, np.nan)
            last, drop = drop, np.where((low <= newton) & (newton <= high), newton, (low + high) / 2)
            if np.all(np.abs(drop - last) <= 1e-12 * largest):
                break
        return np.asarray(drop)

    def derivatives(self, rate: float, drop: float) -> FloatArray:
        """Derivatives (shards, 3) of log error by c, by the rate at a fixed share drop/(k·T), and by the drop."""
        k, D = np.array([rate]), np.array([drop])
        shape = self.shape(k, self.clock)
        by_drop = shape * np.exp(D) / (1 + shape * np.expm1(D))
        return np.stack([np.ones_like(self.clock), self._by_rate(k, D, shape)[0], by_drop[0]], axis=1)

    def _by_rate(self, rate: FloatArray, drop: FloatArray, shape: FloatArray) -> FloatArray:
        """d curve / d rate (m, shards) at a fixed share drop/(k·T)."""
        k, D = rate[:, None], drop[:, None]
        growth = np.exp(k * self.clock) * self.clock
        d_shape = (growth - shape * growth[:, :1]) / np.expm1(k * self.span)
        return np.asarray((d_shape * np.expm1(D) + shape * np.exp(D) * D / k) / (1 + shape * np.expm1(D)))

    def profile_slope(self, rate: FloatArray) -> FloatArray:
        """d RSS / d rate (m,) along the best drop.

        At a fixed share drop/(k·T): inside the bounds the drop is optimal and its change adds nothing; on a
        bound the share is what stays.
        """
        drop = self.best_drop(rate)
        shape = self.shape(rate, self.clock)
        residuals = self.residuals(np.log1p(shape * np.expm1(drop)[:, None]))
        return np.asarray(-2 * (residuals * (self._by_rate(rate, drop, shape) @ self.whitener.T)).sum(-1))


def crossing(past: Callable[[FloatArray], BoolArray], start: FloatArray, end: FloatArray) -> FloatArray:
    """Where, on the way from start to end (m,), `past` first turns true; the end if it never does.

    `past` maps points (m, p) to (m, p). Each round cuts what is left into 32: for numpy many points cost
    little more than one, and nothing is asked of the function but the change.
    """
    each = np.arange(len(start))
    for _ in range(11):
        points = start[:, None] + (end - start)[:, None] * np.linspace(0, 1, 33)
        points[:, -1] = end
        turned = past(points)
        turned[:, 0], turned[:, -1] = False, True
        first = turned.argmax(-1)
        start, end = points[each, first - 1], points[each, first]
        if np.all(np.abs(end - start) <= 1e-14 * np.abs(end)):
            break
    return end
