"""Comparisons: what differs between two builds is found, sized and explained, and equal builds have no difference."""

import copy
import io
import json
import shutil
import subprocess
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from provenance.audit import main
from provenance.comparison import Build, as_data, compare, open_build, show
from provenance.ledger import Ledger
from provenance.receipts import Receipt, digest, receipt_of
from provenance.workspace import CannotRun


def receipt(rule, outputs, inputs=None, code="1", params=None, versions="2.4.6", sources=None):
    return Receipt(
        rule=rule,
        wildcards={},
        params=params or {},
        code={"digest": digest(code), "script": f"scripts/{rule}.py", "kinds": {}, "files": {f"{rule}.py": code}},
        environment={"digest": digest(versions), "versions": {"numpy": versions}},
        inputs=inputs or {},
        sources=sources or {},
        outputs=outputs,
        made={"start": "", "end": "", "host": "", "wall_s": 0, "cpu_s": 0, "memory_mb": 0},
    )


def made(draw="d", law="l", other="o", value=10.0, verdict="supported", threshold=0.5, law_code="1", **job):
    """Give a build: a draw, a law that reads it, and a table that reads nothing."""
    receipts = [
        receipt("draw", {"draw.json": draw}, **job),
        receipt("law", {"law.json": law}, {"draw.json": draw}, code=law_code),
        receipt("table", {"table.csv": other}),
    ]
    ledger = Ledger(receipts, config={"claims": {"ratio": threshold}, "seeds": [0]}, tree="tree", sources={})
    number = {"value": value, "printed": f"{value:g}", "low": value - 2, "high": value + 2, "level": 0.95}
    ledger.add("law.beta", number, source="law.json", pointer="/beta")
    ledger.add("law.count", {"value": 7, "printed": "7"}, source="law.json", pointer="/count")
    ledger.add("claim.verdict", {"value": verdict, "printed": verdict}, source="law.json", pointer="/verdict")
    ledger.add("ratio", {"value": threshold, "printed": str(threshold)}, source="config", pointer="/claims/ratio")
    ledger.add("other", {"value": 1, "printed": "1"}, source="table.csv", pointer="/1")
    ledger.add_file("table", "table.all", "table.csv")
    content = json.loads(json.dumps(ledger.content()))
    return Build("build", content, {file: made for made in receipts for file in made.outputs})


def keys(found):
    return [change.key for change in found.changes]


def told(found):
    out = Console(width=200, file=io.StringIO())
    show(found, out)
    return out.file.getvalue()


def test_equal_builds_do_not_differ():
    found = compare(made(), made())
    assert not found.differs
    assert (found.changes, found.same, found.unexplained) == ([], 6, [])
    assert "The same: all 6 numbers" in told(found)
    assert as_data(found)["same"]


def test_a_change_is_sized_absolutely_relatively_and_against_its_interval():
    (change,) = compare(made(), made(value=10.6, law="x", law_code="2")).changes
    assert change.key == "law.beta"
    assert change.absolute == pytest.approx(0.6)
    assert change.halfwidths == pytest.approx(0.3)  # the interval is 10 ± 2
    assert change.share == pytest.approx(0.6 / 10.6)
    assert change.because == ("code",)


def test_verdicts_come_first_then_numbers_that_a_reader_sees_then_what_appeared():
    old, new = made(), made(value=11, law="x", verdict="contradicted", threshold=0.6, other="p")
    del old.ledger["entries"]["other"]
    found = compare(old, new)
    assert keys(found) == ["claim.verdict", "law.beta", "ratio", "other", "table.all"]
    assert keys(compare(new, old)) == keys(found)
    lines = told(found).splitlines()
    assert "4 changed, 1 appeared" in lines[0]
    assert "supported" in told(found)
    assert "1 entries are the same, 1 of them resting on something else than before." in told(found)


@pytest.mark.parametrize(
    ("change", "because", "words"),
    [
        ({"law_code": "2"}, ("code",), "code         law.py changed"),
        ({"versions": "2.5.0"}, ("environment",), "environment  numpy 2.4.6 → 2.4.6 and 2.5.0"),
        ({"params": {"run": 1}}, ("config",), ""),
        ({"sources": {"paper/main.tex": "t"}}, ("sources",), ""),
        ({"draw": "e"}, ("unexplained",), "unexplained  draw.json: made by the same code"),
    ],
)
def test_each_number_has_the_causes_upstream_of_it_and_no_others(change, because, words):
    found = compare(made(), made(value=11, law="x", threshold=0.6, **change))
    causes = {each.key: each.because for each in found.changes}
    if because == ("unexplained",):
        assert found.unexplained == ["draw.json"]
    else:
        assert found.unexplained == ([] if "law_code" in change else ["law.json"] if "draw" not in change else [])
    assert causes["ratio"] == ("config",)
    assert set(because) <= set(causes["law.beta"])
    assert words in told(found)
    assert "config       claims.ratio: 0.5 → 0.6" in told(found)


