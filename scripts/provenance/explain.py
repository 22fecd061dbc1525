"""What would run again, and why: today's plan against the receipts, whatever Snakemake remembers."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from functools import cache
from itertools import combinations
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from provenance.findings import MEANING, Finding
from provenance.ledger import LEDGER
from provenance.plan import Plan, Planned
from provenance.receipts import Receipt
from provenance.sweep import Sweep, differing_design, sweep
from provenance.workspace import CannotRun, Workspace

Alike = tuple[tuple[str, ...], tuple[str | None, ...]]
"""Names of wildcards, and values of these that some jobs have in common."""


@dataclass(frozen=True)
class Cost:
    """What a job takes, in seconds; None where nothing like it has run."""

    wall: float | None = None
    cpu: float | None = None
    own: bool = False
    """Is it what this very job took when it ran last?"""


@dataclass
class Group:
    """Jobs of one rule that would run for the same reasons."""

    rule: str
    reasons: tuple[str, ...]
    of: int
    """Number of all jobs of this rule."""
    jobs: list[Planned] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)

    @property
    def cpu(self) -> float:
        """Processor time of all, as far as it is known."""
        return sum(cost.cpu or 0 for cost in self.costs)


@dataclass
class Explanation:
    """What would run again."""

    groups: list[Group]
    jobs: int
    """Number of all jobs that were looked at."""
    cores: int
    wall: float
    """Seconds on so many cores, estimated."""
    stops: list[Finding]
    """Damage: no build goes on before it is removed or accepted."""

    @property
    def costs(self) -> list[Cost]:
        """What each job would take."""
        return [cost for group in self.groups for cost in group.costs]


def explain(workspace: Workspace, target: str | None, cores: int) -> Explanation:
    """Find what would run again; `target` (a file, a rule or a key of the ledger) limits it to what that needs.

    Raises CannotRun if there is no such target.
    """
    plan = workspace.plan
    jobs = plan.needed(jobs_of(workspace, target) if target else plan.jobs)
    swept = sweep(plan)
    reasons = dict(_reasons(plan, jobs, swept))
    totals = Counter(job.rule for job in jobs)
    cost_of = estimate(swept.receipts.values())
    groups: dict[tuple[str, tuple[str, ...]], Group] = {}
    costs: dict[str, Cost] = {}
    for job in jobs:
        if why := reasons.get(job.receipt):
            group = groups.setdefault((job.rule, why), Group(job.rule, why, totals[job.rule]))
            costs[job.receipt] = cost_of(job)
            group.jobs.append(job)
            group.costs.append(costs[job.receipt])
    files = {file for job in jobs for file in (*job.outputs, job.receipt)}
    wall = schedule(plan, [job for job in jobs if job.receipt in costs], costs, cores)
    stops = [finding for finding in swept.damaged if finding.file in files]
    rank = list(totals)
    ordered = sorted(groups.values(), key=lambda group: rank.index(group.rule))
    return Explanation(ordered, len(jobs), cores, wall, stops)


def jobs_of(workspace: Workspace, target: str) -> list[Planned]:
    """Find the jobs that a target means; raises CannotRun, with names that look alike, if there are none."""
    plan = workspace.plan
    file = target.removeprefix("./").removeprefix(f"{plan.results}/")
    if maker := plan.makers.get(file):
        return [maker]
    if jobs := [job for job in plan.jobs if job.rule == target]:
        return jobs
    try:
        entries = workspace.ledger["entries"]
    except CannotRun:
        entries = {}
    if target in entries:
        # What no job made is a setting or a constant, which the ledger's own job enters.
        return workspace.makers_of(target) or [plan.makers[LEDGER]]
    names = [*entries, *plan.makers, *{job.rule for job in plan.jobs}]
    raise CannotRun(f"{target} is no file, rule or number of this study.{alike(target, names)}")


def alike(name: str, names: Iterable[str]) -> str:
    """Suggest names that look like one, as a sentence; empty if none does."""
    names = list(names)
    parts = [word for word in names if name.lower() in word.lower()]
    near = dict.fromkeys([*get_close_matches(name, names, n=5, cutoff=0.6), *parts])
    return f" Did you mean {', '.join(list(near)[:5])}?" if near else ""


def _reasons(plan: Plan, jobs: Iterable[Planned], swept: Sweep) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Give every job that would run, by its receipt, with why. A job's own reasons come before those of its inputs."""
    missing = {finding.file for finding in swept.missing}
    again: set[str] = set()
    for job in jobs:
        remade = list(dict.fromkeys(plan.makers[file].rule for file in job.inputs if _maker(plan, file) in again))
        if job.receipt in missing:
            why = ["missing"]
        elif lost := [file for file in job.outputs if file in missing]:
            why = [f"missing{' in part' if len(lost) < len(job.outputs) else ', but for its receipt'}"]
        elif job.receipt in swept.stale_receipts:
            receipt, _ = swept.stale_receipts[job.receipt]
            why = [*differing_design(receipt, swept.tasks[job.receipt], plan)]
            why += _reading(plan, receipt, swept.tasks[job.receipt], again)
        else:
            why = []
        if remade and not why:
            why = [f"because their inputs are remade, by rule {', '.join(remade)}"]
        if why:
            again.add(job.receipt)
            yield job.receipt, tuple(why)


