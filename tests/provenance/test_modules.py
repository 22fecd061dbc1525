"""What a file executes and imports, read once for each content."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from provenance.modules import Import, Module, read_module, remember, remembered

SOURCE = """from . import soil
from plants.trees import grow as old
import numpy.linalg
try:
    import scipy
except ImportError:
    scipy = None
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "scripts/plants/oak.py"
    path.parent.mkdir(parents=True)
    (tmp_path / "scripts/__pycache__").mkdir()
    path.write_text(SOURCE)
    return path


def memory(root: Path) -> Path:
    (path,) = (root / "scripts/__pycache__").iterdir()
    return path


def test_a_file_tells_its_imports_with_their_lines(file: Path, tmp_path: Path):
    assert read_module(file, tmp_path, None).imports == (
        Import("plants", 1, names=("soil",)),
        Import("plants.trees", 2, names=("grow",)),
        Import("numpy.linalg", 3),
        Import("scipy", 5, optional=True),
    )


def test_what_is_known_of_a_file_is_taken_for_as_long_as_its_content_is_the_same(file: Path, tmp_path: Path):
    read = read_module(file, tmp_path, None)
    other = Module("0" * 64, read.raw, ())
    assert read_module(file, tmp_path, other) is other
    file.write_text(SOURCE + "\n")
    again = read_module(file, tmp_path, other)
    assert (again.digest, again.imports) == (read.digest, read.imports), "an empty line changes nothing"
    assert again.raw != read.raw


def test_what_is_remembered_comes_back_as_it_was(file: Path, tmp_path: Path):
    modules = {"scripts/plants/oak.py": read_module(file, tmp_path, None)}
    assert remembered(tmp_path) == {}
    remember(tmp_path, modules)
    assert remembered(tmp_path) == modules


def test_a_folder_that_cannot_be_written_is_no_reason_to_stop(tmp_path: Path):
    remember(tmp_path / "nowhere", {})
    assert remembered(tmp_path / "nowhere") == {}


@pytest.mark.parametrize(
    "forge",
    [
        lambda text: "",
        lambda text: "[]",
        lambda text: text[:-1],
        lambda text: text.replace('"names"', '"nouns"'),
        lambda text: text.replace('"files": {', '"files": {"a": 1, '),
        lambda text: re.sub('"reader": ".', '"reader": "-', text),  # of another version
    ],
)
def test_a_memory_that_cannot_be_understood_is_none(file: Path, tmp_path: Path, forge: Callable[[str], str]):
    remember(tmp_path, {"scripts/plants/oak.py": read_module(file, tmp_path, None)})
    text = memory(tmp_path).read_text()
    assert forge(text) != text
    memory(tmp_path).write_text(forge(text))
    assert remembered(tmp_path) == {}
