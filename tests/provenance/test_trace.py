"""Traces: from a number to data, seeds and code, with hundreds of runs in one line and nothing left out."""

import json
import re
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from provenance import pdf
from provenance.pdf import Printed
from provenance.trace import Trace, as_data, printed_at, show, span, trace
from provenance.workspace import CannotRun, Workspace


def steps(traced: Trace) -> list[tuple[str, int]]:
    """List rule and number of jobs of all steps, from the number down."""

    def below(step):
        yield step.rule, step.jobs
        for other in step.inputs:
            yield from below(other)

    return [found for step in traced.steps for found in below(step)]


def shown(traced: Trace, capsys, everything: bool = False) -> str:
    show(traced, Console(width=160, markup=False), everything)
    return capsys.readouterr().out


def test_a_number_is_traced_to_its_data_through_all_jobs(small):
    traced = trace(Workspace(small.plan), "law.knn.beta")
    assert steps(traced) == [("law", 1), ("train", 2), ("prepare", 1)]
    assert traced.entry["value"] == -0.5
    assert traced.basis.seeds == ["0", "1"]
    assert set(traced.basis.data) == {"data/a.npz", "raw.csv"}
    assert traced.basis.code == {"scripts/made.py": "a" * 64}
    assert traced.basis.environment == {"python": "3.11.7", "numpy": "2.4.6"}
    assert traced.command == "snakemake --cores 8 --force results/laws/knn.json"
    assert traced.findings == []


def test_unfolded_every_run_stands_by_itself_and_what_was_shown_is_not_repeated(small):
    traced = trace(Workspace(small.plan), "law.knn.beta", fold=False)
    assert steps(traced) == [("law", 1), ("train", 1), ("prepare", 1), ("train", 1), ("prepare", 1)]
    assert [run.inputs[0].above for run in traced.steps[0].inputs] == [False, True]


def test_a_figure_is_traced_to_all_that_it_was_drawn_from(small, capsys):
    traced = trace(Workspace(small.plan), "figure.maps")
    assert steps(traced) == [("maps", 1), ("train", 4), ("prepare", 1)]
    assert "4 runs of rule train: model knn, mlp; seeds 0, 1" in shown(traced, capsys)


def test_a_pattern_means_all_its_files_and_remakes_each(small, capsys):
    small.entries["laws.free"] = "laws/*.json"
    small.make(small.job("ledger.json"))
    traced = trace(Workspace(small.plan), "laws.free")
    assert steps(traced)[0] == ("law", 2)
    assert traced.command.endswith("--force results/laws/knn.json results/laws/mlp.json")


def test_files_of_one_job_are_remade_once(small):
    small.entries["maps.all"] = "figures/*.pdf"
    small.make(small.job("ledger.json"))
    assert trace(Workspace(small.plan), "maps.all").command.endswith("--force results/figures/maps.left.pdf")


@pytest.mark.parametrize("source", ["config", "code"])
def test_settings_and_constants_have_no_file_but_are_entered_by_a_job(small, capsys, source):
    small.entries["study.constant"] = source
    small.make(small.job("ledger.json"))
    traced = trace(Workspace(small.plan), "study.constant")
    assert traced.steps == []
    assert traced.command.endswith("--force results/ledger.json")
    assert "rests on" in shown(traced, capsys)


def test_a_constant_is_traced_to_the_file_that_holds_it(small):
    path = small.results / "ledger.json"
    small.entries["method.level"] = "code"
    small.make(small.job("ledger.json"))
    content = json.loads(path.read_text())
    content["entries"]["method.level"]["pointer"] = "made.LEVEL"
    path.write_text(json.dumps(content))
    assert trace(Workspace(small.plan), "method.level").basis.code == {"scripts/made.py": "a" * 64}


def test_a_file_can_be_traced_like_a_number(small):
    traced = trace(Workspace(small.plan), "results/laws/mlp.json")
    assert steps(traced) == [("law", 1), ("train", 2), ("prepare", 1)]
    assert traced.entry == {}


def test_an_unknown_key_brings_those_that_are_alike(small):
    with pytest.raises(CannotRun, match=r"law\.mpl\.beta is no key .* Did you mean law\.mlp\.beta"):
        trace(Workspace(small.plan), "law.mpl.beta")


