"""Learning curves of a domain: a panel per family with every seed, the median, the law and its band."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from textwrap import fill
from typing import TYPE_CHECKING

from scaling.curves import Curve, Shard, chosen_runs
from scaling.numbers import fixed
from scaling.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 4
TITLE = 24
"""Letters of a panel's title that fit on a line."""


def learning_curves(
    table: pd.DataFrame, curves: Sequence[Curve], labels: Mapping[str, str], unit: str, metric: str = ""
) -> Figure:
    """Draw error against N; `labels` name the families, `unit` what N counts, `metric` what the error is.

    Without a metric errors are shares, drawn in per cent. Every panel shows the other families' medians in grey, so
    that the eye can compare. Squares mark shards whose seeds share data. The law starts where its power-law region
    does.
    """
    columns = min(COLUMNS, len(curves))
    rows = ceil(len(curves) / columns)
    # Two panels and fewer fit into a column of the paper.
    width = style.TEXT if columns > 2 else style.COLUMN
    figure, axes = style.canvas(rows, columns, (width, 0.35 + 1.75 * rows), shared=True)
    for index, (axis, curve) in enumerate(zip(axes, curves, strict=False)):
        # Before anything is drawn, so that a panel in which nothing is to be drawn has limits that logs allow.
        axis.set(xscale="log", yscale="log")
        for other in curves:
            if other is not curve:
                _medians(axis, other.shards, color=style.GREY, linewidth=0.7, alpha=0.6, zorder=1)
        _panel(axis, chosen_runs(table, curve.family), curve, style.colour(index))
        axis.set_title(fill(labels[curve.family], TITLE), color=style.colour(index), loc="left", fontweight="bold")
        style.log_scales(axis, in_percent=not metric)
    for axis in axes[len(curves) :]:
        axis.remove()
    for axis in axes[: len(curves)][-columns:]:
        # Where the panel below was removed, nothing else would label the shared scale.
        axis.tick_params(labelbottom=True)
    for axis in axes[: len(curves)][::columns]:
        axis.set_ylabel(f"test error ({metric})" if metric else "test error")
    figure.supxlabel(f"training set size N ({unit})", fontsize=7)
    return figure


def _panel(axis: Axes, runs: pd.DataFrame, curve: Curve, colour: str) -> None:
    seen = runs[runs.error > 0]
    axis.plot(seen.N, seen.error, ".", color=colour, markersize=2.6, alpha=0.55, markeredgewidth=0, zorder=3)
    for marker, shared in (("o", False), ("s", True)):
        shards = [shard for shard in curve.shards if shard.shares_pool == shared]
        _medians(
            axis, shards, color=colour, marker=marker, markersize=3.6, markerfacecolor="white", linestyle="", zorder=4
        )
    if curve.law is None:
        axis.text(0.05, 0.05, "too few shards for a law", transform=axis.transAxes, fontsize=6, color=style.GREY)
        return
    band, end = curve.law.band, max(curve.law.N)
    axis.fill_between(band.N, band.low, band.high, color=colour, alpha=0.18, linewidth=0, zorder=2)
    inside = [i for i, N in enumerate(band.N) if end >= N]
    beyond = [i for i, N in enumerate(band.N) if end <= N]
    axis.plot([band.N[i] for i in inside], [band.value[i] for i in inside], color=colour, zorder=3)
    axis.plot([band.N[i] for i in beyond], [band.value[i] for i in beyond], ":", color=colour, zorder=3)
    _note(axis, curve)


def _note(axis: Axes, curve: Curve) -> None:
    """Print the slope, and the warning that compute limits the curve, in the corner that a falling curve avoids."""
    assert curve.law is not None
    text = f"slope {fixed(curve.law.slope.value, 2).printed}"
    if curve.compute_limited:
        text += "\ncompute-limited"
    axis.text(0.05, 0.04, text, transform=axis.transAxes, va="bottom", fontsize=6.2)


def _medians(axis: Axes, shards: Sequence[Shard], **line: object) -> None:
    seen = [shard for shard in shards if shard.median > 0]
    axis.plot([shard.N for shard in seen], [shard.median for shard in seen], **line)  # type: ignore[arg-type]
