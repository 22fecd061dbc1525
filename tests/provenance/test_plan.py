"""The plan is what Snakemake would do, and knows what rests on what."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance import plan as library
from provenance.plan import Plan, Planned, planned
from provenance.receipts import in_order, plain

SNAKEFILE = """
import json, os
from provenance.plan import planned

pathvars: results="{RESULTS}"
RESULTS = "{RESULTS}"

def of_seeds(wildcards):
    return [f"<results>/runs/{{wildcards.model}}/seed{{seed}}.json" for seed in (0, 1)]

rule all:
    input: "<results>/laws/knn.json"

rule train:
    input:
        data="<results>/data/a.npz",
        raw="raw/{{model}}.csv",
    output:
        record="<results>/runs/{{model}}/seed{{seed}}.json",
        arrays="<results>/runs/{{model}}/seed{{seed}}.npz",
        receipt="<results>/runs/{{model}}/seed{{seed}}.receipt.json",
    params:
        run=lambda wildcards: {{"seed": int(wildcards.seed), "sizes": (1, 2)}},
        title="{{model}} of seed {{seed}}",
        rate=0.5,
        code=lambda wildcards: "code of " + wildcards.model,
        environment=lambda wildcards: "environment",
    shell: "touch {{output}}"

rule law:
    input:
        of_seeds,
        nothing=lambda wildcards: [],
        some=collect("<results>/runs/{{{{model}}}}/seed{{seed}}.npz", seed=(0, 1)),
    output:
        law="<results>/laws/{{model}}.json",
        receipt="<results>/laws/{{model}}.receipt.json",
    shell: "touch {{output}}"

for name, wildcards in (("train", {{"model": "knn", "seed": "0"}}), ("law", {{"model": "knn"}})):
    job = planned(name, getattr(rules, name), wildcards, RESULTS)
    print("PLANNED", json.dumps(vars(job)))
