"""The spiral in pictures: its manifold, the sampling density, a sample, and every family's decision map."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import ListedColormap
from numpy.typing import NDArray

from scaling.domains import spiral
from scaling.domains.spiral import TIP_X, TIP_Y
from scaling.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CLASSES = ListedColormap([style.OUTSIDE, style.INSIDE])
EXTENT = (-1, 1, -1, 1)
RESOLUTION = 1200


def manifold() -> Figure:
    """Draw the band, with the tip region framed."""
    figure, (axis,) = style.canvas(1, 1, (style.COLUMN / 2, style.COLUMN / 2))
    image = spiral.inside(spiral.grid(RESOLUTION)).reshape(RESOLUTION, RESOLUTION)
    axis.imshow(image, cmap=CLASSES, extent=EXTENT)
    _tip(axis, "white")
    axis.text(TIP_X - 0.04, TIP_Y + 0.05, "tip", color="white", fontsize=6.5, ha="right", va="bottom")
    _square(axis)
    return figure


def density() -> Figure:
    """Draw the sampling density as a heat map, the band's edge over it."""
    figure, (axis,) = style.canvas(1, 1, (style.COLUMN / 2, style.COLUMN / 2))
    size = 400
    points = spiral.grid(size)
    axis.imshow(spiral.density(points).reshape(size, size), cmap="Greys", extent=EXTENT, interpolation="bilinear")
    ticks = points[:size, 0]
    band = spiral.inside(points).reshape(size, size)
    axis.contour(ticks, -ticks, band, levels=[0.5], colors=style.INSIDE, linewidths=0.7)
    _square(axis)
    return figure


def sample(points: NDArray[np.float32]) -> Figure:
    """Draw a shard, of shape (n, 2), coloured by class."""
    figure, (axis,) = style.canvas(1, 1, (style.COLUMN / 2, style.COLUMN / 2))
    labels = spiral.inside(points)
    for chosen, colour in ((~labels, style.OUTSIDE), (labels, style.INSIDE)):
        axis.plot(*points[chosen].T, ".", color=colour, markersize=2.2, markeredgewidth=0)
    _tip(axis, style.GREY)
    _square(axis)
    return figure


def maps(predictions: Mapping[str, NDArray[np.uint8]]) -> Figure:
    """Draw the decision map of every family; `predictions` holds square maps by title, the true band drawn over."""
    columns = min(4, len(predictions))
    rows = ceil(len(predictions) / columns)
    figure, axes = style.canvas(rows, columns, (style.TEXT, rows * (style.TEXT / columns + 0.12)))
    truth = spiral.inside(spiral.grid(RESOLUTION)).reshape(RESOLUTION, RESOLUTION)
    ticks = spiral.grid(RESOLUTION)[:RESOLUTION, 0]
    for axis, (title, picture) in zip(axes, predictions.items(), strict=False):
        axis.imshow(picture, cmap=CLASSES, extent=EXTENT, vmin=0, vmax=1)
        axis.contour(ticks, -ticks, truth, levels=[0.5], colors="black", linewidths=0.45)
        axis.set_title(title)
        _square(axis)
    for axis in axes[len(predictions) :]:
        axis.remove()
    return figure


def _tip(axis: Axes, colour: str) -> None:
    axis.plot([TIP_X, TIP_X, -1], [1, TIP_Y, TIP_Y], "--", color=colour, linewidth=0.8)


def _square(axis: Axes) -> None:
    axis.set(xlim=(-1, 1), ylim=(-1, 1), xticks=[-1, 0, 1], yticks=[-1, 0, 1], aspect="equal")
    for spine in axis.spines.values():
        spine.set_visible(True)
