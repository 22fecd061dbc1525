"""The trace of a number: from the printed digits to the job that made them, its inputs, and on to data, seeds and code.

Hundreds of runs are one line: jobs of one rule that serve the same purpose are folded together.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from itertools import groupby
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table
from rich.tree import Tree

from provenance.explain import alike, duration
from provenance.findings import MEANING, Finding
from provenance.ledger import LEDGER
from provenance.plan import Plan, Planned
from provenance.receipts import Receipt
from provenance.store import FOLDER
from provenance.sweep import Sweep, sweep
from provenance.workspace import CannotRun, Workspace

SHORT = 10
"""Hexadecimal digits of a digest, where it is not shown in full."""
OUTSIDE = {"config": "the study's config", "code": "a constant of the code"}
"""Sources of numbers that are no files of the results."""


@dataclass
class Step:
    """Jobs of one rule, with the files of theirs that are of interest here, and what they read."""

    rule: str
    files: list[str]
    jobs: int
    wildcards: dict[str, list[str]]
    """All values of each wildcard, in order."""
    hashes: dict[str, str]
    """What the jobs wrote into the files, as far as there are receipts."""
    code: list[str]
    """Digests of their code."""
    environment: list[str]
    scripts: list[str]
    cpu_s: float
    begun: str
    """When the first of them began; empty without receipts."""
    sources: list[str]
    """Files that no job makes, such as a paper's templates."""
    findings: list[Finding]
    """What is wrong with the files of these jobs."""
    accepted: list[Finding]
    """What is on record as accepted about them."""
    above: bool = False
    """Is all of it shown further up? Then its inputs are left out."""
    inputs: list[Step] = field(default_factory=list)


@dataclass
class Basis:
    """All that a number rests on in the end."""

    data: dict[str, str] = field(default_factory=dict)
    """Files that were made from no other file and no seed, such as downloads, with their hashes."""
    seeds: list[str] = field(default_factory=list)
    code: dict[str, str] = field(default_factory=dict)
    """Files of code and their digests."""
    environment: dict[str, str] = field(default_factory=dict)
    """Versions of Python and of distributions."""
    config: str = ""
    """Digest of the study's config, for a number that is one of its settings."""


@dataclass
class Trace:
    """Where one entry of the ledger, or one file, comes from."""

    key: str
    entry: dict[str, Any]
    """As in the ledger; empty for a file."""
    steps: list[Step]
    basis: Basis
    command: str
    """Rebuilds just what the number was read from."""
    findings: list[Finding]
    """What is wrong on the way."""


class Match(NamedTuple):
    """A linked text of the PDF."""

    key: str
    text: str
    page: int
    exact: bool
    """Is it the value at full precision, in the appendix?"""


def trace(workspace: Workspace, key: str, fold: bool = True) -> Trace:
    """Trace a key of the ledger, or a file of the results; `fold` makes jobs of one rule one step.

    Raises CannotRun, with keys that look alike, if there is no such key.
    """
    plan, entries = workspace.plan, workspace.ledger["entries"]
    entry = dict(entries.get(key, {}))
    file = key.removeprefix("./").removeprefix(f"{plan.results}/")
    if not entry and file not in plan.makers:
        raise CannotRun(f"{key} is no key of the ledger, and no file of the study.{alike(key, entries)}")
    source = str(entry["source"]) if entry else file
    files = [] if source in OUTSIDE else [name for name in plan.makers if fnmatchcase(name, source)]
    if source not in OUTSIDE and not files:
        raise CannotRun(f"{key} was read from {source}, which no job of today's study makes. Build the paper first.")
    swept = sweep(plan)
    jobs = plan.needed(plan.makers[name] for name in files)
    steps = _Steps(plan, swept, fold).of(files)
    names = {name for job in jobs for name in (*job.outputs, job.receipt)}
    findings = [finding for finding in swept.found if finding.file in names]
    receipts = [swept.receipts[job.receipt] for job in jobs if job.receipt in swept.receipts]
    targets = _one_each(plan, files) or [LEDGER]  # such numbers are entered there
    paths = [shlex.quote(f"{plan.results}/{name}") for name in targets]
    command = workspace.command("--force", *paths)
    if os.environ.get(FOLDER):
        command = f"{FOLDER}= {command}"  # else a result in the shared store would be taken instead
    return Trace(key, entry, steps, _basis(receipts, workspace, entry), command, findings)


