"""Replays: results that were made are made again, and results that never were are found out."""

import csv
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance import contents
from provenance.plan import Planned
from provenance.receipts import Receipt, file_hash
from provenance.replay import Output, as_data, choose, conclusion, replay, write_report
from provenance.tolerances import Tolerances
from provenance.verify import verify
from provenance.workspace import CannotRun, open_workspace

LIBRARY = Path(__file__).parents[2] / "scripts/provenance"

# A workflow of its own, which shows that the library serves others than the paper's.
SNAKEFILE = """
import os, sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir) / "scripts"))
os.environ["PYTHONPATH"] = str(Path(workflow.basedir) / "scripts")

from provenance import plan, sweep
from provenance.builds import begin_build
from provenance.identity import Library
from provenance.orders import Orders

configfile: "config.yaml"

RESULTS = Path(config["pathvars"]["results"])
CODE = Library(Path(workflow.basedir))
JOBS = [("fetch", {}), *(("draw", {"seed": str(seed)}) for seed in range(4)), ("mean", {}), ("ledger", {})]

def identity(script):
    closure = CODE.closure(f"scripts/{script}.py", {})
    return {"code": lambda wildcards: closure.code, "environment": lambda wildcards: closure.environment}

def planned():
    jobs = [plan.planned(rule, getattr(rules, rule), wildcards, str(RESULTS)) for rule, wildcards in JOBS]
    return plan.Plan(str(RESULTS), tuple(jobs), {closure.code: closure.files for closure in CODE.closures})

def everything(wildcards):
    if listing := os.environ.get(plan.VARIABLE):
        planned().write(Path(listing))
    return [f"{RESULTS}/{file}" for job in planned().jobs for file in (*job.outputs, job.receipt)]

def accepted(wildcards):
    return []

onstart:
    begin_build(RESULTS)
    Orders.of(CODE.closures, sweep.sweep(planned()).stale_receipts).write(RESULTS)

rule all:
    default_target: True
    input: everything

rule fetch:
    output: raw="<results>/raw/data.txt", receipt="<results>/raw/data.receipt.json"
    log: "<results>/logs/fetch.log"
    params: **identity("fetch")
    script: "scripts/fetch.py"

rule draw:
    input: "<results>/raw/data.txt"
    output: record="<results>/draws/{seed}.json", receipt="<results>/draws/{seed}.receipt.json"
    log: "<results>/logs/draw/{seed}.log"
    params: **identity("draw")
    script: "scripts/draw.py"

rule mean:
    input: expand("<results>/draws/{seed}.json", seed=range(4))
    output: mean="<results>/mean.json", receipt="<results>/mean.receipt.json"
    log: "<results>/logs/mean.log"
    params: **identity("mean")
    script: "scripts/mean.py"

rule ledger:
    input: "<results>/mean.json"
    output: ledger="<results>/ledger.json", receipt="<results>/ledger.receipt.json"
    log: "<results>/logs/ledger.log"
    params: **identity("ledger")
    script: "scripts/ledger.py"
"""
HEAD = "import json\nfrom pathlib import Path\nfrom provenance.jobs import job\n\n@job(snakemake)\ndef work(this):\n"
SCRIPTS = {
    "fetch": 'this.write_text("raw", "3 1 4 1")',
    "draw": 'this.write_json("record", {"x": int(Path(this.input[0]).read_text().split()[int(this.wildcards.seed)])})',
    "mean": 'this.write_json("mean", sum(json.loads(Path(path).read_text())["x"] for path in this.input) / 4)',
    "ledger": """mean = json.loads(Path(this.input[0]).read_text())
    mean = {"kind": "number", "value": mean, "printed": str(mean), "source": "mean.json"}
    one = {"kind": "number", "value": 1, "printed": "1", "source": "config"}
    this.write_json("ledger", {"root": "r", "entries": {"mean": mean, "one": one}})""",
}


