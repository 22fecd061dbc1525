"""Prices: error against the processor seconds of a run, a line a model, its shards from small to large."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING

from matplotlib.ticker import LogLocator, StrMethodFormatter

from scaling.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from scaling.price import Price

COLUMNS = 2
PANEL = 3.1


def price(domains: Sequence[Sequence[Price]]) -> Figure:
    """Draw a panel a domain, or an arm, all on one scale: give together what has one metric."""
    rows, columns = ceil(len(domains) / COLUMNS), min(COLUMNS, len(domains))
    figure, axes = style.canvas(rows, columns, (style.COLUMN * columns, PANEL * rows), shared=True)
    models = list(dict.fromkeys(each.model for of_domain in domains for each in of_domain))
    for axis, of_domain in zip(axes, domains, strict=False):
        axis.set(xscale="log", yscale="log", title=of_domain[0].domain)
        for model in dict.fromkeys(each.model for each in of_domain):
            # What has no error has no place on a logarithmic scale.
            shards = [each for each in of_domain if each.model == model and each.error > 0]
            seconds, errors = [each.cpu_s for each in shards], [each.error for each in shards]
            index = models.index(model)
            (line,) = axis.plot(seconds, errors, color=style.colour(index), label=model)
            line.set(marker=style.marker(index), markersize=3)
        style.log_scales(axis, in_percent=False)
        # Runs seldom differ by more than three decades.
        axis.xaxis.set_major_locator(LogLocator(base=10, subs=(1, 2, 5), numticks=12))
        axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    for axis in axes[len(domains) :]:
        axis.remove()
    for axis in axes[: len(domains)][-columns:]:
        axis.tick_params(labelbottom=True)
        axis.set_xlabel("processor seconds of a run")
    for axis in axes[: len(domains)][::columns]:
        axis.set_ylabel("test error")
    named = {label: line for axis in figure.axes for line, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(named.values(), named.keys(), loc="outside lower center", ncols=2 * columns)
    return figure
