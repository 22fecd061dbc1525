"""fit_law: the power law with floor, fitted to one mean error per shard, with intervals and rivals.

Ordinary least squares on log error. The search has one dimension: at each exponent the other two parameters
are projected out, and each valley of the profile over the declared range of exponents is followed down.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict

from scaling.laws.forms import FORMS, BoolArray, Decay, FloatArray, FormName, Point, crossing, power_law
from scaling.laws.intervals import Band, Estimate, band_of, parameter_intervals, region, slope_interval

BETA_RANGE = (-3.0, -0.005)  # the declared search range: an interval of β that touches it is open
RATES = np.geomspace(-BETA_RANGE[1], -BETA_RANGE[0], 96)  # the starts: values of −β
EXPONENTIAL_RATES = np.geomspace(0.01, 500, 96)  # span/s: from nearly straight to a fall at the first shard only
ROUNDING = 1e-14  # a floor that brings the curve nearer by less, per shard and in log error, is none


class CurveError(ValueError):
    """The points given are not a learning curve."""


class TooFewShards(CurveError):
    """Three parameters and two degrees of freedom need five shards."""


class Rival(BaseModel):
    """How near one form comes to the curve, and how well it foretells the curve's next shard."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    form: FormName
    rms_residual: float
    """Root mean square residual of log error over all shards."""
    rolling_error: float | None
    """Mean |log(predicted/observed)| of the top three shards, each from all smaller ones; None below 7."""


class Law(BaseModel):
    """error = gamma + alpha·(N/N0)**beta, in the unit of the errors given; N0 is the geometric mean of N."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    form: Literal["power law with floor"] = "power law with floor"
    N: tuple[float, ...]
    error: tuple[float, ...]
    N0: float
    shards: int
    decades: float
    level: float
    alpha: Estimate
    beta: Estimate
    gamma: Estimate
    slope: Estimate
    """Effective slope d log error / d log N: that of the straight power law (γ = 0), t interval."""
    slope_amplitude: float
    """Error of the straight power law at N0."""
    rms_residual: float
    """Root mean square residual of log error."""
    agreement: float
    """Fraction of the starts that reach the best optimum, to 1 % or 1e-9 in residual sum of squares."""
    band: Band
    rivals: tuple[Rival, ...]

    def predict(self, N: ArrayLike) -> FloatArray:
        """The law's error at N, in the shape of N."""
        return power_law(N, self.alpha.value, self.beta.value, self.gamma.value, self.N0)

    @property
    def verdict(self) -> Literal["identified", "slope only", "unidentified"]:
        """What the curve tells: its exponent (and γ, or an upper bound), its slope only, or neither."""
        if self.beta.identified:
            return "identified"
        return "slope only" if self.slope.identified else "unidentified"


def fit_law(N: ArrayLike, error: ArrayLike, *, level: float = 0.95) -> Law:
    """Fit error = γ + α·(N/N0)^β with α ≥ 0, β in `BETA_RANGE`, γ ≥ 0 to one mean error per shard.

    N (shards,): positive and distinct sizes, in any order. error (shards,): positive means over seeds, in any
    unit. level: that of all intervals. Raises `TooFewShards` below five, `CurveError` for all else amiss.
    """
    N, error = checked(N, error, level)
    log_N, log_error = np.log(N), np.log(error)
    decay = Decay(log_N[-1] - log_N, log_error)
    slope = slope_interval(decay, level)
    best, agreement = optimum(decay, RATES)
    rate = float(np.clip(-slope.value, RATES[0], RATES[-1]))
    straight = decay.at(rate, rate * decay.span)
    if straight.rss <= best.rss + len(N) * ROUNDING**2:
        best = straight
    around = region(decay, best, RATES, level)
    alpha, beta, gamma = parameter_intervals(decay, best, around)
    return Law(
        N=tuple(N.tolist()),
        error=tuple(error.tolist()),
        N0=float(np.exp(log_N.mean())),
        shards=len(N),
        decades=float(np.log10(N[-1] / N[0])),
        level=level,
        alpha=alpha,
        beta=beta,
        gamma=gamma,
        slope=slope,
        slope_amplitude=float(np.exp(log_error.mean())),
        rms_residual=float(np.sqrt(best.rss / len(N))),
        agreement=agreement,
        band=band_of(decay, best, around, float(N[-1])),
        rivals=tuple(rival(form, N, log_error) for form in FORMS),
    )


