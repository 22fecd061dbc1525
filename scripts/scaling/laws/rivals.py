"""Rivals: the forms that a learning curve may have, ranked by how well each foretells the curve's next shard.

All are fitted to log error by least squares under one covariance, that of the shards plus a declared tolerance, so that
their sums of squares can be compared. With x = log(N/N0):

    power law             α·e^(−k·x)                                   Hestness et al. 2017, γ = 0
    power law with floor  γ + α·e^(−k·x)                               the same
    plateau               ε₀ / (1 + (N/N₁)^k)                          Alabdulmohsin et al. 2022, M4 with ε∞ = 0, α = 1
    shifted               α·(N + S)^−k, S ≥ 0                          Zhai et al. 2022, without a floor
    broken                α·N^−k₀·(1 + (N/N₁)^(1/f))^(−(k₁−k₀)·f)      Caballero et al. 2023, one break, no floor
    exponential           γ + α·e^(−N/n)                               improvement "exponential" in N
    logarithmic           α − b·log N                                  improvement by a constant for each doubling

The linear parameters of each are projected out (variable projection), and the one or two others searched on a grid,
then by a pattern search that halves its step around the best point, and last by Gauss–Newton steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
import scipy
from pydantic import BaseModel, ConfigDict

from scaling.laws.fitting import RATES, optimum
from scaling.laws.forms import Decay, FloatArray
from scaling.laws.intervals import Line
from scaling.laws.shards import Shards

FormName = Literal["power law", "power law with floor", "plateau", "shifted", "broken", "exponential", "logarithmic"]
FORMS: tuple[FormName, ...] = get_args(FormName)
POWER_LAWS: tuple[FormName, ...] = FORMS[:5]
PARAMETERS: dict[FormName, int] = dict(zip(FORMS, (2, 3, 3, 3, 5, 3, 2), strict=True))

TOLERANCE = 0.02
"""Misfit of a shard's log error that any form is allowed."""
HELD_OUT, MIN_SHARDS = 3, 7
"""How many of the largest shards are foretold, and below how many shards none is."""
EXPONENTIAL_RATES = np.geomspace(0.01, 500, 96)  # span/n: from nearly straight to a fall at the first shard only


