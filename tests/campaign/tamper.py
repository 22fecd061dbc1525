"""The tamper campaign: every kind of file, changed in every way, must be found and named.

`python tests/campaign/tamper.py FOLDER` copies the finished build in FOLDER (tests/campaign/study.py makes one with
every kind of file), changes one thing at a time, asks the audit, checks what it names, and undoes the change. It prints
a table of what was found of what was changed, and ends with 1 if anything was missed, named wrongly, or flagged though
nothing was wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import io
import json
import os
import random
import shutil
import sys
import tempfile
import tokenize
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

import provenance.pdf
from provenance.crate import About, Author, verify_crate, write_crate
from provenance.findings import ACCEPTED, Finding, Unsound
from provenance.receipts import SUFFIX, Receipt, digest, file_hash, receipt_of
from provenance.store import Store, job_key
from provenance.verify import verify
from provenance.workspace import CannotRun, Workspace, open_workspace

RESULTS, STORE, CRATE = Path("results"), Path("store"), Path("crate")

FILES = {
    "raw data": ("results/raw/*.tar",),
    "prepared data": ("results/data/*.npz",),
    "record": ("results/runs/**/seed?.json", "results/doubled/**/seed?.json"),
    "per-item outcomes": ("results/runs/**/seed?.npz", "results/doubled/**/seed?.npz"),
    "receipt": (f"results/**/*{SUFFIX}",),
    "curve table": ("results/curves/*.csv",),
    "law": ("results/laws/**/*.json",),
    "claim": ("results/claims/*.json",),
    "figure": ("results/figures/*.pdf",),
    "table": ("results/curves.csv",),
    "ledger": ("results/ledger.json",),
    "PDF": ("results/paper/*.pdf",),
    "accepted.json": (f"results/{ACCEPTED}",),
    "library module": ("scripts/scaling/**/*.py",),
    "script": ("scripts/*.py",),
    "template": ("paper/**/*.tex", "paper/**/*.bib"),
    "store entry": ("store/jobs/*/*.json",),
    "store object": ("store/objects/*/*",),
    "crate member": ("crate/results/**/*.*", "crate/scripts/**/*.py"),
    "crate metadata": ("crate/ro-crate-metadata.json", "crate/manifest-sha256.txt"),
}
"""Files of each kind, as patterns in the build's folder. A receipt counts as a receipt, whatever else matches."""
CODE = ("library module", "script")
FEW = 2
"""Files that are taken of each kind; three of code and of the crate."""
MANIPULATIONS = ("flip a byte", "change a digit", "swap two files", "delete", "restore an older version")
VERSIONS = ("upgrade", "downgrade")
HARMLESS = ("comment", "docstring", "touch")
PACKAGES = ("numpy", "scipy", "pydantic")


@dataclass(frozen=True)
class Case:
    """One change to one file, or to one package."""

    kind: str
    manipulation: str
    times: str
    """`new`, or `old`: the modification time is set back to what it was."""
    subject: str

    @property
    def name(self) -> str:
        """The case in words."""
        return f"{self.kind}, {self.manipulation}, {self.times} time: {self.subject}"


@dataclass
class Seen:
    """What the audit says."""

    findings: list[Finding] = field(default_factory=list)
    refused: str = ""
    """Why it could not run."""

    def tell(self) -> str:
        """All of it in a few words."""
        told = [f"{finding.kind} {finding.file} ({finding.why})" for finding in self.findings]
        return self.refused[-400:] or "; ".join(told[:5]) or "nothing"

    def of(self, *kinds: str) -> set[str]:
        """Files of the findings of these kinds."""
        return {finding.file for finding in self.findings if finding.kind in kinds}


class Unusable(RuntimeError):
    """The build was not sound before the campaign, or is not sound after it."""


Content = bytes | None
"""What a file is to hold; None: it is to be removed."""


# Changes


def flip(content: bytes, places: Sequence[int], rng: random.Random) -> bytes:
    """Flip one bit of one byte."""
    changed = bytearray(content)
    changed[rng.choice(places)] ^= 1 << rng.randrange(7)
    return bytes(changed)


