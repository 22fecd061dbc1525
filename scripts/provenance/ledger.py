"""The ledger: every number that the paper prints, by key, with its lineage down to the data; figures and tables too.

The lineage of a file is a digest of its content, of its job's statement and of the lineages of all that the job read;
the root is one digest of the whole. Neither holds a time or a host, so the same study gives the same root.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from provenance.findings import Unsound
from provenance.receipts import Receipt, digest, plain

LEDGER = "ledger.json"
"""Its place in the results folder."""
KEY = re.compile(r"[A-Za-z0-9]+([.-][A-Za-z0-9]+)*")


class LedgerError(ValueError):
    """An entry that the ledger can't take: a bad key, one that is taken, or a source that no job made."""


class Lineage:
    """What every file rests on, from the receipts of the jobs that made it and all before it."""

    def __init__(self, receipts: Iterable[Receipt], exceptions: Sequence[Mapping[str, Any]] = ()):
        """Join receipts; raises Unsound if one job read another content than its producer wrote.

        `exceptions` are accepted findings: a damaged file that was accepted counts with the content it has, and a stale
        job that was accepted may have read another content.
        """
        receipts = list(receipts)
        self._makers = {file: receipt for receipt in receipts for file in receipt.outputs}
        self._hashes = {file: maker.outputs[file] for file, maker in self._makers.items()}
        self._hashes |= {record["file"]: record["found"] for record in exceptions if record["kind"] == "damaged"}
        self._kept = {record["found"] for record in exceptions if record["kind"] == "stale"}
        self._digests: dict[str, str] = {}
        self._upstream: dict[str, frozenset[str]] = {}
        for receipt in receipts:
            self._check(receipt)

    def _check(self, receipt: Receipt) -> None:
        if self._kept and digest(receipt.task) in self._kept:
            return
        for file, read in receipt.inputs.items():
            if file in self._makers and read != self._hashes[file]:
                raise Unsound(
                    f"{receipt.name} read {file} with sha256 {read}, but its job wrote {self._hashes[file]}.\n"
                    f"Remake it: rm {' '.join(receipt.outputs)} in the results folder, and build again."
                )

    def maker(self, file: str) -> Receipt:
        """Give the receipt of the job that made a file; raises LedgerError if none did."""
        if file not in self._makers:
            raise LedgerError(f"{file}: no job made it, so no number can come from it")
        return self._makers[file]

    def matching(self, pattern: str) -> list[str]:
        """List the files that match a pattern such as laws/*/*.json; raises LedgerError if there are none."""
        found = sorted(file for file in self._makers if fnmatchcase(file, pattern))
        if not found:
            raise LedgerError(f"{pattern}: no job made such a file, so no number can come from it")
        return found

    def of(self, file: str) -> str:
        """Give the lineage of a file."""
        if file not in self._digests:
            maker = self.maker(file)
            self._digests[file] = digest(
                {
                    "file": file,
                    "sha256": self._hashes[file],
                    "statement": maker.statement,
                    "inputs": {name: self.of(name) for name in maker.inputs if name in self._makers},
                }
            )
        return self._digests[file]

    def upstream(self, file: str) -> frozenset[str]:
        """Give all files that a file rests on, itself included."""
        if file not in self._upstream:
            inputs = (name for name in self.maker(file).inputs if name in self._makers)
            self._upstream[file] = frozenset({file}).union(*map(self.upstream, inputs))
        return self._upstream[file]

    def seeds(self, file: str) -> list[int]:
        """List the seeds of all jobs behind a file: the values of their wildcard `seed`."""
        wildcards = (self._makers[name].wildcards for name in self.upstream(file))
        return sorted({int(found["seed"]) for found in wildcards if "seed" in found})

    @cached_property
    def all(self) -> dict[str, dict[str, str]]:
        """Content and lineage of every file."""
        return {file: {"sha256": self._hashes[file], "lineage": self.of(file)} for file in sorted(self._makers)}


