"""Findings say all that is needed to act, and an accepted one covers itself and no other."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.findings import ACCEPTED, MEANING, Accepted, Finding, Unsound, examine, is_receipt, read_placed
from provenance.receipts import BadReceipt, Receipt, digest, file_hash

FOUND, EXPECTED = "f" * 64, "e" * 64
FINDING = Finding("damaged", "laws/a.json", "law model=a", FOUND, EXPECTED, "a digit differs")
IDENTITY = ("kind", "file", "found", "expected")
words = st.text(max_size=5)
findings = st.builds(Finding, st.sampled_from(sorted(MEANING)), words, words, words, words, words)


def record(finding: Finding) -> dict[str, Any]:
    about = {"who": "A. Author", "when": "2026-01-01", "why": "checked by hand"}
    return {key: getattr(finding, key) for key in IDENTITY} | about


@given(findings, st.data())
def test_a_record_covers_its_finding_and_no_other(finding: Finding, draw: st.DataObject):
    accepted = Accepted([record(finding)])
    assert finding in accepted
    assert replace(finding, job="another", why="other words") in accepted
    key = draw.draw(st.sampled_from(IDENTITY))
    other = draw.draw(st.sampled_from(sorted(MEANING)) if key == "kind" else words)
    assert (replace(finding, **{key: other}) in accepted) == (other == getattr(finding, key))
    assert finding not in Accepted()


@given(st.lists(findings, max_size=4), findings)
def test_records_do_not_mix(known: list[Finding], finding: Finding):
    accepted = Accepted(map(record, known))
    assert (finding in accepted) == any(record(finding) == record(other) for other in known)


def test_a_file_and_its_content_in_different_records_cover_nothing():
    accepted = Accepted([record(FINDING), record(replace(FINDING, file="laws/b.json", found="a" * 64))])
    assert replace(FINDING, found="a" * 64) not in accepted


def test_what_is_on_record_is_read_from_the_results(tmp_path: Path):
    assert FINDING not in Accepted.read(tmp_path)
    (tmp_path / ACCEPTED).write_text(json.dumps([record(FINDING)]))
    accepted = Accepted.read(tmp_path)
    assert FINDING in accepted
    assert accepted.records == [record(FINDING)]


@pytest.mark.parametrize(
    "content", ["", "{", "1", "null", "[1]", "[{}]", '{"a": 1}', '[{"kind": "damaged"}]', '[["kind"]]', "\udcff"]
)
def test_a_damaged_record_accepts_nothing_and_says_so(tmp_path: Path, content: str):
    (tmp_path / ACCEPTED).write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(Unsound, match=r"accepted\.json cannot be read"):
        Accepted.read(tmp_path)


def test_records_of_what_has_been_remade_do_not_stand(small):
    knn = small.results / "laws/knn.json"
    original = small.read("laws/knn.json").outputs["laws/knn.json"]
    knn.write_text("edited")
    damage = Finding("damaged", "laws/knn.json", found=file_hash(knn), expected=original)
    stale = Finding("stale", "data/a.npz", found=digest(small.read("data/a.npz").task), expected=EXPECTED)
    pdf = Finding("pdf", "paper/main.pdf", found="0.15", expected="0.25")
    standing = [record(finding) for finding in (damage, stale, pdf)]
    gone = [replace(finding, found=FOUND) for finding in (damage, stale)]
    gone += [replace(finding, file="gone.json") for finding in (damage, stale)]
    assert Accepted([*standing, *map(record, gone)]).standing(small.results) == standing
    small.remake("law", "prepare", content="remade")
    small.reseal("data/a.npz", params={})
    assert Accepted(standing).standing(small.results) == [record(pdf)]


def test_it_tells_file_maker_both_hashes_dependents_and_two_ways_out():
    assert FINDING.tell("results", ["claims/A.json", "ledger.json"]).splitlines() == [
        "results/laws/a.json is not what its job wrote (made by law model=a): a digit differs",
        f"    found     {FOUND}",
        f"    expected  {EXPECTED}",
        "    needed by claims/A.json, ledger.json",
        "    Remake it:  rm results/laws/a.json  and build again,",
        '    or keep it:  audit accept results/laws/a.json --reason "why"  and build again.',
    ]


def test_of_many_dependents_it_tells_four_and_how_many_more():
    told = FINDING.tell("results", [f"f{number}" for number in range(9)])
    assert "needed by f0, f1, f2, f3 and 5 more\n" in told
    assert "f4" not in told
    assert "more" not in FINDING.tell("results", [f"f{number}" for number in range(4)])


@given(findings, st.lists(words, max_size=6))
def test_every_finding_can_be_told(finding: Finding, dependents: list[str]):
    told = finding.tell("results", dependents)
    assert told.startswith(f"results/{finding.file} {MEANING[finding.kind]}")
    assert ("audit accept" in told) == (finding.kind in ("damaged", "stale"))


def test_it_does_not_speak_of_what_there_is_not():
    assert Finding("missing", "a.json").tell("results") == "results/a.json is missing."


RECEIPT = Receipt("law", {}, {}, {}, {}, {}, {}, {"laws/a.json": EXPECTED, "laws/a.npz": FOUND}, {})


@pytest.mark.parametrize(
    ("file", "found", "kind"),
    [
        ("laws/a.json", EXPECTED, None),
        ("laws/a.npz", FOUND, None),
        ("laws/a.json", FOUND, "damaged"),
        ("laws/a.json", None, "missing"),
        ("laws/b.json", FOUND, "foreign"),
        ("laws/b.json", None, "foreign"),
    ],
)
def test_a_file_is_what_its_receipt_says_or_a_finding(file: str, found: str | None, kind: str | None):
    finding = examine(file, found, RECEIPT)
    assert (finding.kind if finding else None) == kind
    if finding:
        assert asdict(finding) | {"kind": kind, "file": file, "job": "law", "found": found or ""} == asdict(finding)
        assert finding.expected == ("" if kind == "foreign" else EXPECTED)


def test_a_receipt_counts_only_where_it_belongs(tmp_path: Path):
    (tmp_path / "laws").mkdir()
    for name in ("laws/a", "laws/b", "a"):
        (tmp_path / f"{name}.receipt.json").write_text(RECEIPT.text())
    assert read_placed(tmp_path, "laws/a.receipt.json") == RECEIPT
    for name in ("laws/b", "a"):
        with pytest.raises(BadReceipt, match=r"belongs to laws/a\.json, laws/a\.npz"):
            read_placed(tmp_path, f"{name}.receipt.json")
    with pytest.raises(BadReceipt, match="cannot be read"):
        read_placed(tmp_path, "laws/c.receipt.json")


def test_what_is_called_a_receipt():
    assert is_receipt("laws/a.receipt.json")
    assert not is_receipt("laws/receipt.json")
    assert not is_receipt("laws/a.json")
