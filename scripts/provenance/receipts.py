"""What every rule script runs in: its output whole or not at all, its words and its errors in its log.

with job(snakemake) as this:
    this.write_json("record", train(this.params["run"], data=this.input["data"]))
"""

import glob
import json
import os
import shutil
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from provenance.builds import still_in_charge

if TYPE_CHECKING:  # importing numpy costs more than many jobs
    import numpy as np


class Orphaned(RuntimeError):  # noqa: N818 (a state of things, not a mistake)
    """The build that started this job is gone or replaced: what the job made is not wanted any more."""


class Context(Protocol):
    """What is used of the `snakemake` that Snakemake puts into a script."""

    input: Any
    output: Any
    params: Any
    wildcards: Any
    log: Any


def job(snakemake: Context) -> "Job":
    """Run a rule's script: `with job(snakemake) as this: …`."""
    return Job(snakemake)


class Job:
    """The job at hand. An output is called by its name, or by its path where it has no name of its own.

    Whatever is written goes to a hidden temporary name first, and all is published together at the end of
    the `with` block. After any exception, or if the build that started the job is gone, nothing is published.
    """

    def __init__(self, snakemake: Context):
        self.input = snakemake.input
        self.output = snakemake.output
        self.params = snakemake.params
        self.wildcards = snakemake.wildcards
        self._final = _by_name(snakemake.output)
        self._temporary = {name: _hidden(path, os.getpid()) for name, path in self._final.items()}
        self._log = _Log(Path(snakemake.log[0])) if snakemake.log else None

    def path(self, name: str | None = None) -> Path:
        """Where to write the output called `name` (default: the first); it is published at the end."""
        if name is None:
            return next(iter(self._temporary.values()))
        if name not in self._temporary:
            raise LookupError(f"the rule has no output {name!r}; it has {', '.join(self._temporary) or 'none'}")
        return self._temporary[name]

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

    def write_arrays(self, name: str, arrays: Mapping[str, "np.ndarray[Any, Any]"]) -> None:
        """Write named arrays as a compressed npz, the same bytes each time. Arrays of objects are errors."""
        import numpy as np

        # An open file, because numpy appends .npz to a name that it finds wanting.
        with self.path(name).open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **{key: arrays[key] for key in sorted(arrays)})

    def __enter__(self) -> "Job":
        for path in self._final.values():
            path.parent.mkdir(parents=True, exist_ok=True)
            _remove_left_over(path)
        if self._log:
            self._log.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._publish()
        except Exception as problem:
            if not self._log:
                raise
            error = problem
        finally:
            for path in self._temporary.values():
                _remove(path)
        if self._log:
            self._log.end(error)
            if error is not None:
                # The traceback is in the log; on the terminal it would stand between other jobs' progress.
                raise SystemExit(1)

    def _publish(self) -> None:
        unwritten = [name for name, path in self._temporary.items() if not path.exists()]
        if unwritten:
            raise RuntimeError(f"the script ended without writing its output {', '.join(map(repr, unwritten))}")
        if not still_in_charge():
            raise Orphaned("the build that started this job is gone or was replaced; its output is dropped")
        for name, path in self._final.items():
            if path.is_dir():  # a directory cannot be replaced in one step
                shutil.rmtree(path)
            self._temporary[name].replace(path)


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


def _by_name(outputs: Any) -> dict[str, Path]:
    """All declared outputs, by name where a name means one file, else by path."""
    names = {str(value): name for name, value in outputs.items() if isinstance(value, str)}
    return {names.get(str(path), str(path)): Path(path) for path in outputs}


def _hidden(path: Path, process: int | str) -> Path:
    suffixes = "".join(path.suffixes)
    return path.with_name(f".{path.name.removesuffix(suffixes)}.{process}.tmp{suffixes}")


def _remove_left_over(path: Path) -> None:
    """Remove what killed jobs left; only orphans may still write it: a build runs one such job at a time."""
    for left in path.parent.glob(_hidden(Path(glob.escape(path.name)), "*").name):
        _remove(left)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _plain(value: Any) -> object:
    """Give pydantic models and numpy's numbers and arrays as what JSON knows."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not plain data: {value!r}")
