"""A job's output appears whole or not at all, and what it says is in its log."""

import hashlib
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from pydantic import BaseModel
from snakemake.iocontainers import InputFiles, Log, OutputFiles, Params, Wildcards

from provenance import builds, jobs
from provenance.findings import Unsound
from provenance.jobs import Job, Orphaned, job
from provenance.receipts import Receipt, receipt_of

Context = Callable[..., SimpleNamespace]


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """Make what Snakemake puts into a script, in an empty folder, as if the script were run by hand."""
    (tmp_path / "results").mkdir()
    monkeypatch.chdir(tmp_path / "results")
    monkeypatch.delenv(builds.VARIABLE, raising=False)

    def _context(log: str | None = None, unnamed: tuple[str, ...] = (), **output: str) -> SimpleNamespace:
        first = [*output.values(), *unnamed][0]
        files = OutputFiles(fromdict={"receipt": str(receipt_of(first)), **output})
        files.extend(unnamed)
        return SimpleNamespace(
            rule="train",
            input=InputFiles(),
            resources={},
            output=files,
            params=Params(fromdict={"run": {"N": 100}}),
            wildcards=Wildcards(fromdict={"N": "100"}),
            log=Log([log] if log else []),
        )

    return _context


def here() -> list[str]:
    """List all files but receipts."""
    return sorted(str(path) for path in Path().rglob("*") if path.is_file() and ".receipt." not in path.name)


def test_what_snakemake_gives_is_passed_on(context: Context):
    Path("data.npz").touch()
    snakemake = context(record="record.json")
    seen = {}

    @job(snakemake)
    def _(this: Job) -> None:
        seen.update(run=this.params["run"], N=this.wildcards["N"], record=this.output["record"])
        this.write_json("record", {})

    assert seen == {"run": {"N": 100}, "N": "100", "record": "record.json"}


def test_outputs_appear_together_at_the_end_and_a_receipt_beside_them(context: Context):
    @job(context(record="runs/seed0.json", losses="runs/seed0.losses.npz"))
    def _(this: Job) -> None:
        path = this.path("record")
        assert path.parent == Path("runs")
        assert path.name.startswith(".seed0.")
        assert path.name.endswith(".tmp.json")
        assert this.path("losses").name.endswith(".tmp.losses.npz")
        this.write_json("record", {"N": 1})
        this.write_arrays("losses", {"loss": np.zeros(3)})
        assert not Path("runs/seed0.json").exists()

    assert here() == ["runs/seed0.json", "runs/seed0.losses.npz"]
    receipt = Receipt.read(Path("runs/seed0.receipt.json"))
    assert receipt.name == "train N=100"
    assert receipt.params == {"run": {"N": 100}}
    assert receipt.outputs == {name: hashlib.sha256(Path(name).read_bytes()).hexdigest() for name in here()}
    assert receipt.made["cpu_s"] > 0
    assert receipt.made["memory_mb"] > 1
    assert datetime.fromisoformat(receipt.made["start"]) <= datetime.fromisoformat(receipt.made["end"])


def test_the_receipt_tells_the_circumstances_that_a_job_notes_and_hashes_none_of_them(context: Context):
    for device in ("cpu", "gpu"):

        @job(context(record="record.json"))
        def _(this: Job, device: str = device) -> None:
            this.write_json("record", {})
            this.note(device=device)

        Path("record.receipt.json").rename(f"{device}.json")

    cpu, gpu = (Receipt.read(Path(f"{device}.json")) for device in ("cpu", "gpu"))
    assert (cpu.made["device"], gpu.made["device"]) == ("cpu", "gpu")
    assert cpu.made.keys() == gpu.made.keys() > {"device", "wall_s"}
    assert cpu.statement == gpu.statement


def test_an_output_without_a_name_is_called_by_its_path(context: Context):
    @job(context(unnamed=("a.txt", "a.md")))
    def _(this: Job) -> None:
        this.write_text("a.txt", "a")
        this.write_text("a.md", "b")

    assert Path("a.txt").read_text() + Path("a.md").read_text() == "ab"


def test_outputs_that_could_not_share_a_receipt_are_refused(context: Context):
    with pytest.raises(LookupError, match=r"the receipt of b\.txt is b\.receipt\.json, not a\.receipt\.json"):
        job(context(unnamed=("a.txt", "b.txt")))(lambda this: None)


