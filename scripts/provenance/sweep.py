"""The sweep: every file of a plan against its receipt, every receipt against what would run today.

It needs no memory of Snakemake's: with its notes deleted, a stale result is still stale. It runs at every build, also
when nothing is scheduled, and trusts a hash for as long as size, times and inode of the file stay the same. A job that
was found sound is so while all hashes are the same, so that most receipts are read once and never again.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provenance.findings import Accepted, Finding, Unsound, examine, read_placed
from provenance.memo import Memo
from provenance.plan import PLAN, Plan, Planned
from provenance.receipts import BadReceipt, Receipt, digest

MOST = 8
"""Findings that are told in full; of more, the number."""


class Receipts(Mapping[str, Receipt]):
    """Receipts of a results folder, by path. Each is read when it is asked for: all at once would take much memory."""

    def __init__(self, results: Path):
        self._results = results
        self._paths: dict[str, None] = {}

    def add(self, path: str) -> None:
        """Take in a receipt that can be read."""
        self._paths[path] = None

    def __getitem__(self, path: str) -> Receipt:
        if path not in self._paths:
            raise KeyError(path)
        return Receipt.read(self._results / path)

    def __contains__(self, path: object) -> bool:
        return path in self._paths

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


@dataclass
class Sweep:
    """What a sweep found."""

    receipts: Receipts
    """All receipts of the plan that can be read, by path."""
    damaged: list[Finding] = field(default_factory=list)
    """Files that are not what their jobs wrote: no build goes on over them."""
    stale: list[Finding] = field(default_factory=list)
    """Results of another code, environment, config or input than today's: to be made again."""
    missing: list[Finding] = field(default_factory=list)
    """Results that are not there: the next build makes them."""
    accepted: list[Finding] = field(default_factory=list)
    """What somebody has accepted for a reason on record."""
    stale_receipts: dict[str, tuple[Receipt, Finding]] = field(default_factory=dict)
    """Those that are stale, with why."""
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What the jobs of these would do today (`Receipt.task`), by path of the receipt."""
    absent: frozenset[str] = frozenset()
    """All files that are not there, also those that no finding names because their job's receipt is unsound."""

    @property
    def found(self) -> list[Finding]:
        """All that is wrong."""
        return [*self.damaged, *self.missing, *self.stale]


def sweep(plan: Plan, trusting: bool = True) -> Sweep:
    """Examine all results of a plan. With `trusting` false the memory of hashes is not used."""
    results = Path(plan.results)
    memo, accepted, swept = Memo(results, trusting), Accepted.read(results), Sweep(receipts=Receipts(results))
    now = _Hashes(results, memo)
    for job in plan.jobs:
        basis = now.basis(job)
        if memo.was_sound(job.receipt, basis):
            swept.receipts.add(job.receipt)
            continue
        findings = list(_examine(plan, job, swept, now))
        if not findings:
            memo.note_sound(job.receipt, basis)
        for finding in findings:
            # Without a sound receipt nothing says what the files should be, so that can't be accepted.
            if finding in accepted and finding.kind != "receipt":
                swept.accepted.append(finding)
                if finding.kind == "stale":
                    del swept.stale_receipts[job.receipt]
            elif finding.kind in ("missing", "stale"):
                getattr(swept, finding.kind).append(finding)
            else:
                swept.damaged.append(finding)
    memo.save()
    swept.absent = now.absent()
    return swept


class _Hashes:
    """Hashes of all files as they are now, each looked at once."""

    def __init__(self, results: Path, memo: Memo):
        self._results, self._memo = results, memo
        self._inside: dict[str, str | None] = {}
        self._outside: dict[str, str | None] = {}

    def inside(self, file: str) -> str | None:
        """Hash a file of the results folder; None if it is not there."""
        if file not in self._inside:
            self._inside[file] = self._memo.hash(self._results / file)
        return self._inside[file]

    def absent(self) -> frozenset[str]:
        """Name the files of the results folder that are not there. A folder in the place of one is, for Snakemake."""
        unknown = (file for file, found in self._inside.items() if found is None)
        return frozenset(file for file in unknown if not (self._results / file).exists())

    def outside(self, file: str) -> str | None:
        """Hash another file."""
        if file not in self._outside:
            self._outside[file] = self._memo.hash(Path(file))
        return self._outside[file]

    def basis(self, job: Planned) -> str:
        """Digest all that decides whether a job is sound: its task today, its receipt, and what it has made."""
        made = [self.inside(file) for file in (job.receipt, *job.outputs)]
        return digest([job.task(self.inside, self.outside), made])


def _examine(plan: Plan, job: Planned, swept: Sweep, now: _Hashes) -> Iterator[Finding]:
    results = Path(plan.results)
    if not (results / job.receipt).exists():
        yield Finding("missing", job.receipt, job.name)
        return
    try:
        receipt = read_placed(results, job.receipt)
        if (receipt.rule, receipt.wildcards) != (job.rule, job.wildcards):
            raise BadReceipt(f"is of another job: {receipt.name}")
    except BadReceipt as error:
        yield Finding("receipt", job.receipt, job.name, found=now.inside(job.receipt) or "", why=f"it {error}")
        return
    swept.receipts.add(job.receipt)
    examined = [examine(file, now.inside(file), receipt) for file in job.outputs if file in receipt.outputs]
    yield from filter(None, examined)
    today = job.task(now.inside, now.outside)
    if receipt.task != today and not any(finding and finding.kind == "missing" for finding in examined):
        why = "; ".join(differences(receipt, today, plan))
        finding = Finding("stale", job.outputs[0], job.name, digest(receipt.task), digest(today), why)
        swept.stale_receipts[job.receipt] = receipt, finding
        swept.tasks[job.receipt] = today
        yield finding


