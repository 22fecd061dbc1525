"""Shards: the mean errors that laws are fitted to, and how far each may lie from the truth.

The covariance of the log means has two known parts (what the law itself gets wrong is estimated with the fit):

    seeds   s²(N)/n, with s² smoothed over the shards: three seeds alone tell a variance to a factor of three or so
    tests   all runs that share a test set share its luck: the covariance of their errors over its items

On a finite pool of P examples the seeds share data. To first order an error depends on its shard as a mean does on its
sample, so two runs of N and M examples have correlation √(N·M)/P, and the mean of n runs of one N the variance
s²·[1/n + (1 − 1/n)·N/P] (the finite population correction, Cochran 1977, section 2.6). Where N > P/5 the spread of the
seeds says nothing; s² comes from the smaller shards.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict

from scaling.laws.forms import FloatArray

SHARED = 5
"""Above pool / 5 the shards of different seeds share too much data to be called independent."""
ROUNDING = 1e-12
"""Seeds that differ by less, relative to their mean, are equal."""
LEVEL = 0.95
"""The probability with which the variance of such a shard has to hold."""


class CurveError(ValueError):
    """The points given are not a learning curve."""


class TooFewShards(CurveError):
    """Three parameters and two degrees of freedom need five shards."""


class Spread(BaseModel):
    """How runs of one N differ: relative variance of a single run's error, exp(level + slope·log(N/N0)).

    More than a decade below the smallest shard, or beyond the largest, it stays as it is there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    N0: float
    smallest: float
    largest: float
    level: float
    slope: float
    df: int
    """Degrees of freedom of all seeds together."""
    errors: tuple[float, float, float]
    """Variances of level and slope, and their covariance."""

    def variance(self, N: ArrayLike) -> FloatArray:
        """Variance of log error between runs of N examples, in the shape of N."""
        return np.asarray(np.exp(self.level + self.slope * self._x(N)))

    def prediction_variance(self, N: float, probability: float) -> float:
        """The variance that a normal interval needs, so as to hold a run of N with this probability.

        The variance at N is known as from ν = 2/var(log s²) degrees of freedom, taken as two if it were fewer: so it
        grows by the square of the t quantile over the normal one.
        """
        df = max(2 / float(self._uncertainty(N)), 2.0)
        inflation = scipy.stats.t.ppf((1 + probability) / 2, df) / scipy.stats.norm.ppf((1 + probability) / 2)
        return float(self.variance(N) * inflation**2)

    def expected_variance(self, N: ArrayLike) -> FloatArray:
        """A cautious variance, in the shape of N: its mean if its logarithm is normal around the estimate."""
        return np.asarray(self.variance(N) * np.exp(self._uncertainty(N) / 2))

    def _uncertainty(self, N: ArrayLike) -> FloatArray:
        """Variance of the log variance."""
        x = self._x(N)
        return np.asarray(self.errors[0] + 2 * x * self.errors[2] + x**2 * self.errors[1])

    def _x(self, N: ArrayLike) -> FloatArray:
        return np.log(np.clip(np.asarray(N, dtype=np.float64), self.smallest / 10, 10 * self.largest) / self.N0)


class Shards(BaseModel):
    """Mean error at each N, ascending, with the covariance of its logarithm, without the misfit of the law."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    N: tuple[float, ...]
    error: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    spread: Spread | None
    """None if no shard has two seeds that tell anything, or all seeds are equal."""

    def __len__(self) -> int:
        return len(self.N)

    def between(self, first: int, last: int | None = None) -> Shards:
        """The shards first, …, last − 1 with their part of the covariance; the seeds' spread is still that of all."""
        part = slice(first, last)
        return self.model_copy(
            update={
                "N": self.N[part],
                "error": self.error[part],
                "covariance": tuple(row[part] for row in self.covariance[part]),
            }
        )

    def without(self, index: int) -> Shards:
        """All shards but one."""

        def others(row: Sequence[float]) -> tuple[float, ...]:
            return (*row[:index], *row[index + 1 :])

        rows = self.covariance[:index] + self.covariance[index + 1 :]
        return self.model_copy(
            update={"N": others(self.N), "error": others(self.error), "covariance": tuple(map(others, rows))}
        )