def _maker(plan: Plan, file: str) -> str | None:
    return plan.makers[file].receipt if file in plan.makers else None


def _reading(plan: Plan, receipt: Receipt, today: Mapping[str, Any], again: set[str]) -> Iterator[str]:
    """Say what is read otherwise: a few files by name, many by the rules that make them."""
    was, now = ({**read["inputs"], **read["sources"]} for read in (receipt.task, today))
    # What is about to be remade is a reason of its own, whatever it was before.
    changed = [file for file in was if file in now and was[file] != now[file] and _maker(plan, file) not in again]
    for verb, files in (
        ("changed", changed),
        ("no longer read", [file for file in was if file not in now]),
        ("newly read", [file for file in now if file not in was]),
    ):
        if len(files) > 3:
            rules = dict.fromkeys(plan.makers[file].rule if file in plan.makers else "none" for file in files)
            yield f"{len(files)} files {verb}, made by rule {', '.join(rules)}"
        elif files:
            yield f"{', '.join(files)} {verb}"


def estimate(receipts: Iterable[Receipt]) -> Callable[[Planned], Cost]:
    """Say what a job would take: what it took, or the median of those of its rule whose wildcards are most like its."""
    known: dict[str, list[tuple[dict[str, str], dict[str, Any]]]] = defaultdict(list)
    for receipt in receipts:
        known[receipt.rule].append((receipt.wildcards, receipt.made))

    @cache
    def alike(rule: str, names: tuple[str, ...]) -> dict[tuple[str | None, ...], list[dict[str, Any]]]:
        """What jobs cost, by the values of some wildcards."""
        found = defaultdict(list)
        for wildcards, made in known[rule]:
            found[tuple(map(wildcards.get, names))].append(made)
        return found

    @cache
    def median_of(rule: str, groups: tuple[Alike, ...]) -> tuple[float | None, float | None]:
        made = [cost for names, values in groups for cost in alike(rule, names)[values]]
        return _median(cost.get("wall_s") for cost in made), _median(cost.get("cpu_s") for cost in made)

    def cost(job: Planned) -> Cost:
        # As many of the wildcards as any receipt has in common, so that the time does not grow with jobs × receipts.
        for size in range(len(job.wildcards), -1, -1):
            parts = [(names, tuple(map(job.wildcards.get, names))) for names in combinations(job.wildcards, size)]
            if groups := tuple((names, values) for names, values in parts if values in alike(job.rule, names)):
                wall, cpu = median_of(job.rule, groups)
                own = size == len(job.wildcards) and len(alike(job.rule, groups[0][0])[groups[0][1]]) == 1
                return Cost(wall, cpu, own)
        return Cost()

    return cost


