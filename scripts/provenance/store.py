"""A store of results that all checkouts share: what one job has made, no other needs to make again.

<store>/objects/ab/<sha256>   the content of an output file
<store>/jobs/ab/<key>.json    the receipt of a job, under the key of all that decides its outputs

Nothing is taken on trust: the store may lie on a disk that fails, be shared by several hosts, or be edited by
hand. Every file and every receipt is hashed whenever it goes in or comes out, and whatever doesn't fit is
dropped and made anew. Since the store only saves time, no trouble with it may fail a job: it is said on
standard error, and the job does its work.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from provenance.receipts import canonical

FOLDER = "STUDY_STORE"
LIMIT = "STUDY_STORE_LIMIT"
DEFAULT_LIMIT = "20GB"
GRACE_S = 3600.0

SIZE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) *(B|KB|MB|GB|TB)", re.IGNORECASE)
UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
SHA256 = re.compile(r"[0-9a-f]{64}")
BLOCK = 1 << 20

Receipt = dict[str, Any]


class StoreError(ValueError):
    """The store is set up wrongly: it isn't a folder, or its limit isn't a size."""


class Removed(NamedTuple):
    """What a prune has removed."""

    entries: int
    objects: int
    bytes: int


class Statistics(NamedTuple):
    """What a store holds; bytes are those of its objects."""

    entries: int
    objects: int
    bytes: int


class Damage(NamedTuple):
    """A file of the store, relative to it, and what is wrong with it."""

    file: str
    words: str


class _Damaged(Exception):
    """What was read isn't what it should be; `path` is the object to blame, if there is one to remove."""

    def __init__(self, words: str, path: Path | None = None):
        super().__init__(words)
        self.path = path


def job_key(statement: Mapping[str, Any]) -> str:
    """Hash all that decides what a job makes, and the names of what it makes, into the job's key.

    `statement` is a receipt, or what is known of it before the work: `outputs` may be just the paths. So a
    job whose inputs changed while it ran has a receipt with another key than it had at its start.
    """
    parts = {part: statement[part] for part in ("rule", "wildcards", "params", "inputs", "sources", "order")}
    for identity in ("code", "environment"):
        parts[identity] = statement[identity].get("digest")
    parts["outputs"] = sorted(statement["outputs"])
    # Through JSON first, which turns the keys of mappings into text and so may change their order.
    return hashlib.sha256(canonical(json.loads(json.dumps(parts)))).hexdigest()


def parse_size(text: str) -> int:
    """Read a number of bytes such as 20GB or 1.5 TB (1 KB is 1000 B). Raises ValueError if it is none."""
    size = SIZE.fullmatch(text.strip())
    if not size:
        raise ValueError(f"{text!r} is no size: expected a number and B, KB, MB, GB or TB, such as {DEFAULT_LIMIT}")
    return round(float(size[1]) * UNITS[size[2].upper()])


