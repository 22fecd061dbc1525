"""A job's output appears whole or not at all, and what it says is in its log."""

import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from pydantic import BaseModel
from snakemake.iocontainers import InputFiles, Log, OutputFiles, Params, Wildcards

from provenance import builds, receipts
from provenance.receipts import Job, Orphaned, job

Context = Callable[..., SimpleNamespace]


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """Make what Snakemake puts into a script, in an empty folder, as if the script were run by hand."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(builds.VARIABLE, raising=False)

    def _context(log: str | None = None, unnamed: tuple[str, ...] = (), **output: str) -> SimpleNamespace:
        files = OutputFiles(fromdict=output)
        files.extend(unnamed)
        return SimpleNamespace(
            input=InputFiles(fromdict={"data": "data.npz"}),
            output=files,
            params=Params(fromdict={"run": {"N": 100}}),
            wildcards=Wildcards(fromdict={"N": "100"}),
            log=Log([log] if log else []),
        )

    return _context


def here() -> list[str]:
    return sorted(str(path) for path in Path().rglob("*") if path.is_file())


def test_what_snakemake_gives_is_passed_on(context: Context):
    with job(context(record="record.json")) as this:
        assert this.input["data"] == "data.npz"
        assert this.params["run"] == {"N": 100}
        assert this.wildcards["N"] == "100"
        assert this.output["record"] == "record.json"
        this.write_json("record", {})


def test_outputs_appear_together_at_the_end(context: Context):
    with job(context(record="runs/seed0.json", losses="runs/seed0.losses.npz")) as this:
        path = this.path("record")
        assert path.parent == Path("runs")
        assert path.name.startswith(".seed0.")
        assert path.name.endswith(".tmp.json")
        assert this.path("losses").name.endswith(".tmp.losses.npz")
        this.write_json("record", {"N": 1})
        this.write_arrays("losses", {"loss": np.zeros(3)})
        assert not Path("runs/seed0.json").exists()
    assert here() == ["runs/seed0.json", "runs/seed0.losses.npz"]


def test_an_output_without_a_name_is_called_by_its_path(context: Context):
    with job(context(unnamed=("a.txt", "b.txt"))) as this:
        this.path().write_text("a")
        this.write_text("b.txt", "b")
    assert Path("a.txt").read_text() + Path("b.txt").read_text() == "ab"


def test_a_folder_can_be_an_output(context: Context):
    Path("plots").mkdir()
    Path("plots/old.pdf").touch()
    with job(context(plots="plots")) as this:
        this.path("plots").mkdir()
        (this.path("plots") / "new.pdf").touch()
    assert here() == ["plots/new.pdf"]


def test_an_output_that_was_not_written_is_an_error_that_names_it(context: Context):
    with (
        pytest.raises(RuntimeError, match="without writing its output 'losses'"),
        job(context(record="record.json", losses="losses.npz")) as this,
    ):
        this.write_json("record", {})
    assert here() == []


def test_an_unknown_output_is_an_error_that_names_the_known(context: Context):
    with (
        pytest.raises(LookupError, match="no output 'recrod'; it has record"),
        job(context(record="a")) as this,
    ):
        this.write_json("recrod", {})


def write_and_fail(this: Job) -> None:
    this.write_json("record", {})
    raise ZeroDivisionError


def test_after_an_exception_nothing_is_published_and_the_old_output_stays(context: Context):
    Path("record.json").write_text("old")
    with pytest.raises(ZeroDivisionError), job(context(record="record.json")) as this:
        write_and_fail(this)
    assert here() == ["record.json"]
    assert Path("record.json").read_text() == "old"


def test_an_orphan_publishes_nothing(context: Context, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(builds.VARIABLE, f"{Path().resolve() / '.build'}:token")
    with pytest.raises(Orphaned), job(context(record="record.json")) as this:
        this.write_json("record", {})
    assert here() == []


def test_what_a_killed_job_left_is_removed_by_the_next(context: Context):
    Path(".record[1].99.tmp.json").touch()
    Path(".record.99.tmp.json").touch()
    with job(context(record="record[1].json")) as this:
        this.write_json("record", {})
    assert here() == [".record.99.tmp.json", "record[1].json"]


class Point(BaseModel):
    y: float
    x: tuple[int, int]


def test_json_is_sorted_and_takes_models_and_numpy(context: Context):
    with job(context(record="record.json")) as this:
        this.write_json("record", {"β": Point(y=0.5, x=(1, 2)), "a": np.float32(0.5), "b": np.arange(2)})
    text = Path("record.json").read_text()
    assert text.startswith('{\n "a": 0.5,\n "b": [\n  0,\n  1\n ],\n "β": {\n  "x": [')
    assert text.endswith("}\n")


@pytest.mark.parametrize("content", [{"error": math.nan}, Point(y=math.inf, x=(1, 2)), {"error": np.float32("nan")}])
def test_json_has_no_nan(context: Context, content: object):
    with pytest.raises(ValueError, match="output 'record'"), job(context(record="record.json")) as this:
        this.write_json("record", content)
    assert here() == []


def test_json_refuses_what_is_not_data(context: Context):
    with pytest.raises(ValueError, match="object is not plain data"), job(context(record="a.json")) as this:
        this.write_json("record", [object()])


def test_arrays_are_the_same_bytes_each_time(context: Context):
    arrays = {"loss": np.linspace(0, 1, 1000), "index": np.arange(5)}
    for order in (list(arrays), list(reversed(arrays))):
        with job(context(losses=f"{order[0]}.npz")) as this:
            this.write_arrays("losses", {name: arrays[name] for name in order})
        time.sleep(2.1 if order[0] == "loss" else 0)  # zip files count time in steps of two seconds
    assert Path("loss.npz").read_bytes() == Path("index.npz").read_bytes()
    assert np.array_equal(np.load("loss.npz")["loss"], arrays["loss"])


def test_arrays_of_objects_are_refused(context: Context):
    with pytest.raises(ValueError, match="Object arrays"), job(context(losses="losses.npz")) as this:
        this.write_arrays("losses", {"words": np.array(["a", None], dtype=object)})
    assert here() == []


SPEAKING = """
import ctypes, os, subprocess, sys, types
from provenance.receipts import job
from snakemake.iocontainers import Log, OutputFiles
context = types.SimpleNamespace(
    input=[], output=OutputFiles(fromdict={"a": "a.txt"}), params={}, wildcards={}, log=Log(["logs/a.log"])
)
print("before")
with job(context) as this:
    print("from Python")
    print("from Python's stderr", file=sys.stderr)
    subprocess.run(["echo", "from a child"], check=True)
    ctypes.CDLL(None).printf(b"from C\\n")
    %s
    this.write_text("a", "a")
