"""Publication: what a crate says of a study as a whole, and the audit of a crate that somebody has published.

What results can't say of themselves stands in CITATION.cff: authors, licence, version; and, as its references, the data
that are left out of a crate. Such a reference names them by `filename`, a path or a pattern in the results folder.
"""

from __future__ import annotations

import importlib.metadata
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from provenance.crate import WITHOUT, unpack_crate, verify_crate
from provenance.crate_description import METADATA, RESULTS, About, Author, CrateError, Elsewhere
from provenance.findings import Accepted, Finding, Unsound
from provenance.ledger import LEDGER
from provenance.plan import PLAN
from provenance.receipts import SUFFIX, BadReceipt, Receipt, receipt_of
from provenance.verify import Report, ledger_findings, pdf_findings
from provenance.workspace import CannotRun, command_of

CITATION = "CITATION.cff"
OURS = {"title": "How Much More Data Would Buy", "author": "The Scaling Paper Authors"}
"""What the project calls its own paper, and itself, in config.yaml."""


def read_citation(checkout: Path) -> dict[str, Any]:
    """Read CITATION.cff; nothing if there is none. Raises CannotRun if it can't be read."""
    path = checkout / CITATION
    try:
        content = yaml.safe_load(path.read_text()) if path.exists() else {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise CannotRun(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise CannotRun(f"{path} is not a citation file: expected keys such as title and authors.")
    return content


def about(citation: Mapping[str, Any], paper: Mapping[str, Any], given: Mapping[str, str | None]) -> About:
    """Say what a crate is about: as given, else as the study's config says of its paper, else as CITATION.cff says.

    `given` may have title, author, affiliation, url and license. Raises CannotRun if something is said nowhere.
    """
    title = given.get("title") or paper.get("title") or citation.get("title")
    license_ = given.get("license") or citation.get("license")
    author = _author(citation)
    if name := given.get("author") or paper.get("author"):
        author = author if author and author.name == name else Author(str(name))
    for what, known in (("title", title), ("author", author), ("license", isinstance(license_, str) and license_)):
        if not known:
            raise CannotRun(f"a crate needs one {what}: give --{what}, or {what} in {CITATION}.")
    assert author
    return About(
        title=str(title),
        description=str(citation.get("abstract") or f"Every result of “{title}”, with the workflow that made it"),
        author=replace(
            author,
            url=given.get("url") or author.url or str(citation.get("url", "")),
            affiliation=given.get("affiliation") or author.affiliation,
        ),
        license=str(license_),
        version=str(citation.get("version", "1")),
        engine=importlib.metadata.version("snakemake"),
    )


def _author(citation: Mapping[str, Any]) -> Author | None:
    """Give the author of a citation; several are one group."""
    authors = citation.get("authors") or []
    names = [
        str(author.get("name") or " ".join(filter(None, (author.get("given-names"), author.get("family-names")))))
        for author in authors
    ]
    if len(names) != 1:
        return Author(" and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))) if names else None
    return Author(names[0], str(authors[0].get("website", "")), str(authors[0].get("affiliation", "")))


def misnamed(what: About, domains: Mapping[str, Any]) -> str | None:
    """Say that a study with measurements, which somebody brought, goes out under the project's own name, if it does."""
    brought = [name for name, settings in domains.items() if "measurements" in (settings or {})]
    given = {"title": what.title, "author": what.author.name}
    kept = [key for key, ours in OURS.items() if given[key] == ours]
    if not brought or not kept:
        return None
    keys = " and ".join(f"paper.{key}" for key in kept)
    names = ", ".join(brought)
    return (
        f"The measurements of {names} go out as “{what.title}” by {what.author.name}, under {what.license}. "
        f"If they are yours, set {keys} in the config and build again, and give --license if it is another."
    )


def left_out(citation: Mapping[str, Any]) -> tuple[Elsewhere, ...]:
    """Give what a crate describes but leaves out, with the licence and the origin that the citation has for it."""
    cited = [
        Elsewhere(
            str(reference["filename"]),
            str(reference.get("license", "")),
            ". ".join(str(reference[part]) for part in ("title", "notes", "url") if part in reference),
        )
        for reference in citation.get("references") or ()
        if "filename" in reference
    ]
    return (*cited, *WITHOUT)


def unlicensed(files: Sequence[str], without: Sequence[Elsewhere]) -> list[str]:
    """List the raw data of which nobody says under which licence they are."""
    raw = [file for file in files if fnmatchcase(file, WITHOUT[0].files)]
    first = {file: next(known for known in without if fnmatchcase(file, known.files)) for file in raw}
    return [file for file in raw if not first[file].license]


def verify_publication(target: Path) -> Report:
    """Audit a crate, folder or zip file: every hash, the ledger's root and lineages, the numbers of its PDF.

    Nothing of it is run. Raises CannotRun if there is nothing at `target`, or a results folder; anything
    else that is no crate is a finding.
    """
    if not target.exists():
        raise CannotRun(f"{target}: there is no such crate. Give a folder or a zip file.")
    if not (target / METADATA).exists() and any((target / file).exists() for file in (PLAN, receipt_of(LEDGER))):
        # Not looked at with the configfiles that its own notes name: those of strangers could run code.
        command = command_of(target, "audit", "verify")
        raise CannotRun(
            f"{target} is a results folder, not a crate. In the folder of its Snakefile, this looks at it: {command}"
        )
    try:
        if target.is_dir():
            return _examine(target)
        with tempfile.TemporaryDirectory() as folder:
            unpack_crate(target, Path(folder))
            return _examine(Path(folder))
    except CrateError as error:
        return Report(findings=[Finding("damaged", str(target), why=str(error))])


def as_data(report: Report) -> dict[str, Any]:
    """Give the report on a crate as plain data, as that on a study is given."""
    findings = [{**asdict(finding), "needed_by": [], "numbers": []} for finding in report.findings]
    about_it = {"sound": not findings, "root": report.root, "files": report.files, "findings": findings}
    return {**about_it, "accepted": [asdict(finding) for finding in report.accepted], "unused": []}


def _examine(folder: Path) -> Report:
    report = Report(findings=verify_crate(folder), files=sum(path.is_file() for path in folder.rglob("*")))
    damaged = {finding.file for finding in report.findings}
    if f"{RESULTS}/{LEDGER}" in damaged or not (folder / RESULTS / LEDGER).is_file():
        return report
    try:
        accepted = Accepted.read(folder / RESULTS)
    except Unsound:
        return report  # which is among the findings
    ledger = _read_ledger(folder / RESULTS / LEDGER)
    report.root = str(ledger.get("root", ""))
    for finding in _disagreements(folder / RESULTS, ledger, damaged):
        known = report.accepted if finding in accepted else report.findings
        known.append(replace(finding, file=f"{RESULTS}/{finding.file}"))
    return report


def _read_ledger(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_bytes())  # its numbers have been compared, so it can be read
    return content


def _disagreements(results: Path, ledger: Mapping[str, Any], damaged: set[str]) -> Iterator[Finding]:
    """Find where ledger, receipts and PDF of a crate do not agree; what is damaged is left to its own finding."""
    receipts = dict(_receipts(results))
    yield from ledger_findings(ledger, receipts)
    for receipt in receipts.values():
        if LEDGER in receipt.inputs:
            files = [file for file in receipt.outputs if f"{RESULTS}/{file}" not in damaged]
            yield from pdf_findings(results, ledger, files)


def _receipts(results: Path) -> Iterator[tuple[str, Receipt]]:
    for path in sorted(results.rglob(f"*{SUFFIX}")):
        try:
            yield path.relative_to(results).as_posix(), Receipt.read(path)
        except BadReceipt:
            continue  # which is among the findings
