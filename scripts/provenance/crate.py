"""A crate: the results, the workflow that made them, and a description of both that other tools understand.

`write_crate` writes a Workflow Run RO-Crate, as a folder or a zip file:

Snakefile, rules/, scripts/, …   the workflow's source, as the jobs read it
results/                         what the jobs made, with their receipts
ro-crate-metadata.json           files with their hashes, tools, steps, an action for every job, numbers
manifest-sha256.txt              a hash for every file, metadata included: `sha256sum --check` reads it

Validators of RO-Crates look at the description only. `verify_crate` looks at the files.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from provenance.crate_description import (
    ABSENT,
    MANIFEST,
    METADATA,
    NUMBER,
    RESULTS,
    About,
    Author,
    Content,
    CrateError,
    Elsewhere,
    Entity,
    Known,
    describe,
    number_entity,
)
from provenance.execution import changed_files
from provenance.findings import ACCEPTED, Accepted, Finding, Unsound, examine, read_placed
from provenance.ledger import LEDGER
from provenance.receipts import SUFFIX, BadReceipt, Receipt, file_hash

__all__ = ["About", "Author", "CrateError", "Elsewhere", "unpack_crate", "verify_crate", "write_crate"]

SOURCES = (
    "Snakefile",
    "config.yaml",
    "config.schema.json",
    "measurements.yaml",  # of who uses profiles/measurements
    "profiles/**/*",
    "rules/**/*",
    "scripts/**/*",
    "paper/**/*",
    "docs/**/*",
    "Makefile",
    "README.md",
    "LICENSE",
    "CITATION.cff",
    "pyproject.toml",
    "requirements.lock",
)
"""What it takes to run the workflow again, as patterns in the checkout."""

WITHOUT = (Elsewhere("raw/*"), Elsewhere("data/*"))
"""Raw and prepared data: large, and not needed to audit what was made of them."""


def write_crate(
    results: Path,
    target: Path,
    checkout: Path,
    about: About,
    *,
    jobs: Collection[str] | None = None,
    without: Sequence[Elsewhere] = WITHOUT,
    sources: Sequence[str] = SOURCES,
    workflow: str = "Snakefile",
) -> None:
    """Write the crate of a results folder to `target`: a zip file if it is called so, else a folder.

    Equal results and sources give equal bytes. `jobs` are the receipts to go by (default: all there are), so files that
    no job has made, such as logs, are not taken; of the results, what matches `without` is described but left out. An
    older crate at `target` is replaced. Raises Unsound if a file is not what the receipts say and nobody has accepted
    that, and CrateError if there are no results or no workflow, or if there is something else than a crate at `target`.
    """
    _check_target(target, results)
    receipts = _read_receipts(results, jobs)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as temporary:
        folder = Path(temporary) / "crate"
        content = _stage(results, checkout, folder, receipts, without, sources)
        if workflow not in content.files:
            raise CrateError(f"{checkout / workflow} is missing: there is no crate of a run without its workflow.")
        findings = _disagreements(receipts, content.digests(), Accepted.read(results))
        if findings:
            raise Unsound("\n".join(_told(finding, results, checkout) for finding in findings))
        metadata = describe(content, receipts, about, _read_ledger(folder), workflow)
        text = json.dumps(metadata, indent=1, ensure_ascii=False, allow_nan=False)
        (folder / METADATA).write_bytes(f"{text}\n".encode())
        digests = {path: known.sha256 for path, known in content.files.items()}
        (folder / MANIFEST).write_bytes(_manifest(digests, folder))
        _publish(folder, target)


def verify_crate(crate: Path) -> list[Finding]:
    """Compare every file of a crate, folder or zip file, with its metadata, its manifest and the receipts.

    Findings name files relative to the crate; none means that the crate is whole. Raises CrateError if there is no
    crate to look at, or a zip file can't be unpacked safely.
    """
    if crate.is_dir():
        return _verify(crate)
    with tempfile.TemporaryDirectory() as folder:
        unpack_crate(crate, Path(folder))
        return _verify(Path(folder))


def unpack_crate(archive: Path, folder: Path) -> None:
    """Unpack a crate's zip file. Raises CrateError, before anything is written, if it would write outside `folder`."""
    try:
        with zipfile.ZipFile(archive) as packed:
            seen: set[str] = set()
            for member in packed.infolist():
                _check_member(archive, member, seen)
            for member in packed.infolist():
                packed.extract(member, folder)
    # zipfile says RuntimeError of a file that is encrypted, NotImplementedError of an unknown compression.
    except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise CrateError(f"{archive} is not a crate that can be read ({error}). Get it anew.") from error


# What goes into a crate