def change_digit(content: bytes, places: Sequence[int], rng: random.Random) -> bytes | None:
    """Change one digit; None if there is none."""
    digits = [place for place in places if content[place : place + 1].isdigit()]
    if not digits:
        return None
    changed, place = bytearray(content), rng.choice(digits)
    changed[place] = ord(rng.choice([digit for digit in "0123456789" if ord(digit) != changed[place]]))
    return bytes(changed)


def executed_places(content: bytes) -> list[int]:
    """Give where in a Python file the names, numbers and operators of its functions stand: no comments, no strings."""
    lines = content.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    places: list[int] = []
    inside = False
    for token in tokenize.tokenize(io.BytesIO(content).readline):
        inside = inside or token.string == "def"
        if inside and token.type in (tokenize.NAME, tokenize.NUMBER):
            line = lines[token.start[0] - 1].decode()
            first = starts[token.start[0] - 1] + len(line[: token.start[1]].encode())
            places += range(first, first + len(token.string.encode()))
    return places


def older_code(content: bytes) -> bytes:
    """Give the code as it could have been: one statement less or, here, one more."""
    return content + b"\nOLDER = True\n"


def older_pair(file: Path, rng: random.Random) -> dict[Path, Content]:
    """Give a result and its receipt as an older build with other code could have left them, the receipt sealed."""
    place = receipt_of(file)
    receipt = Receipt.read(place)
    changes: dict[Path, Content] = {}
    outputs = dict(receipt.outputs)
    if file != place:
        content = file.read_bytes()
        changed = change_digit(content, range(len(content)), rng)
        assert changed is not None, file
        changes[file] = changed
        outputs[file.relative_to(RESULTS).as_posix()] = _sha256(changed)
    files = {name: digest([value]) for name, value in receipt.code["files"].items()}
    code = receipt.code | {"files": files, "digest": digest(files)}
    changes[place] = replace(receipt, code=code, outputs=outputs).text().encode()
    return changes


def _sha256(content: bytes) -> str:
    import hashlib

    return hashlib.sha256(content).hexdigest()


# The scene


class Scene:
    """A copy of a finished build, with a store and a crate of it, and the audit to ask."""

    def __init__(self, build: Path, folder: Path):
        shutil.copytree(build, folder, symlinks=True)
        os.chdir(folder)
        set_path(str(folder / "scripts"), os.environ.get("PYTHONPATH"))
        self.accepted = {record["file"] for record in self._records()}
        _fill_store()
        write_crate(RESULTS, CRATE, Path(), ABOUT)
        self.plan_of_today: Workspace | None = None
        self.receipts = {
            path.relative_to(RESULTS).as_posix(): Receipt.read(path) for path in RESULTS.rglob(f"*{SUFFIX}")
        }

    def _records(self) -> list[dict[str, str]]:
        path = RESULTS / ACCEPTED
        records: list[dict[str, str]] = json.loads(path.read_text()) if path.exists() else []
        return records

    def workspace(self, afresh: bool) -> Workspace:
        """Give the study's plan, asking Snakemake only if it may be another than it was."""
        if afresh:
            return open_workspace()
        self.plan_of_today = self.plan_of_today or open_workspace()
        return Workspace(self.plan_of_today.plan)  # which remembers nothing of the results

    def look(self, case: Case | None) -> Seen:
        """Ask the audit that has to do with this case; all of them without one."""
        kind = case.kind if case else ""
        try:
            if kind.startswith("store"):
                return Seen([Finding("store", damage.file, why=damage.words) for damage in Store(STORE).verify()])
            if kind.startswith("crate"):
                return Seen(verify_crate(CRATE))
            seen = Seen(verify(self.workspace(case is not None and changes_the_plan(case))).findings)
            return seen if case else Seen(seen.findings + self.look_at_copies())
        except (CannotRun, Unsound) as problem:
            return Seen(refused=str(problem))

    def look_at_copies(self) -> list[Finding]:
        """Ask about store and crate."""
        return [Finding("store", damage.file, why=damage.words) for damage in Store(STORE).verify()] + verify_crate(
            CRATE
        )

    def readers(self, files: Iterable[str]) -> set[str]:
        """Receipts of the jobs that read any of these files, or that made them."""
        wanted = set(files)
        return {
            place
            for place, receipt in self.receipts.items()
            if wanted & {*receipt.inputs, *receipt.sources, *receipt.outputs, place}
        }

    def running(self, module: str) -> set[str]:
        """Receipts of the jobs that run a file of code, and of those whose param is a digest of all code."""
        return {
            place
            for place, receipt in self.receipts.items()
            if module in receipt.code["files"] or "tree" in receipt.params
        }