def printed_at(workspace: Workspace, page: int, text: str) -> list[Match]:
    """Find what the paper links on a page (0: any) that reads like a text; raises CannotRun if nothing does."""
    from provenance.pdf import OURS, linked_texts, normal

    pdf = next((file for file in workspace.plan.makers if file.endswith(".pdf") and "paper/" in file), None)
    if pdf is None or not (workspace.results / pdf).exists():
        raise CannotRun("There is no PDF yet. Build the paper first.")
    found = []
    for destination, texts in linked_texts(workspace.results / pdf).items():
        match = OURS.fullmatch(destination)
        if match and match["key"] in workspace.ledger["entries"]:
            exact = bool(match["exact"])
            found += [Match(match["key"], printed, place, exact) for printed, place in texts if page in (0, place)]
    wanted = normal(text)
    same = [match for match in found if normal(match.text) == wanted]
    near = [match for match in found if wanted in normal(match.text) and not match.exact]
    matches = (same or near) if text else found
    where = f"on page {page} of {pdf}" if page else f"in {pdf}"
    if not matches and not found:
        raise CannotRun(f"Nothing of the ledger is printed {where}.")
    if not matches:
        others = ", ".join(dict.fromkeys(match.text for match in found if match.text))
        raise CannotRun(f"{text!r} is no number {where}. There: {others[:600]}.")
    return sorted(dict.fromkeys(matches), key=lambda match: match.page)


class _Steps:
    """Builds the tree, and remembers what it has shown."""

    def __init__(self, plan: Plan, swept: Sweep, fold: bool):
        self.plan, self.swept, self.fold = plan, swept, fold
        self.shown: set[str] = set()

    def of(self, files: Iterable[str]) -> list[Step]:
        """Give the steps that made some files."""
        made = [file for file in dict.fromkeys(files) if file in self.plan.makers]
        groups: dict[str, list[str]] = {}
        for file in made:
            maker = self.plan.makers[file]
            groups.setdefault(maker.rule if self.fold else maker.receipt, []).append(file)
        return [self._step(group) for group in groups.values()]

    def _step(self, files: list[str]) -> Step:
        jobs = list({(job := self.plan.makers[file]).receipt: job for file in files}.values())
        receipts = [self.swept.receipts[job.receipt] for job in jobs if job.receipt in self.swept.receipts]
        seen = {job.receipt for job in jobs} <= self.shown
        self.shown |= {job.receipt for job in jobs}
        names = {name for job in jobs for name in (*job.outputs, job.receipt)}
        made = [receipt.made for receipt in receipts]
        return Step(
            rule=jobs[0].rule,
            files=files,
            jobs=len(jobs),
            wildcards=_values(jobs),
            hashes={file: receipt.outputs[file] for receipt in receipts for file in files if file in receipt.outputs},
            code=_distinct(receipt.code.get("digest") for receipt in receipts),
            environment=_distinct(receipt.environment.get("digest") for receipt in receipts),
            scripts=_distinct(receipt.code.get("script") for receipt in receipts),
            cpu_s=round(sum(float(cost.get("cpu_s", 0)) for cost in made), 3),
            begun=min((str(cost["start"]) for cost in made if "start" in cost), default=""),
            sources=_distinct(source for job in jobs for source in job.sources),
            findings=[finding for finding in self.swept.found if finding.file in names],
            accepted=[finding for finding in self.swept.accepted if finding.file in names],
            above=seen,
            inputs=[] if seen else self.of(file for job in jobs for file in job.inputs),
        )


def _values(jobs: Sequence[Planned]) -> dict[str, list[str]]:
    names = dict.fromkeys(name for job in jobs for name in job.wildcards)
    return {name: _distinct(job.wildcards.get(name) for job in jobs) for name in names}


def _distinct(values: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value))


