"""The comparison of two builds: which numbers, claims and figures differ, by how much, and because of what.

What two ledgers say of config, code, versions and files is enough to name causes. Where the receipts are at hand too,
each number gets its own, and what no recorded cause explains is found.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provenance.contents import Unlike, relative
from provenance.crate import unpack_crate
from provenance.crate_description import METADATA, RESULTS, CrateError
from provenance.findings import is_receipt
from provenance.ledger import LEDGER
from provenance.receipts import SUFFIX, BadReceipt, Receipt
from provenance.workspace import CannotRun

if TYPE_CHECKING:
    from rich.console import Console

CAUSES = ("config", "code", "environment", "sources", "unexplained")
"""In the order in which they are told."""


@dataclass(frozen=True)
class Build:
    """A build as its ledger tells it, with its receipts where they are at hand (by the files that they list)."""

    name: str
    ledger: Mapping[str, Any]
    makers: Mapping[str, Receipt] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """One entry of the ledger that is not the same in both builds; None where a build lacks it."""

    key: str
    kind: str
    old: Any
    new: Any
    printed_old: str
    printed_new: str
    absolute: float | None = None
    """New less old, of numbers."""
    halfwidths: float | None = None
    """The same against half the width of the old interval, or of the new where there was none."""
    share: float | None = None
    """The same against the larger of both."""
    interval: tuple[str, str] | None = None
    """Both printed intervals, where they differ."""
    because: tuple[str, ...] = ()
    """Kinds of causes before it, where the receipts are at hand."""

    @property
    def rank(self) -> tuple[float, ...]:
        """The less, the more important: words (verdicts) first, then what a reader sees, the largest changes first."""
        both = self.old is not None and self.new is not None
        size = self.halfwidths if self.halfwidths is not None else self.share or 0.0
        words = self.kind == "number" and self.absolute is None and both
        order = 0 if words else 1 if self.kind == "number" and both else 2 if self.kind == "number" else 3
        return order, self.printed_old == self.printed_new, self.halfwidths is None, -size


@dataclass
class Comparison:
    """What differs between two builds."""

    old: str
    new: str
    roots: tuple[str, str]
    changes: list[Change] = field(default_factory=list)
    """Entries whose value or interval differs, the most important first."""
    same: int = 0
    """Entries with the same value and interval."""
    rest: int = 0
    """Of these, the entries that rest on something that differs."""
    config: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    """Old and new values of the settings that differ, by their path."""
    code: dict[str, str] = field(default_factory=dict)
    """Files of code that were changed, added or removed."""
    environment: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Old and new versions."""
    sources: dict[str, str] = field(default_factory=dict)
    """Templates of the paper that were changed, added or removed."""
    files: dict[str, str] = field(default_factory=dict)
    """Results that were changed, added or removed."""
    exceptions: dict[str, str] = field(default_factory=dict)
    """Accepted findings that were added or removed, by file."""
    unexplained: list[str] | None = None
    """Results that differ though their jobs had equal code, environment, params and inputs. None: not known."""

    @property
    def differs(self) -> bool:
        """Is anything different?"""
        return self.roots[0] != self.roots[1] or bool(self.changes)


def compare(old: Build, new: Build) -> Comparison:
    """Compare two builds."""
    found = Comparison(old.name, new.name, (str(old.ledger.get("root")), str(new.ledger.get("root"))))
    causes = _Causes(old, new)
    was, now = old.ledger["entries"], new.ledger["entries"]
    for key in dict.fromkeys((*was, *now)):
        if change := _change(key, was.get(key), now.get(key), causes):
            found.changes.append(change)
        else:
            found.same += 1
            found.rest += was[key].get("lineage") != now[key].get("lineage")
    found.changes.sort(key=lambda change: (change.rank, change.key))
    found.config = dict(_settings(old.ledger.get("config", {}), new.ledger.get("config", {})))
    code, versions = (
        [_basis(build, part, bool(old.makers and new.makers)) for build in (old, new)]
        for part in ("code", "environment")
    )
    found.code = _names(*code)
    found.environment = {
        name: (versions[0].get(name, "none"), versions[1].get(name, "none")) for name in _names(*versions)
    }
    found.sources = _names(*(build.ledger.get("sources", {}) for build in (old, new)))
    found.files = _names(*(_hashes(build) for build in (old, new)))
    found.exceptions = _names(*(_exceptions(build) for build in (old, new)))
    found.unexplained = causes.unexplained(found.files)
    return found


