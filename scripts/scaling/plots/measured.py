"""Measured curves: a page a domain, a panel a model, with its runs, law, interval and extrapolation audit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from scaling.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from scaling.laws.measured import MeasuredCurve

COLUMNS, ROWS = 3, 6
"""Panels of a page."""
PANEL = 1.75
DARK = style.PALETTE[6]
RING: dict[str, Any] = {"marker": "o", "markersize": 3.6, "markerfacecolor": "white", "linestyle": ""}


def measured(curves: Sequence[MeasuredCurve]) -> Iterator[Figure]:
    """Draw error against N: a page a domain, more where its models are many, all panels of a page on one scale.

    In grey the shard means of the page's other models as lines, and those that no law was fitted to as rings.
    """
    for domain in dict.fromkeys(curve.domain for curve in curves):
        models = [curve for curve in curves if curve.domain == domain]
        for first in range(0, len(models), COLUMNS * ROWS):
            yield _page(domain, models[first : first + COLUMNS * ROWS])


def save_pages(figures: Iterable[Figure], path: Path) -> None:
    """Write figures as the pages of one PDF, each when it is drawn, without times or versions."""
    with PdfPages(path, metadata={"CreationDate": None, "Creator": None, "Producer": None}) as pages:
        for figure in figures:
            pages.savefig(figure)
            plt.close(figure)


def _page(domain: str, curves: Sequence[MeasuredCurve]) -> Figure:
    rows = ceil(len(curves) / COLUMNS)
    figure, axes = style.canvas(rows, COLUMNS, (style.TEXT, 0.5 + PANEL * rows), shared=True)
    for index, (axis, curve) in enumerate(zip(axes, curves, strict=False)):
        axis.set(xscale="log", yscale="log")
        for other in curves:
            if other is not curve:
                axis.plot(*_means(other), color=style.GREY, linewidth=0.7, alpha=0.6, zorder=1)
        _panel(axis, curve, style.colour(index))
        axis.set_title(curve.model, color=style.colour(index), loc="left", fontweight="bold")
        _scales(axis)
    for axis in axes[len(curves) :]:
        axis.remove()
    for axis in axes[: len(curves)][-COLUMNS:]:
        # Where the panel below was removed, nothing else would label the shared scale.
        axis.tick_params(labelbottom=True)
        axis.set_xlabel("training set size N")
    for axis in axes[: len(curves)][::COLUMNS]:
        axis.set_ylabel("error")
    figure.suptitle(domain, fontsize=8, fontweight="bold", x=0.01, ha="left")
    figure.legend(handles=_legend(), loc="outside lower left", ncols=6, columnspacing=1.2, handletextpad=0.5)
    return figure


def _panel(axis: Axes, curve: MeasuredCurve, colour: str) -> None:
    seen = [run for run in curve.runs if run.error > 0]
    axis.plot(
        [run.N for run in seen],
        [run.error for run in seen],
        ".",
        color=colour,
        markersize=2.6,
        alpha=0.55,
        markeredgewidth=0,
        zorder=3,
    )
    law = curve.law
    N, error = (np.array(part) for part in _means(curve))
    fitted = np.isin(N, law.N if law else ())
    axis.plot(N[~fitted], error[~fitted], color=style.GREY, zorder=4, **RING)
    axis.plot(N[fitted], error[fitted], color=colour, zorder=4, **RING)
    if law is None:
        axis.text(0.05, 0.05, "no law", transform=axis.transAxes, fontsize=6, color=style.GREY)
        return
    band, end = law.band, law.N[-1]
    axis.fill_between(band.N, band.low, band.high, color=colour, alpha=0.18, linewidth=0, zorder=2)
    within = sum(end >= N for N in band.N)
    axis.plot(band.N[:within], band.value[:within], color=colour, zorder=3)
    axis.plot(band.N[within - 1 :], band.value[within - 1 :], ":", color=colour, zorder=3)
    audit = curve.analysis.audit if curve.analysis else None
    if audit:
        axis.plot([audit.N] * 2, [audit.low, audit.high], color=DARK, linewidth=0.8, zorder=5)
        axis.plot(audit.N, audit.predicted, "_", color=DARK, markersize=6, zorder=5)


def _means(curve: MeasuredCurve) -> tuple[list[float], list[float]]:
    table = curve.table().groupby("N").error.mean()
    table = table[table > 0]
    return table.index.tolist(), table.tolist()


def _legend() -> list[Line2D | Patch]:
    colour = style.colour(0)
    return [
        Line2D([], [], color=colour, marker=".", markersize=3, linestyle="", label="run"),
        Line2D([], [], color=colour, **RING, label="shard mean"),
        Line2D([], [], color=style.GREY, **RING, label="not fitted"),
        Line2D([], [], color=colour, label="law"),
        Patch(color=colour, alpha=0.18, linewidth=0, label="its interval"),
        Line2D([], [], color=DARK, marker="_", markersize=6, linewidth=0.8, label="audit: foretold"),
    ]


def _scales(axis: Axes) -> None:
    axis.xaxis.set_major_locator(LogLocator(base=10, numticks=8))
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    low, high = axis.get_ylim()
    if high / low < 100:
        axis.yaxis.set_minor_locator(LogLocator(base=10, subs=(2, 5), numticks=12))
        axis.yaxis.set_minor_formatter(StrMethodFormatter("{x:g}"))
    else:
        axis.yaxis.set_minor_formatter(NullFormatter())
