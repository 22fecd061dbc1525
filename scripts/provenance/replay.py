"""The replay: some jobs of a study, run once more in a clean folder, and what they make against what was recorded.

Hashes show that results are what was recorded, but not that the record is true: a result that was forged together with
its receipt and everything made from it is a chain without a gap. Only to make it again shows that it was never made.

Each kind of job is run in a folder of its own that holds a copy of the workflow, and of the results no more than those
jobs read, so nothing that they should make is at hand, and no shared store either.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from provenance.contents import apart
from provenance.crate import SOURCES
from provenance.findings import ACCEPTED
from provenance.plan import Plan, Planned
from provenance.receipts import file_hash, write_whole
from provenance.store import FOLDER as STORE
from provenance.sweep import sweep
from provenance.tolerances import Tolerances
from provenance.workspace import CannotRun, Workspace, few, run_snakemake

if TYPE_CHECKING:
    from rich.console import Console

AUDIT = "audit"
"""Folder of the results for what audits report. No job reads or makes anything there."""
FETCHED = "raw/"
"""Folder of what is fetched from elsewhere: a job that writes there may need the network."""
ELSEWHERE = "results"
"""What the results folder is called in the copy, if the study has its own outside the checkout."""


@dataclass(frozen=True)
class Output:
    """One output of a replayed job."""

    file: str
    recorded: str
    """Its sha256 in the receipt."""
    replayed: str
    """The sha256 of what the replay made; empty if it made nothing."""
    difference: float | None
    """The largest relative difference of its numbers, 0 for equal bytes; None if it is not one of numbers alone."""
    tolerated: bool = False
    """Does it differ in numbers alone, and each by no more than the study's tolerances allow there?"""

    def agrees(self, tolerance: float | None) -> bool:
        """Is it the same, bit for bit or (with tolerances) but for small differences of numbers?"""
        if self.replayed == self.recorded or self.tolerated:
            return True
        return tolerance is not None and self.difference is not None and self.difference <= tolerance


@dataclass(frozen=True)
class Replayed:
    """One job that was run once more."""

    job: str
    outputs: tuple[Output, ...]
    error: str = ""
    """What Snakemake said, if the job made nothing."""


@dataclass
class Replay:
    """What a replay found."""

    seed: int
    tolerance: float | None
    number: str | None
    candidates: int
    """Jobs that could have been chosen."""
    tolerances: str | None = None
    """The file of the study's tolerances, if they were applied."""
    fetching: list[str] = field(default_factory=list)
    """Jobs that were left out because they may need the network."""
    unsound: list[str] = field(default_factory=list)
    """Jobs that were left out because they, or what they read, are missing, stale or damaged."""
    jobs: list[Replayed] = field(default_factory=list)

    @property
    def differing(self) -> list[tuple[str, Output]]:
        """The outputs that are not what was recorded, with their job."""
        return [(done.job, out) for done in self.jobs for out in done.outputs if not out.agrees(self.tolerance)]

    @property
    def largest(self) -> float | None:
        """The largest difference of all; None if one is not of numbers alone."""
        found = [out.difference for done in self.jobs for out in done.outputs]
        return None if None in found else max((value for value in found if value is not None), default=0.0)


def replay(
    workspace: Workspace,
    *,
    seed: int,
    sample: int | None = None,
    number: str | None = None,
    rules: Sequence[str] = (),
    tolerance: float | None = None,
    tolerances: Tolerances | None = None,
    cores: int = 1,
    tell: Callable[[str], None] = lambda words: None,
) -> Replay:
    """Run `sample` jobs once more, chosen by `seed`: of all, of these rules, or of those behind a number of the ledger.

    Without `sample`, one of each rule. Jobs that fetch are only run if their rule is named. Raises CannotRun if there
    is nothing to choose from. `tell` is told what is going on.
    """
    found = Replay(seed, tolerance, number, 0, tolerances.name if tolerances else None)
    jobs = _candidates(workspace, found, number, rules)
    found.candidates = len(jobs)
    chosen = choose(jobs, sample or len({job.rule for job in jobs}), seed)
    for batch in _batches(workspace.plan, chosen):
        tell(f"replaying {len(batch)} of rule {batch[0].rule}")
        found.jobs += _rerun(workspace, batch, cores, tolerances)
    return found