def _read_receipts(results: Path, jobs: Collection[str] | None) -> dict[str, Receipt]:
    """Read the receipts, by their path in the results folder."""
    found = (path.relative_to(results).as_posix() for path in results.rglob(f"*{SUFFIX}"))
    receipts: dict[str, Receipt] = {}
    for name in sorted(jobs if jobs is not None else (name for name in found if not _is_hidden(name))):
        try:
            receipts[name] = read_placed(results, name)
        except BadReceipt as error:
            raise Unsound(Finding("receipt", name, why=f"it {error}").tell(str(results))) from error
    if not receipts:
        raise CrateError(f"{results} holds no receipts, so there is nothing to make a crate of: build the paper first.")
    return receipts


def _stage(
    results: Path,
    checkout: Path,
    folder: Path,
    receipts: Mapping[str, Receipt],
    without: Sequence[Elsewhere],
    sources: Sequence[str],
) -> Content:
    """Copy what goes into the crate. The copies are what is hashed, so that a build meanwhile can do no harm."""
    content = Content()
    made = {path for receipt in receipts.values() for path in (*receipt.outputs, *receipt.inputs)}
    for name in sorted({*receipts, *made, ACCEPTED}):
        if not _is_inside(name):
            raise CrateError(f"{name} is read or written by a job, but is not in {results}. Keep results there.")
        left_out = next((files for files in without if fnmatchcase(name, files.files)), None)
        _take(content, results / name, f"{RESULTS}/{name}", folder, None if name in receipts else left_out)
    for name in sorted(_sources(checkout, receipts, sources, results)):
        if name.startswith(f"{RESULTS}/"):
            raise CrateError(f"{checkout / name} lies where a crate has its results. Call the folder otherwise.")
        _take(content, checkout / name, name, folder, None)
    for receipt in receipts.values():
        for name, digest in receipt.sources.items():
            if not _is_inside(name):
                content.absent[name] = Known(digest, None, Elsewhere(name, origin="read from outside the checkout"))
    return content


def _take(content: Content, source: Path, path: str, folder: Path, left_out: Elsewhere | None) -> None:
    """Copy or just describe a file; one that is not there is left for the comparison with the receipts to find."""
    if not source.is_file():
        return
    if left_out:
        content.absent[path] = Known(file_hash(source), source.stat().st_size, left_out)
        return
    copy = folder / path
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, copy)
    content.files[path] = Known(file_hash(copy), copy.stat().st_size)


def _sources(checkout: Path, receipts: Mapping[str, Receipt], patterns: Sequence[str], results: Path) -> set[str]:
    """Name the files of the workflow: those that the patterns find, and those that jobs have run or read."""
    taken = {path for pattern in patterns for path in checkout.glob(pattern) if path.is_file()}
    made = results.resolve()
    names = {path.relative_to(checkout).as_posix() for path in taken if not path.resolve().is_relative_to(made)}
    used = {path for receipt in receipts.values() for path in (*_code(receipt), *receipt.sources)}
    return {name for name in names if not _is_by_product(name)} | {path for path in used if _is_inside(path)}


def _code(receipt: Receipt) -> list[str]:
    """Name the files that a job has run."""
    return list(receipt.code.get("files", {}))


def _is_inside(path: str) -> bool:
    """Does a relative path stay where it starts?"""
    parts = PurePosixPath(path).parts
    return bool(parts) and ".." not in parts and not path.startswith("/") and "\\" not in path


def _is_hidden(path: str) -> bool:
    return any(part.startswith(".") for part in PurePosixPath(path).parts)


def _is_by_product(path: str) -> bool:
    return _is_hidden(path) or any(part == "__pycache__" or part.endswith(".egg-info") for part in path.split("/"))


def _disagreements(receipts: Mapping[str, Receipt], digests: Mapping[str, str], accepted: Accepted) -> list[Finding]:
    """Say where files differ from what the receipts say of them, unless somebody has accepted it.

    `digests` are by path in the crate, and so are the findings; receipts and exceptions are by path in the results.
    """
    made = {ACCEPTED, *receipts, *(path for receipt in receipts.values() for path in receipt.outputs)}
    findings = []
    for receipt in receipts.values():
        examined = [examine(path, digests.get(f"{RESULTS}/{path}"), receipt) for path in receipt.outputs]
        wrong = [finding for finding in examined if finding and (finding.kind == "missing" or finding not in accepted)]
        findings += [replace(finding, file=f"{RESULTS}/{finding.file}") for finding in wrong]
        findings += [
            Finding("foreign", f"{RESULTS}/{path}", why=f"{receipt.name} has read it")
            for path in receipt.inputs
            if path not in made
        ]
        if not any(record["kind"] == "stale" and record["file"] in receipt.outputs for record in accepted.records):
            findings += _read_otherwise(receipt, digests)
    return list(dict.fromkeys(findings))