def checked(N: ArrayLike, error: ArrayLike, level: float) -> tuple[FloatArray, FloatArray]:
    """N and error as arrays (shards,), ascending in N; or the reason why they are no learning curve."""
    sizes, errors = np.asarray(N, dtype=np.float64), np.asarray(error, dtype=np.float64)
    if not 0 < level < 1:
        raise CurveError(f"level = {level}, expected a probability between 0 and 1. Give 0.95, say.")
    if sizes.ndim != 1 or sizes.shape != errors.shape:
        raise CurveError(
            f"N has shape {sizes.shape} and error {errors.shape}, expected (shards,) twice. "
            "Give one mean error per shard: average the seeds first."
        )
    for name, values in (("N", sizes), ("error", errors)):
        for i in np.flatnonzero(~(np.isfinite(values) & (values > 0)))[:1]:
            raise CurveError(
                f"{name}[{i}] = {values[i]}, expected a positive, finite number: its logarithm is fitted. "
                "Leave the shard out, and say so."
            )
    distinct, counts = np.unique(sizes, return_counts=True)
    for i in np.flatnonzero(counts > 1)[:1]:
        raise CurveError(
            f"N = {distinct[i]:g} stands {counts[i]} times, expected once: a shard has one mean error. "
            "Average the seeds first."
        )
    if len(sizes) < 5:
        raise TooFewShards(
            f"{len(sizes)} shards, expected at least 5: three parameters, and two degrees of freedom for the "
            "intervals. Measure more shards."
        )
    order = np.argsort(sizes)
    return sizes[order], errors[order]


def optimum(decay: Decay, rates: FloatArray) -> tuple[Point, float]:
    """The least-squares point over the range of `rates` (m,), ascending; the fraction of starts reaching it.

    Each rate, with its best drop, is a start from which the profile is followed downhill.
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
    return best, float(np.mean(reached <= max(1.01 * best.rss, best.rss + 1e-9)))


def curve_of(form: FormName, N: FloatArray, log_error: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """A form fitted to shards by least squares on log error: log error as a function of N.

    The logarithmic law is the decay of rate 0, its floor free to be negative; it is positive over the shards,
    and clipped beyond them (`Decay.curve`).
    """

    def time(n: FloatArray) -> FloatArray:
        return n if form == "exponential" else np.log(n)

    now = time(N)[-1]
    decay = Decay(now - time(N), log_error)
    if form == "power law":
        slope = slope_interval(decay, 0.95).value
        middle = time(N).mean()
        return lambda n: np.asarray(log_error.mean() + slope * (time(n) - middle))
    if form == "logarithmic":
        rate = np.array([1e-9 / decay.span])
        best = decay.at(rate[0], decay.best_drop(rate, largest=np.array([50.0]))[0])
    else:
        best, _ = optimum(decay, EXPONENTIAL_RATES / decay.span if form == "exponential" else RATES)
    k, D = np.array(best.rate), np.array(best.drop)
    return lambda n: np.asarray(best.level + decay.curve(k, D, now - time(n)))


def rival(form: FormName, N: FloatArray, log_error: FloatArray) -> Rival:
    """A form's residuals over all shards, and its misses of the top three, each foretold from the smaller."""
    residual = log_error - curve_of(form, N, log_error)(N)
    misses = [
        np.abs(curve_of(form, N[:top], log_error[:top])(N[top : top + 1]) - log_error[top])
        for top in range(len(N) - 3, len(N))
        if len(N) >= 7  # else three parameters would meet fewer than four shards
    ]
    return Rival(
        form=form,
        rms_residual=float(np.sqrt(np.mean(residual**2))),
        rolling_error=float(np.mean(misses)) if misses else None,
    )