def choose(jobs: Iterable[Planned], sample: int, seed: int) -> list[Planned]:
    """Choose at random so that each rule has its turn before one has its next. Equal seeds choose equally."""
    chance = random.Random(seed)
    of_rule: dict[str, list[Planned]] = defaultdict(list)
    for job in jobs:
        of_rule[job.rule].append(job)
    waiting = list(of_rule.values())
    chance.shuffle(waiting)
    for stratum in waiting:
        chance.shuffle(stratum)
    chosen: list[Planned] = []
    while waiting and len(chosen) < sample:
        stratum = waiting.pop(0)
        chosen.append(stratum.pop())
        if stratum:
            waiting.append(stratum)
    return chosen


def behind(workspace: Workspace, number: str) -> list[Planned]:
    """List the jobs that a number of the ledger rests on; raises CannotRun if there is no such number, or no job."""
    entries = workspace.ledger["entries"]
    if number not in entries:
        near = [key for key in entries if number in key or key.startswith(number.rpartition(".")[0] or number)]
        hint = f" Near it: {', '.join(near[:5])}." if near else ""
        raise CannotRun(f"the ledger has no number {number}.{hint}")
    makers = workspace.makers_of(number)
    if not makers:
        raise CannotRun(f"{number} is read from the {entries[number]['source']}: there is no job behind it to replay.")
    needed = {job.receipt for job in workspace.plan.needed(makers)}
    return [job for job in workspace.plan.jobs if job.receipt in needed]


def _candidates(workspace: Workspace, found: Replay, number: str | None, rules: Sequence[str]) -> list[Planned]:
    plan = workspace.plan
    if unknown := set(rules) - {job.rule for job in plan.jobs}:
        known = ", ".join(dict.fromkeys(job.rule for job in plan.jobs))
        raise CannotRun(f"no job of the study is of rule {', '.join(sorted(unknown))}. There are {known}.")
    jobs = behind(workspace, number) if number else list(plan.jobs)
    jobs = [job for job in jobs if not rules or job.rule in rules]
    unsound, unlike = _unsound(plan)
    kept = []
    for job in jobs:
        if not rules and any(file.startswith(FETCHED) for file in job.outputs):
            found.fetching.append(job.name)
        elif job.receipt in unsound | unlike or any(makers.receipt in unsound for makers in _makers(plan, job)):
            found.unsound.append(job.name)
        else:
            kept.append(job)
    if not kept:
        why = f"{len(found.unsound)} are missing, stale or damaged (audit verify lists them)"
        why += f", {len(found.fetching)} may need the network (--rule names them)" if found.fetching else ""
        raise CannotRun(f"there is no job to replay: of {len(jobs)}, {why}.")
    return kept


def _unsound(plan: Plan) -> tuple[set[str], set[str]]:
    """Name the receipts of jobs whose results nobody may use, and of those that are stale but accepted."""
    swept = sweep(plan)
    unsound = {plan.makers[finding.file].receipt for finding in swept.found if finding.file in plan.makers}
    accepted = [finding.file for finding in swept.accepted if finding.kind == "stale"]
    return unsound, {plan.makers[file].receipt for file in accepted if file in plan.makers}


def _makers(plan: Plan, job: Planned) -> Iterator[Planned]:
    return (plan.makers[file] for file in job.inputs if file in plan.makers)


def _needed(plan: Plan, job: Planned) -> set[str]:
    """Name the results that must be there for a job to run.

    They are what it reads, the receipts of that, and what those jobs have read: without, they would count as stale.
    """
    makers = list(_makers(plan, job))
    return {*job.inputs, *(maker.receipt for maker in makers), *(file for maker in makers for file in maker.inputs)}


def _batches(plan: Plan, jobs: Sequence[Planned]) -> list[list[Planned]]:
    """Put jobs of one rule together, unless one of them needs what another makes."""
    batches: list[list[Planned]] = []
    for job in jobs:
        for batch in batches:
            needed = set().union(*(_needed(plan, one) for one in (*batch, job)))
            made = {file for one in (*batch, job) for file in (*one.outputs, one.receipt)}
            if batch[0].rule == job.rule and not needed & made:
                batch.append(job)
                break
        else:
            batches.append([job])
    return batches


