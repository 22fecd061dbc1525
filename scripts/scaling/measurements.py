"""Measurements: learning curves that somebody has measured, read from a CSV file.

A row is one measured error. The first line names the columns, which may stand in any order:

domain   what was learned; may be left out where the caller names the domain of all rows
model    the learner; it may come in several sizes
size     its size, any whole number that grows with it; may be left out, or empty in all rows of a model
N        the number of training examples, or of whatever the domain counts
seed     which repetition, from 0; where the column is left out, every row is seed 0. Rows of different models with the
         same domain, N and seed count as measured on the same data: comparisons pair them
error    what the curve shows, above zero
compute  floating-point operations of the training; may be left out or empty

Other columns are ignored. Domains and models are names as in config.yaml. Columns are separated by commas, semicolons
or tabs; numbers are written with digits and a point, such as 0.25 or 1e6; the text is UTF-8. Empty lines are passed
over.
"""

from __future__ import annotations

import csv
import difflib
import functools
import io
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from pydantic import TypeAdapter, ValidationError

from scaling.settings import Name

if TYPE_CHECKING:  # a study without measurements needs no tables
    import pandas as pd

COLUMNS = ("domain", "model", "size", "N", "seed", "error", "compute")
REQUIRED = ("domain", "model", "N", "error")
SEPARATORS = ",;\t"
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
LARGEST = 2**63 - 1
"""The largest whole number that a table can hold."""
MOST = 20
"""Faults that are told in full; of more, the number."""
CALLED = {
    "domain": "task dataset corpus",
    "model": "name learner family architecture arch method algorithm network",
    "size": "params parameters nparams modelsize width",
    "N": "n examples samples points tokens data datasize datasetsize trainsize ntrain trainingsetsize",
    "seed": "run rep repeat repetition replicate trial randomseed",
    "error": "loss testloss evalloss valloss testerror errorrate perplexity crossentropy nll mse rmse wer cer",
    "compute": "flop flops operations",
}
"""What else people call the columns, in lower-case letters alone; told, never taken for granted."""
ALIKE = 0.75
"""Names at least so much alike, by difflib's ratio, may be a slip."""

_NAME = TypeAdapter(Name)


class Fault(NamedTuple):
    """What is wrong with a file of measurements, where, and what to do."""

    reason: str
    advice: str
    line: int | None = None
    """Counted from 1, the header; None if it is not of one line."""
    column: str = ""
    value: str = ""

    def tell(self, path: str | Path) -> str:
        """Say it in a sentence or two."""
        place = f"{path}, line {self.line}" if self.line else str(path)
        cell = f"{self.column} = {self.value!r} " if self.column else ""
        return f"{place}: {cell}{self.reason}. {self.advice}".rstrip()


class MeasurementsError(ValueError):
    """A file that holds no measurements one can go by; the message lists its faults, `faults` are all of them."""

    def __init__(self, path: str | Path, faults: Sequence[Fault]):
        self.path, self.faults = path, tuple(faults)
        more = [f"… and {len(faults) - MOST} more"] if len(faults) > MOST else []
        super().__init__("\n".join([*(fault.tell(path) for fault in faults[:MOST]), *more]))


def read_measurements(path: str | Path, domain: str | None = None) -> pd.DataFrame:
    """Read measurements, a row a row in the order of the file.

    `domain` is the domain of all rows of a file without a column for it. The result has all of `COLUMNS`: `size` is a
    nullable integer, `N` and `seed` are integers, `error` and `compute` floats; NaN is what is not known. Raises
    MeasurementsError, which names every fault with its line.
    """
    return _table(_read_rows(path, domain))


def read_domain(path: str | Path, domain: str) -> pd.DataFrame:
    """Read the measurements of one domain as `read_measurements` does, each of its models at several N.

    Raises MeasurementsError, also if there are none.
    """
    rows = _read_rows(path, domain)
    found = [row for row in rows if row.cells["domain"] == domain]
    if not found:
        known = ", ".join(dict.fromkeys(row.cells["domain"] for row in rows))
        raise MeasurementsError(path, [Fault(f"no row of domain {domain!r}", f"It has {known}.")])
    if faults := list(_single_shards(found)):
        raise MeasurementsError(path, faults)
    return _table(found)


