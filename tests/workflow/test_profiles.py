"""Profiles are picked up and stacked, and Snakemake's linter has nothing to say that was not answered."""

import re
import shutil
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
from snakemake.profiles import ProfileConfigFileParser

from provenance.plan import VARIABLE, Plan
from provenance.receipts import Receipt

ANSWERED = {
    "Specify a conda environment or container for each rule.": (
        "Versions are pinned by requirements.lock and installed by `make setup`; there is no conda anywhere."
    ),
    "Environment variable PYTHONPATH used but not asserted with envvars directive in line ….": (
        "It is prolonged, not required: jobs find this checkout's library whether or not the user has set it."
    ),
}
"""What Snakemake's linter finds, and why it stays."""


def test_plain_snakemake_takes_the_default_profile(built):
    target = built.results / "curves.csv"
    target.unlink()
    code, said = built.snakemake("--", "results/curves.csv")
    assert code == 0, said
    assert "profiles/default" in said
    assert "1 job done in" in said, "the study's own display"
    assert "rule curves" not in said, "Snakemake's"


def test_the_smoke_profile_is_laid_over_the_default_and_builds_into_a_folder_of_its_own(workflow):
    shutil.copy(Path(__file__).parents[2] / "config.yaml", workflow.folder)
    code, said = workflow.snakemake("--profile", "profiles/smoke", "--dry-run")
    assert code == 0, said
    assert "profiles/smoke and workflow specific profile profiles/default" in said
    assert re.search(r"^rule all:\n    input: (.+)$", said, re.MULTILINE)[1] == "results-smoke/paper/main.pdf"
    assert int(re.search(r"^total +(\d+)$", said, re.MULTILINE)[1]) > 50
    assert not list(workflow.folder.glob("results*"))


@pytest.mark.parametrize("command", ["snakemake", "audit"])
def test_a_configfile_beside_a_profile_does_not_silently_replace_its_study(workflow, command):
    (workflow.folder / "mine.yaml").write_text("pathvars: {results: results-mine}\n")
    arguments = ("--profile", "profiles/smoke", "--configfile", "mine.yaml")
    code, said = workflow.snakemake(*arguments) if command == "snakemake" else workflow.audit("explain", *arguments)
    assert code == (1 if command == "snakemake" else 2)
    assert "profiles/smoke names the study profiles/smoke/study.yaml, which would not count" in said
    assert "    --configfile profiles/smoke/study.yaml mine.yaml\n" in said
    assert not list(workflow.folder.glob("results*"))
    shutil.copy(Path(__file__).parents[2] / "config.yaml", workflow.folder)
    code, said = workflow.snakemake("--dry-run", "--configfile", "profiles/smoke/study.yaml", "mine.yaml")
    assert code == 0, said
    assert re.search(r"^rule all:\n    input: (.+)$", said, re.MULTILINE)[1] == "results-mine/paper/main.pdf"
    assert "images, seed 1" in said
    assert "digits" not in said, "it is the smoke study"


def test_the_gpu_profile_lets_the_cnns_of_images_and_nothing_else_train_on_a_gpu(workflow, monkeypatch):
    shutil.copy(Path(__file__).parents[2] / "config.yaml", workflow.folder)
    monkeypatch.setenv(VARIABLE, str(workflow.folder / "plan.json"))
    code, said = workflow.snakemake("--profile", "profiles/gpu", "--dry-run")
    assert code == 0, said
    plan = Plan.read(workflow.folder / "plan.json")
    assert plan.results == "results-gpu"
    runs = [job.params["run"] for job in plan.jobs if job.rule == "train"]
    devices = {(run["domain"], run["family"]): run["learner"].get("device", "cpu") for run in runs}
    assert {run for run, device in devices.items() if device != "cpu"} == {("images", "cnn")}
    assert devices["images", "cnn"] == "auto"


@pytest.mark.parametrize(
    ("file", "options"),
    [
        ("measurements.yaml", ["--profile", "profiles/measurements"]),
        ("mine.yaml", ["--configfile", "profiles/measurements/study.yaml", "mine.yaml"]),
    ],
)
def test_measurements_alone_take_a_file_of_their_domains(workflow, file, options):
    shutil.copy(Path(__file__).parents[2] / "config.yaml", workflow.folder)
    (workflow.folder / "web.csv").write_text("model,N,error\ngru,100,0.5\ngru,200,0.4\n")
    measured = "{ measurements: web.csv, title: Web text, unit: tokens, metric: nats per token }"
    (workflow.folder / file).write_text(f"domains: {{ web: {measured} }}\n")
    code, said = workflow.snakemake(*options, "--dry-run")
    assert code == 0, said
    assert re.search(r"^rule all:\n    input: (.+)$", said, re.MULTILINE)[1] == "results-measurements/paper/main.pdf"
    rules = re.findall(r"^(\w+) +\d+$", said, re.MULTILINE)
    assert {"measure", "law", "claim", "paper"} <= set(rules)
    assert not {"train", "gather", "prepare", "bias", "coverage"} & set(rules)


def test_measurements_alone_ask_for_domains_where_there_are_none(workflow):
    code, said = workflow.snakemake("--profile", "profiles/measurements", "--dry-run")
    assert code == 1
    assert "domains = {}: empty. Give at least one." in said
    assert "Traceback" not in said


def test_runs_that_may_use_a_gpu_wait_for_a_place_on_it(workflow):
    with workflow.study() as study:
        study["domains"]["spiral"]["families"]["mlp"]["device"] = "auto"
    code, said = workflow.snakemake("--resources", "gpu_slots=1", "--", "results/curves/spiral.csv")
    assert code == 0, said
    trained = [Receipt.read(path).made for path in workflow.results.glob("runs/spiral/mlp-4/*/*.receipt.json")]
    times = sorted((made["start"], made["end"]) for made in trained)
    assert len(times) > 5
    assert all(end <= start for (_, end), (start, _) in pairwise(times)), "on two cores, but one at a time"


def test_jobs_that_together_want_more_memory_than_there_is_wait_for_each_other(workflow):
    targets = [f"results/runs/spiral/knn-1/n{N}/seed0.json" for N in (20, 40, 80, 160)]
    code, said = workflow.snakemake("--cores", "4", "--resources", "mem_mb=1500", "--", *targets)
    assert code == 0, said
    made = [Receipt.read(path).made for path in workflow.results.glob("runs/**/*.receipt.json")]
    times = sorted((at["start"], at["end"]) for at in made)
    assert len(times) == len(targets)
    assert all(end <= start for (_, end), (start, _) in pairwise(times)), "of four cores one at a time"


@pytest.mark.parametrize("profile", ["default", "gpu"])
def test_a_build_takes_no_more_memory_than_the_machine_has(profile):
    with (Path(__file__).parents[2] / "profiles" / profile / "config.yaml").open() as file:
        settings = ProfileConfigFileParser().parse(file)
    limit = next(int(text.removeprefix("mem_mb=")) for text in settings["resources"] if text.startswith("mem_mb="))
    assert limit == pytest.approx(0.9 * psutil.virtual_memory().total / 1e6, rel=0.01)


def test_snakemakes_linter_finds_what_was_answered_and_nothing_else(workflow):
    _, said = workflow.snakemake("--lint")
    found = re.findall(r"^    \* (.+):$", said, re.MULTILINE)
    assert {re.sub(r"line \d+", "line …", finding) for finding in found} == set(ANSWERED)