def _rerun(
    workspace: Workspace, batch: Sequence[Planned], cores: int, tolerances: Tolerances | None
) -> Iterator[Replayed]:
    """Run jobs of one rule once more."""
    plan, results = workspace.plan, _inside(workspace.plan.results)
    with tempfile.TemporaryDirectory(prefix="replay.") as temporary:
        folder = Path(temporary)
        made = folder / (results or ELSEWHERE)
        _copy_workflow(workspace, folder)
        for file in {ACCEPTED}.union(*(_needed(plan, job) for job in batch)):
            if (workspace.results / file).exists():
                _copy(workspace.results / file, made / file)
        move = [] if results else ["--config", f'pathvars={{"results": "{ELSEWHERE}"}}']
        targets = [str(made.relative_to(folder) / file) for job in batch for file in (*job.outputs, job.receipt)]
        # Of this rule alone: to Snakemake all else is a file that is there, whatever its time and its maker.
        done = run_snakemake(
            [
                *("--cores", str(cores), *_options(workspace, folder), *move),
                *("--allowed-rules", batch[0].rule, "--", *targets),
            ],
            {STORE: "", "PYTHONPATH": str(folder / "scripts")},
            folder,
        )
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-12:]).replace(f"{folder}/", "")
        for job in batch:
            outputs = tuple(_compare(workspace, job, file, made / file, tolerances) for file in job.outputs)
            yield Replayed(job.name, outputs, "" if all(out.replayed for out in outputs) else said)


def _compare(workspace: Workspace, job: Planned, file: str, replayed: Path, tolerances: Tolerances | None) -> Output:
    recorded, original = workspace.receipts[job.receipt].outputs[file], workspace.results / file
    if not replayed.exists():
        return Output(file, recorded, "", None)
    found = file_hash(replayed)
    if found == recorded:
        return Output(file, recorded, found, 0.0)
    # A damaged file that was accepted is not what was recorded: its numbers say nothing.
    same = original.exists() and file_hash(original) == recorded
    differences = apart(original, replayed) if same else None
    if differences is None:
        return Output(file, recorded, found, None)
    largest = max(differences.values(), default=0.0)
    return Output(file, recorded, found, largest, bool(tolerances and tolerances.allow(file, differences)))


def _copy_workflow(workspace: Workspace, folder: Path) -> None:
    """Copy what it takes to run the workflow: its usual files, and all code and sources of today's jobs."""
    results = workspace.results.resolve()
    code = {name for files in workspace.plan.code.values() for name in files}
    sources = {name for job in workspace.plan.jobs for name in job.sources}
    usual = {path.as_posix() for pattern in SOURCES for path in Path().glob(pattern)}
    for name in sorted(code | sources | usual):
        path = Path(name)
        by_product = any(part.startswith(".") or part == "__pycache__" for part in path.parts)
        if _inside(name) and path.is_file() and not by_product and not path.resolve().is_relative_to(results):
            _copy(path, folder / name)


def _inside(path: str) -> str | None:
    """Give a relative path that stays where it starts; None for another."""
    pure = PurePosixPath(path)
    return None if pure.is_absolute() or ".." in pure.parts or not pure.parts else path


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _options(workspace: Workspace, folder: Path) -> list[str]:
    """Give the options that name the study; files that are not in the copy, by their absolute path."""
    return [
        option if option.startswith("--") or (folder / option).exists() else str(Path(option).absolute())
        for option in workspace.options
    ]


def as_data(found: Replay, workspace: Workspace) -> dict[str, Any]:
    """Give a replay as plain data, with the numbers of the paper that rest on what differs."""
    differing = [output.file for _, output in found.differing]
    try:
        root, numbers = workspace.ledger.get("root", ""), workspace.numbers_of(differing)
    except CannotRun:  # without a ledger there are no numbers yet
        root, numbers = "", []
    return {
        "reproduced": not differing,
        "root": root,
        "end": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": os.uname().nodename,
        "largest_difference": found.largest,
        "numbers": numbers,
        **asdict(found),
    }


