"""What every rule script runs in: inputs checked, output whole or not at all, a receipt, its words in its log.

@job(snakemake)
def train(this):
    from scaling.training import train
    this.write_json("record", train(this.params["run"], data=this.input["data"]))

A job whose result lies in the shared store is not run: what it would import is therefore imported inside.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import resource
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from provenance.builds import results_folder, still_in_charge
from provenance.findings import ACCEPTED, Accepted, Finding, Unsound, examine, is_receipt, read_placed
from provenance.forks import hand_over
from provenance.orders import Orders
from provenance.receipts import BadReceipt, Receipt, file_hash, in_order, plain, receipt_of
from provenance.store import Store, job_key

if TYPE_CHECKING:  # importing numpy costs more than many jobs
    import numpy as np


MOST = 8
"""Findings that are told in full; of more, the number."""


class Orphaned(RuntimeError):
    """The build that started this job is gone or replaced: what the job made is not wanted any more."""


class Context(Protocol):
    """What is used of the `snakemake` that Snakemake puts into a script."""

    rule: str
    input: Any
    output: Any
    params: Any
    wildcards: Any
    log: Any
    resources: Any


def job(snakemake: Context) -> Callable[[Callable[[Job], None]], None]:
    """Run the function below as the job at hand, in a fork where there is one to have: `@job(snakemake)`."""
    hand_over(snakemake.params.get("code"))
    return Job(snakemake).run


class Job:
    """The job at hand. An output is called by its name, or by its path where it has no name of its own.

    Whatever is written goes to a hidden temporary name first, and all is published together when the function
    returns. After any exception, or if the build that started the job is gone, nothing is published.
    """

    def __init__(self, snakemake: Context):
        self.input = snakemake.input
        self.output = snakemake.output
        self.params = snakemake.params
        self.wildcards = snakemake.wildcards
        self.resources = snakemake.resources
        self._rule = snakemake.rule
        self._final = _by_name(snakemake.output)
        # With the host: on a cluster's file system, two nodes may have processes of one number.
        writer = f"{os.uname().nodename}.{os.getpid()}"
        self._temporary = {name: _hidden(path, writer) for name, path in self._final.items()}
        self._log = _Log(Path(snakemake.log[0])) if snakemake.log else None
        self.receipts: list[Receipt] = []
        """Receipts of the jobs that made the inputs, and those that are inputs themselves."""
        self.sources: dict[str, str] = {}
        """Hashes of the inputs that no job made."""
        self.exceptions: list[dict[str, Any]] = []
        """The findings that somebody has accepted and that are still there."""
        self._circumstances: dict[str, Any] = {}
        self._results = results_folder()
        self._orders = Orders.read(self._results)

    def path(self, name: str | None = None) -> Path:
        """Where to write the output called `name` (default: the first); it is published at the end."""
        if name is None:
            return next(iter(self._temporary.values()))
        if name not in self._temporary:
            raise LookupError(f"the rule has no output {name!r}; it has {', '.join(self._temporary) or 'none'}")
        return self._temporary[name]

    def within(self, path: Path) -> str:
        """Name a file as receipts do: relative to the results folder."""
        return _within(path, self._results)

    def note(self, **circumstances: Any) -> None:
        """Have the receipt say how this was made, beside time and costs: plain data, not hashed."""
        self._circumstances |= circumstances

    def write_text(self, name: str, text: str) -> None:
        """Write the output called `name` as UTF-8, line ends as given."""
        self.path(name).write_bytes(text.encode())

    def write_json(self, name: str, content: object) -> None:
        """Write a pydantic model or plain data: equal content, equal bytes. NaN and infinity are errors."""
        try:
            text = json.dumps(content, default=_plain, sort_keys=True, indent=1, allow_nan=False, ensure_ascii=False)
        except (TypeError, ValueError) as error:
            raise ValueError(f"output {name!r} cannot be written as JSON: {error}") from error
        self.write_text(name, text + "\n")

    def write_arrays(self, name: str, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Write named arrays as a compressed npz, the same bytes each time. Arrays of objects are errors."""
        import numpy as np

        # An open file, because numpy appends .npz to a name that it finds wanting.
        with self.path(name).open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **{key: arrays[key] for key in sorted(arrays)})

    def run(self, work: Callable[[Job], None]) -> None:
        """Check the inputs, do the work or take its result from the shared store, and publish it with its receipt.

        With a log, any error stands there in full and the process ends with 1; without, the error is raised.
        """
        error: BaseException | None = None
        if self._log:
            self._log.begin()
        try:
            self._run(work)
        except BaseException as problem:
            if not self._log:
                raise
            error = problem
        finally:
            for path in self._temporary.values():
                path.unlink(missing_ok=True)
            if self._log:
                self._log.end(error)
        if error is not None:
            # The traceback is in the log; on the terminal it would stand between other jobs' progress.
            raise SystemExit(1)

    def _run(self, work: Callable[[Job], None]) -> None:
        start = datetime.now(UTC)
        self._check_build()
        for path in self._final.values():
            path.parent.mkdir(parents=True, exist_ok=True)
            _remove_left_over(path)
        reader = _Reader(self._results, self._orders)
        read = reader.read_all([Path(path) for path in self.input])
        self.receipts, self.sources = list(reader.receipts.values()), read.sources
        self.exceptions = reader.accepted.standing(self._results)
        draft = self._draft(read)
        store = Store.from_environment()
        key = job_key(asdict(draft) | {"outputs": list(self._made())})
        restored = store.get(key, self._made()) if store else None
        if restored is not None:
            print(f"restored from the shared store: {key}")
            receipt = Receipt.from_json(restored)
        else:
            work(self)
            receipt = self._receipt(draft, start)
            self._look_again(draft, read)
        self.path("receipt").write_bytes(receipt.text().encode())
        self._publish()
        if store and restored is None:
            store.put(key, json.loads(receipt.text()), {name: self._results / name for name in receipt.outputs})

    def _made(self) -> dict[str, Path]:
        """Give the outputs but for the receipt: path in the results folder, and the temporary name."""
        if "receipt" not in self._final:
            raise LookupError(f"rule {self._rule} declares no output called receipt")
        made = {
            _within(path, self._results): self._temporary[name]
            for name, path in self._final.items()
            if name != "receipt"
        }
        receipt = _within(self._final["receipt"], self._results)
        for path in made:
            if receipt_of(path).as_posix() != receipt:
                raise LookupError(f"rule {self._rule}: the receipt of {path} is {receipt_of(path)}, not {receipt}")
        return made

    def _draft(self, read: _Read) -> Receipt:
        """Give the receipt as it stands before the work."""
        params = {name: plain(value) for name, value in self.params.items()}
        code, environment = self._orders.identity(params.pop("code", None), params.pop("environment", None))
        wildcards = {name: str(value) for name, value in self.wildcards.items()}
        order = in_order(params, read.names)
        return Receipt(self._rule, wildcards, params, code, environment, read.inputs, read.sources, {}, {}, order)

    def _receipt(self, draft: Receipt, start: datetime) -> Receipt:
        made = self._made()
        unwritten = [name for name, path in self._temporary.items() if name != "receipt" and not path.exists()]
        if unwritten:
            raise RuntimeError(f"the script ended without writing its output {', '.join(map(repr, unwritten))}")
        outputs = {name: file_hash(path) for name, path in made.items()}
        return replace(draft, outputs=outputs, made=_costs(start) | self._circumstances)

    def _look_again(self, draft: Receipt, read: _Read) -> None:
        """Refuse to publish if what was read or run has changed meanwhile, or is not all that was declared."""
        if changed := [str(path) for path, state in read.states.items() if _state(path) != state]:
            raise Unsound(f"{', '.join(changed)} changed while this job read it. Build again.")
        if draft.code:
            self._orders.check_code(draft.code["digest"])

    def _publish(self) -> None:
        self._check_build()
        # The receipt goes first and comes last: with a kill in between, the job counts as not done.
        self._final["receipt"].unlink(missing_ok=True)
        for name, path in sorted(self._final.items(), key=lambda output: output[0] == "receipt"):
            self._temporary[name].replace(path)

    def _check_build(self) -> None:
        if not still_in_charge():
            raise Orphaned("the build that started this job is gone or was replaced; its output is dropped")


