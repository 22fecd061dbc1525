"""fit_law: the power law with floor, fitted to one mean error per shard, with intervals.

Generalised least squares on log error. The covariance is that of the shards (seeds and test set, `shards`) plus τ²I,
the misfit of the law, estimated along with it (`misfit`). The search has one dimension: at each exponent the other two
parameters are projected out, and each valley of the profile over the declared range of exponents is followed down.
"""

import warnings
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict

from scaling.laws.forecasts import DataNeeded, Forecast
from scaling.laws.forms import BoolArray, Decay, FloatArray, Point, crossing, power_law
from scaling.laws.intervals import Band, Estimate, Line, Profile, slope_interval
from scaling.laws.misfit import Misfit
from scaling.laws.shards import Shards, TooFewShards, shards

BETA_RANGE = (-3.0, -0.005)  # the declared search range: an interval of β that touches it is open
RATES = np.geomspace(-BETA_RANGE[1], -BETA_RANGE[0], 96)  # the starts: values of −β
MIN_SHARDS = 5
AGREE = 0.5  # fewer starts than this that reach the best optimum are worth a warning
ROUNDING = 1e-8  # a floor that brings the curve nearer by less, in whitened squares, is none


class Law(BaseModel):
    """error = gamma + alpha·(N/N0)**beta, in the unit of the errors given; N0 is the geometric mean of N."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    form: Literal["power law with floor"] = "power law with floor"
    measured: Shards
    """The shards that the law was fitted to."""
    N0: float
    decades: float
    level: float
    alpha: Estimate
    beta: Estimate
    gamma: Estimate
    slope: Estimate
    """Effective slope d log error / d log N: that of a straight line, all shards alike."""
    misfit: float
    """τ: standard deviation of what the law gets wrong of a shard's log error, beside seeds and test set."""
    residuals: tuple[float, ...]
    """Log error less the law's, a value per shard."""
    rms_residual: float
    """Root mean square of these."""
    agreement: float
    """Fraction of the starts that reach the best optimum, to 1 % of its residual sum of squares."""
    band: Band

    @property
    def N(self) -> tuple[float, ...]:
        """Sizes of the shards, ascending."""
        return self.measured.N

    @property
    def error(self) -> tuple[float, ...]:
        """Mean errors of the shards."""
        return self.measured.error

    @property
    def shards(self) -> int:
        """How many there are."""
        return len(self.measured)

    @property
    def verdict(self) -> Literal["identified", "slope only", "unidentified", "does not fall"]:
        """What the curve tells: its exponent (and γ, or an upper bound), its slope only, neither, or that it rises."""
        if self.slope.value >= 0:
            return "does not fall"
        if self.beta.identified:
            return "identified"
        return "slope only" if self.slope.identified else "unidentified"

    @cached_property
    def profile(self) -> Profile:
        """The law's profile, for further intervals; made anew where the law was read from a file."""
        return Fit(self.measured).profile(self.level)

    def predict(self, N: ArrayLike) -> FloatArray:
        """The law's error at N, in the shape of N."""
        return power_law(N, self.alpha.value, self.beta.value, self.gamma.value, self.N0)

    def forecast(self, N: float) -> Forecast:
        """Foretell the error at N, its curve, a new shard's mean, and a single run, with intervals."""
        return Forecast.of(self.profile, self.N[-1], N, self.measured.spread, self.level)

    def data_needed(self, error: float) -> DataNeeded:
        """Tell at which N the curve meets an error, with an interval, or that it never does."""
        return DataNeeded.of(self.profile, self.N, error)


def fit_law(
    N: ArrayLike,
    error: ArrayLike,
    *,
    pool: float | None = None,
    test: ArrayLike | None = None,
    level: float = 0.95,
) -> Law:
    """Fit error = γ + α·(N/N0)^β with α ≥ 0, β in `BETA_RANGE`, γ ≥ 0 to a learning curve.

    N (runs,) and error (runs,): a row a run, in any order and unit; rows of equal N are the seeds of one shard, whose
    mean is fitted. pool and test: see `shards`. level: that of all intervals. Raises `TooFewShards` below five distinct
    N, `CurveError` for all else amiss.
    """
    return fit_shards(shards(N, error, pool=pool, test=test), level)


