"""Hashes of files, remembered for as long as size, times and inode stay the same; and jobs that were found sound.

The kernel sets ctime at every change and nobody can set it back, so a file that was edited under its old mtime is
hashed again. A job is sound or not by the hashes of its files, of its receipt and of what it would read today: while
all of them are those of a job that was found sound, its receipt need not be read again.
"""

from __future__ import annotations

import contextlib
import json
import stat
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from provenance.receipts import file_hash, write_whole

MEMO = ".memo.json"
SETTLED_NS = 1_000_000_000
"""A file that changed less long ago could change again without any visible sign."""


class Memo:
    """Hashes of the files of one results folder."""

    def __init__(self, results: Path, trusting: bool = True):
        """Read what is remembered; with `trusting` false everything is hashed anew."""
        self._path = results / MEMO
        self._known: dict[str, list[object]] = {}
        self._sound: dict[str, str] = {}
        self._changed = False
        if trusting:
            try:
                known = json.loads(self._path.read_text())
            except (OSError, ValueError, RecursionError):
                known = None
            if isinstance(known, dict):
                self._known = {name: entry for name, entry in _part(known, "files") if isinstance(entry, list)}
                self._sound = {name: entry for name, entry in _part(known, "sound") if isinstance(entry, str)}

    def hash(self, path: Path) -> str | None:
        """Give the sha256 of a file; None if there is no such file."""
        try:
            about = path.stat()
        except OSError:
            return None
        if not stat.S_ISREG(about.st_mode):
            return None
        name = str(path)
        state = [about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_ino]
        if (known := self._known.get(name)) and known[:-1] == state:
            return str(known[-1])
        settled = time.time_ns() - about.st_ctime_ns > SETTLED_NS  # before the hash, which may take long
        found = file_hash(path)
        if settled:
            self._known[name] = [*state, found]
            self._changed = True
        return found

    def was_sound(self, receipt: str, basis: str) -> bool:
        """Was the job with this receipt found sound? `basis` is a digest of all that its soundness depends on."""
        return self._sound.get(receipt) == basis

    def note_sound(self, receipt: str, basis: str) -> None:
        """Remember that it was."""
        self._sound[receipt] = basis
        self._changed = True

    def save(self) -> None:
        """Remember for the next time; a folder that can't be written is no reason to stop."""
        if self._changed:
            with contextlib.suppress(OSError):
                write_whole(self._path, json.dumps({"files": self._known, "sound": self._sound}))


def _part(known: dict[str, Any], name: str) -> Iterable[tuple[str, object]]:
    part = known.get(name)
    return part.items() if isinstance(part, dict) else ()