def test_a_rule_without_a_receipt_is_refused(context: Context):
    snakemake = context(record="a.json")
    snakemake.output = OutputFiles(fromdict={"record": "a.json"})
    with pytest.raises(LookupError, match="rule train declares no output called receipt"):
        job(snakemake)(lambda this: None)


def test_an_output_that_was_not_written_is_an_error_that_names_it(context: Context):
    with pytest.raises(RuntimeError, match="without writing its output 'losses'"):
        job(context(record="record.json", losses="record.npz"))(lambda this: this.write_json("record", {}))
    assert here() == []


def test_an_unknown_output_is_an_error_that_names_the_known(context: Context):
    with pytest.raises(LookupError, match=r"no output 'recrod'; it has .*record"):
        job(context(record="a"))(lambda this: this.write_json("recrod", {}))


def write_and_fail(this: Job) -> None:
    this.write_json("record", {})
    raise ZeroDivisionError


def test_after_an_exception_nothing_is_published_and_the_old_output_stays(context: Context):
    Path("record.json").write_text("old")
    with pytest.raises(ZeroDivisionError):
        job(context(record="record.json"))(write_and_fail)
    assert here() == ["record.json"]
    assert Path("record.json").read_text() == "old"
    assert not Path("record.receipt.json").exists()


def test_an_orphan_publishes_nothing(context: Context, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(builds.VARIABLE, f"{Path().resolve() / '.build'}:token")
    with pytest.raises(Orphaned):
        job(context(record="record.json"))(lambda this: this.write_json("record", {}))
    assert here() == []


def test_a_temporary_name_tells_the_host_for_nodes_share_numbers_of_processes(context: Context, monkeypatch):
    name = Job(context(record="record.json")).path("record").name
    assert str(os.getpid()) in name
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(nodename="another"))
    assert Job(context(record="record.json")).path("record").name != name


def test_what_a_killed_job_left_is_removed_by_the_next(context: Context):
    Path(".record[1].99.tmp.json").touch()
    Path(".record.99.tmp.json").touch()
    job(context(record="record[1].json"))(lambda this: this.write_json("record", {}))
    assert here() == [".record.99.tmp.json", "record[1].json"]


class Point(BaseModel):
    y: float
    x: tuple[int, int]


def write(snakemake: SimpleNamespace, content: object) -> None:
    job(snakemake)(lambda this: this.write_json("record", content))


def test_json_is_sorted_and_takes_models_and_numpy(context: Context):
    write(context(record="record.json"), {"β": Point(y=0.5, x=(1, 2)), "a": np.float32(0.5), "b": np.arange(2)})
    text = Path("record.json").read_text()
    assert text.startswith('{\n "a": 0.5,\n "b": [\n  0,\n  1\n ],\n "β": {\n  "x": [')
    assert text.endswith("}\n")


@pytest.mark.parametrize("content", [{"error": math.nan}, Point(y=math.inf, x=(1, 2)), {"error": np.float32("nan")}])
def test_json_has_no_nan(context: Context, content: object):
    with pytest.raises(ValueError, match="output 'record'"):
        write(context(record="record.json"), content)
    assert here() == []


def test_json_refuses_what_is_not_data(context: Context):
    with pytest.raises(ValueError, match="object is not plain data"):
        write(context(record="a.json"), [object()])


def test_arrays_are_the_same_bytes_each_time(context: Context):
    arrays = {"loss": np.linspace(0, 1, 1000), "index": np.arange(5)}
    for order in (list(arrays), list(reversed(arrays))):
        named = {name: arrays[name] for name in order}
        job(context(losses=f"{order[0]}.npz"))(lambda this, named=named: this.write_arrays("losses", named))
        time.sleep(2.1 if order[0] == "loss" else 0)  # zip files count time in steps of two seconds
    assert Path("loss.npz").read_bytes() == Path("index.npz").read_bytes()
    assert np.array_equal(np.load("loss.npz")["loss"], arrays["loss"])


def test_arrays_of_objects_are_refused(context: Context):
    words = {"words": np.array(["a", None], dtype=object)}
    with pytest.raises(ValueError, match="Object arrays"):
        job(context(losses="losses.npz"))(lambda this: this.write_arrays("losses", words))
    assert here() == []


