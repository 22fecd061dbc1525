"""Findings: what is wrong with a file of the results, in words that say what to do, and what has been accepted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from provenance.receipts import SUFFIX, BadReceipt, Receipt, digest, file_hash, receipt_of

Kind = Literal["damaged", "receipt", "missing", "stale", "foreign", "pdf", "store"]

ACCEPTED = "accepted.json"
"""Exceptions on record, in the results folder: the one file there that no job makes."""

MEANING: dict[str, str] = {
    "damaged": "is not what its job wrote",
    "receipt": "has no sound receipt",
    "missing": "is missing",
    "stale": "is stale",
    "foreign": "was made by no job",
    "pdf": "does not print what the ledger says",
    "store": "is damaged in the shared store",
}


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with one file (a path relative to the results folder)."""

    kind: Kind
    file: str
    job: str = ""
    """The job that makes the file: its rule and wildcards."""
    found: str = ""
    expected: str = ""
    why: str = ""
    """What differs, in words."""

    def tell(self, results: str, dependents: Sequence[str] = ()) -> str:
        """Say what is wrong, what depends on it and the two ways out, on several lines."""
        path = f"{results}/{self.file}"
        maker = f" (made by {self.job})" if self.job else ""
        lines = [f"{path} {MEANING[self.kind]}{maker}{': ' + self.why if self.why else '.'}"]
        if self.found or self.expected:
            lines += [f"    found     {self.found or 'nothing'}", f"    expected  {self.expected or 'nothing'}"]
        if dependents:
            more = f" and {len(dependents) - 4} more" if len(dependents) > 4 else ""
            lines.append(f"    needed by {', '.join(dependents[:4])}{more}")
        if self.kind in ("damaged", "receipt", "stale"):
            lines.append(f"    Remake it:  rm {path}  and build again{',' if self.kind != 'receipt' else '.'}")
        if self.kind in ("damaged", "stale"):
            lines.append(f'    or keep it:  audit accept {path} --reason "why"  and build again.')
        return "\n".join(lines)


class Unsound(RuntimeError):
    """Results that may not be used; the message lists the findings."""


class Accepted:
    """The findings that somebody has accepted, with who, when and why."""

    def __init__(self, records: Iterable[dict[str, Any]] = ()):
        self.records = list(records)
        self._known = {_signature(record) for record in self.records}

    def __contains__(self, finding: Finding) -> bool:
        """Is this very finding on record? Any further change makes it another finding."""
        return _signature(vars(finding)) in self._known

    def standing(self, results: Path) -> list[dict[str, Any]]:
        """Give the records in effect: what has been remade since it was accepted is no exception any more."""
        return [record for record in self.records if _stands(record, results)]

    @classmethod
    def read(cls, results: Path) -> Accepted:
        """Read the exceptions of a results folder; raises Unsound if their file is not what `audit accept` writes."""
        path = results / ACCEPTED
        if not path.exists():
            return cls()
        try:
            records = json.loads(path.read_text())
            return cls(records)
        except (ValueError, KeyError, TypeError) as error:
            raise Unsound(f"{path} cannot be read ({error!r}). Restore it, or remove it and accept anew.") from error


def _signature(record: Any) -> tuple[str, str, str, str]:
    return record["kind"], record["file"], record["found"], record["expected"]


def _stands(record: Mapping[str, str], results: Path) -> bool:
    """Is the file, or for a stale one its job's task, still what was accepted? Of other kinds nobody can say here."""
    try:
        if record["kind"] == "damaged":
            return file_hash(results / record["file"]) == record["found"]
        if record["kind"] == "stale":
            return digest(Receipt.read(results / receipt_of(record["file"])).task) == record["found"]
    except (OSError, BadReceipt):
        return False
    return True


def misplaced(receipt: Receipt, path: str) -> str | None:
    """Say if a receipt lies elsewhere than beside its outputs; `path` is relative to the results folder."""
    places = {receipt_of(output).as_posix() for output in receipt.outputs}
    return None if places == {path} else f"belongs to {', '.join(sorted(receipt.outputs))}"


def read_placed(results: Path, path: str) -> Receipt:
    """Read a receipt that must lie at `path` in the results folder; raises BadReceipt with the reason if it can't."""
    receipt = Receipt.read(results / path)
    if objection := misplaced(receipt, path):
        raise BadReceipt(objection)
    return receipt


def examine(file: str, found: str | None, receipt: Receipt) -> Finding | None:
    """Compare a file's hash (None: it is not there) with the receipt of the job that made it."""
    expected = receipt.outputs.get(file)
    if expected is None:
        return Finding("foreign", file, receipt.name, found or "", "", "its receipt does not list it")
    if found is None:
        return Finding("missing", file, receipt.name, "", expected)
    return None if found == expected else Finding("damaged", file, receipt.name, found, expected)


def is_receipt(file: str) -> bool:
    """Is this path a receipt's?"""
    return file.endswith(SUFFIX)