class _Read(NamedTuple):
    """Hashes of what a job reads, and the state of each file when it was hashed."""

    inputs: dict[str, str]
    sources: dict[str, str]
    states: dict[Path, tuple[int, ...]]
    names: list[str]
    """All of them in the rule's order, named as in inputs and sources."""


class _Reader:
    """Checks a job's inputs against the receipts of the jobs that made them."""

    def __init__(self, results: Path, orders: Orders):
        self.results, self.orders = results, orders
        self.accepted = Accepted.read(results)
        self.receipts: dict[str, Receipt] = {}

    def read_all(self, paths: list[Path]) -> _Read:
        """Hash all inputs; raises Unsound, listing every finding, if one may not be used."""
        read = _Read({}, {}, {}, [])
        findings = []
        for path in paths:
            read.states[path] = _state(path)
            # As it is written: a link in the results folder is a result, wherever it leads.
            if not _as_written(path).is_relative_to(self.results):
                read.names.append(path.as_posix())
                read.sources[path.as_posix()] = file_hash(path)
                continue
            file = _within(path, self.results)
            read.names.append(file)
            read.inputs[file] = file_hash(path)
            if finding := self.examine(file, read.inputs[file]):
                findings.append(finding)
        if findings:
            told = [finding.tell(os.path.relpath(self.results)) for finding in findings[:MOST]]
            raise Unsound("\n".join((*told, *([f"… and {len(findings) - MOST} more"] if findings[MOST:] else []))))
        return read

    def examine(self, file: str, found: str) -> Finding | None:
        """Find what speaks against using a file of the results folder."""
        if file == ACCEPTED:
            return None
        place = file if is_receipt(file) else receipt_of(file).as_posix()
        try:
            receipt = self.receipts.get(place) or read_placed(self.results, place)
        except BadReceipt as error:
            return Finding("receipt", file, found=found, why=f"{place} {error}")
        self.receipts[place] = receipt
        finding = None if is_receipt(file) else examine(file, found, receipt)
        finding = finding or self.orders.still_stale(place, receipt)
        return None if finding is None or finding in self.accepted else finding


