"""Sensitivity: what the law would be under another loss, and without each of its shards."""

from __future__ import annotations

from typing import Literal

import numpy as np
import scipy
from pydantic import BaseModel, ConfigDict

from scaling.laws.fitting import MIN_SHARDS, RATES, Law, optimum
from scaling.laws.forms import Decay, FloatArray
from scaling.laws.shards import Shards

HUBER = 1e-3
"""Where the Huber loss of log residuals turns from squares to absolute values (Hoffmann et al. 2022)."""
LossName = Literal["least squares", "Huber", "least absolute"]


class Variant(BaseModel):
    """The law under another loss of the log residuals, all shards alike."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    loss: LossName
    alpha: float
    beta: float
    gamma: float


class Influence(BaseModel):
    """The law without one shard."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    N: float
    """The shard left out."""
    beta: float
    gamma: float
    residual: float
    """Log of its error less what the law without it foretells."""


def variants(law: Law) -> tuple[Variant, ...]:
    """Fit the law's shards by ordinary least squares, Huber loss and least absolute residuals."""
    log_N = np.log(law.N)
    decay = Decay(log_N[-1] - log_N, np.log(law.error), np.eye(len(log_N)))
    best, _ = optimum(decay, RATES)
    return (
        _variant("least squares", decay, best.rate, best.drop, best.level),
        _variant("Huber", decay, *_robust(decay, HUBER)),
        _variant("least absolute", decay, *_robust(decay, 0.0)),
    )


def influences(law: Law) -> tuple[Influence, ...]:
    """Leave out one shard after the other, under the covariance of the whole fit; none of only five."""
    if law.shards <= MIN_SHARDS:
        return ()
    return tuple(_without(law, index) for index in range(law.shards))


def _without(law: Law, index: int) -> Influence:
    rest: Shards = law.measured.without(index)
    log_N, now = np.log(rest.N), np.log(rest.N[-1])
    covariance = np.array(rest.covariance) + law.misfit**2 * np.eye(len(log_N))
    decay = Decay(now - log_N, np.log(rest.error), covariance)
    best, _ = optimum(decay, RATES)
    k, D = np.array(best.rate), np.array(best.drop)
    foretold = best.level + decay.curve(k, D, np.array([now - np.log(law.N[index])]))[0]
    return Influence(
        N=law.N[index],
        beta=-best.rate,
        gamma=float(np.exp(best.level) * (1 - decay.amplitude(k, D, 0.0))),
        residual=float(np.log(law.error[index]) - foretold),
    )


def _variant(loss: LossName, decay: Decay, rate: float, drop: float, level: float) -> Variant:
    k, D, scale = np.array(rate), np.array(drop), np.exp(level)
    return Variant(
        loss=loss,
        alpha=float(scale * decay.amplitude(k, D, float(decay.clock.mean()))),
        beta=-rate,
        gamma=float(scale * (1 - decay.amplitude(k, D, 0.0))),
    )


def _robust(decay: Decay, delta: float) -> tuple[float, float, float]:
    """The rate, drop and level of least Huber loss, delta = 0 for absolute residuals.

    Neither loss has a gradient to follow to the end, so a grid over rate and share of the largest drop, the level
    projected out, is drawn ever closer around its five best points, and the best of these followed by a simplex.
    """
    rates, shares = np.log(RATES[::2]), np.linspace(0, 1, 25)
    grid = np.stack(np.meshgrid(rates, shares, indexing="ij"), axis=-1).reshape(-1, 2)
    losses, _ = _losses(decay, grid, delta)
    at = grid[losses.argsort(kind="stable")[:5]]
    step = np.array([rates[1] - rates[0], shares[1] - shares[0]])
    low, high = np.array([rates[0], 0.0]), np.array([rates[-1], 1.0])
    around = np.stack(np.meshgrid(*[np.linspace(-1, 1, 7)] * 2, indexing="ij"), axis=-1).reshape(-1, 2)
    for _ in range(24):
        points = np.clip(at[:, None] + step * around, low, high)
        losses = _losses(decay, points.reshape(-1, 2), delta)[0].reshape(len(at), -1)
        nearest = losses.argmin(1)
        at, step = points[np.arange(len(at)), nearest], step / 2
    # The loss has creases that run across the grid, where its steps get stuck.
    start: FloatArray = at[losses.min(1).argmin()]

    def loss(one: FloatArray) -> float:
        return float(_losses(decay, one[None], delta)[0][0])

    found: FloatArray = scipy.optimize.minimize(
        loss,
        start,
        method="Nelder-Mead",
        bounds=scipy.optimize.Bounds(low, high),
        options={"xatol": 1e-10, "fatol": 1e-14, "maxfev": 600},
    ).x
    rate = float(np.exp(found[0]))
    return rate, float(found[1] * rate * decay.span), float(_losses(decay, found[None], delta)[1][0])


def _losses(decay: Decay, at: FloatArray, delta: float) -> tuple[FloatArray, FloatArray]:
    """Loss (points,) at the best level, and that level, of log rates and shares of the largest drop (points, 2)."""
    rate = np.exp(at[:, 0])
    deviations = decay.log_error - decay.curve(rate, at[:, 1] * rate * decay.span, decay.clock)
    level = np.median(deviations, axis=1)
    if delta:
        # The derivative of the Huber loss by the level rises from −shards·delta to shards·delta: bisect.
        low, high = deviations.min(1), deviations.max(1)
        for _ in range(45):
            level = (low + high) / 2
            rising = np.clip(level[:, None] - deviations, -delta, delta).sum(1) > 0
            low, high = np.where(rising, low, level), np.where(rising, level, high)
    size = np.abs(deviations - level[:, None])
    return np.where(size <= delta, size**2 / 2, delta * (size - delta / 2)).sum(1) if delta else size.sum(1), level