ABOUT = About("A study", "To be tampered with", Author("The Tests"), "MIT", "1", "9")


def _fill_store() -> None:
    store = Store(STORE)
    for path in RESULTS.rglob(f"*{SUFFIX}"):
        receipt = Receipt.read(path)
        content = asdict(receipt) | {"seal": receipt.seal}
        if all(file_hash(RESULTS / name) == found for name, found in receipt.outputs.items()):  # not if accepted
            assert store.put(job_key(content), content, {name: RESULTS / name for name in receipt.outputs})


def changes_the_plan(case: Case) -> bool:
    """Has Snakemake to be asked anew what it would do?"""
    return case.kind in (*CODE, "package") or (
        case.kind in ("template", "accepted.json") and case.manipulation == "delete"
    )


# The cases


def executed_files() -> set[Path]:
    """Name the files of code that some job has run."""
    receipts = map(Receipt.read, Path("results").rglob(f"*{SUFFIX}"))
    return {Path(name) for receipt in receipts for name in receipt.code["files"]}


def found_files(kind: str) -> list[Path]:
    """List the files of a kind."""
    paths = {path for pattern in FILES[kind] for path in Path().glob(pattern) if path.is_file()}
    if kind in CODE:
        paths &= executed_files()  # what no job runs can be changed without harm
    receipts = kind in ("receipt", "crate member")
    return sorted(path for path in paths if receipts or not path.name.endswith(SUFFIX))


def all_cases() -> list[Case]:
    """List every case that this build has files for."""
    cases = []
    for kind in FILES:
        paths = found_files(kind)
        chosen = random.Random(kind).sample(paths, min(len(paths), 3 if kind in (*CODE, "crate member") else FEW))
        for path in chosen:
            for manipulation in MANIPULATIONS:
                # An entry of the store that is gone is made again when it is needed: nothing is wrong.
                if (kind, manipulation) != ("store entry", "delete"):
                    cases += [Case(kind, manipulation, times, str(path)) for times in ("new", "old")]
        if kind in CODE:
            cases += [Case(kind, harm, "new", str(path)) for path in chosen for harm in HARMLESS]
        elif kind in ("record", "figure", "PDF", "template"):
            cases += [Case(kind, "touch", "new", str(path)) for path in chosen]
    cases += [Case("package", version, "new", package) for package in PACKAGES for version in VERSIONS]
    return cases


def few(cases: list[Case], limit: int) -> list[Case]:
    """Take some, a kind and a manipulation at a time, so that all have their turn."""
    rng = random.Random(limit)
    by_kind: dict[str, list[Case]] = defaultdict(list)
    for case in rng.sample(cases, len(cases)):
        by_kind[case.kind].append(case)
    taken: list[Case] = []
    while len(taken) < min(limit, len(cases)):
        taken += [of_kind.pop() for of_kind in by_kind.values() if of_kind]
    return taken[:limit]


