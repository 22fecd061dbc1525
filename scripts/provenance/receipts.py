"""Receipts: what a job leaves behind to prove what it read, ran and wrote.

The outputs of a job share one path but for the suffix, and its receipt is that path with `.receipt.json`. Paths in a
receipt are relative to the results folder, so that a receipt holds in a moved checkout. Its statement (all but
`made`, when and where the job ran and what it cost) is the same each time; its seal covers both.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any

SUFFIX = ".receipt.json"


class BadReceipt(ValueError):
    """A receipt that cannot be read, is not what its job wrote, or lies where it does not belong."""


@dataclass(frozen=True)
class Receipt:
    """What one job read, ran and wrote. Hashes are sha256 in hex; paths are relative to the results folder."""

    rule: str
    wildcards: dict[str, str]
    params: dict[str, Any]
    """Its params in plain data, without code and environment."""
    code: dict[str, Any]
    """`digest`, `script`, `kinds` (modules imported by name, by package), and `files`: path to digest."""
    environment: dict[str, Any]
    """`digest`, and `versions` of Python and of the distributions that the code imports."""
    inputs: dict[str, str]
    """Files of the results folder as they were read."""
    sources: dict[str, str]
    """Other files as they were read, relative to the working directory."""
    outputs: dict[str, str]
    """Files as they were written."""
    made: dict[str, Any]
    """`start` and `end` (UTC), `host`, `wall_s`, `cpu_s`, `memory_mb` (at most resident)."""
    order: str = ""
    """Digest of params and inputs in the order in which the job got them (`in_order`), which all else here forgets."""

    @property
    def name(self) -> str:
        """The job in words: its rule and wildcards."""
        return job_name(self.rule, self.wildcards)

    @cached_property
    def statement(self) -> str:
        """Digest of all that is the same each time."""
        return digest({key: value for key, value in self._content().items() if key != "made"})

    @cached_property
    def seal(self) -> str:
        """Digest of all of it."""
        return digest(self._content())

    @property
    def task(self) -> dict[str, Any]:
        """What decides the outputs: the same task, the same result, in whatever checkout."""
        content = self._content()
        for identity in ("code", "environment"):
            content[identity] = content[identity].get("digest")
        content["outputs"] = sorted(self.outputs)
        del content["made"]
        return content

    def _content(self) -> dict[str, Any]:
        """Give its fields as they are; `asdict` would copy what is in them, which takes longer than reading it."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def text(self) -> str:
        """Give the content of its file, seal included."""
        content = self._content() | {"seal": self.seal}
        return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, path: Path) -> Receipt:
        """Read a receipt; raises BadReceipt if it is unreadable or its seal is broken."""
        try:
            return cls.parse(path.read_bytes())
        except OSError as error:
            raise BadReceipt(f"cannot be read: {error.strerror}") from error

    @classmethod
    def parse(cls, text: bytes) -> Receipt:
        """Read the content of a receipt's file; raises BadReceipt if it is unreadable or its seal is broken."""
        try:
            receipt = cls.from_json(json.loads(text))
        except BadReceipt:
            raise
        except (ValueError, RecursionError) as error:
            raise BadReceipt(f"is not a receipt: {error!r}") from error
        # The seal is of the content; the bytes could still differ in ways that JSON does not see.
        if text != receipt.text().encode():
            raise BadReceipt("has been changed: it is not spelled as receipts are")
        return replace(receipt, code=_shared(receipt.code), environment=_shared(receipt.environment))

    @classmethod
    def from_json(cls, content: Any) -> Receipt:
        """Read a receipt from plain data; raises BadReceipt if it is not one or its seal is broken."""
        try:
            content = dict(content)
            seal = content.pop("seal")
            receipt = cls(**content)
            assert all(isinstance(value, str if key in ("rule", "order") else dict) for key, value in content.items())
        except (ValueError, KeyError, TypeError, AttributeError, AssertionError) as error:
            raise BadReceipt(f"is not a receipt: {error!r}") from error
        if seal != digest(content):
            raise BadReceipt(f"has been changed: its seal is {seal}, its content gives {digest(content)}")
        return receipt


_identities: dict[str, dict[str, Any]] = {}


def _shared(identity: dict[str, Any]) -> dict[str, Any]:
    """Give an identity as one that was read before, if equal: many receipts are of one code, most of their size."""
    return _identities.setdefault(digest(identity), identity)


def job_name(rule: str, wildcards: Mapping[str, str]) -> str:
    """Name a job in words: `law domain=spiral family=knn-1`."""
    return " ".join((rule, *(f"{key}={value}" for key, value in wildcards.items())))


def receipt_of(output: str | PurePath) -> Path:
    """Name the receipt of the job that writes `output`: the path up to the name's first dot, and `.receipt.json`."""
    path = Path(output)
    stem, *_ = path.name.partition(".")
    return path.with_name(stem + SUFFIX)


def canonical(content: object) -> bytes:
    """Spell plain data in one way only."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(content: object) -> str:
    """Give the sha256 of plain data."""
    return hashlib.sha256(canonical(content)).hexdigest()


def file_hash(path: Path) -> str:
    """Give the sha256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_whole(path: Path, text: str) -> None:
    """Write a text file so that nobody ever sees a part of it."""
    temporary = path.with_name(f".{path.name.removeprefix('.')}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        with suppress(OSError):  # a read-only file system refuses this too
            temporary.unlink(missing_ok=True)


def plain(value: Any) -> Any:
    """Turn params into plain data, as JSON gives them back; raises TypeError for other things, ValueError for NaN."""
    return json.loads(json.dumps(value, default=_plain, allow_nan=False))


def in_order(params: Mapping[str, Any], files: Sequence[str]) -> str:
    """Digest params (plain data) and files in their order: which domain stands first, say, shows in the results."""
    return hashlib.sha256(json.dumps([params, list(files)], ensure_ascii=False).encode()).hexdigest()


def _plain(value: Any) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} is not plain data: {value!r}")
