"""What a job executes decides its identity, and nothing else does."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.execution import changed_files, executed, normalised, undeclared, versions_now
from provenance.identity import Closure, Library
from provenance.modules import IdentityError

CHECKOUT = Path(__file__).parents[2]
KINDS = {"plants.kinds": ["oak"]}
PLANTS = {
    "grow.py": "from plants.trees import grow\ngrow()\n",
    "plants/__init__.py": '"""Plants."""\n',
    "plants/trees.py": "from plants import kinds, soil\ndef grow():\n    return kinds.load('oak')\n",
    "plants/soil.py": "def depth():\n    from plants import trees\n    import numpy\n    return 1\n",
    "plants/kinds/__init__.py": (
        'import importlib\ndef load(kind):\n    return importlib.import_module(f"plants.kinds.{kind}")\n'
    ),
    "plants/kinds/oak.py": "from .leaves import SIZE\n",
    "plants/kinds/leaves.py": "SIZE = 1\n",
    "plants/kinds/fir.py": "NEEDLES = True\n",
    "plants/idle.py": "AGE = 1\n",
}
EXECUTED = sorted(set(PLANTS) - {"plants/kinds/fir.py", "plants/idle.py"})


def planted(root: Path, **changed: str) -> Path:
    """Write the plants, some files otherwise (`plants__soil` is plants/soil.py)."""
    named = {f"{name.replace('__', '/')}.py": source for name, source in changed.items()}
    for name, source in (PLANTS | named).items():
        path = root / "scripts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return root


def closure(root: Path, kinds: Mapping[str, Sequence[str]] = KINDS, script: str = "scripts/grow.py") -> Closure:
    return Library(root, [str(root / "scripts"), *sys.path]).closure(script, kinds)


def digest(source: str) -> str:
    return normalised(executed(source.encode(), "a.py"))


@pytest.mark.parametrize(
    ("source", "same"),
    [
        ("x = 1000\n", "# a comment\nx   =  (1_000)  # another\n"),
        ("x = f('a', u'b')\n", 'x = f(\n    "a",\n    "b",\n)\n'),
        ("def f():\n    return 1\n", 'def f():\n    """A docstring."""\n\n    return 1\n'),
        ("class A:\n    x: int = 1\n", '"""Module."""\nclass A:\n    """A."""\n    x: int = 1\n    """What x is."""\n'),
        (
            "from typing import TYPE_CHECKING\n",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import nosuch\n",
        ),
        ("import typing\nx = 1\n", "import typing\nif typing.TYPE_CHECKING:\n    x = 2\nelse:\n    x = 1\n"),
    ],
)
def test_what_is_not_executed_changes_nothing(source: str, same: str):
    assert digest(source) == digest(same)


@pytest.mark.parametrize(
    ("source", "other"),
    [
        ("x = 1\n", "x = 1.0\n"),
        ("x = 1\n", "x = True\n"),
        ("x = 'a'\n", "x = b'a'\n"),
        ("x: int = 1\n", "x: float = 1\n"),
        ("x = 1\ny = 2\n", "y = 2\nx = 1\n"),
        ("if x:\n    a()\nb()\n", "if x:\n    a()\n    b()\n"),
        ("print(__doc__)\n", '"""Usage."""\nprint(__doc__)\n'),
        ('"""Usage."""\nprint(__doc__)\n', '"""Use."""\nprint(__doc__)\n'),
    ],
)
def test_what_is_executed_changes_the_digest(source: str, other: str):
    assert digest(source) != digest(other)


@given(st.integers(), st.integers(), st.text("abc \n\t#\"'", max_size=20))
def test_only_the_value_counts_not_what_is_said_of_it(value: int, other: int, words: str):
    told = f"{words!r}\nx = {value}  # {words.splitlines()[0] if words.split() else ''}\n"
    assert digest(told) == digest(f"x = {value}\n")
    assert (digest(f"x = {other}\n") == digest(told)) == (value == other)


def test_the_closure_is_what_the_script_imports(tmp_path: Path):
    found = closure(planted(tmp_path))
    assert sorted(found.files) == sorted(found.raw) == [f"scripts/{name}" for name in EXECUTED]
    assert set(found.versions) == {"python", "numpy"}
    assert found.versions == versions_now(found.versions)


@pytest.mark.parametrize("name", sorted(PLANTS))
def test_exactly_the_files_of_the_closure_decide_the_digest(tmp_path: Path, name: str):
    before = closure(planted(tmp_path))
    path = tmp_path / "scripts" / name
    path.write_text(path.read_text() + "# a comment\n")
    assert closure(tmp_path).code == before.code
    path.write_text(path.read_text() + "MORE = 1\n")
    assert (closure(tmp_path).code != before.code) == (name in EXECUTED)


def test_the_order_of_imports_is_not_that_of_the_closure(tmp_path: Path):
    turned = "from plants import soil, kinds\ndef grow():\n    return kinds.load('oak')\n"
    one, other = closure(planted(tmp_path / "a")), closure(planted(tmp_path / "b", plants__trees=turned))
    assert list(one.files) == list(other.files)
    assert one.environment == other.environment


def test_imports_by_name_are_those_of_the_kinds(tmp_path: Path):
    both = closure(planted(tmp_path), {"plants.kinds": ["oak", "fir"]})
    assert both == closure(tmp_path, {"plants.kinds": ["fir", "oak"]})
    assert set(both.files) - set(closure(tmp_path).files) == {"scripts/plants/kinds/fir.py"}


def test_a_kind_that_is_not_given_is_an_error_with_its_place(tmp_path: Path):
    with pytest.raises(IdentityError, match=r"scripts/plants/kinds/__init__\.py:3: .*plants\.kinds"):
        closure(planted(tmp_path), {})


def test_a_kind_that_does_not_exist_is_an_error(tmp_path: Path):
    with pytest.raises(IdentityError, match=r"plants\.kinds\.elm"):
        closure(planted(tmp_path), {"plants.kinds": ["elm"]})


@pytest.mark.parametrize(
    "statement",
    [
        "import nosuchmodule",
        "from plants.nosuch import x",
        "import importlib; importlib.import_module(name)",
        "import importlib; importlib.import_module('plants.%s' % name)",
        "__import__(name)",
        "exec('import plants.idle')",
        "eval('1')",
        "import runpy; runpy.run_path('a.py')",
        "from importlib.util import spec_from_file_location; spec_from_file_location('a', 'a.py')",
    ],
)
def test_what_cannot_be_followed_is_an_error_with_its_place(tmp_path: Path, statement: str):
    with pytest.raises(IdentityError, match=r"scripts/plants/soil\.py:2"):
        closure(planted(tmp_path, plants__soil=f"name = 'x'\n{statement}\n"))


@pytest.mark.parametrize(
    "statement",
    [
        "import importlib\nx = map(importlib.import_module, ['plants.idle'])\n",
        "from importlib import import_module as load\nload('plants.idle')\n",
        "import builtins\nbuiltins.exec('import plants.idle')\n",
        "from plants import *\n",
        "import importlib\nimportlib.import_module('.idle', 'plants')\n",
    ],
)
def test_code_that_could_hide_an_import_is_an_error(tmp_path: Path, statement: str):
    root = planted(tmp_path, plants__soil=statement)
    with pytest.raises(IdentityError, match=r"scripts/plants/soil\.py:\d+: "):
        closure(root)


@pytest.mark.parametrize(
    ("statement", "reached"),
    [
        ("import importlib\nimportlib.import_module(name='plants.idle')\n", True),
        ("TYPE_CHECKING = True\nif TYPE_CHECKING:\n    import plants.idle\n", True),
        ("try:\n    import plants.nosuch\nexcept ImportError:\n    pass\n", False),
        ("from re import compile\ncompile('a')\n", False),
        ("import re\nre.compile('a')\n", False),
    ],
)
def test_what_can_be_followed_is(tmp_path: Path, statement: str, reached: bool):
    root = planted(tmp_path, plants__soil=statement)
    assert ("scripts/plants/idle.py" in closure(root).files) is reached


def test_another_copy_is_an_error_that_names_both(tmp_path: Path):
    here, there = planted(tmp_path / "here"), planted(tmp_path / "there")
    with pytest.raises(IdentityError) as caught:
        Library(here, [str(there / "scripts"), *sys.path]).closure("scripts/grow.py", KINDS)
    assert str(here / "scripts") in str(caught.value)
    assert str(there / "scripts") in str(caught.value)


def test_a_script_that_is_no_python_is_an_error(tmp_path: Path):
    with pytest.raises(IdentityError, match=r"scripts/grow\.py"):
        closure(planted(tmp_path, grow="x = = 1\n"))


@pytest.mark.parametrize(
    ("module", "distribution"), [("yaml", "pyyaml"), ("sklearn", "scikit-learn"), ("PIL", "pillow")]
)
def test_a_module_counts_with_its_distribution(tmp_path: Path, module: str, distribution: str):
    pytest.importorskip(module)
    found = closure(planted(tmp_path, plants__soil=f"import {module}\n"))
    assert set(found.versions) == {"python", distribution}
    assert versions_now([distribution]) == {distribution: found.versions[distribution]}


def test_a_changed_file_is_one_that_executes_something_else(tmp_path: Path):
    found = closure(planted(tmp_path))
    soil, leaves = tmp_path / "scripts/plants/soil.py", tmp_path / "scripts/plants/kinds/leaves.py"
    soil.write_text(soil.read_text() + "# a comment\n")
    assert changed_files(found.raw, found.files, tmp_path) == []
    assert hashlib.sha256(soil.read_bytes()).hexdigest() != found.raw["scripts/plants/soil.py"]
    leaves.write_text("SIZE = 2\n")
    soil.unlink()
    assert sorted(changed_files(found.raw, found.files, tmp_path)) == [
        "scripts/plants/kinds/leaves.py",
        "scripts/plants/soil.py",
    ]


def test_a_module_that_no_import_names_is_undeclared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    found = closure(planted(tmp_path))
    for name in ("plants.soil", "plants.idle"):
        module = ModuleType(name)
        module.__file__ = str(tmp_path / "scripts" / f"{name.replace('.', '/')}.py")
        monkeypatch.setitem(sys.modules, name, module)
    assert undeclared(found.files, tmp_path) == ["scripts/plants/idle.py"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Copy this repository's library."""
    shutil.copytree(CHECKOUT / "scripts", tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def every_kind(root: Path) -> dict[str, list[str]]:
    return {
        f"scaling.{package}": [path.stem for path in (root / "scripts/scaling" / package).glob("[a-z]*.py")]
        for package in ("domains", "models")
    }


def test_every_script_of_this_repository_can_be_followed(checkout: Path):
    for script in sorted((checkout / "scripts").glob("*.py")):
        found = closure(checkout, every_kind(checkout), f"scripts/{script.name}")
        assert {f"scripts/{script.name}", "scripts/provenance/__init__.py"} <= set(found.files)


def test_a_family_is_the_code_of_its_own_runs_only(checkout: Path):
    def codes() -> dict[str, str]:
        kinds = {kind: {"scaling.domains": ["images"], "scaling.models": [kind]} for kind in ("knn", "cnn")}
        return {kind: closure(checkout, bound, "scripts/train.py").code for kind, bound in kinds.items()}

    before, knn = codes(), checkout / "scripts/scaling/models/knn.py"
    knn.write_text(knn.read_text() + "MORE = 1\n")
    after = codes()
    assert after["knn"] != before["knn"]
    assert after["cnn"] == before["cnn"]


def trusting(root: Path) -> Library:
    return Library(root, [str(root / "scripts"), *sys.path], trusting=True)


def remembering(root: Path) -> Path:
    """Let a library remember the plants; give its memory."""
    (planted(root) / "scripts/__pycache__").mkdir()
    library = trusting(root)
    library.closure("scripts/grow.py", KINDS)
    library.remember()
    (memory,) = (root / "scripts/__pycache__").iterdir()
    return memory


def test_what_was_read_of_a_file_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    memory = remembering(tmp_path)
    told = closure(tmp_path)
    monkeypatch.setattr("provenance.modules.executed", None)
    library = trusting(tmp_path)
    assert library.closure("scripts/grow.py", KINDS) == told
    written = memory.stat()
    library.remember()
    assert memory.stat() == written, "nothing new was read"


@pytest.mark.parametrize("name", EXECUTED)
def test_an_edited_file_is_read_again_under_whatever_time(tmp_path: Path, name: str):
    remembering(tmp_path)
    file = tmp_path / "scripts" / name
    before = file.stat()
    file.write_text(file.read_text() + "import scipy\n")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    found = trusting(tmp_path).closure("scripts/grow.py", KINDS)
    assert found == closure(tmp_path)
    assert "scipy" in found.versions


def test_who_does_not_trust_reads_all_files(tmp_path: Path):
    memory = remembering(tmp_path)
    told = closure(tmp_path)
    memory.write_text(memory.read_text().replace("numpy", "scipy"))
    assert closure(tmp_path) == told
    assert trusting(tmp_path).closure("scripts/grow.py", KINDS) != told