def changed_contents(case: Case) -> dict[Path, Content] | None:
    """Give the files that a case changes, and what they are to hold; None if it can't be done to this file."""
    path, rng = Path(case.subject), random.Random(case.name)
    content = path.read_bytes()
    places = executed_places(content) if case.kind in CODE else range(len(content))
    match case.manipulation:
        case "flip a byte":
            return {path: flip(content, places, rng)} if len(places) else None
        case "change a digit":
            changed = change_digit(content, places, rng)
            return None if changed is None else {path: changed}
        case "swap two files":
            others = [other for other in _others(case, path) if other.read_bytes() != content]
            other = rng.choice(others)
            return {path: other.read_bytes(), other: content}
        case "delete":
            return {path: None}
        case "restore an older version":
            return _older(case, path, content, rng)
        case "comment":
            return {path: content + b"\n# a further word\n"}
        case "docstring":
            start = content.index(b'"""') + 3
            return {path: content[:start] + b"Now: " + content[start:]}
    return {path: content}


def _others(case: Case, path: Path) -> list[Path]:
    """List what a file can be swapped with: one of its kind, or else any result."""
    return [other for other in found_files(case.kind) if other != path] or [
        other for kind in ("law", "figure") for other in found_files(kind)
    ]


def _older(case: Case, path: Path, content: bytes, rng: random.Random) -> dict[Path, Content]:
    if case.kind == "accepted.json":
        return {path: json.dumps(json.loads(content)[:-1]).encode()}
    if case.kind in CODE:
        return {path: older_code(content)}
    if case.kind.startswith(("store", "crate")) or case.kind == "template":
        lines = content.splitlines(keepends=True)
        gone = rng.randrange(len(lines))
        older = b"".join(line for number, line in enumerate(lines) if number != gone)
        return {path: older if lines[gone].strip() else content + b"\n"}
    return older_pair(path, rng)


@contextlib.contextmanager
def done(case: Case) -> Iterator[set[Path] | None]:
    """Make the change, and undo it exactly; gives the files that it is of, None if it can't be done."""
    if case.kind == "package":
        with other_version(case):
            yield set()
        return
    changes = changed_contents(case)
    if changes is None:
        yield None
        return
    before = {path: (path.read_bytes(), path.stat()) for path in changes}
    try:
        for path, content in changes.items():
            if content is None:
                path.unlink()
                continue
            path.write_bytes(content)
            if case.times == "old":
                os.utime(path, ns=(before[path][1].st_atime_ns, before[path][1].st_mtime_ns))
        yield set(changes)
    finally:
        for path, (content, about) in before.items():
            path.write_bytes(content)
            path.chmod(about.st_mode)
            os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))


@contextlib.contextmanager
def other_version(case: Case) -> Iterator[None]:
    """Let a package seem to have another version, in all that is started: its code stays as it is."""
    path = os.environ.get("PYTHONPATH")
    with tempfile.TemporaryDirectory() as site:
        version = "999.0" if case.manipulation == "upgrade" else "0.0.1"
        info = Path(site) / f"{case.subject}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {case.subject}\nVersion: {version}\n")
        (info / "RECORD").write_text(f"{case.subject}/__init__.py,,\n")
        set_path(site, path)
        try:
            yield
        finally:
            set_path(path)


def set_path(*folders: str | None) -> None:
    """Name the folders in which Python, when it is started, looks for modules first."""
    os.environ.pop("PYTHONPATH", None)
    if given := [folder for folder in folders if folder]:
        os.environ["PYTHONPATH"] = os.pathsep.join(given)


# The verdict


def objection(case: Case, changed: set[Path], seen: Seen, scene: Scene) -> str | None:
    """Say what the audit has missed or named wrongly."""
    if case.manipulation in HARMLESS:
        return None if not (seen.findings or seen.refused) else "flagged, though nothing is wrong"
    if not (seen.findings or seen.refused):
        return "missed"
    if case.kind in CODE:
        return _of_code(case, changed, seen, scene)
    if case.kind == "package":
        concerned = {
            place for place, receipt in scene.receipts.items() if case.subject in receipt.environment["versions"]
        }
        named = all(case.subject in finding.why for finding in seen.findings)
        return _of_stale(concerned, seen) or (None if named else "the package is not named")
    if case.kind == "template":
        named = all(any(path.as_posix() in finding.why for path in changed) for finding in seen.findings)
        return _of_stale(scene.readers(map(str, changed)), seen) or (None if named else "the template is not named")
    if case.kind == "accepted.json":
        named = ACCEPTED in seen.refused or any(ACCEPTED in finding.why for finding in seen.findings)
        return None if named else "accepted.json is not named"
    if case.kind.startswith("store"):
        return _of_store(case, changed, seen)
    if case.kind.startswith("crate"):
        return _of_crate(changed, seen)
    return _of_results(case, changed, seen, scene)


