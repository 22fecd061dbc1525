"""Coverage: how often the intervals of every quantity hold the truth, a row per design."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MultipleLocator

from scaling.experiments.coverage import LEVEL, Campaign, Quantity
from scaling.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GROUPS: dict[str, tuple[Quantity, ...]] = {
    "α, β, γ": ("alpha", "beta", "gamma"),
    "slope": ("slope",),
    "curve ahead, data needed": ("near", "far", "data"),
    "new shard, new run": ("shard", "run"),
}
"""Quantities of one colour, by what the legend calls them."""
MARKERS = "osD^"
ROW = 0.15
"""Height of a row in inches."""
LOWEST = 0.8
"""The scale begins there, or lower if it must."""


def coverage(campaigns: Sequence[Campaign], goal: float, goal_cut: float) -> Figure:
    """Draw the coverage of every quantity with the interval that its trials allow, and each design's goal as a tick."""
    shown = [campaign for campaign in campaigns if campaign.cells]
    figure, (axis,) = style.canvas(1, 1, (style.COLUMN, 0.75 + ROW * max(len(shown), 1)))
    offsets = np.linspace(-0.32, 0.32, sum(map(len, GROUPS.values())))
    place = 0
    for index, (label, quantities) in enumerate(GROUPS.items()):
        for quantity in quantities:
            cells = [campaign.cells[quantity] for campaign in shown]
            shares = np.array([cell.share for cell in cells])
            reach = [(cell.share - cell.low, cell.high - cell.share) for cell in cells]
            axis.errorbar(
                shares,
                np.arange(len(shown)) + offsets[place],
                # Rounding may put a bound a hair beyond its share.
                xerr=np.maximum(np.reshape(reach, (-1, 2)).T, 0),
                fmt=MARKERS[index],
                color=style.colour(index),
                markersize=1.8,
                elinewidth=0.45,
                label=label if quantity == quantities[0] else None,
            )
            place += 1
    goals = [goal_cut if campaign.cut else goal for campaign in shown]
    axis.plot(goals, np.arange(len(shown)), "|", color=style.GREY, markersize=8, zorder=1)
    axis.axvline(LEVEL, color=style.GREY, linewidth=0.6, zorder=0)
    least = min((cell.share for campaign in shown for cell in campaign.cells.values()), default=LOWEST)
    axis.set(
        xlim=(min(LOWEST, least - 0.02), 1.005),
        ylim=(len(shown) - 0.4, -0.6),
        yticks=range(len(shown)),
        xlabel="share of intervals that hold the truth",
    )
    axis.xaxis.set_major_locator(MultipleLocator(0.05))
    axis.set_yticklabels([campaign.design.replace("-", " ") for campaign in shown])
    axis.tick_params(axis="y", length=0)
    axis.hlines(np.arange(1, len(shown)) - 0.5, *axis.get_xlim(), color=style.GREY, linewidth=0.2, alpha=0.6, zorder=0)
    figure.legend(loc="outside upper center", ncols=2, handletextpad=0.2, columnspacing=1.2)
    return figure