def _read_otherwise(receipt: Receipt, digests: Mapping[str, str]) -> list[Finding]:
    """Say which files are not as a job has read them; a result that is missing is somebody else's finding."""
    output = f"{RESULTS}/{next(iter(receipt.outputs))}"
    read = {f"{RESULTS}/{path}": digest for path, digest in receipt.inputs.items()} | receipt.sources
    changed = [
        Finding("stale", output, receipt.name, digests[path], digest, f"it was made from another {path}")
        for path, digest in read.items()
        if digests.get(path, digest) != digest
    ]
    needed = {**dict.fromkeys(_code(receipt), ""), **receipt.sources}
    gone = [
        Finding("missing", path, expected=digest, why=f"{receipt.name} has read it")
        for path, digest in needed.items()
        if path not in digests
    ]
    return changed + gone


def _run_otherwise(receipts: Iterable[Receipt], folder: Path) -> list[Finding]:
    """Say which code in a crate is not what its jobs have run."""
    ran = {
        (path, digest): receipt.name for receipt in receipts for path, digest in receipt.code.get("files", {}).items()
    }
    return [
        Finding("stale", path, name, expected=digest, why="the job has run other code")
        for (path, digest), name in ran.items()
        if (folder / path).exists() and changed_files({path: ""}, {path: digest}, folder)
    ]


def _told(finding: Finding, results: Path, checkout: Path) -> str:
    """Say a finding of files that are not yet in a crate."""
    place, _, file = finding.file.partition("/")
    return replace(finding, file=file).tell(str(results)) if place == RESULTS else finding.tell(str(checkout))


def _read_ledger(folder: Path) -> dict[str, Any]:
    """Read the ledger of a crate; without one there are no numbers."""
    path = folder / RESULTS / LEDGER
    ledger: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return ledger


# The files of a crate


def _manifest(digests: Mapping[str, str], folder: Path) -> bytes:
    """Spell the manifest for these files and the metadata in the folder, whose hash stands nowhere else."""
    lines = sorted({**digests, METADATA: file_hash(folder / METADATA)}.items())
    return "".join(f"{digest}  {path}\n" for path, digest in lines).encode()


def _check_target(target: Path, results: Path) -> None:
    """Refuse to replace what is not a crate: somebody's folder, given by mistake, would be gone."""
    if target.resolve().is_relative_to(results.resolve()):
        raise CrateError(f"{target} is in {results}, where it would count as results. Name a place outside.")
    taken = target.is_dir() and any(target.iterdir()) and not (target / METADATA).is_file()
    if taken or (target.is_dir() and target.suffix == ".zip") or (target.is_file() and target.suffix != ".zip"):
        raise CrateError(f"{target} exists and is not a crate. Remove it, or name another place.")


def _publish(folder: Path, target: Path) -> None:
    if target.suffix == ".zip":
        archive = folder.with_name("crate.zip")
        _pack(folder, archive)
        archive.replace(target)
        return
    if target.exists():
        target.rename(folder.with_name("old"))  # goes with the temporary folder
    folder.rename(target)