def _of_code(case: Case, changed: set[Path], seen: Seen, scene: Scene) -> str | None:
    if seen.refused:
        # A module that is gone or can't be parsed stops Snakemake itself, in whatever words.
        return None
    concerned = set().union(*(scene.running(str(path)) for path in changed))
    if any(finding.kind == "missing" and finding.file not in scene.receipts for finding in seen.findings):
        # This code says which runs there are: it plans others now, which nobody has made, and tables of these.
        return None
    return _of_stale(concerned, seen)


def _of_stale(concerned: set[str], seen: Seen) -> str | None:
    """Exactly the results of these jobs should be stale."""
    stale = {receipt_of(file).as_posix() for file in seen.of("stale")}
    if extra := [finding for finding in seen.findings if finding.kind != "stale"]:
        return f"{extra[0].kind} {extra[0].file}, expected only stale results"
    if missed := concerned - stale:
        return f"{min(missed)} is not called stale"
    return f"{min(stale - concerned)} is called stale" if stale - concerned else None


def _of_results(case: Case, changed: set[Path], seen: Seen, scene: Scene) -> str | None:
    if seen.refused:
        return "the audit could not run"
    files = {path.relative_to(RESULTS).as_posix() for path in changed}
    allowed = set(files)
    for file in files:
        receipt = receipt_of(file).as_posix()
        outputs = scene.receipts[receipt].outputs
        if case.manipulation == "delete":
            expected = {file} <= seen.of("missing")
        elif case.manipulation == "restore an older version":
            expected = bool({*outputs} & seen.of("stale"))
        else:
            expected = {file} <= seen.of("receipt" if file.endswith(SUFFIX) else "damaged")
        if not expected:
            return f"{file} is not named as it should be"
    pdf = {file for file in seen.of("pdf") if files & {"ledger.json", file}}
    told = seen.of("damaged", "receipt", "missing", "foreign", "pdf") - pdf
    # Of an accepted result, its older receipt is not what was accepted.
    if wrong := told - allowed - (scene.accepted if case.manipulation.startswith("restore") else set()):
        return f"{min(wrong)} is named, and nothing is wrong with it"
    stale = {receipt_of(file).as_posix() for file in seen.of("stale")}
    if wrong := stale - scene.readers(files):
        return f"{min(wrong)} is called stale, and has nothing to do with it"
    return None


def _of_store(case: Case, changed: set[Path], seen: Seen) -> str | None:
    files = {path.relative_to(STORE).as_posix() for path in changed}
    if case.manipulation == "delete":
        (gone,) = changed
        named = all(gone.name in finding.why for finding in seen.findings)
        return None if named else "its entry is not named"
    if files - seen.of("store"):
        return f"{min(files - seen.of('store'))} is not named"
    return f"{min(seen.of('store') - files)} is named" if seen.of("store") - files else None


def _of_crate(changed: set[Path], seen: Seen) -> str | None:
    if seen.refused:
        return "the audit could not run"
    files = {path.relative_to(CRATE).as_posix() for path in changed}
    named = {finding.file for finding in seen.findings}
    descriptions = {"ro-crate-metadata.json", "manifest-sha256.txt"}
    if files & descriptions:
        # Where the description and the file differ, either may be the one that was changed.
        return None if named & descriptions else "the description is not named"
    if files - named:
        return f"{min(files - named)} is not named"
    return None


# The campaign


@dataclass
class Result:
    """How one case ended."""

    case: Case
    objection: str | None
    seen: str