def build(checkout):
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "2", "--quiet"], cwd=checkout, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished build, to be copied."""
    checkout = tmp_path_factory.mktemp("finished") / "checkout"
    shutil.copytree(LIBRARY, checkout / "scripts/provenance", ignore=shutil.ignore_patterns("__pycache__"))
    for name, body in SCRIPTS.items():
        (checkout / f"scripts/{name}.py").write_text(f"{HEAD}    {body}\n")
    (checkout / "Snakefile").write_text(SNAKEFILE)
    (checkout / "config.yaml").write_text("pathvars: {results: made}\n")
    build(checkout)
    return checkout


@pytest.fixture
def study(finished, tmp_path, monkeypatch):
    """A copy of the finished build, in which this test runs."""
    checkout = Path(shutil.copytree(finished, tmp_path / "checkout"))
    monkeypatch.chdir(checkout)
    return checkout


def test_what_was_made_is_made_again_and_nothing_of_the_results_is_touched(study):
    before = {path: path.stat().st_mtime_ns for path in study.rglob("*") if path.is_file()}
    workspace = open_workspace()
    found = replay(workspace, sample=6, seed=1, cores=2)
    assert Counter(done.job.split()[0] for done in found.jobs) == {"draw": 4, "mean": 1, "ledger": 1}
    assert found.fetching == ["fetch"]
    assert found.differing == []
    after = {path: path.stat().st_mtime_ns for path in study.rglob("*") if path.is_file() and path.name != ".memo.json"}
    assert {path: time for path, time in after.items() if ".snakemake" not in path.parts} == {
        path: time for path, time in before.items() if ".snakemake" not in path.parts and path.name != ".memo.json"
    }
    data = as_data(found, workspace)
    assert "6 of 6 jobs were run once more (seed 1): all 6 files are the same, bit for bit." in conclusion(data)
    write_report(data, workspace.results)
    assert not [finding for finding in verify(workspace).findings if finding.file.startswith("audit")]


def forge(results, name, content):
    """Put another content in the place of a result, with a receipt that says that it was made."""
    path, place = results / name, results / name.replace(".json", ".receipt.json")
    path.write_text(content)
    place.write_text(replace(Receipt.read(place), outputs={name: file_hash(path)}).text())


def test_a_result_that_is_forged_with_its_receipt_and_all_its_consumers_is_found(study):
    results = study / "made"
    true = file_hash(results / "draws/2.json")
    forge(results, "draws/2.json", '{\n "x": 5\n}\n')
    build(study)  # mean and ledger are made anew, from the forged record
    assert json.loads((results / "ledger.json").read_text())["entries"]["mean"]["value"] == 2.5
    workspace = open_workspace()
    assert {finding.kind for finding in verify(workspace).findings} <= {"damaged"}  # the ledger has no true root here
    assert not [finding for finding in verify(workspace).findings if finding.file != "ledger.json"]

    found = replay(workspace, sample=5, seed=0, number="mean", cores=2)
    ((job, output),) = found.differing
    assert job == "draw seed=2"
    assert output == Output("draws/2.json", file_hash(results / "draws/2.json"), true, 0.2)
    assert output.agrees(0.2)
    assert not output.agrees(0.1)
    data = as_data(found, workspace)
    assert data["numbers"] == ["mean"]
    assert not data["reproduced"]
    text = write_report(data, results).read_text()
    assert "1 of 5 files are not what was recorded" in text
    assert "draws/2.json" in text

    tolerances = Tolerances("device.yaml", {"draws/*": {"/x": 0.2}})
    found = replay(workspace, sample=4, seed=0, rules=["draw"], tolerances=tolerances, cores=2)
    assert found.differing == []
    assert "all 4 files are the same within the tolerances of device.yaml; the largest relative difference is 0.2." in (
        conclusion(as_data(found, workspace))
    )


def test_results_outside_the_checkout_are_replayed_elsewhere_too(study, tmp_path):
    (study / "made").rename(tmp_path / "outside")
    (study / "config.yaml").write_text(f"pathvars: {{results: {tmp_path / 'outside'}}}\n")
    before = {path: path.read_bytes() for path in (tmp_path / "outside").rglob("*.json") if path.name[0] != "."}
    found = replay(open_workspace(), sample=1, seed=0, rules=["mean"])
    assert [done.job for done in found.jobs] == ["mean"]
    assert found.differing == []
    assert {path: path.read_bytes() for path in before} == before


def test_a_job_that_fails_is_found_with_what_it_said_and_a_store_is_not_asked(study, tmp_path, monkeypatch):
    monkeypatch.setenv("STUDY_STORE", str(tmp_path / "store"))
    workspace = open_workspace()
    (study / "Snakefile").write_text(SNAKEFILE.replace("rule mean:", "rule mean:\n    shadow: 1 / 0"))
    found = replay(workspace, seed=0, rules=["mean"])
    ((_, output),) = found.differing
    assert (output.replayed, output.difference) == ("", None)
    assert "division by zero" in found.jobs[0].error
    assert "1 jobs could not be run" in conclusion(as_data(found, workspace))
    assert not (tmp_path / "store").exists()


def test_jobs_that_are_damaged_or_read_what_is_are_not_chosen(study):
    (study / "made/draws/0.json").write_text("{}")
    workspace = open_workspace()
    with pytest.raises(CannotRun, match="of 1, 1 are missing, stale or damaged"):
        replay(workspace, seed=0, rules=["mean"])


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"number": "one"}, "read from the config: there is no job behind it"),
        ({"number": "men"}, "has no number men"),
        ({"rules": ["main"]}, "no job of the study is of rule main. There are fetch, draw, mean, ledger"),
    ],
)
def test_what_cannot_be_chosen_is_said(workspace, asked, words):
    with pytest.raises(CannotRun, match=words):
        replay(workspace, seed=0, **asked)


@pytest.fixture(scope="module")
def workspace(finished):
    before = Path.cwd()
    os.chdir(finished)
    yield open_workspace()
    os.chdir(before)


# Which jobs


def jobs_of(sizes):
    return [
        Planned(f"rule{number}", {"seed": str(seed)}, {}, None, None, (), (), (f"{number}/{seed}.json",))
        for number, size in enumerate(sizes)
        for seed in range(size)
    ]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(1, 60), st.integers())
def test_a_choice_is_of_the_size_asked_for_without_repeats_and_gives_every_rule_its_turn(sizes, sample, seed):
    jobs = jobs_of(sizes)
    chosen = choose(jobs, sample, seed)
    assert chosen == choose(jobs, sample, seed)
    assert len(chosen) == min(sample, len(jobs))
    assert len({job.receipt for job in chosen}) == len(chosen)
    taken = Counter(job.rule for job in chosen)
    most = max(taken.values())
    assert all(taken[job.rule] >= min(most - 1, sizes[int(job.rule[4:])]) for job in jobs)


def test_another_seed_chooses_others():
    assert len({tuple(job.receipt for job in choose(jobs_of([50]), 3, seed)) for seed in range(20)}) > 15


# How far apart

NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**9), 10**9)
DATA = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(DATA)
def test_equal_data_are_no_difference_however_they_are_spelled(tmp_path_factory, data):
    one, other = (tmp_path_factory.getbasetemp() / name for name in ("spelled.json", "otherwise.json"))
    one.write_text(json.dumps(data))
    other.write_text(json.dumps(data, indent=3))
    assert contents.apart(one, other) == {}


@given(st.floats(1e-300, 1e300), st.floats(1e-12, 0.5))
def test_the_relative_difference_of_a_number_is_found_in_every_format(tmp_path_factory, value, share):
    folder = tmp_path_factory.mktemp("formats")
    for name, number in (("one", value), ("other", value * (1 - share))):
        (folder / f"{name}.json").write_text(json.dumps({"a": ["x", 1, {"b": number}]}))
        with (folder / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([["N", "words"], [repr(number), "a word, or two"]])
        np.savez(folder / f"{name}.npz", a=np.array([[1.0, number]]), b=np.array(["x"]), c=np.array([np.nan, 1]))
    for suffix, place in (("json", "/a/2/b"), ("csv", "/1/0"), ("npz", "/a")):
        found = contents.apart(folder / f"one.{suffix}", folder / f"other.{suffix}")
        assert found == {place: pytest.approx(share, rel=1e-3)}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"a": 1}', '{"b": 1}'),
        ('{"a": 1}', '{"a": true}'),
        ('{"a": 1}', '{"a": "1"}'),
        ("[1, 2]", "[1]"),
        ('["x"]', '["y"]'),
        ("[1]", "[NaN]"),
        ("[1", "[1]"),
    ],
)
def test_what_differs_in_more_than_numbers_has_no_difference(tmp_path, one, other):
    (tmp_path / "a.json").write_text(one)
    (tmp_path / "b.json").write_text(other)
    assert contents.apart(tmp_path / "a.json", tmp_path / "b.json") is None


def test_arrays_of_other_shape_type_or_words_have_no_difference(tmp_path):
    arrays = [np.zeros(2), np.zeros(3), np.zeros(2, int), np.array(["a", "b"]), np.array(["a", "c"])]
    for number, array in enumerate(arrays):
        np.savez(tmp_path / f"{number}.npz", a=array)
    pairs = [(0, 1), (0, 2), (3, 4)]
    assert {contents.apart(tmp_path / f"{a}.npz", tmp_path / f"{b}.npz") for a, b in pairs} == {None}
    np.savez(tmp_path / "flags.npz", a=np.array([True, False]))
    np.savez(tmp_path / "other.npz", a=np.array([True, True]))
    assert contents.apart(tmp_path / "flags.npz", tmp_path / "other.npz") == {"/a": 1.0}


# What a study allows