def tell_ignored(path: str | Path) -> str | None:
    """Say which columns of a file are ignored, and which of them may be misnamed; None if all are read."""
    _, header = next(_records(path), (1, []))
    fault = _ignored([cell.strip() for cell in header])
    return fault and fault.tell(path)


def tabulate(measurements: pd.DataFrame) -> pd.DataFrame:
    """Put measurements into the table that `scaling.curves.gather` makes of runs, a row a measurement.

    A measured model is a family, at one of its sizes a model; what was not measured is empty. `chosen` marks the size
    with the lowest median error over the seeds at that (family, N), in a tie the smaller one. Runs are chosen by their
    validation errors, but measurements have none: where there are several sizes, the curve is too low by what the
    choice gained from luck on the test sets.
    """
    import pandas as pd

    table = pd.DataFrame(
        {
            "domain": measurements.domain,
            "family": measurements.model,
            "model": list(map(model_name, measurements.model, measurements["size"])),
            "size": measurements["size"],
            "parameters": np.nan,
            "N": measurements.N,
            "seed": measurements.seed,
            "budget_scale": 1,
            "shares_pool": False,
            "outcome": "trained",
            "error": measurements.error,
            "validation": np.nan,
            "training": np.nan,
            "steps": np.nan,
            "batch_size": np.nan,
            "examples_seen": np.nan,
            "flops": measurements.compute,
        }
    )
    table = table.sort_values(["family", "size", "N", "seed"], ignore_index=True)
    medians = table.groupby(["family", "N", "model"], sort=False).error.transform("median")
    # Models stand in order of size, and idxmin takes the first.
    best = medians.groupby([table.family, table.N]).transform("idxmin")
    table["chosen"] = table.model.to_numpy() == table.model[best].to_numpy()
    return table


def model_name(model: str, size: Any) -> str:
    """Name a model at one size, NA if it has none, as the study names a family at one size."""
    return f"{model}-{size}" if isinstance(size, Integral) else model


def _table(rows: Sequence[_Row]) -> pd.DataFrame:
    import pandas as pd

    table = pd.DataFrame([row.cells for row in rows], columns=list(COLUMNS))
    return table.astype({"size": "Int64", "N": "int64", "seed": "int64", "error": "float64", "compute": "float64"})


class _Row(NamedTuple):
    """A line, and the cells of it that could be read."""

    line: int
    cells: dict[str, Any]

    def take(self, column: str, text: str) -> Iterator[Fault]:
        """Read one more cell, or tell what is wrong with it."""
        if column not in _READERS:
            return
        try:
            self.cells[column] = _READERS[column](text)
        except _BadCell as problem:
            self.cells.pop(column, None)
            yield Fault(problem.reason, problem.advice, self.line, column, text)

    def key(self, *columns: str) -> tuple[Any, ...] | None:
        """Give some cells; None if one of them could not be read."""
        return tuple(self.cells[column] for column in columns) if self.has(*columns) else None

    def has(self, *columns: str) -> bool:
        """Could all of these cells be read?"""
        return all(column in self.cells for column in columns)


class _BadCell(ValueError):
    """A cell that cannot be read."""

    def __init__(self, reason: str, advice: str):
        super().__init__(reason)
        self.reason, self.advice = reason, advice


def _read_rows(path: str | Path, domain: str | None) -> list[_Row]:
    """Read all rows; raises MeasurementsError if there is anything wrong with one of them."""
    records = _records(path)
    line, header = next(records, (1, []))
    names = [cell.strip() for cell in header]
    faults = list(_header_faults(line, names, domain is not None))
    # That a column was ignored may be why rows seem to be the same.
    ignored = None if faults else _ignored(names)
    if not set(names) & set(COLUMNS):
        raise MeasurementsError(path, faults)
    rows = []
    for line, record in records:
        if len(record) != len(names):
            told = f"has {len(record)} {'field' if len(record) == 1 else 'fields'}, the header {len(names)}"
            faults.append(Fault(told, "Give every column a value; put a value that holds a separator in quotes.", line))
            continue
        rows.append(_Row(line, {"domain": domain, "size": None, "seed": 0, "compute": None}))
        for column, cell in zip(names, record, strict=True):
            faults += rows[-1].take(column, cell.strip())
    if not rows and not faults:
        faults.append(Fault("no row below the header", "Give a row for each measured error.", line))
    faults += [*_repeated(rows), *_without_size(rows)]
    if faults:
        faults += [ignored] if ignored else []
        raise MeasurementsError(path, sorted(faults, key=lambda fault: fault.line or 0))
    return rows


