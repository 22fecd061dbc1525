"""The spiral in pictures of the plane: its band, the sampling density, a sample, and what learners make of them."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from textwrap import fill
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.colors import ListedColormap
from numpy.typing import NDArray

from scaling.domains import spiral
from scaling.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from scaling.tasks.classification import Examples

CLASSES = ListedColormap([style.OUTSIDE, style.INSIDE])
SINGLE = (style.COLUMN / 2, style.COLUMN / 2 - 0.05)
"""Size in inches of a picture that stands alone; the labels to its left take more than those below."""
COLUMNS = 4
TITLE = 30
"""Letters of a panel's title that fit on a line, where four panels stand in a row."""
NAMES = {"tail": (0.74, -0.88), "tip": (-0.72, 0.86)}
"""Where the regions are named: beside them, in corners of the square that the band leaves free."""


class Panel(NamedTuple):
    """What one learner made of one shard."""

    title: str
    picture: NDArray[np.uint8]
    """The class of each cell of a grid on the square, row by row from the top."""
    closer: NDArray[np.uint8]
    """The same, on the window at the tip."""
    shard: Examples
    """What it was trained on."""


def manifold() -> Figure:
    """Draw the band, with its regions outlined and named."""
    figure, (axis,) = style.canvas(1, 1, SINGLE)
    axis.set_facecolor(style.OUTSIDE)
    axis.fill(*outline().T, color=style.INSIDE, linewidth=0)
    for region in spiral.REGIONS:
        _region(axis, region, "black")
        axis.text(*NAMES[region], region, fontsize=6.5, ha="center", va="center")
    _frame(axis, spiral.SQUARE)
    return figure


def density() -> Figure:
    """Draw the sampling density as a heat map, the band's edge over it."""
    figure, (axis,) = style.canvas(1, 1, SINGLE)
    size = 400
    image = spiral.density(spiral.grid(size)).reshape(size, size)
    axis.imshow(image, cmap="Greys", extent=spiral.SQUARE, interpolation="bilinear")
    axis.plot(*outline().T, color=style.INSIDE, linewidth=0.7)
    _frame(axis, spiral.SQUARE)
    return figure


def sample(shard: Examples) -> Figure:
    """Draw a shard coloured by class, and where the tip is."""
    figure, (axis,) = style.canvas(1, 1, SINGLE)
    _points(axis, shard, markersize=2.2, markeredgewidth=0)
    _region(axis, "tip", "black")
    axis.text(*NAMES["tip"], "tip", fontsize=6.5, ha="center", va="center")
    _frame(axis, spiral.SQUARE)
    return figure


def maps(panels: Sequence[Panel]) -> Figure:
    """Draw decision maps, the band's true border over them."""
    return _grid(panels, [panel.picture for panel in panels], spiral.SQUARE, border=0.5)


def zoom(panels: Sequence[Panel]) -> Figure:
    """Draw the maps around the tip, with its outline and the training points there."""
    figure = _grid(panels, [panel.closer for panel in panels], spiral.AT_THE_TIP, border=0.8)
    left, right, bottom, top = spiral.AT_THE_TIP
    for axis, panel in zip(figure.axes, panels, strict=True):
        _region(axis, "tip", "white")
        x, y = panel.shard.x.T
        near = (left < x) & (x < right) & (bottom < y) & (y < top)
        shard = type(panel.shard)(panel.shard.x[near], panel.shard.y[near])
        # A dot of the colour that the map has there is told by its form.
        _points(axis, shard, "os", markersize=2.6, markeredgewidth=0.35, markeredgecolor="black", zorder=4)
    return figure


def outline(first: float = 0, last: float = spiral.PHI_MAX, reach: float = 1) -> NDArray[np.float64]:
    """Trace the edge of a part of the plane, as a closed line of shape (n, 2).

    It lies between two angles of the band, and `reach` times as far from its centre line as the band does: by default
    it is the band itself.
    """
    phi = np.linspace(first, last, ceil((last - first) * 60))
    away = reach * spiral.half_width(phi)
    radius = np.concatenate([spiral.centre_line(phi) + away, (spiral.centre_line(phi) - away)[::-1]])
    angle = np.concatenate([phi, phi[::-1]])
    line = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    return np.concatenate([line, line[:1]])


def _grid(
    panels: Sequence[Panel],
    pictures: Sequence[NDArray[np.uint8]],
    window: tuple[float, float, float, float],
    border: float,
) -> Figure:
    left, right, bottom, top = window
    columns = min(COLUMNS, len(panels))
    rows = ceil(len(panels) / columns)
    width = (style.TEXT - 0.3) / columns - 0.1  # without labels and gaps
    titles = [fill(panel.title, TITLE * COLUMNS // columns) for panel in panels]
    lines = 1 + max(title.count("\n") for title in titles)
    height = width * (top - bottom) / (right - left) + 0.14 + 0.125 * lines
    figure, axes = style.canvas(rows, columns, (style.TEXT, rows * height + 0.16), shared=True)
    for axis, picture, title in zip(axes, pictures, titles, strict=False):
        axis.imshow(picture, cmap=CLASSES, extent=window, vmin=0, vmax=1)
        axis.plot(*outline().T, color="black", linewidth=border)
        axis.set_title(title)
        _frame(axis, window)
    for axis in axes[len(panels) :]:
        axis.remove()
    for axis in axes[: len(panels)][-columns:]:
        # Where the panel below was removed, nothing else would label the shared scale.
        axis.tick_params(labelbottom=True)
    return figure


def _points(axis: Axes, shard: Examples, forms: str = "..", **marker: Any) -> None:
    for label, (colour, form) in enumerate(zip((style.OUTSIDE, style.INSIDE), forms, strict=True)):
        axis.plot(*shard.x[shard.y == label].T, form, color=colour, **marker)


def _region(axis: Axes, region: str, colour: str) -> None:
    line = outline(*spiral.REGIONS[region], reach=spiral.REACH)
    axis.plot(*line.T, "--", color=colour, linewidth=0.7, dashes=(3, 1.5), zorder=3)


def _frame(axis: Axes, window: tuple[float, float, float, float]) -> None:
    left, right, bottom, top = window
    ticks = [-1, 0, 1] if window == spiral.SQUARE else [-0.5, 0, 0.5, 1]
    names = [f"{tick:g}".replace("-", "−") for tick in ticks]
    axis.set_xticks(ticks, names)
    axis.set_yticks(ticks, names)
    axis.set(xlim=(left, right), ylim=(bottom, top), aspect="equal")
    for spine in axis.spines.values():
        spine.set_visible(True)