class Store:
    """Receipts by key, and the content of the files that they name. The folder is made when first needed.

    `limit_bytes` is what `trim` keeps the objects to. Raises StoreError if `folder` can't be a folder.
    """

    def __init__(self, folder: Path, limit_bytes: int | None = None):
        self.folder = Path(folder).absolute()  # a job may change its working directory
        self.limit_bytes = limit_bytes
        in_the_way = _file_in_the_way(self.folder)
        if in_the_way:
            raise StoreError(f"{self.folder} can't hold a store: {in_the_way} is not a folder")

    @classmethod
    def from_environment(cls) -> Store | None:
        """Open the store that the environment variable STUDY_STORE names; None if it names none.

        Raises StoreError if that can't be a folder, or if STUDY_STORE_LIMIT is not a size such as 20GB.
        """
        folder = os.environ.get(FOLDER)
        if not folder:
            return None
        try:
            limit = parse_size(os.environ.get(LIMIT) or DEFAULT_LIMIT)
        except ValueError as error:
            raise StoreError(f"environment variable {LIMIT}: {error}") from None
        try:
            return cls(Path(folder).expanduser(), limit)
        except StoreError as error:
            raise StoreError(f"environment variable {FOLDER}: {error}") from None

    def prepare(self) -> None:
        """Make the folder if there is none; raises StoreError if that can't be.

        For the start of a build: a job only says what trouble it has with a store, and nobody reads the logs of what
        went well. One that can only be read is no trouble.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{FOLDER}: {self.folder} can't hold a store: {error.strerror}") from None

    def get(self, key: str, targets: Mapping[str, Path]) -> Receipt | None:
        """Write the outputs of a job, each to the path that `targets` gives for it, and return their receipt.

        The files are copies, independent of the store; whatever was at their paths is replaced. None, and none
        of the files written, unless the store has all of it as it was put in; what is damaged is dropped from
        the store. Raises ValueError if the key is not a sha256.
        """
        entry = self._entry(key)
        try:
            try:
                content = entry.read_bytes()
            except FileNotFoundError:
                return None
            receipt = _read_entry(key, content)
            _check_names(receipt, targets)
            with _removed_on_failure(targets):
                for output, target in targets.items():
                    self._restore(receipt["outputs"][output], target)
        except _Damaged as damage:
            self._drop(key, damage)
            return None
        except OSError as error:
            _warn(f"result {key} is not used: {error}")
            return None
        with suppress(OSError):  # a store that can only be read is of use too
            os.utime(entry)  # prune goes by the last use
        return receipt

    def put(self, key: str, receipt: Mapping[str, Any], files: Mapping[str, Path]) -> bool:
        """Keep a job's receipt and the files that hold its outputs. Says whether the store now has them.

        Refused, with a warning, if the receipt is not sealed, not that of `key`, or not that of these files.
        """
        try:
            content = _entry_content(key, receipt)
            checked = _read_entry(key, content)
            _check_names(checked, files)
            for output, path in files.items():
                self._keep(checked["outputs"][output], path)
            with _published(self._entry(key)) as temporary:
                temporary.write_bytes(content)
        except (_Damaged, OSError) as problem:
            _warn(f"result {key} is not kept: {problem}")
            return False
        return True

    def trim(self) -> Removed:
        """Prune if the store holds more than its limit. Never raises OSError: trouble is only said."""
        try:
            if self.limit_bytes is not None and self.statistics().bytes > self.limit_bytes:
                return self.prune()
        except OSError as error:
            _warn(f"not trimmed: {error}")
        return Removed(0, 0, 0)

    def prune(self, limit_bytes: int | None = None, grace_s: float = GRACE_S) -> Removed:
        """Drop the entries that were not used for longest until what the others need fits into the limit.

        The limit is that of the store unless given; without any only objects that no entry needs go. Objects
        younger than `grace_s` stay in any case: their entry may be about to be written.
        """
        limit = self.limit_bytes if limit_bytes is None else limit_bytes
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # until the file is closed
            # Entries first: an object that a job adds after this look is young, and so is safe.
            entries = self._entries_by_use()
            sizes = self._sizes()
            needed = Counter(digest for digests in entries.values() for digest in digests)
            unfit = [] if limit is None else _least_used(entries, needed, sizes, limit)
            for key in unfit:
                self._entry(key).unlink(missing_ok=True)
            unneeded = [self._object(digest) for digest in sizes if not needed[digest]]
            freed = [size for path in unneeded if (size := _remove_older(path, grace_s)) is not None]
            for path in self.folder.glob("*/??/.*.tmp"):  # what killed jobs left
                _remove_older(path, max(grace_s, GRACE_S))
        return Removed(len(unfit), len(freed), sum(freed))

    def verify(self) -> list[Damage]:
        """Hash everything anew and list what is damaged, missing or misplaced. Changes nothing."""
        needed: list[tuple[str, Path]] = []
        damages: list[Damage] = []
        for path in self._files("jobs"):
            try:
                receipt = _read_entry(path.stem, path.read_bytes())
                if path != self._entry(path.stem):
                    raise _Damaged("misplaced")
                needed += [(digest, path) for digest in sorted(set(receipt["outputs"].values()))]
            except (_Damaged, OSError) as problem:
                damages += self._damage(path, str(problem))
        for path in self._files("objects"):
            try:
                if not SHA256.fullmatch(path.name) or path != self._object(path.name) or _digest(path) != path.name:
                    damages += self._damage(path, "its content is not what its name says")
            except OSError as problem:
                damages += self._damage(path, str(problem))
        for digest, entry in needed:
            if not self._object(digest).exists():
                damages += self._damage(entry, f"its object {digest} is missing")
        return sorted(damages)

    def statistics(self) -> Statistics:
        """Count entries, objects and the objects' bytes."""
        sizes = self._sizes()
        return Statistics(sum(1 for _ in self._files("jobs")), len(sizes), sum(sizes.values()))

    def _restore(self, digest: str, target: Path) -> None:
        """Copy an object. Raises _Damaged if it is missing or another than its name says."""
        path = self._object(digest)
        target.unlink(missing_ok=True)  # not written through: it may be a link to something of value
        try:
            source = path.open("rb", buffering=0)
        except FileNotFoundError:
            raise _Damaged(f"object {digest} is missing") from None
        with source, target.open("xb") as copy:
            if _copy(source, copy) != digest:
                raise _Damaged(f"object {digest} has another content", path)

    def _keep(self, digest: str, path: Path) -> None:
        """Have the file as an object. Raises _Damaged if it has another content than the digest says."""
        kept = self._object(digest)
        if _touch_if_sound(kept):
            _check_content(path, _digest(path), digest)
            return
        with _published(kept) as temporary:
            with path.open("rb", buffering=0) as source, temporary.open("xb") as copy:
                found = _copy(source, copy)
            _check_content(path, found, digest)

    def _drop(self, key: str, damage: _Damaged) -> None:
        """Remove an entry, and then the object to blame, so that they can be put in anew."""
        try:
            self._entry(key).unlink()
        except FileNotFoundError:
            if damage.path is None:
                return  # pruned while it was read: nothing is damaged
        except OSError:
            pass
        if damage.path is not None:
            with suppress(OSError):
                damage.path.unlink()
        _warn(f"result {key} is damaged and not used: {damage}")

    def _entry(self, key: str) -> Path:
        return self.folder / "jobs" / key[:2] / f"{_sha256(key)}.json"

    def _object(self, digest: str) -> Path:
        return self.folder / "objects" / digest[:2] / _sha256(digest)

    def _files(self, kind: str) -> Iterator[Path]:
        """All entries or all objects, and whatever else lies where they belong, but what is being written."""
        return (path for path in (self.folder / kind).glob("??/*") if not path.name.startswith("."))

    def _sizes(self) -> dict[str, int]:
        """Size of every object, by its digest."""
        sizes = {}
        for path in self._files("objects"):
            if SHA256.fullmatch(path.name) and path == self._object(path.name):
                with suppress(FileNotFoundError):  # dropped meanwhile
                    sizes[path.name] = path.stat().st_size
        return sizes

    def _entries_by_use(self) -> dict[str, set[str]]:
        """The digests that each entry needs, by its key, the one that was not used for longest first."""
        found = []
        for path in self._files("jobs"):
            if not SHA256.fullmatch(path.stem) or path != self._entry(path.stem):
                continue  # nothing that get would ever find
            try:
                receipt = _read_entry(path.stem, path.read_bytes())
                found.append((path.stat().st_mtime_ns, path.stem, set(receipt["outputs"].values())))
            except _Damaged as damage:
                self._drop(path.stem, damage)
            except FileNotFoundError:  # dropped meanwhile
                pass
        return {key: digests for _, key, digests in sorted(found)}

    def _damage(self, path: Path, words: str) -> list[Damage]:
        """One damage, or none if the file was removed meanwhile."""
        return [Damage(path.relative_to(self.folder).as_posix(), words)] if path.exists() else []