def write_report(data: dict[str, Any], results: Path) -> Path:
    """Write `replay.json` and `replay.md` beside the paper; gives the path of the latter."""
    folder = results / AUDIT
    folder.mkdir(exist_ok=True)
    for name, text in (
        ("replay.json", json.dumps(data, indent=1, ensure_ascii=False) + "\n"),
        ("replay.md", _readable(data)),
    ):
        write_whole(folder / name, text)
    return folder / "replay.md"


def show(data: dict[str, Any], out: Console) -> None:
    """Print a replay: every output that differs, the jobs that could not be run, and the conclusion."""
    from rich.table import Table

    differing = [(done, output) for done in data["jobs"] for output in done["outputs"] if not _agrees(output, data)]
    if differing:
        table = Table("job", "file", show_lines=True)
        table.add_column("sha256", min_width=74)  # a hash that is cut is none
        table.add_column("largest relative difference")
        for done, output in differing:
            hashes = f"recorded  {output['recorded']}\nreplayed  {output['replayed'] or 'nothing'}"
            table.add_row(done["job"], output["file"], hashes, tell_difference(output))
        out.print(table)
    for done in data["jobs"]:
        if done["error"]:
            out.print(f"{done['job']} could not be run:\n{done['error']}\n", markup=False)
    for words in _left_out(data):
        out.print(words, markup=False)
    if data["numbers"]:
        out.print(f"Numbers that rest on what differs: {few(data['numbers'])}.", markup=False)
    out.print(conclusion(data), markup=False)


def conclusion(data: dict[str, Any]) -> str:
    """Say in a sentence or two what a replay found."""
    jobs, files = data["jobs"], [out for done in data["jobs"] for out in done["outputs"]]
    of = f" behind {data['number']}" if data["number"] else ""
    chosen = f"{len(jobs)} of {data['candidates']} jobs{of} were run once more (seed {data['seed']})"
    if not data["reproduced"]:
        failed = sum(bool(done["error"]) for done in jobs)
        differing = sum(not _agrees(out, data) for done in jobs if not done["error"] for out in done["outputs"])
        found = [f"{differing} of {len(files)} files are not what was recorded"] if differing else []
        found += [f"{failed} jobs could not be run"] if failed else []
        return f"{chosen}: {' and '.join(found)}."
    if all(out["replayed"] == out["recorded"] for out in files):
        return f"{chosen}: all {len(files)} files are the same, bit for bit."
    within = [f"{data['tolerance']:g}"] if data["tolerance"] is not None else []
    within += [f"the tolerances of {data['tolerances']}"] if data["tolerances"] else []
    return f"{chosen}: all {len(files)} files are the same within {' or '.join(within)}; the largest relative " + (
        f"difference is {data['largest_difference']:.2g}."
    )


def tell_difference(output: dict[str, Any]) -> str:
    """Say how far a replayed output is from what was recorded."""
    if output["replayed"] == output["recorded"]:
        return "none"
    if not output["replayed"]:
        return "not made"
    difference = output["difference"]
    return "not of numbers alone" if difference is None else f"{difference:.2g}"


def _agrees(output: dict[str, Any], data: dict[str, Any]) -> bool:
    return Output(**output).agrees(data["tolerance"])


def _readable(data: dict[str, Any]) -> str:
    lines = ["# Replay", "", conclusion(data), ""]
    lines += [f"Ledger root {data['root'] or 'none'}; on {data['host']}, {data['end']}.", ""]
    lines += ["| job | file | recorded | replayed | largest relative difference |", "| --- | --- | --- | --- | --- |"]
    for done in data["jobs"]:
        lines += [
            f"| {done['job']} | {out['file']} | {out['recorded'][:12]} | {out['replayed'][:12]} "
            f"| {tell_difference(out)}{'' if _agrees(out, data) else ' **differs**'} |"
            for out in done["outputs"]
        ]
    for words in _left_out(data):
        lines += ["", words]
    if data["numbers"]:
        lines += ["", f"Numbers that rest on what differs: {', '.join(data['numbers'])}."]
    return "\n".join(lines) + "\n"


def _left_out(data: dict[str, Any]) -> Iterator[str]:
    for why, names in (
        ("may need the network", data["fetching"]),
        ("or what they read are missing, stale or damaged", data["unsound"]),
    ):
        if names:
            yield f"Not chosen from, because they {why}: {few(names)}."