class Rival(BaseModel):
    """How near one form comes to the curve, and how well it foretells the curve's next shard."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    form: FormName
    parameters: int
    rms_residual: float
    """Root mean square residual of log error over all shards."""
    rolling_error: float | None
    """Mean |log(predicted/observed)| of the top three shards, each from all smaller ones; None if these are too few."""
    aicc: float | None
    """Akaike's criterion for small samples, with the scale of the covariance as a further parameter (Hurvich & Tsai
    1989); None if the shards are too few."""


class Fit(NamedTuple):
    """A form fitted to shards."""

    curve: Callable[[FloatArray], FloatArray]
    """Log error as a function of N (points,)."""
    rss: float
    """Whitened residual sum of squares."""


def rank(measured: Shards) -> tuple[Rival, ...]:
    """Fit every form to shards, and have each foretell the largest; the best forecaster first.

    Of forms that foretell alike the one with fewer parameters comes first; those that can't, for want of shards, last.
    """

    def order(rival: Rival) -> tuple[float, int]:
        return np.inf if rival.rolling_error is None else round(rival.rolling_error, 9), rival.parameters

    return tuple(sorted((_rival(form, measured) for form in FORMS if len(measured) > PARAMETERS[form]), key=order))


def fit_form(form: FormName, measured: Shards) -> Fit:
    """Fit one form to shards, more of them than it has parameters."""
    N, log_error = np.array(measured.N), np.log(measured.error)
    covariance = np.array(measured.covariance) + TOLERANCE**2 * np.eye(len(N))
    if form in SEARCHES:
        return _searched(SEARCHES[form], N, log_error, covariance)
    time: Callable[[FloatArray], FloatArray] = np.asarray if form == "exponential" else np.log
    return _decaying(form, time, N, log_error, covariance)


def _rival(form: FormName, measured: Shards) -> Rival:
    shards, parameters = len(measured), PARAMETERS[form]
    N, log_error = np.array(measured.N), np.log(measured.error)
    fit = fit_form(form, measured)
    misses = [
        abs(float(fit_form(form, measured.between(0, top)).curve(N[top : top + 1])[0] - log_error[top]))
        for top in range(shards - HELD_OUT, shards)
        if shards >= max(MIN_SHARDS, HELD_OUT + parameters + 1)
    ]
    free = parameters + 1
    spare = shards - free - 1
    aicc = (
        shards * np.log(max(fit.rss, 1e-30) / shards) + 2 * free + 2 * free * (free + 1) / spare if spare > 0 else None
    )
    return Rival(
        form=form,
        parameters=parameters,
        rms_residual=float(np.sqrt(np.mean(np.square(log_error - fit.curve(N))))),
        rolling_error=float(np.mean(misses)) if misses else None,
        aicc=None if aicc is None else float(aicc),
    )


def _decaying(
    form: FormName,
    time: Callable[[FloatArray], FloatArray],
    N: FloatArray,
    log_error: FloatArray,
    covariance: FloatArray,
) -> Fit:
    """Fit a form that decays on a clock.

    The logarithmic law is the decay of rate 0, its floor free to be negative; it is positive over the shards,
    and clipped beyond them (`Decay.curve`).
    """
    now = time(N)[-1]
    decay = Decay(now - time(N), log_error, covariance)
    if form == "power law":
        line = Line(decay)
        return Fit(lambda n: np.asarray(line.level + line.rate * (now - time(n))), line.rss)
    if form == "logarithmic":
        rate = np.array([1e-9 / decay.span])
        best = decay.at(rate[0], decay.best_drop(rate, largest=np.array([50.0]))[0])
    else:
        best, _ = optimum(decay, EXPONENTIAL_RATES / decay.span if form == "exponential" else RATES)
    k, D = np.array(best.rate), np.array(best.drop)
    return Fit(lambda n: np.asarray(best.level + decay.curve(k, D, now - time(n))), best.rss)


# Forms searched in one or two dimensions


@dataclass(frozen=True)
class Search:
    """A form as log ŷ = fixed + columns·coefficients, given one or two other parameters.

    `grid` gives the starts (points, q) from log N (shards,), ascending. `parts` gives fixed (points, n) and columns
    (points, n, r) at log N (n,), less log N of the middle; the constant is always a column.
    """

    grid: Callable[[FloatArray], tuple[FloatArray, ...]]
    parts: Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]


def _plateau(at: FloatArray, x: FloatArray) -> tuple[FloatArray, FloatArray]:
    log_k, bend = at[:, :1], at[:, 1:]
    return -np.logaddexp(0, np.exp(log_k) * (x - bend)), np.ones((len(at), len(x), 1))


def _shifted(at: FloatArray, x: FloatArray) -> tuple[FloatArray, FloatArray]:
    column = np.logaddexp(x, at)
    return np.zeros_like(column), np.stack([np.ones_like(column), column], axis=-1)


def _broken(at: FloatArray, x: FloatArray) -> tuple[FloatArray, FloatArray]:
    bend, width = at[:, :1], np.exp(at[:, 1:])
    past = width * np.logaddexp(0, (x - bend) / width)
    return np.zeros_like(past), np.stack([np.ones_like(past), np.broadcast_to(x, past.shape), past], axis=-1)


SEARCHES: dict[FormName, Search] = {
    "plateau": Search(
        # Far below the shards the plateau is out of sight, and the form a power law.
        lambda x: (np.log(np.geomspace(0.02, 3, 24)), np.linspace(x[0] - 8, x[-1], 24)),
        _plateau,
    ),
    "shifted": Search(lambda x: (np.linspace(x[0] - 12, x[-1] + 2, 60),), _shifted),
    "broken": Search(
        # The break lies between the second and the last but one shard, else it would have a slope of its own there.
        lambda x: (np.linspace(x[1], x[-2], 24), np.log(np.geomspace(0.05, 2, 8))),
        _broken,
    ),
}


def _searched(search: Search, N: FloatArray, log_error: FloatArray, covariance: FloatArray) -> Fit:
    middle = np.log(N).mean()
    x = np.log(N) - middle
    weights = np.linalg.inv(np.linalg.cholesky(covariance))

    def solve(at: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Whitened residuals (points, shards) and the best coefficients (points, r)."""
        fixed, columns = search.parts(at, x)
        y, X = ((log_error - fixed) @ weights.T)[..., None], weights @ columns
        normal = X.mT @ X
        # Columns that become alike, such as those of a break beyond the shards, must not stop the search.
        ridge = 1e-12 * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(X.shape[-1])
        coefficients = np.linalg.solve(normal + ridge, X.mT @ y)
        return (y - X @ coefficients)[..., 0], coefficients[..., 0]

    axes = search.grid(x)
    at = _pattern_search(lambda at: np.square(solve(at)[0]).sum(-1), axes)
    at = _polished(lambda at: solve(at[None])[0][0], at, axes)
    residuals, coefficients = solve(at[None])

    def curve(n: FloatArray) -> FloatArray:
        fixed, columns = search.parts(at[None], np.log(n) - middle)
        return np.asarray(fixed[0] + columns[0] @ coefficients[0])

    return Fit(curve, float(residuals[0] @ residuals[0]))


def _polished(
    residuals: Callable[[FloatArray], FloatArray], at: FloatArray, axes: tuple[FloatArray, ...]
) -> FloatArray:
    """Follow a valley that lies across the pattern's steps to its bottom, within the axes' bounds."""
    low, high = np.array([[axis[0], axis[-1]] for axis in axes]).T
    inside = np.clip(at, low + 1e-9 * (high - low), high - 1e-9 * (high - low))
    found = scipy.optimize.least_squares(residuals, inside, bounds=(low, high), xtol=1e-15, ftol=1e-15, gtol=1e-15)
    return found.x if 2 * found.cost < np.square(residuals(at)).sum() else at


def _pattern_search(value: Callable[[FloatArray], FloatArray], axes: tuple[FloatArray, ...]) -> FloatArray:
    """The point (q,) of least value within the axes' bounds: the best of their grid, then ever smaller steps."""
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))
    low, high = np.array([[axis[0], axis[-1]] for axis in axes]).T
    step = np.array([axis[1] - axis[0] for axis in axes])
    around = np.stack(np.meshgrid(*[np.linspace(-1, 1, 5)] * len(axes), indexing="ij"), axis=-1).reshape(-1, len(axes))
    values = value(grid)
    best, least = grid[values.argmin()], values.min()
    for _ in range(200):
        points = np.clip(best + step * around, low, high)
        values = value(points)
        inner = np.abs(around[values.argmin()]).max() < 1
        if values.min() < least:
            best, least = points[values.argmin()], values.min()
        else:
            inner = True
        if inner:
            step = step / 2
        if np.all(step < 1e-11):
            break
    return np.asarray(best)