def shards(
    N: ArrayLike,
    error: ArrayLike,
    *,
    pool: float | None = None,
    test: ArrayLike | None = None,
) -> Shards:
    """Average runs into shards.

    N (runs,): positive sizes; rows of equal N are the seeds of one shard. error (runs,): positive, or zero where the
    shard's mean is not. pool: examples that all shards are drawn from, if finite. test (shards, shards): covariance of
    log mean error that comes from a shared test set, ascending in N (`item_covariance`). Raises CurveError.
    """
    sizes, errors = _checked(N, error)
    values, shard = np.unique(sizes, return_inverse=True)
    runs = np.bincount(shard).astype(np.float64)
    mean = np.bincount(shard, errors) / runs
    for i in np.flatnonzero(mean <= 0)[:1]:
        raise CurveError(
            f"the mean error at N = {values[i]:g} is 0, expected a positive number: its logarithm is fitted. "
            "Test on more items, or leave the shard out and say so."
        )
    share = np.zeros(len(values)) if pool is None else values / _checked_pool(pool, values[-1])
    mute = share * SHARED > 1
    squares = np.asarray(np.bincount(shard, np.square(errors / mean[shard] - 1)), dtype=np.float64)
    squares[squares < ROUNDING**2] = 0
    # On a finite pool the seeds differ by less than independent ones would.
    squares /= np.where(mute, 1, 1 - share)
    spread = _spread(values, squares, np.where(mute, 0.0, runs - 1).astype(np.float64))
    covariance = np.zeros((len(values), len(values)))
    if spread:
        variance = spread.expected_variance(values)
        # Where the seeds say nothing the variance is extrapolated: grant it what it then takes to hold the truth.
        variance[mute] = [spread.prediction_variance(N, LEVEL) for N in values[mute]]
        sd = np.sqrt(variance)
        correlation = np.sqrt(np.outer(share, share))
        np.fill_diagonal(correlation, 1 / runs + (1 - 1 / runs) * share)
        covariance += correlation * np.outer(sd, sd)
    if test is not None:
        covariance += _checked_covariance(test, len(values))
    return Shards(
        N=tuple(values.tolist()),
        error=tuple(mean.tolist()),
        covariance=tuple(map(tuple, covariance.tolist())),
        spread=spread,
    )


def item_covariance(losses: Sequence[NDArray[np.generic]], weights: FloatArray | None = None) -> FloatArray:
    """Covariance (shards, shards) of log mean error that a shared test set brings.

    losses: for each shard the losses (runs, items) of its runs on the same items, at least two. It is what resampling
    the items jointly for all shards tends to: cov over items of the runs' mean loss, over items·(mean loss)². weights:
    how many of the things that the mean is over each item holds (items,), with mean 1, if not one each: then a loss is
    the item's sum, and what varies is the ratio of sums (Cochran 1977, section 6.3). Raises CurveError if the items
    differ in number, or all losses of a shard are zero.
    """
    shapes = [np.shape(loss) for loss in losses]
    counts = {shape[-1] if len(shape) == 2 else None for shape in shapes}
    if len(counts) != 1 or None in counts or 1 in counts:
        raise CurveError(
            f"losses have the shapes {', '.join(map(str, shapes))}, expected (runs, items), the same two or more "
            "items in each. Give the losses of all runs on one test set."
        )
    items = np.stack([np.asarray(loss, dtype=np.float64).mean(0) for loss in losses])
    mean = items.mean(1, keepdims=True)
    for i in np.flatnonzero(mean <= 0)[:1]:
        raise CurveError(f"losses[{i}] are all zero, expected an error: its logarithm is fitted. Leave the shard out.")
    relative = items / mean - (1 if weights is None else weights)
    return np.asarray(relative @ relative.T / (items.shape[1] * (items.shape[1] - 1)))