"""


@pytest.mark.parametrize("results", ["results", "other/place", "/somewhere/else"])
def test_jobs_are_read_from_the_rules_as_snakemake_runs_them(tmp_path: Path, results: str):
    (tmp_path / "Snakefile").write_text(SNAKEFILE.format(RESULTS=results))
    env = os.environ | {"PYTHONPATH": str(Path(library.__file__).parents[1]), "XDG_CACHE_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--list-rules"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    lines = [line.removeprefix("PLANNED ") for line in done.stdout.splitlines() if line.startswith("PLANNED ")]
    assert len(lines) == 2, done.stderr
    train, law = map(json.loads, lines)
    assert train == {
        "rule": "train",
        "wildcards": {"model": "knn", "seed": "0"},
        "params": {"run": {"seed": 0, "sizes": [1, 2]}, "title": "knn of seed 0", "rate": 0.5},
        "code": "code of knn",
        "environment": "environment",
        "inputs": ["data/a.npz"],
        "sources": ["raw/knn.csv"],
        "outputs": ["runs/knn/seed0.json", "runs/knn/seed0.npz"],
        "order": in_order(train["params"], train["inputs"] + train["sources"]),
    }
    assert law["inputs"] == [f"runs/knn/seed{seed}.{suffix}" for suffix in ("json", "npz") for seed in (0, 1)]
    assert law["outputs"] == ["laws/knn.json"]
    assert (law["code"], law["environment"], law["params"], law["sources"]) == (None, None, {}, [])


def test_params_are_plain_data_as_a_receipt_has_them():
    params = {"a": np.arange(2), "b": lambda wildcards: {"N": (int(wildcards.N),)}, "c": {2, 1}}
    rule = SimpleNamespace(input=[], output=["results/a.json"], params=params)
    job = planned("rule", rule, {"N": "7"}, "results")
    assert job.params == {"a": [0, 1], "b": {"N": [7]}, "c": [1, 2]}
    assert plain(job.params) == job.params


def test_only_what_lies_in_the_results_folder_is_an_input():
    files = ["results/a.json", "results2/a.json", "resultsa", "paper/main.tex", "paper/results/b.json"]
    job = planned("rule", SimpleNamespace(input=files, output=["results/b.json"], params={}), {}, "results")
    assert job.inputs == ("a.json",)
    assert job.sources == tuple(files[1:])


text = st.text(max_size=5)
tuples = st.lists(text, max_size=3).map(tuple)
data = st.recursive(st.none() | st.integers() | text, lambda inner: st.dictionaries(text, inner, max_size=2))
jobs = st.builds(
    Planned,
    rule=text,
    wildcards=st.dictionaries(text, text, max_size=2),
    params=st.dictionaries(text, data, max_size=2),
    code=st.none() | text,
    environment=st.none() | text,
    inputs=tuples,
    sources=tuples,
    outputs=tuples,
)
digests = st.dictionaries(text, st.dictionaries(text, text, max_size=2), max_size=2)


@given(st.builds(Plan, text, st.lists(jobs, max_size=3).map(tuple), digests, digests, tuples))
def test_a_plan_reads_back_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, plan: Plan):
    path = tmp_path_factory.getbasetemp() / "plan.json"
    plan.write(path)
    assert Plan.read(path) == plan


def test_it_is_written_whole_and_leaves_nothing_else(tmp_path: Path, small):
    small.plan.write(tmp_path / "plans.json")
    assert [path.name for path in tmp_path.glob("plans*")] == ["plans.json"]


def test_a_job_today_is_what_its_receipt_says(small):
    for job in small.plan.jobs:
        receipt = small.read(job.outputs[0])
        today = job.task(receipt.inputs.get, receipt.sources.get)
        assert today == receipt.task
        assert job.name == receipt.name


def test_every_file_and_receipt_has_its_maker(small):
    for job in small.plan.jobs:
        for file in (*job.outputs, job.receipt):
            assert small.plan.makers[file] == job
    assert small.job("runs/knn/seed0.npz").receipt == "runs/knn/seed0.receipt.json"
    assert small.job("figures/maps.left.pdf").receipt == "figures/maps.receipt.json"


def test_dependents_are_listed_the_nearest_first(small):
    dependents = small.plan.dependents
    assert dependents("runs/knn/seed0.json") == ["laws/knn.json", "ledger.json", "paper/main.pdf"]
    maps = ["figures/maps.left.pdf", "figures/maps.right.pdf"]
    assert dependents("runs/knn/seed0.npz") == [*maps, "ledger.json", "paper/main.pdf"]
    assert dependents("paper/main.pdf") == []
    assert dependents("main.tex") == ["ledger.json", "paper/main.pdf"]
    assert dependents("no such file") == []
    ahead = dependents("data/a.npz")
    runs = [file for job in small.plan.jobs if job.rule == "train" for file in job.outputs]
    assert ahead[: len(runs)] == runs
    assert ahead[len(runs) :] == ["laws/knn.json", *maps, "laws/mlp.json", "ledger.json", "paper/main.pdf"]


def test_what_a_receipt_vouches_for_depends_on_it(small):
    ahead = small.plan.dependents("runs/knn/seed0.receipt.json")
    assert {"laws/knn.json", "figures/maps.left.pdf", "ledger.json", "paper/main.pdf"} <= set(ahead)


def test_a_receipt_whose_files_nobody_reads_still_has_its_readers(small):
    idle = replace(small.job("laws/knn.json"), rule="idle", outputs=("idle.json",), wildcards={})
    ledger = small.job("ledger.json")
    reading = replace(ledger, inputs=(*ledger.inputs, idle.receipt))
    plan = replace(small.plan, jobs=(*small.plan.jobs[:-2], idle, reading, small.plan.jobs[-1]))
    assert plan.dependents("idle.receipt.json")[-2:] == ["ledger.json", "paper/main.pdf"]


@given(st.data())
def test_dependents_are_all_that_can_be_reached_each_once(draw: st.DataObject):
    number = draw.draw(st.integers(1, 7))
    inputs = [draw.draw(st.sets(st.integers(0, index), max_size=3)) for index in range(number)]
    jobs = [
        Planned("r", {}, {}, None, None, tuple(f"f{read}" for read in reads), (), (f"f{index + 1}",))
        for index, reads in enumerate(inputs)
    ]
    plan = Plan("results", tuple(jobs), {})
    for start in range(number + 1):
        reached, distance = {start}, {start: 0}
        for index, reads in enumerate(inputs):
            if reads & reached:
                reached.add(index + 1)
                distance[index + 1] = 1 + min(distance[read] for read in reads & reached)
        listed = [int(file[1:]) for file in plan.dependents(f"f{start}")]
        assert sorted(listed) == sorted(reached - {start})
        assert [distance[file] for file in listed] == sorted(distance[file] for file in listed)


@st.composite
def studies(draw: st.DrawFn) -> Plan:
    """Draw a plan whose jobs make one to three files and a receipt, and read any files of jobs before them."""
    made: list[str] = ["raw"]
    found = []
    for number in range(draw(st.integers(1, 8))):
        outputs = tuple(f"{number}.{kind}" for kind in "abc"[: draw(st.integers(1, 3))])
        inputs = tuple(draw(st.lists(st.sampled_from(made), max_size=4, unique=True)))
        found.append(Planned("r", {}, {}, None, None, inputs, (), outputs))
        made += found[-1].made
    return Plan("results", tuple(draw(st.permutations(found))), {})


def running(plan: Plan, asked: list[str], absent: set[str]) -> set[str]:
    """Receipts of the jobs that Snakemake runs for no other reason than that files are absent."""
    found: set[str] = set()
    ahead = [file for file in asked if file in absent]
    while ahead:
        job = plan.makers.get(ahead.pop())
        if job and job.receipt not in found:
            found.add(job.receipt)
            ahead += [file for file in job.inputs if file in absent]
    return found


@given(studies(), st.data())
def test_what_is_asked_for_makes_all_that_is_absent_and_no_less_would(plan: Plan, draw: st.DataObject):
    absent = draw.draw(st.sets(st.sampled_from([file for job in plan.jobs for file in job.made])))
    asked = plan.asked(absent)
    assert running(plan, asked, absent) == {plan.makers[file].receipt for file in absent}
    assert len(plan.needed(plan.makers[file] for file in asked)) == len(plan.jobs), "it knows every job"
    for file in asked:
        less = [other for other in asked if other != file]
        runs_less = running(plan, less, absent) < running(plan, asked, absent)
        knows_less = len(plan.needed(plan.makers[other] for other in less)) < len(plan.jobs)
        assert runs_less or knows_less


@given(studies())
def test_a_plan_of_which_all_or_nothing_is_made_is_asked_for_by_its_ends(plan: Plan):
    read = {file for job in plan.jobs for file in job.inputs}
    ends = [job.outputs[0] for job in plan.jobs if not read & set(job.made)]
    assert plan.asked(()) == ends
    assert plan.asked([file for job in plan.jobs for file in job.made]) == ends


@pytest.mark.parametrize(
    ("absent", "asked"),
    [
        ([], []),
        (["runs/knn/seed0.json"], ["runs/knn/seed0.json"]),
        (["runs/knn/seed0.json", "laws/knn.receipt.json"], ["laws/knn.receipt.json"]),
        (["runs/knn/seed0.npz", "laws/knn.json"], ["runs/knn/seed0.npz", "laws/knn.json"]),
        (["runs/knn/seed0.npz", "runs/knn/seed0.json", "laws/knn.json"], ["laws/knn.json"]),
        (["figures/maps.right.pdf", "ledger.json"], ["figures/maps.right.pdf", "ledger.json"]),
        (["figures/maps.left.pdf", "figures/maps.right.pdf", "ledger.json"], ["ledger.json"]),
    ],
)
def test_of_what_is_absent_that_is_asked_for_which_nothing_else_makes(small, absent: list[str], asked: list[str]):
    assert small.plan.asked(absent) == [*asked, "paper/main.pdf"]


def test_of_a_job_at_the_end_what_is_absent_is_asked_for(small):
    assert small.plan.asked(["paper/main.receipt.json"]) == ["paper/main.receipt.json"]