def _sha256(text: str) -> str:
    """Give back a digest that is to be part of a path. Raises ValueError if it isn't one."""
    if not SHA256.fullmatch(text):
        raise ValueError(f"{text!r} is not a sha256")
    return text


def _entry_content(key: str, receipt: Mapping[str, Any]) -> bytes:
    """Write an entry: it holds its key and its own hash, so that it can't be changed or moved unnoticed."""
    try:
        entry = {"key": key, "receipt": json.loads(json.dumps(receipt))}
        return canonical({**entry, "sha256": hashlib.sha256(canonical(entry)).hexdigest()})
    except (TypeError, ValueError) as error:
        raise _Damaged(f"its receipt can't be written as JSON: {error}") from error


def _read_entry(key: str, content: bytes) -> Receipt:
    """Read an entry's receipt. Raises _Damaged unless all of it is as it was written for this key."""
    try:
        receipt = json.loads(content)["receipt"]
        written = _entry_content(key, receipt)
        seal = hashlib.sha256(canonical({part: receipt[part] for part in receipt if part != "seal"})).hexdigest()
        made = job_key(receipt)
        digests = [str(digest) for digest in receipt["outputs"].values()]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise _Damaged("the entry is no receipt of a job") from error
    if content != written:
        raise _Damaged("the entry was changed")
    if receipt.get("seal") != seal:
        raise _Damaged("the receipt's seal is broken")
    if made != key:
        raise _Damaged(f"the receipt is of another job, with key {made}")
    if not all(SHA256.fullmatch(digest) for digest in digests):
        raise _Damaged("the receipt's outputs have no digests")
    assert isinstance(receipt, dict)
    return receipt


