"""Verification: the whole chain, from the raw data to the digits in the PDF."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from provenance.findings import ACCEPTED, Finding
from provenance.ledger import root
from provenance.memo import Memo
from provenance.receipts import SUFFIX, BadReceipt, Receipt, receipt_of
from provenance.sweep import sweep
from provenance.workspace import CannotRun, Workspace

UNMADE = ("logs/", "benchmarks/")
"""Folders of what jobs leave beside their results."""


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
    """Examine all results of a study, its ledger and its PDF. `paranoid` trusts no hash that is remembered."""
    swept = sweep(workspace.plan, trusting=not paranoid)
    report = Report(findings=[*swept.damaged, *swept.missing, *swept.stale], accepted=swept.accepted)
    report.files = sum(len(job.outputs) + 1 for job in workspace.plan.jobs)
    for finding in _beside_the_plan(workspace, report, paranoid):
        report.findings.append(finding)
    report.findings += _ledger_and_pdf(workspace, report)
    return report


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
    try:
        return workspace.numbers_of([finding.file])
    except CannotRun:
        return []


def _beside_the_plan(workspace: Workspace, report: Report, paranoid: bool) -> Iterator[Finding]:
    """Find files that no job of the plan makes: foreign, or of an earlier study and no longer used."""
    results, memo = workspace.results, Memo(workspace.results, trusting=not paranoid)
    for path in sorted(results.rglob("*")):
        file = path.relative_to(results).as_posix()
        if path.is_dir() or file.startswith(UNMADE) or path.name.startswith(".") or file == ACCEPTED:
            continue
        if file in workspace.plan.makers:
            continue
        place = receipt_of(file).as_posix()
        try:
            receipt = Receipt.read(results / place)
        except BadReceipt:
            yield Finding("foreign", file, found=memo.hash(path) or "")
            continue
        if place in workspace.plan.makers:
            yield Finding("foreign", file, found=memo.hash(path) or "", why="its receipt is of another job")
        elif file.endswith(SUFFIX) or receipt.outputs.get(file) == memo.hash(path):
            report.unused.append(file)
        else:
            yield Finding("damaged", file, receipt.name, memo.hash(path) or "", receipt.outputs.get(file, ""))


def _ledger_and_pdf(workspace: Workspace, report: Report) -> Iterator[Finding]:
    """Check the ledger's root, and every linked number of the PDF against the ledger."""
    from provenance.pdf import compare

    try:
        ledger = workspace.ledger
    except CannotRun as problem:
        if (workspace.results / "ledger.json").exists():
            yield Finding("damaged", "ledger.json", why=str(problem))
        return
    report.root = str(ledger.get("root", ""))
    if report.root != root(ledger):
        yield Finding("damaged", "ledger.json", found=report.root, expected=root(ledger), why="its root is not its own")
    for file in [file for file in workspace.plan.makers if file.endswith(".pdf") and "paper/" in file]:
        if (workspace.results / file).exists():
            for mismatch in compare(workspace.results / file, ledger):
                yield Finding("pdf", file, found=mismatch.printed, expected=mismatch.expected, why=str(mismatch))