def _spread(N: FloatArray, squares: FloatArray, df: FloatArray) -> Spread | None:
    """Smooth the variance between seeds over the shards.

    s² of a shard is a gamma variable around the true variance; its logarithm is taken as linear in log N and fitted by
    maximum likelihood (a generalised linear model, McCullagh & Nelder 1989, chapter 8), or as constant if fewer than
    three shards have seeds that differ.
    """
    told = df > 0
    if not told.any() or not squares[told].any():
        return None
    N0 = float(np.exp(np.log(N).mean()))
    weight, s2 = df[told] / 2, squares[told] / df[told]
    coefficients = np.array([np.log(weight @ s2 / weight.sum()), 0.0])
    errors = np.diag([1 / weight.sum(), 0.0])
    if np.count_nonzero(s2) >= 3:
        design = np.stack([np.ones(len(s2)), np.log(N[told] / N0)], axis=1)
        coefficients = _gamma_regression(design, s2, weight, coefficients)
        errors = np.linalg.inv(design.T @ (weight[:, None] * design))
    return Spread(
        N0=N0,
        smallest=float(N[0]),
        largest=float(N[-1]),
        level=float(coefficients[0]),
        slope=float(coefficients[1]),
        df=int(df.sum()),
        errors=(float(errors[0, 0]), float(errors[1, 1]), float(errors[0, 1])),
    )


def _gamma_regression(design: FloatArray, s2: FloatArray, weight: FloatArray, start: FloatArray) -> FloatArray:
    """Coefficients of log variance (2,) of greatest likelihood: Newton's steps from a start, halved where they lose."""

    def loss(at: FloatArray) -> float:
        return float(weight @ (design @ at + s2 * np.exp(-design @ at)))

    at, least = start, loss(start)
    for _ in range(100):
        ratio = s2 * np.exp(-design @ at)
        step = np.linalg.solve(design.T @ ((weight * ratio)[:, None] * design), design.T @ (weight * (ratio - 1)))
        size = 1.0
        while size > 1e-9 and not loss(at + size * step) <= least:
            size /= 2
        if size <= 1e-9:
            break
        at, least = at + size * step, loss(at + size * step)
        if np.all(np.abs(step) < 1e-13):
            break
    return at


def _checked(N: ArrayLike, error: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """N and error as arrays (runs,), or the reason why they are no learning curve."""
    sizes, errors = np.asarray(N, dtype=np.float64), np.asarray(error, dtype=np.float64)
    if sizes.ndim != 1 or sizes.shape != errors.shape or not len(sizes):
        raise CurveError(
            f"N has shape {sizes.shape} and error {errors.shape}, expected (runs,) twice. Give a row for each run."
        )
    for name, values, allowed, expected in (
        ("N", sizes, sizes > 0, "a positive, finite number"),
        ("error", errors, errors >= 0, "a finite number of at least 0"),
    ):
        for i in np.flatnonzero(~(np.isfinite(values) & allowed))[:1]:
            raise CurveError(f"{name}[{i}] = {values[i]}, expected {expected}. Leave the run out, and say so.")
    return sizes, errors


def _checked_pool(pool: float, largest: float) -> float:
    if not (np.isfinite(pool) and pool >= largest):
        raise CurveError(
            f"pool = {pool}, expected a finite number of examples, at least the largest N = {largest:g}: shards are "
            "drawn from it. Leave pool out if examples never run out."
        )
    return float(pool)


def _checked_covariance(test: ArrayLike, length: int) -> FloatArray:
    covariance = np.asarray(test, dtype=np.float64)
    if covariance.shape != (length, length):
        raise CurveError(f"test has shape {covariance.shape}, expected ({length}, {length}): a row for each N.")
    scale = np.abs(covariance).max()
    if not np.isfinite(scale) or np.abs(covariance - covariance.T).max() > 1e-9 * scale:
        raise CurveError("test is no covariance: expected finite numbers, the same above the diagonal as below.")
    least = float(np.linalg.eigvalsh(covariance)[0])
    if least < -1e-9 * scale:
        raise CurveError(f"test is no covariance: its least eigenvalue is {least:.3g}, expected none below 0.")
    return (covariance + covariance.T) / 2
