"""What a study cost, and where: processor time, time and memory of its jobs, from their receipts.

A receipt counts its job's process, not what started it; a job that ran again counts once, as it ran last, and a result
of the shared store as what it cost where it was made. The memory of a fork includes what it shares with its parent, the
packages that this has imported.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import fsum
from typing import Any

from rich.console import Console
from rich.table import Table

from provenance.comparison import open_build
from provenance.plan import Planned
from provenance.receipts import Receipt
from provenance.workspace import CannotRun

PLACES = ("host", "device")
"""What a receipt says of where its job ran, by which costs can be told as by a wildcard."""
ALL = "total"


@dataclass(frozen=True)
class Cost:
    """What some jobs cost together."""

    jobs: int
    cpu_s: float
    most_cpu_s: float
    """Of one job."""
    wall_s: float
    """Of all jobs, one after the other."""
    most_memory_mb: float
    """Of one job."""

    @classmethod
    def of(cls, made: Sequence[Mapping[str, Any]]) -> Cost:
        """Sum up what receipts say (`Receipt.made`)."""
        cpu, wall, memory = ([float(job.get(key, 0)) for job in made] for key in ("cpu_s", "wall_s", "memory_mb"))
        return cls(len(made), fsum(cpu), max(cpu, default=0.0), fsum(wall), max(memory, default=0.0))


@dataclass(frozen=True)
class Costs:
    """What a study cost, by group."""

    by: tuple[str, ...]
    groups: dict[tuple[str | None, ...], Cost]
    """By the values of what they are grouped `by`, None where a job has none; the costliest first."""
    total: Cost
    missing: int
    """Jobs without a receipt that can be read."""


def costs(receipts: Iterable[Receipt], by: str, jobs: Sequence[Planned] = ()) -> Costs:
    """Sum up what jobs cost `by` their rule, wildcards, host or device, such as "rule,domain".

    `jobs` are all that there should be. Raises CannotRun if no job has what is asked for.
    """
    receipts = list(receipts)
    wildcards = [*(job.wildcards for job in jobs), *(receipt.wildcards for receipt in receipts)]
    known = dict.fromkeys(("rule", *(name for names in wildcards for name in names), *PLACES))
    names = tuple(dict.fromkeys(name.strip() for name in by.split(",")))
    if unknown := [name for name in names if name not in known]:
        raise CannotRun(f"--by {by}: no job has {' nor '.join(map(repr, unknown))}. Known are {', '.join(known)}.")
    groups = defaultdict(list)
    for receipt in receipts:
        labels = {place: receipt.made.get(place) for place in PLACES} | {**receipt.wildcards, "rule": receipt.rule}
        groups[tuple(map(labels.get, names))].append(receipt.made)
    summed = {group: Cost.of(made) for group, made in groups.items()}
    return Costs(
        by=names,
        groups=dict(sorted(summed.items(), key=lambda item: -item[1].cpu_s)),
        total=Cost.of([receipt.made for receipt in receipts]),
        missing=max(len(jobs) - len(receipts), 0),
    )


def receipts_of(place: str) -> list[Receipt]:
    """Read the receipts of a build elsewhere, a results folder or a crate; raises CannotRun if it has none."""
    with open_build(place) as build:
        if not build.makers:
            raise CannotRun(f"{place} has no receipts, which say what jobs cost. Give a results folder or a crate.")
        return list({receipt.name: receipt for receipt in build.makers.values()}.values())


def as_data(found: Costs) -> dict[str, Any]:
    """Give costs as plain data."""
    return {
        "by": list(found.by),
        "groups": [
            {"of": dict(zip(found.by, group, strict=True)), **_rounded(cost)} for group, cost in found.groups.items()
        ],
        ALL: _rounded(found.total),
        "missing": found.missing,
    }


def _rounded(cost: Cost) -> dict[str, float]:
    """Give a sum with the digits that its receipts have."""
    return {key: round(value, 3) for key, value in asdict(cost).items()}


def show(found: Costs, out: Console) -> None:
    """Print costs as a table."""
    table = Table(*found.by)
    for column in ("jobs", "CPU s", "most of one job", "wall s", "most MB of one job"):
        table.add_column(column, justify="right")
    for group, cost in found.groups.items():
        table.add_row(*("–" if value is None else str(value) for value in group), *_cells(cost))
    table.add_section()
    table.add_row(ALL, *[""] * (len(found.by) - 1), *_cells(found.total))
    out.print(table)
    if found.missing:
        out.print(
            f"{found.missing} of {found.total.jobs + found.missing} jobs are not counted: they have not run yet, or "
            "audit verify says what is wrong with their receipts."
        )


def _cells(cost: Cost) -> tuple[str, ...]:
    seconds = (f"{value:,.1f}" for value in (cost.cpu_s, cost.most_cpu_s, cost.wall_s))
    return (f"{cost.jobs:,}", *seconds, f"{cost.most_memory_mb:,.0f}")
