"""Acceptance: exceptions on record. Who has accepted which finding, when and why, in accepted.json.

A record is of one finding as it is: any further change of the file is another finding. What rests on an accepted file
is made again from it by the next build, and the paper states the exception.
"""

from __future__ import annotations

import getpass
import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from provenance.findings import ACCEPTED, MEANING, Accepted, Finding
from provenance.ledger import LEDGER
from provenance.plan import Planned
from provenance.receipts import write_whole
from provenance.sweep import Sweep, sweep
from provenance.workspace import CannotRun, Workspace, command_of, few, results_folder, run_snakemake


@dataclass
class Acceptance:
    """What was put on record, or taken from it, and what it touches."""

    file: str
    records: list[dict[str, Any]]
    withdrawn: bool = False
    needed_by: list[str] = field(default_factory=list)
    """Files that the next build makes again."""
    numbers: list[str] = field(default_factory=list)
    """Keys of the ledger that rest on the file."""


def accept(workspace: Workspace, path: str, reason: str, who: str = "") -> Acceptance:
    """Put what is wrong with a file on record as accepted; raises CannotRun if nothing is, or no record can help.

    `path` is the file, within the results folder or as it is seen from here. The file gets a new time, so that the next
    build remakes what rests on it.
    """
    if not reason.strip():
        raise CannotRun('An exception needs a reason: --reason "why".')
    file = within(workspace, path)
    job = workspace.plan.makers.get(file)
    if job is None:
        raise CannotRun(f"{file}: no job of this study makes it, so it is no result that could be accepted.")
    if LEDGER in (*job.outputs, *job.inputs):
        raise CannotRun(f"{file} states what is accepted, so it is made again whenever something is: remake it.")
    swept = sweep(workspace.plan)
    findings = _acceptable(workspace, file, job, swept)
    about = {"who": who.strip() or whoever(), "when": datetime.now(UTC).isoformat(timespec="seconds"), "why": reason}
    records = [
        {"file": finding.file, "kind": finding.kind, "found": finding.found, "expected": finding.expected, **about}
        for finding in findings
    ]
    if any(finding.kind == "stale" for finding in findings):
        _forget(workspace, job)
    try:
        for output in (*job.outputs, job.receipt):
            if (workspace.results / output).exists():
                os.utime(workspace.results / output)
        write(workspace.results, [*Accepted.read(workspace.results).records, *records])
    except OSError as error:
        raise CannotRun(f"{file} could not be accepted: {error}") from error
    return Acceptance(file, records, False, *_touched(workspace, file, job))


def withdraw(workspace: Workspace, path: str) -> Acceptance:
    """Take all records of a file and of its receipt from accepted.json; raises CannotRun if there are none."""
    file = within(workspace, path)
    job = workspace.plan.makers.get(file)
    files = {file} if job is None else {file, job.receipt, *job.outputs[:1]}
    records = Accepted.read(workspace.results).records
    gone = [record for record in records if record["file"] in files]
    if not gone:
        raise CannotRun(f"{file}: no exception is on record for it.")
    write(workspace.results, [record for record in records if record not in gone])
    return Acceptance(file, gone, True, *_touched(workspace, file, job))


def within(workspace: Workspace, path: str) -> str:
    """Name a file as receipts do, relative to the results folder, however it is given."""
    direct = Path(path)
    if direct.is_absolute() or (direct.exists() and not (workspace.results / path).exists()):
        try:
            return direct.resolve().relative_to(workspace.results.resolve()).as_posix()
        except ValueError:
            other = results_folder(direct)
            hint = f", but in that of another study: {command_of(other, 'audit', 'accept')}" if other else ""
            raise CannotRun(f"{path} is not in the results folder {workspace.results}{hint}.") from None
    return os.path.normpath(path).removeprefix(f"{os.path.normpath(workspace.results)}/")


def write(results: Path, records: Sequence[dict[str, Any]]) -> None:
    """Write accepted.json, whole; without records there is no such file."""
    path = results / ACCEPTED
    if not records:
        path.unlink(missing_ok=True)
        return
    write_whole(path, json.dumps(list(records), indent=1, ensure_ascii=False) + "\n")


def whoever() -> str:
    """Name the user: as git does, else as the system does."""
    try:
        named = subprocess.run(["git", "config", "user.name"], capture_output=True, text=True, check=False).stdout
    except OSError:
        named = ""
    return named.strip() or os.environ.get("USER") or getpass.getuser()


def _acceptable(workspace: Workspace, file: str, job: Planned, swept: Sweep) -> list[Finding]:
    """Give the findings that a record can settle: those of the file, and of its job as a whole."""
    of_job = {*job.outputs, job.receipt}
    all_found = [finding for finding in swept.found if finding.file in of_job]
    found = [item for item in all_found if item.file == file or item.kind in ("stale", "receipt")]
    if not found:
        if file in {item.file for item in swept.accepted} or any(item.file in of_job for item in swept.accepted):
            raise CannotRun(f"{file}: what is wrong with it is accepted already.")
        others = ", ".join(f"{item.file} {MEANING[item.kind]}" for item in all_found)
        hint = f" But {others}: its job made both." if others else ""
        raise CannotRun(f"{file}: nothing is wrong with it, so there is nothing to accept.{hint}")
    if any(item.kind == "missing" for item in found):
        raise CannotRun(f"{file}: {MEANING['missing']}. There is nothing to accept: the next build makes it.")
    if bad := next((item for item in found if item.kind == "receipt"), None):
        # Only the receipt could say where the numbers of its job come from: no record can stand for it.
        raise CannotRun(
            f"{job.receipt} {MEANING['receipt']}: {bad.why}. Nobody can say what its files should be. "
            f"Remake them: rm {workspace.results / job.receipt} and build again."
        )
    return found


def _forget(workspace: Workspace, job: Planned) -> None:
    """Let Snakemake forget how the files were made: else it would remake what was accepted."""
    files = [str(workspace.results / output) for output in (*job.outputs, job.receipt)]
    done = run_snakemake(["--cores", "1", *workspace.options, "--cleanup-metadata", *files], {})
    if done.returncode:
        raise CannotRun(f"Snakemake would not forget how {files[0]} was made:\n{done.stderr.strip()}")


def _touched(workspace: Workspace, file: str, job: Planned | None) -> tuple[list[str], list[str]]:
    try:
        numbers = workspace.numbers_of(job.outputs if job and file == job.receipt else [file])
    except CannotRun:
        numbers = []
    return workspace.plan.dependents(file), numbers


def as_data(acceptance: Acceptance) -> dict[str, Any]:
    """Give an acceptance as plain data."""
    return asdict(acceptance)


def show(acceptance: Acceptance, out: Console, workspace: Workspace) -> None:
    """Print what is on record now, what it touches, and what to do next."""
    verb = "withdrawn" if acceptance.withdrawn else "accepted"
    for record in acceptance.records:
        out.print(f"{verb}: {record['file']} {MEANING[record['kind']]}")
        out.print(f"    found     {record['found'] or 'nothing'}")
        out.print(f"    expected  {record['expected'] or 'nothing'}")
        out.print(f"    by {record['who']}, {record['when']}: {record['why']}")
    out.print(f"needed by: {few(acceptance.needed_by, 6) or 'nothing'}")
    out.print(f"numbers: {few(acceptance.numbers, 6) or 'none'}")
    if acceptance.withdrawn:
        out.print(f"Now remake it: rm {workspace.results / acceptance.file} && {workspace.command()}")
    else:
        out.print(f"Now build: {workspace.command()} remakes what it must, and the paper states the exception.")
