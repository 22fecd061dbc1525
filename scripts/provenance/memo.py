"""Hashes of files, remembered for as long as size, times and inode stay the same.

The kernel sets ctime at every change and nobody can set it back, so a file that was edited under its old mtime is
hashed again.
"""

from __future__ import annotations

import contextlib
import json
import stat
import time
from pathlib import Path

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
        self._changed = False
        if trusting:
            try:
                known = json.loads(self._path.read_text())
            except (OSError, ValueError, RecursionError):
                known = None
            if isinstance(known, dict):
                self._known = {name: entry for name, entry in known.items() if isinstance(entry, list)}

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

    def save(self) -> None:
        """Remember for the next time; a folder that can't be written is no reason to stop."""
        if self._changed:
            with contextlib.suppress(OSError):
                write_whole(self._path, json.dumps(self._known))