def _median(values: Iterable[Any]) -> float | None:
    numbers = [float(value) for value in values if value is not None]
    return median(numbers) if numbers else None


def schedule(plan: Plan, jobs: Sequence[Planned], costs: Mapping[str, Cost], cores: int) -> float:
    """Give the seconds that jobs take on some cores, one core each, every job after those whose files it reads."""
    waiting = {job.receipt: {_maker(plan, file) for file in job.inputs} & costs.keys() for job in jobs}
    readers: dict[str, list[str]] = defaultdict(list)
    for name, makers in waiting.items():
        for maker in makers:
            readers[str(maker)].append(name)
    ready = deque(name for name, makers in waiting.items() if not makers)
    running: list[tuple[float, str]] = []
    now = 0.0
    while ready or running:
        while ready and len(running) < cores:
            name = ready.popleft()
            heapq.heappush(running, (now + (costs[name].wall or 0), name))
        now, done = heapq.heappop(running)
        for name in readers[done]:
            waiting[name].discard(done)
            if not waiting[name]:
                ready.append(name)
    return now


def as_data(found: Explanation) -> dict[str, Any]:
    """Give an explanation as plain data."""
    costs = found.costs
    return {
        "up_to_date": not found.groups and not found.stops,
        "jobs": sum(len(group.jobs) for group in found.groups),
        "of": found.jobs,
        "cores": found.cores,
        "cpu_s": round(sum(cost.cpu or 0 for cost in costs), 3),
        "wall_s": round(found.wall, 3),
        "unknown": sum(cost.wall is None for cost in costs),
        "groups": [
            {
                "rule": group.rule,
                "jobs": len(group.jobs),
                "of": group.of,
                "reasons": list(group.reasons),
                "cpu_s": round(group.cpu, 3),
                "outputs": [job.outputs[0] for job in group.jobs],
            }
            for group in found.groups
        ],
        "stops": [asdict(finding) for finding in found.stops],
    }


def show(found: Explanation, out: Console, results: str) -> None:
    """Print an explanation as a table."""
    for finding in found.stops:
        out.print(
            f"{results}/{finding.file} {MEANING[finding.kind]}: no build goes on before it is removed or accepted."
        )
    if not found.groups:
        if not found.stops:
            out.print(f"Nothing would run: all of {found.jobs} jobs are as they would be made today.")
        return
    table = Table("jobs", "rule", "why", "such as")
    table.add_column("CPU", justify="right")
    for group in found.groups:
        table.add_row(
            f"{len(group.jobs)} of {group.of}",
            group.rule,
            "\n".join(group.reasons),
            group.jobs[0].outputs[0],
            duration(group.cpu) if any(cost.cpu is not None for cost in group.costs) else "?",
        )
    out.print(table)
    out.print(_total(found))


def _total(found: Explanation) -> str:
    costs = found.costs
    unknown = sum(cost.wall is None for cost in costs)
    alike = sum(cost.wall is not None and not cost.own for cost in costs)
    basis = [f"{len(costs) - unknown - alike} as they took last time"] if len(costs) > unknown + alike else []
    basis += [f"{alike} as jobs like them took"] if alike else []
    basis += [f"{unknown} unknown, not counted"] if unknown else []
    cores = f"{found.cores} core{'s' if found.cores > 1 else ''}"
    if unknown == len(costs):
        return f"{len(costs)} of {found.jobs} jobs would run; no receipt says for how long."
    return (
        f"{len(costs)} of {found.jobs} jobs would run: about {duration(found.wall)} on {cores}, "
        f"{duration(sum(cost.cpu or 0 for cost in costs))} of CPU ({', '.join(basis)}; without starting them)."
    )


def duration(seconds: float) -> str:
    """Write a duration as people read it."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"