def run(build: Path, limit: int | None = None, say: Callable[[str], None] = lambda words: None) -> list[Result]:
    """Run the campaign on a copy of a finished build; cases that can't be done to their file are left out."""
    here, path, compare = Path.cwd(), os.environ.get("PYTHONPATH"), provenance.pdf.compare
    with tempfile.TemporaryDirectory() as scratch:
        try:
            provenance.pdf.compare = _remembered(compare)
            return list(_run(Scene(build.absolute(), Path(scratch) / "build"), limit, say))
        finally:
            provenance.pdf.compare = compare
            set_path(path)
            os.chdir(here)


def _run(scene: Scene, limit: int | None, say: Callable[[str], None]) -> Iterator[Result]:
    before = snapshot()
    untouched = scene.look(None)
    if untouched.findings or untouched.refused:
        raise Unusable(f"The build is not sound before anything was done to it: {untouched.tell()}")
    cases = all_cases()
    for case in cases if limit is None else few(cases, limit):
        try:
            with done(case) as changed:
                if changed is None:
                    continue
                seen = scene.look(case)
            result = Result(case, objection(case, changed, seen, scene), seen.tell())
        except Exception as problem:  # the audit must never fail: that counts as a miss
            result = Result(case, f"failed: {problem!r}", "")
        if result.objection:
            say(f"{case.name}: {result.objection}; it said {result.seen}")
        yield result
    left = scene.look(None)
    if snapshot() != before or left.findings or left.refused:
        raise Unusable(f"Not all was undone: {left.tell()}")


def snapshot() -> dict[str, tuple[str, int]]:
    """Content and modification time of every file of the scene, but for notes."""
    paths = (path for path in Path().rglob("*") if path.is_file() and not path.name.startswith("."))
    return {
        str(path): (file_hash(path), path.stat().st_mtime_ns)
        for path in paths
        if ".snakemake" not in path.parts and "__pycache__" not in path.parts
    }


def _remembered(compare: Callable[..., list[provenance.pdf.Mismatch]]) -> Callable[..., list[provenance.pdf.Mismatch]]:
    """Compare each PDF with each ledger only once: most cases change neither."""
    known: dict[tuple[str, str], list[provenance.pdf.Mismatch]] = {}

    @functools.wraps(compare)
    def remembered(pdf: Path, ledger: dict[str, object]) -> list[provenance.pdf.Mismatch]:
        key = file_hash(pdf), digest(ledger)
        if key not in known:
            known[key] = compare(pdf, ledger)
        return known[key]

    return remembered


def table(results: Sequence[Result]) -> str:
    """Say what was found of what was changed, by kind and manipulation; harmless changes: how many were let pass."""
    columns = (*MANIPULATIONS, *VERSIONS, *HARMLESS)
    total = Counter((result.case.kind, result.case.manipulation) for result in results)
    right = Counter((result.case.kind, result.case.manipulation) for result in results if not result.objection)
    kinds = list(dict.fromkeys(result.case.kind for result in results))
    rows = [["", *columns]]
    for kind in kinds:
        cells = (f"{right[kind, column]}/{total[kind, column]}" if total[kind, column] else "–" for column in columns)
        rows.append([kind, *cells])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def main() -> int:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path, help="folder of a finished build; it is left as it is")
    parser.add_argument("--limit", type=int, help="run only so many cases, of all kinds")
    parser.add_argument("--json", type=Path, help="write every case and how it ended to this file")
    arguments = parser.parse_args()
    try:
        results = run(arguments.build, arguments.limit, lambda words: print(words, file=sys.stderr))
    except Unusable as problem:
        print(problem, file=sys.stderr)
        return 2
    missed = [result for result in results if result.objection]
    harmless = [result for result in results if result.case.manipulation in HARMLESS]
    print(table(results))
    alarms = len([result for result in harmless if result.objection])
    print(
        f"{len(results) - len(harmless)} manipulations, {len(missed) - alarms} missed or named wrongly; "
        f"{len(harmless)} harmless changes, {alarms} flagged."
    )
    if arguments.json:
        data = [asdict(result) | {"detected": result.objection is None} for result in results]
        arguments.json.write_text(json.dumps(data, indent=1) + "\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