def test_a_result_that_follows_from_another_is_explained_by_it():
    found = compare(made(), made(draw="e", law="x", value=11))
    assert found.unexplained == ["draw.json"]
    assert found.files == {"draw.json": "changed", "law.json": "changed"}
    assert "audit replay can tell" in told(found)


def test_bare_ledgers_tell_what_differs_but_not_what_was_first():
    old, new = (Build("ledger", build.ledger) for build in (made(), made(draw="e", law="x", value=11)))
    found = compare(old, new)
    assert (keys(found), found.changes[0].because, found.unexplained) == (["law.beta"], (), None)
    assert "whose receipts tell" in told(found)


VALUES = st.floats(-1e6, 1e6) | st.integers(-9, 9)


@given(VALUES, VALUES)
def test_there_and_back_is_the_same_way(one, other):
    there, back = compare(made(value=one), made(value=other)), compare(made(value=other), made(value=one))
    assert keys(there) == keys(back)
    assert bool(there.changes) == (one != other)
    for forth, home in zip(there.changes, back.changes, strict=True):
        assert forth.absolute == -home.absolute
        assert forth.share == home.share
        assert (forth.old, forth.new) == (home.new, home.old)


@given(st.data())
def test_every_entry_is_told_or_counted(data):
    old, new = made(), copy.deepcopy(made())
    for entry in data.draw(st.lists(st.sampled_from(sorted(new.ledger["entries"])), unique=True)):
        change = data.draw(st.sampled_from(["gone", "other", "same"]))
        if change == "gone":
            del new.ledger["entries"][entry]
        elif change == "other":
            new.ledger["entries"][entry]["value"] = "another"
    found = compare(old, new)
    assert len(found.changes) + found.same == 6
    json.dumps(as_data(found), allow_nan=False)
    told(found)


# Where builds are


@pytest.fixture
def places(tmp_path, monkeypatch):
    """One build as a results folder, a crate's folder and zip file, a ledger and a revision of git."""
    monkeypatch.chdir(tmp_path)
    build = made()
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "ledger.json").write_text(json.dumps(build.ledger))
    for file, maker in build.makers.items():
        (folder / receipt_of(file)).write_text(maker.text())
    shutil.copytree(folder, tmp_path / "crate/results")
    (tmp_path / "crate/ro-crate-metadata.json").write_text("{}")
    with zipfile.ZipFile(tmp_path / "crate.zip", "w") as packed:
        for path in folder.iterdir():
            packed.write(path, f"results/{path.name}")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    for command in (["init", "-q"], ["add", "-f", "results/ledger.json"], ["commit", "-qm", "a"]):
        subprocess.run([*git, *command], check=True)
    return ["results", "crate", "crate.zip", "results/ledger.json", "HEAD:results/ledger.json"]


def test_a_build_is_the_same_wherever_it_lies(places):
    for place in places:
        with open_build(place) as build:
            assert not compare(made(), build).differs
            assert bool(build.makers) == ("ledger" not in place)


def test_the_exit_code_says_whether_builds_differ_or_could_not_be_compared(places, tmp_path, monkeypatch, capsys):
    (tmp_path / "other.json").write_text(json.dumps(made(value=11).ledger))

    def code(*arguments):
        monkeypatch.setattr("sys.argv", ["audit", "diff", "--json", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code

    assert code("results", "crate.zip") == 0
    assert json.loads(capsys.readouterr().out)["same"]
    assert code("results", "other.json") == 1
    assert [change["key"] for change in json.loads(capsys.readouterr().out)["changes"]] == ["law.beta"]
    assert code("results", "nowhere") == 2
    assert "no such build" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("nowhere", "no such build"),
        ("HEAD:nowhere", "git has no such file"),
        ("--output=x:y", "no such build"),
        ("empty", "no finished build"),
        ("list.json", "no ledger that can be read"),
        ("broken.zip", "not a crate that can be read"),
    ],
)
def test_what_is_no_build_is_said_to_be_none(places, tmp_path, place, words):
    (tmp_path / "empty").mkdir()
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "broken.zip").write_text("")
    with pytest.raises(CannotRun, match=words), open_build(place):
        pass