def test_what_is_wrong_on_the_way_is_said_and_what_is_accepted_is_no_fault(small, capsys):
    (small.results / "runs/knn/seed0.json").write_text("edited")
    traced = trace(Workspace(small.plan), "law.knn.beta")
    assert {finding.file for finding in traced.findings} == {"runs/knn/seed0.json", "laws/knn.json"}
    assert "! runs/knn/seed0.json is not what its job wrote" in shown(traced, capsys)
    assert trace(Workspace(small.plan), "law.mlp.beta").findings == []


def test_all_shows_every_digest_in_full(small, capsys):
    traced = trace(Workspace(small.plan), "law.knn.beta", fold=False)
    said = "".join(shown(traced, capsys, everything=True).split())
    for file in ("laws/knn.json", "runs/knn/seed1.json", "data/a.npz"):
        assert small.read(file).outputs[file] in said


def test_the_command_is_on_a_line_of_its_own_however_long(small, capsys):
    small.entries["laws.free"] = "laws/*.json"
    small.make(small.job("ledger.json"))
    traced = trace(Workspace(small.plan), "laws.free")
    show(traced, Console(width=40, markup=False))
    assert capsys.readouterr().out.splitlines()[-1] == traced.command


def test_the_study_is_named_as_it_was_given(small):
    traced = trace(Workspace(small.plan, ("--configfile", "mine.yaml")), "law.knn.beta")
    assert traced.command == "snakemake --cores 8 --configfile mine.yaml --force results/laws/knn.json"


def test_a_store_is_not_asked_for_what_shall_be_remade(small, monkeypatch):
    monkeypatch.setenv("STUDY_STORE", "/somewhere")
    assert trace(Workspace(small.plan), "law.knn.beta").command.startswith("STUDY_STORE= snakemake ")


def test_as_data_it_is_plain_json(small):
    data = as_data(trace(Workspace(small.plan), "law.knn.beta"))
    assert json.loads(json.dumps(data))["steps"][0]["rule"] == "law"


PRINTED = {
    "number.law.knn.beta": [Printed("−0.5", 1), Printed("−0.5", 2)],
    "exact.number.law.knn.beta": [Printed("-0.5012", 3)],
    "number.law.mlp.beta": [Printed("−0.5", 2)],
    "figure.figure.maps": [Printed("", 2)],
    "root": [Printed("abc", 1)],
    "number.unknown": [Printed("7", 1)],
}


@pytest.mark.parametrize(
    ("page", "text", "expected"),
    [
        (1, "", {("law.knn.beta", 1)}),
        (2, "-0.5", {("law.knn.beta", 2), ("law.mlp.beta", 2)}),
        (0, "-0.5", {("law.knn.beta", 1), ("law.knn.beta", 2), ("law.mlp.beta", 2)}),
        (0, "-0.5012", {("law.knn.beta", 3)}),
        (1, "0.5", {("law.knn.beta", 1)}),
    ],
)
def test_what_a_page_prints_is_found_by_its_links(small, monkeypatch, page, text, expected):
    monkeypatch.setattr(pdf, "linked_texts", lambda _: PRINTED)
    found = printed_at(Workspace(small.plan), page, text)
    assert {(match.key, match.page) for match in found} == expected


@pytest.mark.parametrize(("page", "text"), [(9, ""), (1, "12"), (0, "012")])
def test_what_no_page_prints_is_said(small, monkeypatch, page, text):
    monkeypatch.setattr(pdf, "linked_texts", lambda _: PRINTED)
    with pytest.raises(CannotRun, match=r"page 9|is no number"):
        printed_at(Workspace(small.plan), page, text)


@given(st.sets(st.integers(0, 10**6), min_size=1))
def test_numbers_in_short_keep_both_ends(numbers):
    text = span([str(number) for number in numbers])
    found = [int(part) for part in re.findall(r"\d+", text.partition(" (")[0])]
    assert (found[0], found[-1]) == (min(numbers), max(numbers))


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ("4 1 0 3 2", "0–4"),
        ("0 1", "0, 1"),
        ("100", "100"),
        ("55000 100 200 500 1000", "100 … 55000 (5 values)"),
        ("cnn-8 cnn-16", "cnn-16, cnn-8"),
        ("a b c d e f g h i j", "a, b, c, d, e, f, g, h and 2 more"),
    ],
)
def test_values_in_short(values, text):
    assert span(values.split()) == text


def test_steps_are_told_apart_from_what_they_hold(small):
    step = asdict(trace(Workspace(small.plan), "law.knn.beta").steps[0])
    assert step["wildcards"] == {"model": ["knn"]}
    assert step["hashes"] == {"laws/knn.json": small.read("laws/knn.json").outputs["laws/knn.json"]}