def _hashes(build: Build) -> dict[str, str]:
    return {file: known["sha256"] for file, known in build.ledger.get("files", {}).items()}


def _exceptions(build: Build) -> dict[str, str]:
    """Give why each accepted finding was accepted, by file and kind."""
    records = build.ledger.get("exceptions", ())
    return {f"{record.get('file')} ({record.get('kind')})": str(record.get("why", "")) for record in records}


def _basis(build: Build, part: str, receipts: bool) -> dict[str, str]:
    """Give the digests of all files of `code`, or the versions of the `environment`, that took part in a build.

    With receipts, also of what entered the numbers and set the paper; and where jobs differ, as they may in results
    that were accepted, all that there were.
    """
    if not receipts:
        known: dict[str, str] = build.ledger.get("basis", {}).get(part, {})
        return known
    found: dict[str, set[str]] = defaultdict(set)
    for maker in build.makers.values():
        for name, value in (
            maker.code.get("files", {}) if part == "code" else maker.environment.get("versions", {})
        ).items():
            found[name].add(value)
    return {name: " and ".join(sorted(values)) for name, values in found.items()}


def _names(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, str]:
    """Say of what differs whether it was changed, added or removed."""
    verbs = {}
    for name in sorted(old.keys() | new.keys()):
        if name not in old or name not in new:
            verbs[name] = "added" if name in new else "removed"
        elif old[name] != new[name]:
            verbs[name] = "changed"
    return verbs


def _settings(old: Any, new: Any, place: str = "") -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Find the settings that differ, down to single values."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys((*old, *new)):
            yield from _settings(old.get(key), new.get(key), f"{place}.{key}" if place else key)
    elif old != new:
        yield place, (old, new)


def _change(key: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, causes: _Causes) -> Change | None:
    if old and new and all(old.get(part) == new.get(part) for part in ("value", "printed", "low", "high", "level")):
        return None
    either = new or old or {}
    first, second = (entry or {} for entry in (old, new))
    intervals = first.get("printed_interval") or "", second.get("printed_interval") or ""
    return Change(
        key,
        either.get("kind", "number"),
        first.get("value"),
        second.get("value"),
        first.get("printed") or "",
        second.get("printed") or "",
        *_size(first, second),
        interval=intervals if old and new and intervals[0] != intervals[1] else None,
        because=causes.of_source(either.get("source", ""), either.get("code"), first.get("code")),
    )


