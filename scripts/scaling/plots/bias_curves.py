"""The spiral's curves: errors by region, where neighbours overtake a network, and what theory says of neighbours.

Lines are medians over seeds, bars hold the middle half of the seeds. What has no error has no place on a logarithmic
scale, and is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter

from scaling.comparisons import crossing as crossing_of
from scaling.comparisons import ratios_by_size
from scaling.curves import chosen_runs
from scaling.experiments.bias_pictures import middle
from scaling.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DASHES = ("-", "--", ":", "-.")


class Budget(NamedTuple):
    """The runs of networks under one training budget."""

    steps: int
    """How many steps the largest shard gets."""
    runs: pd.DataFrame
    own: bool
    """Is it the domain's?"""


def regions(table: pd.DataFrame, labels: Mapping[str, str], named: Sequence[str]) -> Figure:
    """Draw each family's error against N, of the size that validation chose: overall, and in each region.

    `labels` name the families, in the domain's order; `named` are the regions.
    """
    figure, axes = style.canvas(1, 1 + len(named), (style.TEXT, 2.75), shared=True)
    for axis, region in zip(axes, (None, *named), strict=True):
        for index, (family, label) in enumerate(labels.items()):
            look = {"color": style.colour(index), "marker": style.marker(index), "label": label}
            _line(axis, chosen_runs(table, family), f"error_{region}" if region else "error", **look)
        axis.set_title(region or "under the sampling density")
        _logarithmic(axis)
    axes[0].set_ylabel("test error")
    _legend(figure, axes[0], columns=3)
    return figure


def crossing(
    table: pd.DataFrame, neighbours: str, crafted: str, labels: Mapping[str, str], arms: Sequence[pd.DataFrame] = ()
) -> Figure:
    """Draw where neighbours overtake a network, by its size and by its training, and what the training costs.

    `table` is that of the domain, `arms` those of its arms with other budgets. Runs with twice the budget, which the
    domain has at its largest shard, count as a budget too.
    """
    single = table[table.budget_scale == 1]
    ours = chosen_runs(table, neighbours)
    usual = single[single.family == crafted]
    models = list(dict.fromkeys(usual.model))
    colours = {model: style.colour(1 + index) for index, model in enumerate(models)}
    names = {model: ", size ".join([labels[crafted], *_size(model, crafted)]) for model in models}
    medium, top = middle(models), int(usual.N.max())
    budgets = _budgets([table, *arms], crafted)
    own = next(index for index, budget in enumerate(budgets) if budget.own)
    figure, (left, center, right) = style.canvas(1, 3, (style.TEXT, 2.75))
    for axis in (left, center):
        _line(axis, ours, color="black", marker=".", label=labels[neighbours])
    for model in models:
        runs = usual[usual.model == model]
        _line(left, runs, **_look(own, colours[model]), label=names[model])
        _overtaking(left, single, neighbours, runs, colours[model])
    for index, budget in enumerate(budgets):
        runs = budget.runs[budget.runs.model == medium]
        _line(center, runs, **_look(index, colours[medium]), label=f"{budget.steps:,} steps")
        _overtaking(center, single, neighbours, runs, colours[medium])
    for model in models:
        costs = [(index, budget.runs[budget.runs.model == model]) for index, budget in enumerate(budgets)]
        _costs(right, {index: runs[top == runs.N] for index, runs in costs}, colours[model], *_size(model, crafted))
    without = f"{labels[neighbours]}, no training"
    error = ours[top == ours.N].error.median()
    right.axhline(error, color="black", linestyle=(0, (5, 2)), linewidth=0.9, zorder=1, label=without)
    left.set(title=labels[crafted], ylabel="test error")
    center.set(title=names[medium])
    right.set(title=f"N = {top:,}", xscale="log", yscale="log", xlabel="training operations")
    right.margins(y=0.12)  # for the sizes below the last points
    for axis in (left, center):
        axis.set(xscale="log", yscale="log", xlabel="N")
    center.sharey(left)
    left.autoscale()
    for axis in (left, center, right):
        style.log_scales(axis, in_percent=True)
    _sign(right, f"N*: {labels[neighbours]} overtakes", marker="|", linestyle="", markeredgewidth=1.4)
    _legend(figure, left, center, right, columns=4)
    return figure


