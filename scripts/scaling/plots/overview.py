"""All domains in one figure: the best curve of each on common scales, and the effective slope of every curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from scaling.curves import USUAL_SLOPES, Curve, ranked
from scaling.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW = 0.125
"""Height in inches of a slope's row."""
MARKERS = "osD^vPX<"
"""One more than there are colours, so that no two domains of many look alike."""


class Shown(NamedTuple):
    """What the figure must know of a domain."""

    title: str
    labels: Mapping[str, str]
    """Name of each family."""
    top: int
    """The N at which its families are ranked."""
    published: float | None
    """The slope that the literature reports of such a task, if any."""


def overview(curves: Sequence[Curve], shown: Mapping[str, Shown]) -> Figure:
    """Draw the best curve of each domain, relative to its smallest shard, beside the slopes of all curves."""
    groups = {domain: [curve for curve in curves if curve.domain == domain] for domain in shown}
    rows = sum(1 + sum(curve.law is not None for curve in of_domain) for of_domain in groups.values())
    figure, (left, right) = style.canvas(1, 2, (style.TEXT, max(2.6, 0.5 + ROW * rows)), widths=(1, 1))
    for index, (domain, of_domain) in enumerate(groups.items()):
        ends = [curve for curve in ranked(of_domain, shown[domain].top) if curve.shards[-1].median > 0]
        if best := next(iter(ends), None):
            look = {"color": style.colour(index), "marker": MARKERS[index % len(MARKERS)]}
            _curve(left, best, f"{shown[domain].title}: {shown[domain].labels[best.family]}", look)
    _relative(left)
    _slopes(right, groups, shown)
    # Below both, for with many domains no corner is free of lines.
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3, handlelength=1.4)
    return figure


def _curve(axis: Axes, curve: Curve, label: str, look: Mapping[str, str]) -> None:
    seen = [shard for shard in curve.shards if shard.median > 0]
    N = np.array([shard.N for shard in seen]) / seen[0].N
    errors = np.array([shard.median for shard in seen]) / seen[0].median
    axis.plot(N, errors, markersize=3, linewidth=0.9, label=label, **look)  # type: ignore[arg-type]


def _relative(axis: Axes) -> None:
    axis.set(
        xscale="log",
        yscale="log",
        xlabel="N (smallest shard: 1)",
        ylabel="error (at the smallest shard: 1)",
    )
    reach = np.array([1, max(axis.get_xlim()[1], 10)])
    for slope in USUAL_SLOPES:
        axis.plot(reach, reach**slope, ":", color=style.GREY, linewidth=0.8, zorder=1)
        axis.annotate(f"{slope:.2f}".replace("-", "−"), (reach[1], reach[1] ** slope), color=style.GREY, fontsize=6)
    axis.xaxis.set_major_locator(LogLocator(base=10, numticks=12))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.yaxis.set_minor_formatter(NullFormatter())


def _slopes(axis: Axes, groups: Mapping[str, Sequence[Curve]], shown: Mapping[str, Shown]) -> None:
    """Draw a row for each curve with a law, under its domain; hollow where the training budget limits it."""
    axis.axvspan(*USUAL_SLOPES, color=style.GREY, alpha=0.15, linewidth=0)
    names: list[str] = []
    slopes = [curve.law.slope.value for of_domain in groups.values() for curve in of_domain if curve.law]
    for index, (domain, of_domain) in enumerate(groups.items()):
        published = shown[domain].published
        if published is not None:
            axis.plot(published, len(names), "*", color="black", markersize=5)
        names.append(shown[domain].title)
        for curve in of_domain:
            if curve.law is None:
                continue
            slope, colour = curve.law.slope, style.colour(index)
            ends = [slope.value if end is None else end for end in (slope.low, slope.high)]
            axis.plot(ends, [len(names)] * 2, color=colour)
            face = "white" if curve.compute_limited else colour
            axis.plot(slope.value, len(names), MARKERS[index % len(MARKERS)], color=colour, markersize=3, mfc=face)
            names.append(f"  {shown[domain].labels[curve.family]}")
    # One interval without bounds worth the name would push all slopes together.
    values = [*USUAL_SLOPES, 0, *slopes]
    margin = 0.15 * (max(values) - min(values))
    axis.set(xlim=(min(values) - margin, max(values) + margin))
    axis.set(ylim=(len(names) - 0.4, -0.6), yticks=range(len(names)), xlabel="effective slope")
    axis.set_yticklabels(names)
    axis.tick_params(axis="y", length=0)
    for label in axis.get_yticklabels():
        if not label.get_text().startswith(" "):
            label.set_fontweight("bold")