def _size(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[float | None, float | None, float | None]:
    """Give a change absolutely, in half-widths of the interval and relatively, as far as it has these."""
    was, now = old.get("value"), new.get("value")
    if was is None or now is None or not (_is_number(was) and _is_number(now)):
        return None, None, None
    share: float | None
    try:
        share = relative(was, now)
    except (Unlike, OverflowError):
        share = None
    width = next(
        (
            (entry["high"] - entry["low"]) / 2
            for entry in (old, new)
            if _is_number(entry.get("low")) and _is_number(entry.get("high")) and entry["high"] > entry["low"]
        ),
        None,
    )
    return now - was, None if width is None else (now - was) / width, share


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


class _Causes:
    """Why files differ, from the receipts of both builds."""

    def __init__(self, old: Build, new: Build):
        self._old, self._new = old, new
        self._known = bool(old.makers and new.makers)
        self._found: dict[str, frozenset[str]] = {}

    def of_source(self, source: str, code: str | None, code_before: str | None) -> tuple[str, ...]:
        """Name the kinds of causes for what was read in a source of the ledger."""
        if source == "config" or (source == "code" and code != code_before):
            return (source,)
        if not self._known:
            return ()
        files = [file for file in self._old.makers.keys() | self._new.makers.keys() if fnmatchcase(file, source)]
        found = frozenset().union(*(self._of_file(file) for file in files if not is_receipt(file)))
        return tuple(cause for cause in CAUSES if cause in found)

    def unexplained(self, files: Mapping[str, str]) -> list[str] | None:
        """Name the files that differ for no recorded reason."""
        return [file for file in files if "unexplained" in self._own(file)] if self._known else None

    def _of_file(self, file: str) -> frozenset[str]:
        """Name the causes for all that a file rests on."""
        if file not in self._found:
            self._found[file] = frozenset()  # ends the search, should two jobs have read each other's outputs
            makers = [build.makers[file] for build in (self._old, self._new) if file in build.makers]
            inputs = {name for maker in makers for name in maker.inputs if not is_receipt(name)}
            self._found[file] = self._own(file).union(*(self._of_file(name) for name in inputs))
        return self._found[file]

    def _own(self, file: str) -> frozenset[str]:
        """Name what differs in the job that made a file, apart from what it read of other jobs."""
        old, new = self._old.makers.get(file), self._new.makers.get(file)
        if old is None or new is None:
            return frozenset({"config"} if old or new else ())
        was, now = old.task, new.task
        # Which files a job reads is part of the design; what is in them is the business of who made them.
        config = any(was[part] != now[part] for part in ("wildcards", "params"))
        config = config or was["inputs"].keys() != now["inputs"].keys()
        found = {name for name in ("code", "environment", "sources") if was[name] != now[name]}
        found |= {"config"} if config else set()
        unexplained = was == now and old.outputs.get(file) != new.outputs.get(file)
        return frozenset(found | ({"unexplained"} if unexplained else set()))


# Where builds are


@contextmanager
def open_build(place: str) -> Iterator[Build]:
    """Open a build: a results folder, a crate (folder or zip file), a ledger, or `REVISION:path/ledger.json` of git.

    Raises CannotRun, with what was expected, if there is none.
    """
    path = Path(place)
    if path.is_file() and path.suffix == ".zip":
        with tempfile.TemporaryDirectory() as folder:
            try:
                unpack_crate(path, Path(folder))
            except CrateError as error:
                raise CannotRun(str(error)) from error
            yield _of_folder(place, Path(folder) / RESULTS)
    elif path.is_dir():
        yield _of_folder(place, path / RESULTS if (path / METADATA).is_file() else path)
    elif path.is_file():
        yield Build(place, _ledger(place, path.read_bytes()))
    elif ":" in place and not place.startswith("-"):
        shown = subprocess.run(["git", "cat-file", "blob", place], capture_output=True, check=False)
        if shown.returncode:
            raise CannotRun(f"{place}: git has no such file: {shown.stderr.decode(errors='replace').strip()}")
        yield Build(place, _ledger(place, shown.stdout))
    else:
        raise CannotRun(
            f"{place}: there is no such build. Give a results folder, a crate (folder or zip file), a ledger, "
            "or REVISION:path/ledger.json."
        )


def _of_folder(name: str, results: Path) -> Build:
    path = results / LEDGER
    if not path.is_file():
        raise CannotRun(f"{name} has no {LEDGER}: it is no finished build, nor a crate of one.")
    makers: dict[str, Receipt] = {}
    for place in sorted(results.rglob(f"*{SUFFIX}")):
        try:
            receipt = Receipt.read(place)
        except BadReceipt:
            continue  # audit verify tells of it; here it only means that less is known
        makers |= dict.fromkeys(receipt.outputs, receipt)
    return Build(name, _ledger(name, path.read_bytes()), makers)


def _ledger(name: str, text: bytes) -> dict[str, Any]:
    try:
        ledger = json.loads(text)
        assert all(isinstance(entry, dict) for entry in ledger["entries"].values())
    except (ValueError, KeyError, TypeError, AttributeError, AssertionError) as error:
        raise CannotRun(f"{name} holds no ledger that can be read ({error!r}).") from error
    assert isinstance(ledger, dict)
    return ledger


# How it is told


def as_data(found: Comparison) -> dict[str, Any]:
    """Give a comparison as plain data."""
    return {"same": not found.differs, **asdict(found), "entries_same": found.same}


def show(found: Comparison, out: Console, most: int = 40) -> None:
    """Print a comparison: what differs, the most important first, and then because of what."""
    from rich.table import Table

    if not found.differs:
        out.print(f"The same: all {found.same} numbers, figures and tables, root {found.roots[0]}.", markup=False)
        return
    if found.changes:
        table = Table("key", "old", "new", "change", "of half-width", "because of", title=_title(found))
        for change in found.changes[:most]:
            table.add_row(*_row(change))
        out.print(table)
    if len(found.changes) > most:
        out.print(f"… and {len(found.changes) - most} more: --json lists them.")
    rest = f", {found.rest} of them resting on something else than before" if found.rest else ""
    out.print(f"{found.same} entries are the same{rest}.")
    out.print(f"root         {found.roots[0]} → {found.roots[1]}", markup=False)
    for line in _told_causes(found):
        out.print(line, markup=False)


def _title(found: Comparison) -> str:
    kinds = Counter(
        "appeared" if change.old is None else "disappeared" if change.new is None else "changed"
        for change in found.changes
    )
    return ", ".join(f"{kinds[verb]} {verb}" for verb in ("changed", "appeared", "disappeared") if kinds[verb])


def _row(change: Change) -> Sequence[str]:
    old, new = _shown(change.old, change.printed_old), _shown(change.new, change.printed_new)
    if change.kind != "number":
        old, new = (str(value)[:12] if value is not None else "–" for value in (change.old, change.new))
    elif old == new and change.old != change.new:
        old, new = f"{old} ({change.old!r})", f"{new} ({change.new!r})"
    if change.interval:
        old, new = f"{old} {change.interval[0]}", f"{new} {change.interval[1]}"
    size = "" if not change.absolute else f"{change.absolute:+.3g}"
    widths = "" if not change.halfwidths else f"{abs(change.halfwidths):.2g}"
    return change.key, old, new, size, widths, ", ".join(change.because)


def _shown(value: Any, printed: str) -> str:
    return "–" if value is None else printed or str(value)


def _told_causes(found: Comparison) -> Iterator[str]:
    """Say what differs between the builds besides their numbers."""
    for setting, (old, new) in _first(found.config):
        yield f"config       {setting}: {_short(old)} → {_short(new)}"
    for file, verb in _first(found.code):
        yield f"code         {file} {verb}"
    for name, (before, after) in _first(found.environment):
        yield f"environment  {name} {before} → {after}"
    for file, verb in _first(found.sources):
        yield f"sources      {file} {verb}"
    for file, verb in _first(found.exceptions):
        yield f"exceptions   {file} {verb}"
    for folder, number in Counter((file.split("/")[0], verb) for file, verb in found.files.items()).items():
        yield f"results      {number} {'file' if number == 1 else 'files'} {folder[1]} in {folder[0]}"
    if found.unexplained:
        few = ", ".join(found.unexplained[:8]) + (" …" if len(found.unexplained) > 8 else "")
        yield (
            f"unexplained  {few}: made by the same code, environment, params and inputs, and yet not the same. "
            "Another processor may be why; audit replay can tell which is true here."
        )
    elif found.unexplained is None and found.files:
        yield "             Compare results folders or crates, whose receipts tell which of these was first."


def _first(things: Mapping[str, Any], most: int = 12) -> Iterator[tuple[str, Any]]:
    yield from list(things.items())[:most]
    if len(things) > most:
        pair = next(iter(things.values()))
        yield f"… and {len(things) - most} more:", ("see", "--json") if isinstance(pair, tuple) else "see --json"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) < 60 else f"{text[:57]}…"