def _check_names(receipt: Mapping[str, Any], asked: Mapping[str, Path]) -> None:
    if set(receipt["outputs"]) != set(asked):
        raise _Damaged(
            f"the receipt has outputs {', '.join(sorted(receipt['outputs']))}, not {', '.join(sorted(asked))}"
        )


def _check_content(path: Path, found: str, expected: str) -> None:
    if found != expected:
        raise _Damaged(f"{path} has another content than its receipt says")


def _copy(source: BinaryIO, copy: BinaryIO | None = None) -> str:
    """Hash what is read, and write just that."""
    content = hashlib.sha256()
    while block := source.read(BLOCK):
        content.update(block)
        if copy is not None:
            copy.write(block)
    return content.hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb", buffering=0) as source:
        return _copy(source)


@contextmanager
def _published(path: Path) -> Iterator[Path]:
    """Give a temporary path, which no other process or host has, and put what was written there at `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    host, random = os.uname().nodename, os.urandom(8).hex()
    temporary = path.with_name(f".{path.name}.{host}.{os.getpid()}.{random}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink()


@contextmanager
def _removed_on_failure(targets: Mapping[str, Path]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        for target in targets.values():
            with suppress(OSError):
                target.unlink()
        raise


def _touch_if_sound(path: Path) -> bool:
    """Is the object there and what its name says? It then counts as young, so that no prune takes it away.

    The whole of it is read, which is rare: a job that the store already has isn't put in. So a put heals all
    that it needs, and not just what an earlier get has found damaged.
    """
    try:
        os.utime(path)
        return _digest(path) == path.name
    except OSError:
        return False  # to be written then, which will say what is wrong


def _least_used(
    entries: Mapping[str, set[str]], needed: Counter[str], sizes: Mapping[str, int], limit: int
) -> list[str]:
    """Take entries, in their order, out of what is needed until that fits; which ones were taken.

    What no entry needs doesn't count, even while it stays for its youth: it goes with the next prune, and
    to drop further entries in its place would empty the store step by step.
    """
    used = sum(sizes.get(digest, 0) for digest in needed)
    taken = []
    for key, digests in entries.items():
        if used <= limit:
            break
        taken.append(key)
        needed.subtract(digests)
        used -= sum(sizes.get(digest, 0) for digest in digests if not needed[digest])
    return taken


def _remove_older(path: Path, age_s: float) -> int | None:
    """Remove the file if it is that old now; its size if it was removed."""
    with suppress(FileNotFoundError):
        found = path.stat()
        if time.time() - found.st_mtime >= age_s:
            path.unlink()
            return found.st_size
    return None


def _file_in_the_way(folder: Path) -> Path | None:
    """What exists where there should be a folder: the path itself or one of its parents."""
    with suppress(PermissionError):  # not to be seen from here: get and put will say so
        for path in (folder, *folder.parents):
            if path.exists():
                return None if path.is_dir() else path
    return None


def _warn(words: str) -> None:
    print(f"store: {words}", file=sys.stderr)  # a job's log