def _one_each(plan: Plan, files: Iterable[str]) -> list[str]:
    """Choose one file of each job: Snakemake makes the others with it."""
    return list({plan.makers[file].receipt: file for file in reversed(list(files))}.values())[::-1]


def _basis(receipts: Sequence[Receipt], workspace: Workspace, entry: Mapping[str, Any]) -> Basis:
    basis = Basis()
    for receipt in receipts:
        basis.code |= receipt.code.get("files", {})
        basis.environment |= receipt.environment.get("versions", {})
        seed = receipt.wildcards.get("seed")
        if seed is not None and seed not in basis.seeds:
            basis.seeds.append(seed)
        if seed is None and not receipt.inputs:
            basis.data |= receipt.outputs
        basis.data |= receipt.sources
    if entry.get("source") == "config":
        basis.config = str(entry["lineage"])
    if entry.get("source") == "code":
        basis.code |= _module(str(entry["pointer"]), workspace)
    basis.code = dict(sorted(basis.code.items()))
    basis.environment = dict(sorted(basis.environment.items()))
    basis.seeds.sort(key=_numerically)
    return basis


def _module(name: str, workspace: Workspace) -> dict[str, str]:
    """Find the file of code that a dotted name means."""
    known: dict[str, str] = {}
    for files in workspace.plan.code.values():
        known |= files
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        path = "/".join(parts[:length])
        for file, found in known.items():
            if file.endswith((f"/{path}.py", f"/{path}/__init__.py")):
                return {file: found}
    return {}


def as_data(traced: Trace) -> dict[str, Any]:
    """Give a trace as plain data."""
    return asdict(traced)


def show(traced: Trace, out: Console, everything: bool = False) -> None:
    """Print a trace as a tree; with `everything` each file and all digests in full."""
    entry = traced.entry
    root = Tree(" = ".join(filter(None, (traced.key, entry.get("printed")))))
    for line in _value(entry):
        root.add(line)
    source = str(entry.get("source", traced.key))
    place = root.add(f"from {OUTSIDE.get(source, source)} {entry.get('pointer', '')}".rstrip()) if entry else root
    if source in OUTSIDE:
        place.add(f"entered by the job of {LEDGER}")
    for step in traced.steps:
        _grow(place, step, everything)
    basis = root.add("rests on")
    for line in _told(traced.basis, everything):
        basis.add(line)
    out.print(root, soft_wrap=False)
    out.print(f"Rebuild just it:\n{traced.command}", soft_wrap=True)


def _value(entry: Mapping[str, Any]) -> Iterator[str]:
    if not entry:
        return
    unit = f" {entry['unit']}" if entry.get("unit") else ""
    if entry["kind"] == "number":
        yield f"value {entry['value']!r}{unit}, printed {entry['printed']}"
    else:
        yield f"{entry['kind']}, sha256 {entry['value']}"
    ends = [entry.get("low"), entry.get("high")]
    if any(end is not None for end in ends) or entry.get("printed_interval"):
        low, high = ("…" if end is None else repr(end) for end in ends)
        level = f"{100 * entry['level']:g} % " if entry.get("level") else ""
        yield f"{level}interval [{low}, {high}], printed {entry['printed_interval']}"
    if entry.get("how"):
        yield f"how: {entry['how']}"


def _grow(parent: Tree, step: Step, everything: bool) -> None:
    node = parent.add(_named(step, everything))
    for mark, findings in (("!", step.findings), ("accepted:", step.accepted)):
        for finding in findings[:3]:
            why = finding.why or (finding.found and f"found sha256 {_digest(finding.found, everything)}")
            node.add(f"{mark} {finding.file} {MEANING[finding.kind]}{f': {why}' if why else ''}")
        if len(findings) > 3:
            node.add(f"{mark} and {len(findings) - 3} more, which audit verify lists")
    if step.above:
        return
    if step.code:
        node.add(_ran(step, everything))
    if step.sources:
        node.add(_folded("source", step.sources, everything))
    for below in step.inputs:
        _grow(node, below, everything)


