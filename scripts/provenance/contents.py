"""Contents: how far apart the numbers of two files are, where their bytes differ."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NUMERIC = "biufc"
"""Kinds of arrays that hold numbers, as numpy calls them; booleans count as 0 and 1."""


class Unlike(ValueError):
    """Two contents that differ in more than numbers."""


def apart(one: Path, other: Path) -> dict[str, float] | None:
    """Give the largest relative difference between the numbers of two JSON, CSV or npz files, at each place with one.

    It is |a - b| / max(|a|, |b|), so never more than 2. Places are JSON pointers in JSON, `/row/column` in CSV and
    `/array` in npz files. None if the files are of another kind, can't be read, or differ in more than finite numbers:
    in a word, a key, a shape, or where one has a number and the other has none.
    """
    read = {".json": _json, ".csv": _csv, ".npz": _npz}.get(one.suffix)
    if read is None:
        return None
    found: dict[str, float] = {}
    try:
        for place, difference in read(one, other):
            if difference:
                found[place] = max(difference, found.get(place, 0.0))
        return found
    except (OSError, ValueError, OverflowError, KeyError, EOFError):
        return None


Differences = Iterator[tuple[str, float]]
"""Places, and how far the numbers there are apart."""


def _json(one: Path, other: Path) -> Differences:
    yield from _data(json.loads(one.read_bytes()), json.loads(other.read_bytes()))


def _data(one: Any, other: Any, place: str = "") -> Differences:
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for key in one:
            yield from _data(one[key], other[key], f"{place}/{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, pair in enumerate(zip(one, other, strict=True)):
            yield from _data(*pair, f"{place}/{index}")
    elif _is_number(one) and _is_number(other):
        yield place, relative(one, other)
    elif type(one) is not type(other) or one != other:
        raise Unlike


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _csv(one: Path, other: Path) -> Differences:
    with one.open(newline="") as first, other.open(newline="") as second:
        for row, rows in enumerate(zip(csv.reader(first), csv.reader(second), strict=True)):
            for column, (cell, another) in enumerate(zip(*rows, strict=True)):
                if cell != another:
                    yield f"/{row}/{column}", relative(float(cell), float(another))


def _npz(one: Path, other: Path) -> Differences:
    import numpy as np

    with np.load(one, allow_pickle=False) as first, np.load(other, allow_pickle=False) as second:
        if sorted(first) != sorted(second):
            raise Unlike
        for name in first:
            a, b = first[name], second[name]
            if a.shape != b.shape or a.dtype != b.dtype:
                raise Unlike
            differing = ~((a == b) | ((a != a) & (b != b)))
            if differing.any():
                if a.dtype.kind not in NUMERIC:
                    raise Unlike
                pairs = zip(a[differing].tolist(), b[differing].tolist(), strict=True)
                yield from ((f"/{name}", relative(x, y)) for x, y in pairs)


def relative(one: complex, other: complex) -> float:
    """Give the relative difference of two numbers, 0 for two that are equal or both NaN.

    Raises Unlike if one is infinite or NaN and the other is another number.
    """
    if one == other or (one != one and other != other):
        return 0.0
    if not (math.isfinite(abs(one)) and math.isfinite(abs(other))):
        raise Unlike
    difference, size = abs(one - other), max(abs(one), abs(other))
    return difference / size if math.isfinite(difference) else abs(one / size - other / size)