def neighbours(
    runs: Mapping[int, pd.DataFrame],
    theory: Mapping[int, float],
    noisy: Mapping[float, Mapping[int, pd.DataFrame]],
    floors: Mapping[float, Mapping[int, float]],
) -> Figure:
    """Draw the errors of k-NN against what theory says of them, by k: times √N, and beside it under label noise.

    `runs` are those of each k, `theory` the constants that error · √N goes to (dashed). `noisy` are runs by the share
    of wrong labels and by k, `floors` the errors that more data do not lower (dotted).
    """
    figure, axes = style.canvas(1, 1 + len(noisy), (style.TEXT if noisy else style.COLUMN, 2.6))
    known = sorted({*runs, *(k for of_noise in noisy.values() for k in of_noise)})
    looks = {k: {"color": style.colour(i), "marker": style.marker(i)} for i, k in enumerate(known)}
    left = axes[0]
    for k, of_k in sorted(runs.items()):
        _line(left, of_k.assign(scaled=of_k.error * np.sqrt(of_k.N)), "scaled", **looks[k], label=f"{k}-NN")
        if k in theory:
            left.axhline(theory[k], linestyle="--", linewidth=0.8, color=looks[k]["color"], zorder=1)
    left.set(title="all labels right", xscale="log", xlabel="N", ylabel="test error · √N")
    left.xaxis.set_minor_formatter(NullFormatter())
    for axis, (share, by_k) in zip(axes[1:], noisy.items(), strict=True):
        for k, of_k in sorted(by_k.items()):
            _line(axis, of_k, **looks[k], label=f"{k}-NN")
        axis.set(title=f"{100 * share:g} % of labels wrong", ylabel="test error")
        _logarithmic(axis)
        for k in sorted(by_k.keys() & floors.get(share, {}).keys()):
            _floor(axis, floors[share][k], looks[k]["color"])
    if theory.keys() & runs.keys():
        _sign(left, "theory", linestyle="--")
    if noisy.keys() & floors.keys():
        _sign(left, "floor", linestyle=":")
    _legend(figure, *axes, columns=8 if noisy else 4)
    return figure


def _budgets(tables: Sequence[pd.DataFrame], family: str) -> list[Budget]:
    """Part the runs of a family by their budgets, in order of the steps at the largest shard."""
    found = [
        Budget(int(runs[runs.N.max() == runs.N].steps.median()), runs, table is tables[0] and scale == 1)
        for table in tables
        for scale, runs in table[table.family == family].groupby("budget_scale")
    ]
    return sorted(found, key=lambda budget: budget.steps)


def _costs(axis: Axes, by_budget: Mapping[int, pd.DataFrame], colour: str, size: str = "") -> None:
    """Draw error against operations: a line of one size, with a point for each budget that it was trained under."""
    there = {index: runs for index, runs in by_budget.items() if runs.error.notna().any()}
    if not there:
        return
    for index, runs in there.items():
        _line(axis, runs, x="flops", **_look(index, colour))
    points = [(runs.flops.median(), runs.error.median()) for runs in there.values()]
    axis.plot(*zip(*points, strict=True), color=colour, linewidth=0.8, zorder=1)
    last = next(reversed(there.values()))
    below = (points[-1][0], last.error.quantile(0.25))
    # Not over the first: there the bars of smaller networks are.
    axis.annotate(size, below, (0, -4), textcoords="offset points", ha="center", va="top", color=colour, fontsize=6.5)


def _size(model: str, family: str) -> list[str]:
    """The size behind a family's name in a model's, if it has one."""
    return [model.removeprefix(f"{family}-")] if model != family else []


def _look(index: int, colour: str) -> dict[str, Any]:
    """How the budget at `index` is drawn: colours tell sizes."""
    return {
        "color": colour,
        "marker": style.marker(index),
        "linestyle": DASHES[index % len(DASHES)],
    }


def _overtaking(axis: Axes, single: pd.DataFrame, ours: str, runs: pd.DataFrame, colour: str) -> None:
    """Mark the N at which the error of neighbours falls below that of a network, if it does."""
    if found := crossing_of(ratios_by_size(single, ours, runs)):
        axis.axvline(found.value, ymax=0.06, color=colour, linewidth=1.4)


def _line(axis: Axes, runs: pd.DataFrame, column: str = "error", x: str = "N", **look: Any) -> None:
    """Draw medians over seeds as a line with markers, the middle half of the seeds as bars."""
    errors = runs[runs.outcome == "trained"].groupby("N")[column]
    median, low, high = errors.median(), errors.quantile(0.25), errors.quantile(0.75)
    seen = median > 0
    where = runs.groupby("N")[x].median()[median.index] if x != "N" else median.index.to_series()
    bars = [(median - low)[seen], (high - median)[seen]]
    axis.errorbar(where[seen], median[seen], yerr=bars, elinewidth=0.6, linewidth=0.9, markersize=3, **look)


def _floor(axis: Axes, value: float, colour: str) -> None:
    """Draw what errors fall towards, unless that is far below all that is drawn."""
    if value > axis.get_ylim()[0] / 3:
        axis.axhline(value, linestyle=":", linewidth=1, color=colour, zorder=1)


def _sign(axis: Axes, label: str, **look: Any) -> None:
    """Tell in the legend what a mark means, whatever its colour."""
    axis.plot([], [], color=style.GREY, label=label, **look)


def _logarithmic(axis: Axes) -> None:
    axis.set(xscale="log", yscale="log", xlabel="N")
    style.log_scales(axis, in_percent=True)


def _legend(figure: Figure, *axes: Axes, columns: int) -> None:
    """Name all lines below, each once and marks last: with so many no corner of a panel is free."""
    pairs = [pair for axis in axes for pair in zip(*axis.get_legend_handles_labels(), strict=True)]
    pairs.sort(key=lambda pair: isinstance(pair[0], Line2D))
    named = {label: handle for handle, label in pairs}
    figure.legend(named.values(), named.keys(), loc="outside lower center", ncols=columns, handlelength=2.2)