def fit_shards(measured: Shards, level: float = 0.95) -> Law:
    """Fit the law to shards."""
    if not 0 < level < 1:
        raise ValueError(f"level = {level}, expected a probability between 0 and 1. Give 0.95, say.")
    if len(measured) < MIN_SHARDS:
        raise TooFewShards(
            f"{len(measured)} shards, expected at least {MIN_SHARDS}: three parameters, and two degrees of freedom for "
            "the intervals. Measure more shards."
        )
    log_N, log_error = np.log(measured.N), np.log(measured.error)
    fit = Fit(measured)
    if fit.agreement < AGREE:
        warnings.warn(
            f"only {fit.agreement:.0%} of the starts reach the best optimum. Look at the profile of β.", stacklevel=2
        )
    profile = fit.profile(level)
    alpha, beta, gamma = profile.parameters()
    law = Law(
        measured=measured,
        N0=float(np.exp(log_N.mean())),
        decades=float(np.log10(measured.N[-1] / measured.N[0])),
        level=level,
        alpha=alpha,
        beta=beta,
        gamma=gamma,
        slope=slope_interval(log_N, log_error, np.array(measured.covariance), level),
        misfit=float(np.sqrt(fit.misfit.estimate)),
        residuals=tuple(fit.residuals.tolist()),
        rms_residual=float(np.sqrt(np.mean(fit.residuals**2))),
        agreement=fit.agreement,
        band=_band(profile, measured.N[-1]),
    )
    law.__dict__["profile"] = profile  # made already
    return law


class Fit:
    """The best law for shards, under the misfit that its own residuals ask for."""

    def __init__(self, measured: Shards) -> None:
        """Fit law and misfit in turn, until neither moves."""
        self.measured = measured
        covariance, misfit = np.array(measured.covariance), 1e-4
        for _ in range(30):
            self.decay = decay_of(measured, misfit)
            self.best, self.agreement = optimum(self.decay, RATES)
            self.misfit = Misfit(covariance, self.residuals, self.decay.derivatives(self.best.rate, self.best.drop))
            last, misfit = misfit, self.misfit.estimate
            if abs(misfit - last) <= 1e-6 * last:  # a minimum is told no more finely by its values
                break

    @property
    def residuals(self) -> FloatArray:
        """Log error less the law's (shards,)."""
        curve = self.decay.curve(np.array(self.best.rate), np.array(self.best.drop), self.decay.clock)
        return np.asarray(self.decay.log_error - self.best.level - curve)

    def profile(self, level: float) -> Profile:
        """The profile of the law, under the misfit that makes its region the widest."""
        misfit, budget = self.misfit.widest(level)
        decay = decay_of(self.measured, misfit)
        least = min(optimum(decay, RATES)[0].rss, decay.at(self.best.rate, self.best.drop).rss)
        return Profile(decay, self.best, RATES, least + budget, misfit)


def decay_of(measured: Shards, misfit: float) -> Decay:
    """The power law with floor, to be fitted to shards under a misfit τ²."""
    log_N = np.log(measured.N)
    covariance = np.array(measured.covariance) + misfit * np.eye(len(log_N))
    return Decay(log_N[-1] - log_N, np.log(measured.error), covariance)


def optimum(decay: Decay, rates: FloatArray) -> tuple[Point, float]:
    """The least-squares point over the range of `rates` (m,), ascending; the fraction of starts reaching it.

    Each rate, with its best drop, is a start from which the profile is followed downhill. A curve without a floor is
    taken where a floor brings the curve no nearer.
    """

    def uphill(rate: FloatArray) -> BoolArray:
        return np.asarray(decay.profile_slope(rate.ravel()) >= 0).reshape(rate.shape)

    rising = uphill(rates)
    # A valley lies where downhill turns to uphill; outside the range the profile counts as a wall.
    valleys = np.flatnonzero(np.diff([0, *rising, 1]) == 1)
    left, right = np.maximum(valleys - 1, 0), np.minimum(valleys, len(rates) - 1)
    rate = crossing(uphill, rates[left], rates[right])
    bottoms = [decay.at(k, D) for k, D in zip(rate, decay.best_drop(rate), strict=True)]
    best = min(bottoms, key=lambda point: point.rss)
    valley_of_start = np.searchsorted(valleys, np.arange(len(rates)), "right") - rising
    reached = np.array([point.rss for point in bottoms])[valley_of_start]
    agreement = float(np.mean(reached <= best.rss + 0.01 * max(best.rss, 1.0)))
    flat = float(np.clip(Line(decay).rate, rates[0], rates[-1]))
    without_floor = decay.at(flat, flat * decay.span)
    return (without_floor if without_floor.rss <= best.rss + ROUNDING else best), agreement


def _band(profile: Profile, largest: float) -> Band:
    """The curve's interval from the smallest shard to three times the `largest`: 72 points, even in log N."""
    clock = np.append(np.linspace(profile.decay.span, 0, 60), np.linspace(0, -np.log(3), 13)[1:])
    parts = profile.curve(clock)
    N = largest * np.exp(-clock)
    return Band(
        N=tuple(N.tolist()),
        value=tuple(parts.value.tolist()),
        low=tuple(parts.low.tolist()),
        high=tuple(parts.high.tolist()),
    )