def _records(path: str | Path) -> Iterator[tuple[int, list[str]]]:
    """Split a file into lines of cells, each with the number of its first line; empty lines are left out."""
    try:
        content = Path(path).read_bytes()
        text = content.decode("utf-8-sig")
    except OSError as error:
        fault = Fault(f"cannot be read: {error.strerror}", "Correct the path, or put the file there.")
        raise MeasurementsError(path, [fault]) from None
    except UnicodeDecodeError as error:
        fault = Fault("is not UTF-8", "Save the file as CSV in UTF-8.", content.count(b"\n", 0, error.start) + 1)
        raise MeasurementsError(path, [fault]) from None
    separator = max(SEPARATORS, key=text.lstrip().partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    line = 1
    try:
        for record in reader:
            if any(cell.strip() for cell in record):
                yield line, record
            line = reader.line_num + 1
    except csv.Error as error:
        fault = Fault(f"is not CSV: {error}", "Write it as plain text, with quotes in pairs.", line)
        raise MeasurementsError(path, [fault]) from None


def _header_faults(line: int, names: Sequence[str], domain_named: bool) -> Iterator[Fault]:
    if not names:
        yield Fault("the file is empty", f"Give a header, {','.join(COLUMNS)}, and a row for each measured error.")
        return
    needed = [name for name in REQUIRED if not (name == "domain" and domain_named)]
    missing = [name for name in needed if name not in names]
    meant = _meant((name for name in names if name not in COLUMNS), missing)
    if not set(names) & set(COLUMNS) and not meant:
        advice = f"The first line names the columns, separated by commas, semicolons or tabs: {', '.join(COLUMNS)}."
        yield Fault(f"no column is known; there are {', '.join(map(repr, names))}", advice, line)
        return
    for name in dict.fromkeys(names):
        if name in COLUMNS and names.count(name) > 1:
            yield Fault(f"column {name} stands there {names.count(name)} times", "Give each column once.", line)
    if missing:
        reason = f"{_columns(missing)} {'is' if len(missing) == 1 else 'are'} missing"
        give = [f"Give at least {', '.join(needed)}."] if set(missing) - meant.keys() else []
        yield Fault(reason, " ".join([*_renaming(meant), *give]), line)


def _ignored(names: Sequence[str]) -> Fault | None:
    """Tell the columns that are not read, and which of those that are not there they may be."""
    unread = [name for name in dict.fromkeys(names) if name not in COLUMNS]
    if not unread:
        return None
    meant = _meant(unread, [column for column in COLUMNS if column not in names])
    return Fault(f"ignored the {_columns(list(map(repr, unread)))}", " ".join(_renaming(meant)))


def _meant(names: Iterable[str], columns: Sequence[str]) -> dict[str, list[str]]:
    """Find what may stand for these columns, which are not there: by what people call them, or for a slip."""
    by_letters = {column.lower(): column for column in columns}
    meant: dict[str, list[str]] = defaultdict(list)
    for name in names:
        letters = re.sub("[^a-z]", "", name.lower())
        called = [column for column in columns if letters in CALLED[column].split()]
        slips = difflib.get_close_matches(letters, by_letters, n=1, cutoff=ALIKE)
        for column in (called or [by_letters[slip] for slip in slips])[:1]:
            meant[column].append(name)
    return {column: meant[column] for column in columns if column in meant}


def _renaming(meant: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Say which names to change, if any."""
    if meant:
        parts = [f"{' or '.join(map(repr, names))} is {column}" for column, names in meant.items()]
        yield f"If {_listed(parts)}, rename {'it' if len(parts) == 1 else 'them'}."


def _columns(names: Sequence[str]) -> str:
    return f"{'column' if len(names) == 1 else 'columns'} {_listed(names)}"


def _listed(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


def _repeated(rows: Sequence[_Row]) -> Iterator[Fault]:
    """Find rows that measure the same as an earlier one."""
    columns = ("domain", "model", "size", "N", "seed")
    seen: dict[tuple[Any, ...], int] = {}
    for row in rows:
        key = row.key(*columns)
        if key is None:
            continue
        if key in seen:
            given = zip(columns, key, strict=True)
            shown = ", ".join(f"{column} {value}" for column, value in given if value is not None)
            advice = "Keep one of the two, or tell them apart by their seeds."
            yield Fault(f"measures the same as line {seen[key]}: {shown}", advice, row.line)
        seen.setdefault(key, row.line)


def _without_size(rows: Sequence[_Row]) -> Iterator[Fault]:
    """Find rows without a size of a model that has sizes elsewhere."""
    sized: dict[tuple[Any, ...] | None, int] = {}
    for row in rows:
        if row.has("domain", "model", "size") and row.cells["size"] is not None:
            sized.setdefault(row.key("domain", "model"), row.line)
    for row in rows:
        if row.has("domain", "model", "size") and row.cells["size"] is None and row.key("domain", "model") in sized:
            line = sized[row.key("domain", "model")]
            reason = f"is empty, but model {row.cells['model']} has a size in line {line}"
            yield Fault(reason, "Give the size in all rows of the model, or in none.", row.line, "size", "")


def _single_shards(rows: Sequence[_Row]) -> Iterator[Fault]:
    """Find curves of one N."""
    curves: dict[tuple[Any, ...], list[_Row]] = defaultdict(list)
    for row in rows:
        curves[row.cells["domain"], row.cells["model"]].append(row)
    for (domain, model), of_curve in curves.items():
        if len({row.cells["N"] for row in of_curve}) == 1:
            lines = ", ".join(str(row.line) for row in of_curve)
            where = f"line {lines}" if len(of_curve) == 1 else f"lines {lines}"
            reason = f"model {model} of domain {domain} has a single shard, N = {of_curve[0].cells['N']} ({where})"
            advice = "A curve needs errors at several N: add some, or leave the model out."
            yield Fault(reason, advice, of_curve[0].line)


@functools.lru_cache
def _name(text: str) -> str:
    try:
        return _NAME.validate_python(text)
    except ValidationError:
        near = "-".join(re.findall(r"[a-z0-9]+", text.lower()))
        such = f", such as {near}" if near[:1].isalpha() else ""
        advice = f"Use lower-case words and digits, joined by hyphens{such}."
        raise _BadCell("is empty" if not text else "won't do as a name", advice) from None


def _number(text: str) -> Decimal:
    if not text:
        raise _BadCell("is empty", "Give a number, or leave out the row of a run that failed.")
    if not NUMBER.fullmatch(text):
        advice = "Write it with digits and a point, such as 0.25 or 1e6; leave out the row of a run that failed."
        raise _BadCell("is no number", advice)
    return Decimal(text)


def _whole(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = _number(text)
        # Compared before it is spelled out: 1e999999999 has too many digits for that.
        if not least <= number <= LARGEST:
            raise _BadCell("is out of range", f"Give a whole number from {least} to {LARGEST}.")
        if number != int(number):
            raise _BadCell("is not whole", f"Give a whole number of at least {least}.")
        return int(number)

    return read


def _error(text: str) -> float:
    value = float(_number(text))
    if not 0 < value < math.inf:
        advice = "Errors are above 0, since laws are fitted to their logarithms. Correct it, or test on more items."
        raise _BadCell("is out of range", advice)
    return value


def _compute(text: str) -> float | None:
    value = float(_number(text)) if text else None
    if value is not None and not 0 <= value < math.inf:
        raise _BadCell("is out of range", "Give the number of operations, 0 or more, or nothing.")
    return value


def _size(text: str) -> int | None:
    return _whole(1)(text) if text else None


_READERS: Mapping[str, Callable[[str], Any]] = {
    "domain": _name,
    "model": _name,
    "size": _size,
    "N": _whole(1),
    "seed": _whole(0),
    "error": _error,
    "compute": _compute,
}
