"""The one style of all figures: sizes in the paper's columns, fonts, a palette safe for the colour-blind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl

mpl.use("pdf")  # before pyplot, so that no display is ever looked for

import matplotlib.pyplot as plt
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMN, TEXT = 3.4, 7.0
"""Widths of a column and of the text, in inches."""
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe & Ito (2008): told apart with any colour vision; a family's colour follows its order in the domain."""
MARKERS = "osD^vPX<"
"""One more than there are colours, so that no two lines of many look alike."""
INSIDE, OUTSIDE = "#E69F00", "#56B4E9"
"""The two classes of the plane: orange and blue, as in Dzekman (2024)."""
GREY = "#8C8C8C"

RC: dict[Any, Any] = {
    "figure.constrained_layout.use": True,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 7,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "lines.linewidth": 1.1,
    "pdf.fonttype": 42,
    "savefig.dpi": 400,
    "image.interpolation": "nearest",
}


def canvas(
    rows: int,
    columns: int,
    size: tuple[float, float],
    *,
    shared: bool = False,
    widths: Sequence[float] | None = None,
) -> tuple[Figure, list[Axes]]:
    """Open a figure of `size` inches; gives its axes as one flat list.

    `shared` unites their scales, `widths` are those of the columns to each other.
    """
    mpl.rcdefaults()  # whatever a matplotlibrc of the user's says
    mpl.rcParams.update(RC)
    figure, axes = plt.subplots(
        rows, columns, figsize=size, squeeze=False, sharex=shared, sharey=shared, width_ratios=widths
    )
    return figure, list(axes.ravel())


def save(figure: Figure, path: Path) -> None:
    """Write a vector PDF without times or versions, so that equal figures are equal bytes."""
    figure.savefig(path, metadata={"CreationDate": None, "Creator": None, "Producer": None})
    plt.close(figure)


def colour(index: int) -> str:
    """Colour of the family that stands at `index` in its domain."""
    return PALETTE[index % len(PALETTE)]


def marker(index: int) -> str:
    """Marker of the line at `index`."""
    return MARKERS[index % len(MARKERS)]


def log_scales(axis: Axes, *, in_percent: bool) -> None:
    """Label the logarithmic scales of N and of an error, as they stand, so that no label touches another."""
    shown = FuncFormatter(_percent if in_percent else _plain)
    axis.xaxis.set_major_locator(LogLocator(base=10, numticks=12))
    # On less than two decades matplotlib would label every minor tick, one over the other.
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.yaxis.set_major_formatter(shown)
    low, high = axis.get_ylim()
    if high / low < 30:
        axis.yaxis.set_minor_locator(LogLocator(base=10, subs=(2, 5), numticks=12))
        axis.yaxis.set_minor_formatter(shown)
    else:
        axis.yaxis.set_minor_formatter(NullFormatter())


def _plain(value: float, _: object) -> str:
    return f"{value:g}"


def _percent(value: float, _: object) -> str:
    return f"{100 * value:g} %"
