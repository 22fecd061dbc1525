"""Diagnostics of one law: what it leaves over, how sharply β and γ are told, and which shards they hang on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter
from scipy import optimize

from scaling.laws.fitting import BETA_RANGE, RATES, optimum
from scaling.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from scaling.laws.analysis import Analysis
    from scaling.laws.fitting import Law
    from scaling.laws.forms import Decay, FloatArray
    from scaling.laws.intervals import Estimate

HEIGHT = 1.65
CUTS = 2.0
"""How far profiles are drawn, in multiples of the cut that bounds the interval."""
SHARPEST = 1e-3
"""An axis spans at least this share of the estimate: what differs by less is rounding."""
POINTS = 121
COLOUR = style.PALETTE[0]


class Trace(NamedTuple):
    """The least residual sum of squares at values (points,), 0 at the estimate and 1 at the bounds of its interval."""

    value: FloatArray
    rise: FloatArray


def diagnostics(analysis: Analysis | None, title: str = "") -> Figure:
    """Draw the diagnostics of a curve in a row: residuals, then β and γ, each beside its profile.

    Residuals are of log error, in percent, with the standard deviation of seeds and test set as a thick bar and with
    the misfit of the law as a thin one. β and γ (in the unit of the error) are those without one shard, at the N of
    that shard; line and band are the estimate from all shards and its interval. A profile is the least residual sum of
    squares at each value, in units of the cut that bounds the interval. Of a curve without a law it says just that.
    """
    if analysis is None:
        return _without_law(title)
    law, left_out = analysis.law, analysis.influences
    N = np.array([shard.N for shard in left_out])
    figure, axes = style.canvas(1, 5, (style.TEXT, HEIGHT), widths=(1.5, 1.3, 0.65, 1.3, 0.65))
    _residuals(axes[0], law)
    beta, gamma = (np.array([getattr(shard, name) for shard in left_out]) for name in ("beta", "gamma"))
    _parameter((axes[1], axes[2]), "β", law.beta, BETA_RANGE, (N, beta), _beta_trace(law))
    _parameter((axes[3], axes[4]), "γ", law.gamma, (0.0, law.error[-1]), (N, gamma), _gamma_trace(law))
    for axis in (axes[0], axes[1], axes[3]):
        _sizes(axis, law.N)
    figure.set_layout_engine("constrained", w_pad=0.03, rect=(0, 0, 1, 0.91))
    figure.text(0.01, 0.985, title, va="top", fontsize=7.5, fontweight="bold")
    figure.text(0.995, 0.985, _header(analysis), va="top", ha="right", fontsize=6.5, color=style.GREY)
    return figure


def _without_law(title: str) -> Figure:
    figure, (axis,) = style.canvas(1, 1, (style.TEXT, HEIGHT / 3))
    axis.set_axis_off()
    axis.text(0, 0.5, f"{title}: no law was fitted" if title else "No law was fitted", va="center")
    return figure


def _header(analysis: Analysis) -> str:
    parts = [f"{100 * analysis.law.agreement:.0f} % of the starts agree", f"misfit {100 * analysis.law.misfit:.1f} %"]
    if analysis.regions.dropped:
        parts.append(f"{analysis.regions.dropped} shards before the power law left out")
    if not analysis.regions.identified:
        parts.append("no power-law region identified")
    return ", ".join(reversed(parts))


def _residuals(axis: Axes, law: Law) -> None:
    residuals = 100 * np.array(law.residuals)
    known = 100 * np.sqrt(np.diag(np.array(law.measured.covariance)))
    axis.axhline(0, color=style.GREY, linewidth=0.6, zorder=1)
    for deviation, width, alpha in ((np.hypot(known, 100 * law.misfit), 0.7, 1.0), (known, 2.6, 0.35)):
        axis.errorbar(law.N, residuals, deviation, fmt="none", ecolor=COLOUR, elinewidth=width, alpha=alpha, zorder=2)
    axis.plot(law.N, residuals, "o", color=COLOUR, markersize=2.8, zorder=3)
    low, high = axis.get_ylim()
    axis.set_ylim(min(low, -100 * SHARPEST), max(high, 100 * SHARPEST))
    axis.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    _name(axis, "residual (%)")


def _parameter(
    axes: tuple[Axes, Axes],
    name: str,
    estimate: Estimate,
    allowed: tuple[float, float],
    without: tuple[FloatArray, FloatArray],
    trace: Trace,
) -> None:
    """Draw a parameter without each shard, given as N and value (shards,), and its profile beside it on one scale."""
    axis, beside = axes
    beside.sharey(axis)
    low, high = (allowed[i] if bound is None else bound for i, bound in enumerate((estimate.low, estimate.high)))
    for each in axes:
        each.axhspan(low, high, color=COLOUR, alpha=0.13, linewidth=0)
        each.axhline(estimate.value, color=COLOUR, linewidth=0.8)
    if without[0].size:
        axis.plot(*without, "o", color=COLOUR, markersize=2.8, clip_on=False)
    else:
        words = axis.text(0.5, 0.5, "too few shards\nto leave one out", transform=axis.transAxes, ha="center")
        words.set_in_layout(False)
        words.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1})  # the parameter's line may pass here
    shown = np.concatenate([trace.value[trace.rise <= (1 + CUTS) / 2], without[1], [low, high]])
    margin = max(0.06 * float(np.ptp(shown)), SHARPEST * abs(estimate.value))
    axis.set_ylim(shown.min() - margin, shown.max() + margin)
    axis.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    beside.plot(trace.rise, trace.value, color=COLOUR)
    beside.axvline(1, color=style.GREY, linestyle="--", linewidth=0.7)
    beside.set(xlim=(0, CUTS), xticks=[0, 1, 2], xlabel="RSS / cut")
    beside.tick_params(labelleft=False)
    _name(axis, f"{name} without a shard")
    _name(beside, f"profile of {name}")


def _name(axis: Axes, text: str) -> None:
    axis.set_title(text, fontsize=6.8, loc="left")


def _beta_trace(law: Law) -> Trace:
    profile = law.profile
    rate = _around(profile.rate, RATES)
    return _trace(law, -rate, profile.decay.rss(rate, profile.decay.best_drop(rate)))


def _gamma_trace(law: Law) -> Trace:
    """The floor is no coordinate of the fit: from the best curve on, each floor starts where the last one ended."""
    decay, best = law.profile.decay, law.profile.best
    low, high = law.gamma.low or 0.0, law.gamma.high or law.error[-1]
    gamma = np.linspace(max(low - (high - low) / 2, 0.0), high + (high - low) / 2, POINTS // 2)
    amplitude = np.exp(best.level) * decay.amplitude(np.array(best.rate), np.array(best.drop), 0.0)
    start = np.log([max(amplitude, 1e-9 * law.error[-1]), best.rate])
    above = int(np.searchsorted(gamma, law.gamma.value))
    downward, upward = (list(_follow(decay, start, floors)) for floors in (gamma[:above][::-1], gamma[above:]))
    return _trace(law, gamma, np.array(downward[::-1] + upward))


def _follow(decay: Decay, start: FloatArray, floors: FloatArray) -> Iterator[float]:
    """Least residual sum of squares with each floor; searched are log amplitude at the largest shard and log rate."""
    least, most = np.array([-np.inf, np.log(RATES[0])]), np.array([np.inf, np.log(RATES[-1])])
    for floor in floors:

        def residuals(at: FloatArray, floor: float = floor) -> FloatArray:
            curve = np.log(floor + np.exp(at[0] + np.exp(at[1]) * decay.clock))
            return np.asarray(decay.weights @ (decay.log_error - curve))

        start = np.clip(start, least, most)
        found = optimize.least_squares(residuals, start, bounds=(least, most), x_scale=np.array([1.0, 0.1]))
        start = found.x
        yield 2 * float(found.cost)


def _around(found: FloatArray, searched: FloatArray) -> FloatArray:
    """Rates (points,) that reach beyond those found, by half of their range on the log scale, within those searched."""
    low, high = np.log(found.min()), np.log(found.max())
    beyond = (high - low) / 2 + 0.01
    return np.exp(np.linspace(max(low - beyond, np.log(searched[0])), min(high + beyond, np.log(searched[-1])), POINTS))


def _trace(law: Law, value: FloatArray, rss: FloatArray) -> Trace:
    least = optimum(law.profile.decay, RATES)[0].rss
    return Trace(value, (rss - least) / (law.profile.limit - least))


def _sizes(axis: Axes, N: tuple[float, ...]) -> None:
    axis.set(xscale="log", xlabel="N", xlim=(N[0] / 1.4, N[-1] * 1.4))
    axis.xaxis.set_major_locator(LogLocator(numticks=5))
    axis.xaxis.set_minor_formatter(NullFormatter())