print("after")
"""


def speak(statement: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(Path(receipts.__file__).parents[1]), *sys.path])
    code = SPEAKING % statement
    env = os.environ | {"PYTHONPATH": paths}
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)


@pytest.mark.usefixtures("context")
def test_all_that_the_job_says_is_in_its_log():
    Path("logs").mkdir()
    Path("logs/a.log").write_text("of an earlier job\n")
    ended = speak("pass")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "before\nafter\n", "")
    said = Path("logs/a.log").read_text().splitlines()
    assert sorted(said) == ["from C", "from Python", "from Python's stderr", "from a child"]


@pytest.mark.usefixtures("context")
@pytest.mark.parametrize(
    ("statement", "last"),
    [
        ("raise ValueError('x = 1,\\n    but y = 2')", "ValueError: x = 1,\n    but y = 2"),
        ("this.path('b')", "LookupError: the rule has no output 'b'; it has a"),
        ("sys.exit(0)", "SystemExit: 0"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("os.environ['STUDY_BUILD'] = '/nowhere:token'", "its output is dropped"),
    ],
)
def test_an_error_ends_the_log_and_the_process(statement: str, last: str):
    ended = speak(statement)
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "before\n", "")
    assert Path("logs/a.log").read_text().endswith(f"{last}\n")
    assert here() == ["logs/a.log"]


def test_importing_it_is_quick():
    heavy = "{'numpy', 'pydantic', 'snakemake', 'scaling'} & set(sys.modules)"
    code = f"import sys, provenance.receipts; print({heavy})"
    env = os.environ | {"PYTHONPATH": str(Path(receipts.__file__).parents[1])}
    loaded = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert loaded.stdout == "set()\n"
