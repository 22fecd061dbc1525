"""Verification: the whole chain, from the raw data to the digits in the PDF."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from provenance.findings import ACCEPTED, Accepted, Finding, Unsound, examine, is_receipt, read_placed
from provenance.ledger import LEDGER, Lineage, root
from provenance.memo import Memo
from provenance.plan import PLAN
from provenance.receipts import BadReceipt, Receipt, receipt_of
from provenance.sweep import sweep
from provenance.workspace import CannotRun, Workspace, command_of

NOTES = (".build", ".orders.json", ".plan.json", ".memo.json", ".sound")
"""What builds and audits note down, in the results folder itself."""
UNMADE = ("logs/", "audit/")
"""Folders of what jobs and audits leave beside the results."""


@dataclass
class Report:
    """What a verification found."""

    findings: list[Finding] = field(default_factory=list)
    accepted: list[Finding] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    """Sound results that the study no longer asks for."""
    files: int = 0
    """Files that were examined."""
    root: str = ""
    """The root that the ledger carries."""


def verify(workspace: Workspace, paranoid: bool = False) -> Report:
    """Examine all results of a study, its ledger and its PDF. `paranoid` trusts no hash that is remembered.

    Raises CannotRun if nothing of the study is there: it was not built, or another is meant.
    """
    if not any((workspace.results / file).exists() for file in workspace.plan.makers):
        raise CannotRun(f"Nothing is built in {workspace.results}.{' '.join(_elsewhere(workspace.results))}")
    swept = sweep(workspace.plan, trusting=not paranoid)
    report = Report(findings=[*swept.damaged, *swept.missing, *swept.stale], accepted=swept.accepted)
    report.files = sum(len(job.outputs) + 1 for job in workspace.plan.jobs)
    accepted = Accepted.read(workspace.results)
    for look in (_beside_the_plan(workspace, report, paranoid), _ledger_and_pdf(workspace, report)):
        for finding in look:
            (report.accepted if finding in accepted else report.findings).append(finding)
    return report


def _elsewhere(results: Path) -> Iterator[str]:
    """Name the results folders of other studies that lie here, each with the command that looks at it."""
    for plan in sorted(Path().glob(f"*/{PLAN}")):
        if plan.parent != results:
            yield f" {plan.parent} is there: {command_of(plan.parent, 'audit', 'verify')}"


def as_data(report: Report, workspace: Workspace) -> dict[str, Any]:
    """Give a report as plain data, with what each finding touches."""
    return {
        "sound": not report.findings,
        "root": report.root,
        "files": report.files,
        "findings": [
            {
                **asdict(finding),
                "needed_by": workspace.plan.dependents(finding.file),
                "numbers": touched_numbers(workspace, finding),
            }
            for finding in report.findings
        ],
        "accepted": [asdict(finding) for finding in report.accepted],
        "unused": report.unused,
    }


def touched_numbers(workspace: Workspace, finding: Finding) -> list[str]:
    """List the numbers of the paper that a finding touches; none if there is no ledger."""
    maker = workspace.plan.makers.get(finding.file)
    of_job = maker is not None and (finding.kind == "stale" or is_receipt(finding.file))
    try:
        return workspace.numbers_of(maker.outputs if maker and of_job else [finding.file])
    except (CannotRun, KeyError, TypeError):  # the ledger may be one of the damaged files
        return []


def _beside_the_plan(workspace: Workspace, report: Report, paranoid: bool) -> Iterator[Finding]:
    """Find files that no job of the plan makes: foreign, or of an earlier study and no longer used."""
    results, memo = workspace.results, Memo(workspace.results, trusting=not paranoid)
    for path in sorted(results.rglob("*")):
        file = path.relative_to(results).as_posix()
        folder = path.is_dir() and not path.is_symlink()
        if folder or file.startswith(UNMADE) or file in NOTES or file == ACCEPTED or ".tmp" in path.suffixes:
            continue
        if path.is_dir() and any(name.startswith(f"{file}/") for name in workspace.plan.makers):
            continue  # results may lie elsewhere, by a link
        if file in workspace.plan.makers:
            continue
        place = receipt_of(file).as_posix()
        try:
            receipt = read_placed(results, place)
        except BadReceipt:
            yield Finding("foreign", file, found=memo.hash(path) or "")
            continue
        if place in workspace.plan.makers:
            yield Finding("foreign", file, found=memo.hash(path) or "", why="its receipt is of another job")
        elif finding := None if is_receipt(file) else examine(file, memo.hash(path), receipt):
            yield finding
        else:
            report.unused.append(file)


def _ledger_and_pdf(workspace: Workspace, report: Report) -> Iterator[Finding]:
    """Check the ledger's root and lineages, and every linked number of the PDF against the ledger."""
    try:
        ledger = workspace.ledger
    except CannotRun as problem:
        if (workspace.results / LEDGER).exists():
            yield Finding("damaged", LEDGER, why=str(problem))
        return
    report.root = str(ledger.get("root", ""))
    whole = not report.findings  # else its lineages are of results that are told already
    yield from ledger_findings(ledger, workspace.receipts if whole else {})
    for job in workspace.plan.jobs:
        if LEDGER in job.inputs:
            yield from pdf_findings(workspace.results, ledger, job.outputs)


def ledger_findings(ledger: Mapping[str, Any], receipts: Mapping[str, Receipt]) -> Iterator[Finding]:
    """Compare a ledger's root with its content, and its lineages with the receipts (by path) that its job has read."""
    if ledger.get("root") != root(ledger):
        stated = str(ledger.get("root", ""))
        yield Finding("damaged", LEDGER, found=stated, expected=root(ledger), why="its root is not its own")
    maker = receipts.get(receipt_of(LEDGER).as_posix())
    read = [receipts[file] for file in (maker.inputs if maker else ()) if file in receipts]
    if not read:
        return
    try:
        found, listed = Lineage(read, ledger.get("exceptions", ())).all, ledger.get("files", {})
    except (Unsound, KeyError) as problem:
        yield Finding("damaged", LEDGER, why=str(problem))
        return
    if wrong := [file for file in found.keys() | listed.keys() if found.get(file) != listed.get(file)]:
        yield Finding("damaged", LEDGER, why=f"its lineage of {min(wrong)} is not that of the receipts")


def pdf_findings(results: Path, ledger: Mapping[str, Any], files: Iterable[str]) -> Iterator[Finding]:
    """Compare every linked number of the PDFs among these files with the ledger."""
    from provenance.pdf import compare

    for file in files:
        if not file.endswith(".pdf") or not (results / file).exists():
            continue
        try:
            mismatches = compare(results / file, ledger)
        except Exception as problem:  # a damaged PDF or ledger can fail in any way, and that is a finding
            yield Finding("pdf", file, why=f"it cannot be compared with the ledger: {problem!r}")
            continue
        for mismatch in mismatches:
            yield Finding("pdf", file, found=mismatch.printed, expected=mismatch.expected, why=str(mismatch))