def _pack(folder: Path, archive: Path) -> None:
    """Zip a folder, the same bytes each time: no times, one order, and no compression, which differs between zlibs."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as packed:
        for path in sorted(_walk(folder)):
            member = zipfile.ZipInfo(path)
            member.external_attr = (stat.S_IFREG | 0o644) << 16
            with (folder / path).open("rb") as source, packed.open(member, "w") as copy:
                shutil.copyfileobj(source, copy)


def _walk(folder: Path) -> Iterator[str]:
    """Name everything under a folder but folders; links are not followed."""
    for place, folders, files in os.walk(folder):
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        yield from ((Path(place) / name).relative_to(folder).as_posix() for name in (*files, *links))


def _check_member(archive: Path, member: zipfile.ZipInfo, seen: set[str]) -> None:
    name = member.filename
    mode = member.external_attr >> 16
    expected = "a path inside the crate"
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        expected = "a file, not a link"
    elif name in seen:
        expected = "every file once"
    elif _is_inside(name) and ":" not in name.partition("/")[0] and "\0" not in member.orig_filename:
        seen.add(name)
        return
    raise CrateError(f"{archive} holds {name!r}, expected {expected}. It was not unpacked: don't trust it.")


# The comparison


def _verify(folder: Path) -> list[Finding]:
    entities = _read_metadata(folder)
    if isinstance(entities, Finding):
        return [entities]
    stated = {unquote(entity["@id"]): entity for entity in entities if _is_file(entity)}
    absent = {unquote(id_.removeprefix(ABSENT)): entity for id_, entity in _by_id(entities, ABSENT).items()}
    paths = sorted(set(_walk(folder)) - {METADATA, MANIFEST})
    present = {
        path: Known(file_hash(folder / path), (folder / path).stat().st_size)
        for path in paths
        if _is_plain(folder / path)
    }
    content = Content(present, {path: Known(str(entity.get("sha256")), None) for path, entity in absent.items()})
    receipts, unreadable = _receipts_of(folder, present)
    findings = _compare_files(stated, present)
    findings += [
        Finding("foreign", path, found=present[path].sha256 if path in present else "a link", why="it is not described")
        for path in paths
        if path not in stated
    ]
    findings += _compare_manifest(folder, {path: str(entity.get("sha256")) for path, entity in stated.items()})
    findings += unreadable
    try:
        findings += _disagreements(receipts, content.digests(), Accepted.read(folder / RESULTS))
        findings += _run_otherwise(receipts.values(), folder)
        findings += _compare_numbers(_by_id(entities, NUMBER), _read_ledger(folder), content)
    except Unsound as error:
        findings.append(Finding("damaged", f"{RESULTS}/{ACCEPTED}", why=str(error)))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        findings.append(Finding("damaged", f"{RESULTS}/{LEDGER}", why=f"it cannot be read ({error!r})"))
    # What differs from the metadata differs from its receipt as well: the first finding of a kind will do.
    return list({(finding.file, finding.kind): finding for finding in reversed(findings)}.values())[::-1]


def _read_metadata(folder: Path) -> list[Entity] | Finding:
    path = folder / METADATA
    if not path.is_file():
        return Finding("missing", METADATA, expected="the description of a crate", why="so this is no crate")
    try:
        entities = json.loads(path.read_bytes())["@graph"]
        assert all(isinstance(entity["@id"], str) for entity in entities)
        return list(entities)
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        return Finding("damaged", METADATA, found=file_hash(path), why=f"it cannot be read ({error!r})")


def _by_id(entities: Iterable[Entity], prefix: str) -> dict[str, Entity]:
    return {entity["@id"]: entity for entity in entities if entity["@id"].startswith(prefix)}


def _is_file(entity: Entity) -> bool:
    return "File" in (entity.get("@type") or []) and not entity["@id"].startswith("#") and entity["@id"] != MANIFEST


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _compare_files(stated: Mapping[str, Entity], present: Mapping[str, Known]) -> list[Finding]:
    """Compare files with what the metadata says of them."""
    findings = []
    for path, entity in stated.items():
        expected, size = str(entity.get("sha256")), str(entity.get("contentSize"))
        known = present.get(path)
        if known is None:
            findings.append(Finding("missing", path, expected=expected))
        elif known.sha256 != expected:
            findings.append(Finding("damaged", path, found=known.sha256, expected=expected))
        elif str(known.size) != size:
            findings.append(Finding("damaged", path, found=f"{known.size} bytes", expected=f"{size} bytes"))
    return findings


def _compare_manifest(folder: Path, stated: Mapping[str, str]) -> list[Finding]:
    """Compare the manifest with the metadata: it alone has the metadata's own hash."""
    path = folder / MANIFEST
    if not path.is_file():
        return [Finding("missing", MANIFEST, why="so the metadata can't be checked")]
    if path.read_bytes() == _manifest(stated, folder):
        return []
    lines = dict(line.split("  ", 1)[::-1] for line in path.read_text(errors="replace").splitlines() if "  " in line)
    found, expected = file_hash(folder / METADATA), lines.get(METADATA, "")
    findings = [Finding("damaged", MANIFEST, found=file_hash(path), why=f"it does not say what {METADATA} says")]
    if found != expected:  # which of the two was edited, nothing tells
        findings.insert(
            0, Finding("damaged", METADATA, found=found, expected=expected, why=f"{MANIFEST} has another hash")
        )
    return findings


def _receipts_of(folder: Path, present: Iterable[str]) -> tuple[dict[str, Receipt], list[Finding]]:
    receipts, findings = {}, []
    for path in present:
        if not (path.startswith(f"{RESULTS}/") and path.endswith(SUFFIX)):
            continue
        name = path.removeprefix(f"{RESULTS}/")
        try:
            receipts[name] = read_placed(folder / RESULTS, name)
        except BadReceipt as error:
            findings.append(Finding("receipt", path, why=f"it {error}"))
    return receipts, findings


def _compare_numbers(found: Mapping[str, Entity], ledger: Mapping[str, Any], content: Content) -> list[Finding]:
    """Compare the numbers of the metadata with those of the ledger that lies beside it."""
    numbers = (number_entity(key, entry, content) for key, entry in ledger.get("entries", {}).items())
    expected = {number["@id"]: number for number in numbers}
    return [
        Finding("damaged", METADATA, found=_value(found, id_), expected=_value(expected, id_), why=f"{id_} is another")
        for id_ in sorted({*expected, *found})
        if expected.get(id_) != found.get(id_)
    ]


def _value(numbers: Mapping[str, Entity], id_: str) -> str:
    return str(numbers[id_].get("value", "")) if id_ in numbers else ""
