"""The command line means the study that Snakemake would build with the same words."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from provenance import audit, pdf, workspace
from provenance.plan import PLAN
from provenance.workspace import CannotRun, Workspace, open_workspace


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch):
    """Run a command of the audit; give its exit code."""

    def _run(*arguments: str) -> int:
        monkeypatch.setattr("sys.argv", ["audit", *arguments])
        with pytest.raises(SystemExit) as ended:
            audit.main()
        return ended.value.code

    return _run


@pytest.fixture
def named(small, monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], list[str]]]:
    """Note which profiles and configfiles the small study was asked for by."""
    asked: list[tuple[list[str], list[str]]] = []

    def _open(profiles: list[str], configfiles: list[str]) -> Workspace:
        asked.append((profiles, configfiles))
        return Workspace(small.plan)

    monkeypatch.setattr(audit, "open_workspace", _open)
    return asked


@pytest.mark.parametrize(
    ("arguments", "profiles", "configfiles"),
    [
        ("", [], []),
        ("--configfile a.yaml", [], ["a.yaml"]),
        ("--configfile a.yaml b.yml c.yaml", [], ["a.yaml", "b.yml", "c.yaml"]),
        ("--configfile=a.yaml", [], ["a.yaml"]),
        ("--configfile a.json b.yaml --cores 1", [], ["a.json", "b.yaml"]),
        ("--profile p --profile q", ["p", "q"], []),
        ("--profile p --configfile a.yaml b.yaml --json", ["p"], ["a.yaml", "b.yaml"]),
    ],
)
def test_configfiles_and_profiles_are_given_as_to_snakemake(run, named, arguments, profiles, configfiles):
    assert run("explain", *arguments.split()) == 0
    assert named == [(profiles, configfiles)]


def test_a_key_or_a_result_after_a_configfile_is_none(run, named, capsys):
    assert run("trace", "--configfile", "a.yaml", "b.yaml", "law.knn.beta", "--json") == 0
    assert json.loads(capsys.readouterr().out)["key"] == "law.knn.beta"
    assert run("trace", "--configfile", "a.yaml", "results/laws/knn.json") == 0
    assert run("trace", "law.knn.beta", "--configfile", "a.yaml") == 0
    assert [configfiles for _, configfiles in named] == [["a.yaml", "b.yaml"], ["a.yaml"], ["a.yaml"]]


def test_a_second_configfile_flag_of_which_snakemake_would_take_only_the_last_is_refused(run, named, capsys):
    assert run("explain", "--configfile", "a.yaml", "--json", "--configfile=b.yaml") == 2
    assert "give --configfile once, as to snakemake: --configfile A.yaml B.yaml." in capsys.readouterr().err
    assert named == []


def test_snakemake_is_asked_in_its_own_words(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Snakefile").touch()
    asked = []

    def _run(arguments, environment):
        asked.append(arguments)
        return subprocess.CompletedProcess(arguments, 1, "", "no plan")

    monkeypatch.setattr(workspace, "run_snakemake", _run)
    with pytest.raises(CannotRun, match="no plan"):
        open_workspace(["p", "q"], ["a.yaml", "b.yaml"])
    assert asked[0][-7:] == ["--profile", "p", "--profile", "q", "--configfile", "a.yaml", "b.yaml"]


def smoke(small, folder: str = "results-smoke", *options: str) -> None:
    """Leave a results folder of another study, whose build has noted how it was named."""
    shutil.copytree(small.results, folder)
    replace(small.plan, results=folder, options=options).write(Path(folder, PLAN))


def test_where_nothing_is_built_no_row_a_file_says_so_but_where_something_is(run, small, named, capsys):
    smoke(small, "results-smoke", "--configfile", "smoke.yaml")
    shutil.rmtree(small.results)
    assert run("verify") == 2
    assert capsys.readouterr().err == (
        "Nothing is built in results. results-smoke is there: audit verify --configfile smoke.yaml\n"
    )
    assert run("verify", "--json") == 2
    assert run("crate") == 2
    shutil.rmtree("results-smoke")
    (small.results / "logs").mkdir(parents=True)
    capsys.readouterr()
    assert run("verify", "--profile", "profiles/smoke") == 2
    assert capsys.readouterr().err == "Nothing is built in results.\n"


def test_results_of_a_build_of_which_any_file_is_left_are_looked_at(run, small, named):
    (kept,) = [path for path in small.results.rglob("*") if path.name == "main.pdf"]
    for path in small.results.rglob("*"):
        if path.is_file() and path != kept:
            path.unlink()
    assert run("verify") == 1


def lacking(small, monkeypatch, kept: int) -> None:
    """Take all results of trainings but some, and let the PDF, which is none here, say what the ledger says."""
    monkeypatch.setattr(pdf, "compare", lambda *_: [])
    monkeypatch.setattr(audit, "FOLDED", 3)
    trainings = [job for job in small.plan.jobs if job.rule == "train"]
    for job in trainings[kept:]:
        for file in job.made:
            (small.results / file).unlink()


def test_many_missing_results_of_a_rule_are_one_row_of_what_is_printed(run, small, named, capsys, monkeypatch):
    lacking(small, monkeypatch, kept=0)
    assert run("verify") == 1
    said = capsys.readouterr().out
    assert said.count(" is missing ") == 0
    assert said.count("4 of rule train, such as") == said.count(" runs/knn/seed0.receipt.json ") == 1
    assert run("verify", "--json") == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert sum(finding["kind"] == "missing" for finding in findings) == 4


def test_few_missing_results_have_a_row_each(run, small, named, capsys, monkeypatch):
    lacking(small, monkeypatch, kept=1)
    assert run("verify") == 1
    said = capsys.readouterr().out
    assert said.count(" is missing ") == 3
    assert " of rule " not in said


@pytest.mark.parametrize(
    ("options", "command"),
    [((), "audit verify"), (("--configfile", "a b.yaml"), "audit verify --configfile 'a b.yaml'")],
)
def test_a_results_folder_is_no_damaged_crate(run, small, named, capsys, options, command):
    smoke(small, "results-smoke", *options)
    assert run("verify", "results-smoke/") == 2
    assert capsys.readouterr().err == (
        f"results-smoke is a results folder, not a crate. In the folder of its Snakefile, this looks at it: {command}\n"
    )
    Path("results-smoke", PLAN).unlink()
    assert run("verify", "results-smoke", "--json") == 2, "its dot files were left behind"
    assert "audit verify with its --profile or --configfile" in capsys.readouterr().err


def test_a_crate_without_its_description_is_a_damaged_one(run, small, capsys):
    shutil.copytree(small.results, "crate/results")
    assert run("verify", "crate") == 1
    assert "so this is no crate" in capsys.readouterr().out