@contextlib.contextmanager
def logged(path: str) -> Iterator[None]:
    """Keep what a script says and its error in a log, for a script that makes no result; an error ends it with 1."""
    log, error = _Log(Path(path)), None
    log.begin()
    try:
        yield
    except BaseException as problem:
        error = problem
    log.end(error)
    if error is not None:
        raise SystemExit(1)


class _Log:
    """Standard output and error of this process and its children, in a file."""

    def __init__(self, path: Path):
        self._path = path
        self._saved: tuple[int, int] | None = None

    def begin(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)  # an orphan of an earlier build may still write into the old file
        _flush()
        self._saved = os.dup(1), os.dup(2)
        with self._path.open("ab") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)

    def end(self, error: BaseException | None) -> None:
        assert self._saved is not None
        _flush()
        if error is not None:
            # Straight to the descriptor: sys.stderr may be something else, as it is under pytest.
            os.write(2, "".join(traceback.format_exception(error)).encode())
        for descriptor, saved in zip((1, 2), self._saved, strict=True):
            os.dup2(saved, descriptor)
            os.close(saved)


def _flush() -> None:
    """Write out what Python and the C library still buffer for standard output and error."""
    import ctypes

    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    ctypes.CDLL(None).fflush(None)


def _costs(start: datetime) -> dict[str, Any]:
    """When and where the job ran, and what it cost: processor time and memory of this process and its children."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    end = datetime.now(UTC)
    kilobytes = 1 if sys.platform == "darwin" else 1024
    return {
        "start": start.isoformat(timespec="milliseconds"),
        "end": end.isoformat(timespec="milliseconds"),
        "host": os.uname().nodename,
        "wall_s": round((end - start).total_seconds(), 3),
        "cpu_s": round(sum(use.ru_utime + use.ru_stime for use in (own, children)), 3),
        "memory_mb": round(max(own.ru_maxrss, children.ru_maxrss) * kilobytes / 1e6, 1),
    }


def _state(path: Path) -> tuple[int, ...]:
    about = path.stat()
    return about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_ino


def _within(path: Path, results: Path) -> str:
    return _as_written(path).relative_to(results).as_posix()


def _as_written(path: Path) -> Path:
    """Give the whole path without following links."""
    return Path(os.path.normpath(path.absolute()))


def _by_name(outputs: Any) -> dict[str, Path]:
    """All declared outputs, by name where a name means one file, else by path."""
    names = {str(value): name for name, value in outputs.items() if isinstance(value, str)}
    return {names.get(str(path), str(path)): Path(path) for path in outputs}


def _hidden(path: Path, writer: str) -> Path:
    suffixes = "".join(path.suffixes)
    return path.with_name(f".{path.name.removesuffix(suffixes)}.{writer}.tmp{suffixes}")


def _remove_left_over(path: Path) -> None:
    """Remove what killed jobs left; only orphans may still write it: a build runs one such job at a time."""
    for left in path.parent.glob(_hidden(Path(glob.escape(path.name)), "*").name):
        left.unlink(missing_ok=True)


def _plain(value: Any) -> object:
    """Give pydantic models and numpy's numbers and arrays as what JSON knows."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not plain data: {value!r}")