def _named(step: Step, everything: bool) -> str:
    """Say what made which files."""
    words = "; ".join(f"{_plural(name, values)} {span(values)}" for name, values in step.wildcards.items())
    jobs = f"{step.jobs} runs of rule {step.rule}" if step.jobs > 1 else f"rule {step.rule}"
    by = f"{jobs}: {words}" if words else jobs
    if step.jobs > 1:
        return f"{by}{' (above)' if step.above else ''}"
    files = [
        f"{file}{f' sha256 {_digest(step.hashes[file], everything)}' if file in step.hashes else ''}"
        for file in step.files
    ]
    return f"{', '.join(files)} ← {by}{' (above)' if step.above else ''}"


def _ran(step: Step, everything: bool) -> str:
    """Say with which code and environment, and when."""
    parts = [f"code {_digests(step.code, everything)} of {', '.join(step.scripts)}"]
    parts.append(f"environment {_digests(step.environment, everything)}")
    if step.begun:
        parts.append(f"{step.begun[:16].replace('T', ' ')} UTC, {duration(step.cpu_s)} of CPU")
    return "; ".join(parts)


def _digests(digests: Sequence[str], everything: bool) -> str:
    shown = digests if everything else digests[:4]
    return ", ".join(_digest(item, everything) for item in shown) + (" …" if len(shown) < len(digests) else "")


def _digest(text: str, everything: bool) -> str:
    return text if everything else text[:SHORT]


def _plural(name: str, values: Sequence[str]) -> str:
    return f"{name}s" if name == "seed" and len(values) > 1 else name


def span(values: Sequence[str], most: int = 8) -> str:
    """Write the values of a wildcard in short: 0–4 for whole numbers without a gap, 100 … 55000 (9) for many others."""
    ordered = sorted(values, key=_numerically)
    if all(value.isdecimal() for value in ordered) and len(ordered) > 1:
        numbers = [int(value) for value in ordered]
        if len(numbers) > 2 and numbers == list(range(numbers[0], numbers[0] + len(numbers))):
            return f"{ordered[0]}–{ordered[-1]}"
        if len(numbers) > 4:
            return f"{ordered[0]} … {ordered[-1]} ({len(ordered)} values)"
    if len(ordered) > most:
        return f"{', '.join(ordered[:most])} and {len(ordered) - most} more"
    return ", ".join(ordered)


def _numerically(text: str) -> tuple[int, int, str]:
    """Sort whole numbers by size, before words."""
    return (0, int(text), text) if text.isdecimal() else (1, 0, text)


def _folded(what: str, names: Sequence[str], everything: bool) -> str:
    shown = names if everything else names[:4]
    more = f" and {len(names) - len(shown)} more" if len(shown) < len(names) else ""
    return f"{what}{'s' if len(names) > 1 else ''} {', '.join(shown)}{more}"


def _told(basis: Basis, everything: bool) -> Iterator[str]:
    if basis.config:
        yield f"the whole config, sha256 {_digest(basis.config, everything)}"
    if basis.data:
        yield "data: " + ", ".join(f"{file} sha256 {_digest(sha, everything)}" for file, sha in basis.data.items())
    if basis.seeds:
        yield f"seeds: {', '.join(basis.seeds) if everything else span(basis.seeds)}"
    if basis.code and everything:
        yield "code: " + "\n".join(f"{file} {found}" for file, found in basis.code.items())
    elif basis.code:
        paths = sorted(map(PurePosixPath, basis.code), key=lambda path: (path.parent, path.name))
        folders = groupby(paths, key=lambda path: path.parent)
        lines = [f"{folder}: {', '.join(path.name for path in inside)}" for folder, inside in folders]
        yield f"code: {len(basis.code)} file{'s' if len(basis.code) > 1 else ''}\n" + "\n".join(lines)
    if basis.environment:
        yield "environment: " + ", ".join(f"{name} {version}" for name, version in basis.environment.items())


def show_matches(matches: Sequence[Match], out: Console) -> None:
    """List what a page prints, so that one can be chosen."""
    table = Table("page", "printed", "key", title=f"{len(matches)} places: give one of the keys to audit trace")
    for match in matches:
        table.add_row(str(match.page), match.text, match.key)
    out.print(table)