class Ledger:
    """All numbers, figures and tables of a paper."""

    def __init__(
        self,
        receipts: Iterable[Receipt],
        *,
        config: Mapping[str, Any],
        tree: str,
        sources: Mapping[str, str],
        exceptions: Sequence[Mapping[str, Any]] = (),
    ):
        """Open a ledger over `receipts` of all jobs before it.

        `config` is the study, `tree` the digest of all its code, `sources` the hashes of the paper's templates,
        `exceptions` the accepted findings.
        """
        receipts = list(receipts)
        self.entries: dict[str, dict[str, Any]] = {}
        self._lineage = Lineage(receipts, exceptions)
        self._config, self._tree = plain(config), tree
        self._sources, self._exceptions = dict(sources), list(exceptions)
        self._basis = _basis(receipts)

    def add(self, key: str, number: Mapping[str, Any], *, source: str, pointer: str) -> None:
        """Enter a number: `number` has at least `value` and `printed`; `source` and `pointer` say where it was read.

        `source` is a file of the results folder, a pattern of files, or `config` or `code`. Raises LedgerError if the
        key is taken or is not words of letters and digits joined by dots and hyphens, or if no job made the source.
        """
        self._enter(key, {"kind": "number", **number, "source": source, "pointer": pointer, **self._origin(source)})

    def add_file(self, kind: str, key: str, file: str) -> None:
        """Enter a figure or a table: its value is the sha256 of the file."""
        origin = {"source": file, "pointer": "", **self._origin(file)}
        self._enter(key, {"kind": kind, "value": self._lineage.all[file]["sha256"], "printed": "", **origin})

    def content(self) -> dict[str, Any]:
        """Give the whole ledger, with its root."""
        content = {
            "code": self._tree,
            "entries": self.entries,
            "exceptions": self._exceptions,
            "files": self._lineage.all,
            "sources": self._sources,
            "config": self._config,
            "basis": self._basis,
        }
        return {"root": root(content), **content}

    def _enter(self, key: str, entry: dict[str, Any]) -> None:
        if not KEY.fullmatch(key):
            raise LedgerError(f"ledger key {key!r}: expected letters and digits, joined by single dots or hyphens")
        if key in self.entries:
            raise LedgerError(
                f"ledger key {key!r} is entered twice: {self.entries[key]['source']} and {entry['source']}"
            )
        self.entries[key] = entry

    def _origin(self, source: str) -> dict[str, Any]:
        """Who made the source, of which seeds, with which code, and the digest of all that it rests on."""
        if source == "config":
            return {"rule": "config", "seeds": [], "code": "", "lineage": digest(self._config)}
        if source == "code":
            return {"rule": "code", "seeds": [], "code": self._tree, "lineage": self._tree}
        files = self._lineage.matching(source)
        makers = [self._lineage.maker(file) for file in files]
        codes = {str(maker.code.get("digest", "")) for maker in makers}
        lineages = [self._lineage.of(file) for file in files]
        return {
            "rule": " ".join(dict.fromkeys(maker.rule for maker in makers)),
            "seeds": sorted({seed for file in files for seed in self._lineage.seeds(file)}),
            "code": codes.pop() if len(codes) == 1 else digest(sorted(codes)),
            "lineage": lineages[0] if len(lineages) == 1 else digest(lineages),
        }


def root(content: Mapping[str, Any]) -> str:
    """Give the one digest of a ledger's content, whatever root it carries."""
    return digest({key: value for key, value in content.items() if key != "root"})


def _basis(receipts: Iterable[Receipt]) -> dict[str, dict[str, str]]:
    """All files of code and all versions that took part, so that two ledgers can say what they differ by."""
    basis: dict[str, dict[str, str]] = {"code": {}, "environment": {}}
    for receipt in receipts:
        basis["code"] |= receipt.code.get("files", {})
        basis["environment"] |= receipt.environment.get("versions", {})
    return basis
