"""Exceptions on record: only for what is found, exactly as it is found, and gone when withdrawn."""

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from provenance import accept as acceptance
from provenance.accept import accept, show, whoever, withdraw, within, write
from provenance.findings import Accepted
from provenance.plan import PLAN
from provenance.sweep import sweep
from provenance.workspace import CannotRun, Workspace

LAW = "laws/knn.json"


@pytest.fixture
def damaged(small):
    path = small.results / LAW
    path.write_text("edited")
    os.utime(path, (0, 0))
    return small


def records(small) -> list[dict[str, str]]:
    return json.loads((small.results / "accepted.json").read_text())


def test_what_is_found_is_recorded_exactly_and_found_no_more(damaged):
    done = accept(Workspace(damaged.plan), f"results/{LAW}", "a typing error", "Ada")
    assert records(damaged) == done.records
    (record,) = done.records
    assert (record["file"], record["kind"], record["who"], record["why"]) == (LAW, "damaged", "Ada", "a typing error")
    assert record["when"].endswith("+00:00")
    assert record["expected"] == damaged.read(LAW).outputs[LAW]
    swept = sweep(damaged.plan)
    assert swept.damaged == []
    assert [finding.file for finding in swept.accepted] == [LAW]


def test_the_file_gets_a_new_time_so_that_what_reads_it_is_remade(damaged):
    before = (damaged.results / "ledger.json").stat().st_mtime
    accept(Workspace(damaged.plan), LAW, "why")
    assert (damaged.results / LAW).stat().st_mtime >= before


def test_what_it_touches_is_told(damaged, capsys):
    workspace = Workspace(damaged.plan)
    done = accept(workspace, LAW, "why", "Ada")
    assert done.needed_by == ["ledger.json", "paper/main.pdf"]
    assert done.numbers == ["law.knn.beta"]
    show(done, Console(width=200, markup=False), workspace)
    said = capsys.readouterr().out
    for words in ("accepted: laws/knn.json is not what its job wrote", "by Ada", "law.knn.beta", "snakemake --cores 8"):
        assert words in said


def test_any_further_change_is_another_finding(damaged):
    accept(Workspace(damaged.plan), LAW, "why")
    (damaged.results / LAW).write_text("edited again")
    assert [finding.file for finding in sweep(damaged.plan).damaged] == [LAW]
    accept(Workspace(damaged.plan), LAW, "why again")
    assert [record["why"] for record in records(damaged)] == ["why", "why again"], "the order in which they came"


def test_a_stale_job_can_be_accepted_by_any_of_its_files_and_snakemake_forgets_it(small, monkeypatch):
    small.replan("train", code="new")
    said = []
    monkeypatch.setattr(
        acceptance, "run_snakemake", lambda words, _: said.append(words) or subprocess.CompletedProcess(words, 0)
    )
    accept(Workspace(small.plan), "runs/knn/seed0.npz", "same to the bit")
    assert [record["kind"] for record in records(small)] == ["stale"]
    assert len(sweep(small.plan).stale) == 3
    assert said[0][-3:] == [f"results/runs/knn/seed0.{end}" for end in ("json", "npz", "receipt.json")]


def test_damage_of_a_sibling_is_not_accepted_with_it(small):
    (small.results / "runs/knn/seed0.npz").write_text("edited")
    with pytest.raises(CannotRun, match=r"nothing is wrong with it.*seed0\.npz is not what its job wrote"):
        accept(Workspace(small.plan), "runs/knn/seed0.json", "why")


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (LAW, "nothing is wrong with it"),
        ("laws/other.json", "no job of this study makes it"),
        ("/etc/hostname", "is not in the results folder"),
    ],
)
def test_where_nothing_is_found_nothing_is_accepted(small, file, words):
    with pytest.raises(CannotRun, match=words):
        accept(Workspace(small.plan), file, "why")
    assert not (small.results / "accepted.json").exists()


def test_a_file_of_another_study_is_told_with_what_names_that(small):
    other = Path("results-smoke/laws/knn.json")
    other.parent.mkdir(parents=True)
    other.touch()
    with pytest.raises(CannotRun, match=r"^results-smoke/laws/knn\.json is not in the results folder results\.$"):
        accept(Workspace(small.plan), str(other), "why")
    plan = replace(small.plan, results="results-smoke", options=("--configfile", "smoke.yaml"))
    plan.write(Path("results-smoke", PLAN))
    with pytest.raises(CannotRun, match=r"but in that of another study: audit accept --configfile smoke\.yaml\.$"):
        accept(Workspace(small.plan), str(other), "why")


def test_what_is_missing_has_nothing_to_accept(small):
    (small.results / LAW).unlink()
    with pytest.raises(CannotRun, match="is missing"):
        accept(Workspace(small.plan), LAW, "why")


def test_a_broken_receipt_cannot_be_accepted_because_no_record_stands_for_it(small):
    with (small.results / "laws/knn.receipt.json").open("a") as receipt:
        receipt.write(" ")
    with pytest.raises(CannotRun, match=r"rm results/laws/knn\.receipt\.json and build again"):
        accept(Workspace(small.plan), LAW, "why")


def test_nothing_is_accepted_twice_or_without_a_reason(damaged):
    with pytest.raises(CannotRun, match="needs a reason"):
        accept(Workspace(damaged.plan), LAW, " ")
    accept(Workspace(damaged.plan), LAW, "why")
    with pytest.raises(CannotRun, match="accepted already"):
        accept(Workspace(damaged.plan), LAW, "why")


def test_what_is_withdrawn_is_found_again_and_the_last_takes_the_file_with_it(damaged):
    workspace = Workspace(damaged.plan)
    accept(workspace, LAW, "why")
    assert withdraw(workspace, LAW).records[0]["why"] == "why"
    assert not (damaged.results / "accepted.json").exists()
    assert [finding.file for finding in sweep(damaged.plan).damaged] == [LAW]
    with pytest.raises(CannotRun, match="no exception is on record"):
        withdraw(workspace, LAW)


def test_a_withdrawal_leaves_the_others_as_they_are(damaged):
    (damaged.results / "laws/mlp.json").write_text("edited")
    workspace = Workspace(damaged.plan)
    for file in (LAW, "laws/mlp.json"):
        accept(workspace, file, "why")
    withdraw(workspace, f"results/{LAW}")
    assert [record["file"] for record in records(damaged)] == ["laws/mlp.json"]


def test_records_are_written_whole_and_read_back(small):
    written = [{"file": "a", "kind": "damaged", "found": "1", "expected": "2", "who": "ä", "when": "", "why": "ß"}]
    write(small.results, written)
    assert Accepted.read(small.results).records == written
    assert not list(small.results.glob(".accepted*"))


@pytest.mark.parametrize("path", [LAW, f"results/{LAW}", f"./results/{LAW}", "results/laws/../laws/knn.json"])
def test_a_file_is_known_however_it_is_given(small, path):
    assert within(Workspace(small.plan), path) == LAW
    assert within(Workspace(small.plan), str(Path(path).absolute() if "results" in path else path)) == LAW


def test_somebody_is_always_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("USER", "ada")
    assert whoever() == "ada"