@pytest.fixture
def table(context: Context) -> SimpleNamespace:
    """A job that reads a record which another job has made, and a template which no job made."""
    write(context(record="record.json"), {"error": 0.25})
    Path("../main.tex").write_text("text")
    snakemake = context(table="table.csv")
    snakemake.input = InputFiles(["record.json", "../main.tex"])
    return snakemake


def copy_record(this: Job) -> None:
    this.write_text("table", Path("record.json").read_text())


def test_a_receipt_says_what_was_read(table: SimpleNamespace):
    job(table)(copy_record)
    receipt = Receipt.read(Path("table.receipt.json"))
    assert list(receipt.inputs) == ["record.json"]
    assert list(receipt.sources) == ["../main.tex"]
    hashes = receipt.inputs | receipt.sources
    assert hashes == {name: hashlib.sha256(Path(name).read_bytes()).hexdigest() for name in table.input}


def test_equal_jobs_make_equal_statements_and_differ_in_what_they_cost(table: SimpleNamespace):
    job(table)(copy_record)
    first = Receipt.read(Path("table.receipt.json"))
    time.sleep(0.01)
    job(table)(copy_record)
    second = Receipt.read(Path("table.receipt.json"))
    assert first.statement == second.statement
    assert first.seal != second.seal


FORGERIES = {
    "the content": lambda: Path("record.json").write_text('{"error": 0.15}'),
    "the receipt": lambda: Path("record.receipt.json").write_text(
        Path("record.receipt.json").read_text().replace('"100"', '"200"')
    ),
    "no receipt": lambda: Path("record.receipt.json").unlink(),
    "another's receipt": lambda: Path("other.receipt.json").replace("record.receipt.json"),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_an_input_that_is_not_what_its_job_wrote_is_not_used(context: Context, table: SimpleNamespace, forgery: str):
    write(context(record="other.json"), {"error": 0.15})
    FORGERIES[forgery]()
    with pytest.raises(Unsound, match=r"record\.json"):
        job(table)(copy_record)
    assert "table.csv" not in here()


def test_an_input_that_changes_while_the_job_reads_it_is_noticed(table: SimpleNamespace):
    def _work(this: Job) -> None:
        copy_record(this)
        Path("record.json").write_text('{"error": 0.15}')

    with pytest.raises(Unsound, match=r"record\.json changed while this job read it"):
        job(table)(_work)
    assert "table.csv" not in here()


def test_a_result_in_the_shared_store_is_copied_and_the_work_not_done(
    table: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("STUDY_STORE", str(tmp_path / "store"))
    job(table)(copy_record)
    made = {name: Path(name).read_bytes() for name in ("table.csv", "table.receipt.json")}
    for name in made:
        Path(name).unlink()
    job(table)(lambda this: 1 / 0)
    assert {name: Path(name).read_bytes() for name in made} == made
    table.params = Params(fromdict={"run": {"N": 200}})
    with pytest.raises(ZeroDivisionError):
        job(table)(lambda this: 1 / 0)


SPEAKING = """
import ctypes, os, subprocess, sys, types
from provenance.jobs import job
from snakemake.iocontainers import Log, OutputFiles
output = OutputFiles(fromdict={"a": "a.txt", "receipt": "a.receipt.json"})
context = types.SimpleNamespace(
    rule="speak", input=[], output=output, params={}, wildcards={}, resources={}, log=Log(["logs/a.log"])
)
print("before")

@job(context)
def _(this):
    print("from Python")
    print("from Python's stderr", file=sys.stderr)
    subprocess.run(["echo", "from a child"], check=True)
    ctypes.CDLL(None).printf(b"from C\\n")
    %s
    this.write_text("a", "a")
print("after")
"""


def speak(statement: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(Path(jobs.__file__).parents[1]), *sys.path])
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
        ("this.path('b')", "LookupError: the rule has no output 'b'; it has a, receipt"),
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
    code = f"import sys, provenance.jobs; print({heavy})"
    env = os.environ | {"PYTHONPATH": str(Path(jobs.__file__).parents[1])}
    loaded = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert loaded.stdout == "set()\n"