def differences(receipt: Receipt, today: Mapping[str, Any], plan: Plan) -> Iterator[str]:
    """Say in words what differs between a receipt and its job of today (`Planned.task`)."""
    yield from differing_design(receipt, today, plan)
    was = receipt.task
    for key in ("inputs", "sources"):
        yield from _changes(was[key], today[key], key[:-1])
    if was["order"] != today["order"] and all(was[key] == today[key] for key in ("params", "inputs", "sources")):
        yield "the order of its params or inputs changed"


def differing_design(receipt: Receipt, today: Mapping[str, Any], plan: Plan) -> Iterator[str]:
    """Say what differs in code, environment and settings: in all but what is read."""
    was = receipt.task
    if was["code"] != today["code"]:
        files = receipt.code.get("files", {}), plan.code.get(today["code"] or "", {})
        yield from _changes(*files, "code") or ["its code was not recorded"]
    if was["environment"] != today["environment"]:
        versions = receipt.environment.get("versions", {}), plan.environment.get(today["environment"] or "", {})
        yield f"environment: {', '.join(_versions(*versions)) or 'it was not recorded'}"
    for key in ("wildcards", "params", "outputs"):
        yield from (f"{key[:-1]} {words}" for words in _settings(was[key], today[key]))


def _versions(was: Mapping[str, str], today: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(was.keys() | today.keys()):
        if was.get(name) != today.get(name):
            yield f"{name} {was.get(name, 'unused')} → {today.get(name, 'unused')}"


def _changes(was: Mapping[str, str], today: Mapping[str, str | None], what: str) -> list[str]:
    words = []
    for verb, names in (
        ("changed", [name for name in was if name in today and was[name] != today[name]]),
        ("no longer read", [name for name in was if name not in today]),
        ("newly read", [name for name in today if name not in was]),
    ):
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            words.append(f"{what} {', '.join(names[:3])}{more} {verb}")
    return words


def _settings(was: Any, today: Any, place: str = "") -> Iterator[str]:
    """Compare plain data, down to the values that differ."""
    if isinstance(was, dict) and isinstance(today, dict):
        for key in sorted(was.keys() | today.keys()):
            if key not in was or key not in today or was[key] != today[key]:
                yield from _settings(was.get(key), today.get(key), f"{place}.{key}" if place else key)
    elif was != today:
        yield f"{place}: {_short(was)} → {_short(today)}"


def _short(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value):
        return f"{value[:10]}…"
    text = repr(value)
    return text if len(text) < 60 else f"{text[:57]}…"


def look_again(marker: str) -> None:
    """Sweep once more at the end of a build that began with stale results; raises Unsound if there still are any.

    `marker` is written in the results folder if all is sound. The plan is the one that the build left there.
    """
    plan = Plan.read(Path(marker).with_name(PLAN))
    swept = sweep(plan)
    if swept.damaged:
        raise Unsound(tell_damage(swept.damaged, plan))
    if swept.stale:
        raise Unsound(tell_stale(swept.stale, plan))
    Path(marker).touch()


def tell_damage(findings: Sequence[Finding], plan: Plan) -> str:
    """Say why no build goes on, each finding with what depends on it and the two ways out."""
    told = [_named(finding.tell(plan.results, plan.dependents(finding.file)), plan) for finding in findings[:MOST]]
    lists = f"{plan.command('audit', 'verify')} lists them."
    more = [f"… and {len(findings) - MOST} more: {lists}"] if len(findings) > MOST else []
    return "\n".join(("The results are not what was made:", *told, *more))


def _named(told: str, plan: Plan) -> str:
    """Name the study in the way out that a finding tells: every job reads findings, and knows nothing of studies."""
    options = shlex.join(plan.options)
    return told.replace(" --reason ", f" {options} --reason ") if options else told


def tell_stale(findings: Sequence[Finding], plan: Plan) -> str:
    """Say what is stale, by rule and cause, and the two ways out."""
    results = plan.results
    groups = Counter((finding.job.split()[0], finding.why) for finding in findings)
    first = {(finding.job.split()[0], finding.why): finding for finding in reversed(findings)}
    lines = ["Some results are stale, and nothing in this build remakes them:"]
    for (rule, why), number in groups.most_common(MOST):
        example = first[rule, why]
        lines.append(f"{number} of rule {rule}, such as {results}/{example.file}: {why}")
        lines += [f"    found     {example.found}", f"    expected  {example.expected}"]
    if len(groups) > MOST:
        lines.append(f"… and {len(groups) - MOST} more kinds: {plan.command('audit', 'verify')} lists them.")
    rules = " ".join(sorted({rule for rule, _ in groups}))
    lines.append(f"    Remake them:  {plan.command('snakemake', '--cores', '8')} --forcerun {rules}")
    accept = plan.command("audit", "accept", f"{results}/{findings[0].file}")
    lines.append(f'    or keep one:  {accept} --reason "why"  and build again.')
    return "\n".join(lines)
