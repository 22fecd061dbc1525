"""A job runs the code and the environment with which its build began, or says that it does not."""

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from provenance import orders as library
from provenance.execution import versions_now
from provenance.findings import Finding
from provenance.identity import Library
from provenance.orders import ORDERS, ChangedMeanwhile, Orders

SCRIPT = "scripts/grow.py"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a checkout of one script with one module, and take it for the build's."""
    (tmp_path / "scripts" / "plants").mkdir(parents=True)
    (tmp_path / SCRIPT).write_text("import numpy\nfrom plants import soil\n")
    (tmp_path / "scripts/plants/__init__.py").write_text("")
    (tmp_path / "scripts/plants/soil.py").write_text("DEPTH = 1\n")
    (tmp_path / "scripts/plants/idle.py").write_text("")
    monkeypatch.setattr(library, "CHECKOUT", tmp_path)
    return tmp_path


@pytest.fixture
def closure(checkout: Path):
    return Library(checkout, [str(checkout / "scripts"), *sys.path]).closure(SCRIPT, {})


@pytest.fixture
def orders(closure) -> Orders:
    return Orders.of([closure], {})


def test_a_job_is_told_what_its_receipt_says(orders: Orders, closure):
    code, environment = orders.identity(closure.code, closure.environment)
    files = [SCRIPT, "scripts/plants/__init__.py", "scripts/plants/soil.py"]
    assert code == {"digest": closure.code, "script": SCRIPT, "kinds": {}, "files": closure.files}
    assert sorted(code["files"]) == files
    assert environment == {"digest": closure.environment, "versions": versions_now(["python", "numpy"])}


def test_orders_read_back_as_they_were_written(small, orders: Orders, tmp_path: Path):
    receipt = small.read("laws/knn.json")
    finding = Finding("stale", "laws/knn.json", receipt.name, "f" * 64, "e" * 64, "param β 1 → 2")
    told = Orders(orders.code, orders.environment, {})
    told.stale["laws/knn.receipt.json"] = {"seal": receipt.seal, "finding": vars(finding)}
    told.write(tmp_path)
    again = Orders.read(tmp_path)
    assert again == told
    assert again.still_stale("laws/knn.receipt.json", receipt) == finding
    assert [path.name for path in tmp_path.glob(f"{ORDERS}*")] == [ORDERS]


def test_a_script_that_is_run_by_hand_has_no_orders(tmp_path: Path):
    assert Orders.read(tmp_path) == Orders()
    assert Orders().identity(None, None) == ({}, {})


def test_what_was_stale_is_so_until_it_is_remade(small):
    receipt = small.read("laws/knn.json")
    finding = Finding("stale", "laws/knn.json", receipt.name)
    told = Orders.of([], {"laws/knn.receipt.json": (receipt, finding)})
    assert told.still_stale("laws/knn.receipt.json", receipt) == finding
    assert told.still_stale("laws/mlp.receipt.json", receipt) is None
    remade = small.make(small.job("laws/knn.json"), host="there")
    assert remade.statement == receipt.statement
    assert told.still_stale("laws/knn.receipt.json", remade) is None


def test_code_that_the_build_did_not_name_is_refused(orders: Orders, closure):
    for names in (("unknown", closure.environment), (closure.code, "unknown")):
        with pytest.raises(ChangedMeanwhile, match="did not say what its code is"):
            orders.identity(*names)


def test_another_version_here_than_where_the_build_began_is_refused(orders: Orders, closure):
    here = versions_now(["python", "numpy"])
    told = {"python": here["python"], "numpy": "1.0", "nosuch-distribution": "2.0"}
    orders.environment[closure.environment] = told
    with pytest.raises(ChangedMeanwhile, match=rf"numpy {here['numpy']} for 1\.0, nosuch-distribution none for 2\.0"):
        orders.identity(closure.code, closure.environment)


def test_unchanged_code_passes_and_so_does_what_only_readers_see(checkout: Path, orders: Orders, closure):
    orders.check_code(closure.code)
    (checkout / SCRIPT).write_text('"""Grows."""\nimport numpy  # for numbers\n\nfrom plants import soil\n')
    orders.check_code(closure.code)


@pytest.mark.parametrize("name", [SCRIPT, "scripts/plants/__init__.py", "scripts/plants/soil.py"])
def test_code_that_changes_while_the_build_runs_is_noticed(checkout: Path, orders: Orders, closure, name: str):
    path = checkout / name
    before = path.read_text()
    for after in (before + "x = 1\n", before + "x =\n", None):
        path.unlink() if after is None else path.write_text(after)
        with pytest.raises(ChangedMeanwhile, match=rf"{name} changed while the build ran"):
            orders.check_code(closure.code)


def test_code_that_another_job_runs_may_change(checkout: Path, orders: Orders, closure):
    (checkout / "scripts/plants/idle.py").write_text("x = 1\n")
    orders.check_code(closure.code)


def test_a_module_that_runs_though_no_import_names_it_is_noticed(
    checkout: Path, orders: Orders, closure, monkeypatch: pytest.MonkeyPatch
):
    for name, refused in (("soil", False), ("idle", True)):
        module = ModuleType(f"plants.{name}")
        module.__file__ = str(checkout / f"scripts/plants/{name}.py")
        monkeypatch.setitem(sys.modules, f"plants.{name}", module)
        if refused:
            with pytest.raises(ChangedMeanwhile, match=rf"{SCRIPT} ran scripts/plants/idle\.py"):
                orders.check_code(closure.code)
        else:
            orders.check_code(closure.code)


def test_damaged_orders_are_an_error_and_not_none(tmp_path: Path, orders: Orders):
    orders.write(tmp_path)
    content = (tmp_path / ORDERS).read_text()
    for damaged in (content[:-1], "", json.dumps({"more": {}})):
        (tmp_path / ORDERS).write_text(damaged)
        with pytest.raises((ValueError, TypeError)):
            Orders.read(tmp_path)
