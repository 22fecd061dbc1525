"""The verification finds what is wrong beside and beyond the results of the plan, and the numbers that it touches."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provenance import memo, pdf
from provenance.findings import ACCEPTED, Finding
from provenance.ledger import root
from provenance.memo import MEMO
from provenance.pdf import Mismatch
from provenance.receipts import canonical, file_hash
from provenance.verify import Report, as_data, verify
from provenance.workspace import Workspace

COMPARE = pdf.compare


@pytest.fixture(autouse=True)
def _agreeing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the PDF, which is none here, say what the ledger says."""
    monkeypatch.setattr(pdf, "compare", lambda *_: [])
    monkeypatch.setattr(memo, "SETTLED_NS", -(10**18))


def verified(small, paranoid: bool = False) -> Report:
    return verify(Workspace(small.plan), paranoid)


def kinds(findings: list[Finding]) -> set[tuple[str, str]]:
    return {(finding.kind, finding.file) for finding in findings}


def put(small, file: str, content: str = "content") -> Path:
    path = small.results / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def accept(small, *findings: Finding) -> None:
    keys = ("kind", "file", "found", "expected")
    (small.results / ACCEPTED).write_text(json.dumps([{key: getattr(item, key) for key in keys} for item in findings]))


def test_a_sound_study_is_sound(small):
    report = verified(small)
    assert (report.findings, report.accepted, report.unused) == ([], [], [])
    assert report.root == json.loads((small.results / "ledger.json").read_text())["root"]
    assert report.files == len([path for path in small.results.rglob("*") if path.is_file() and path.name != MEMO])
    data = as_data(report, Workspace(small.plan))
    assert data["sound"] is True
    json.dumps(data)


def test_what_the_sweep_finds_is_reported(small):
    flip(small.results / "data/a.npz")
    (small.results / "runs/knn/seed0.json").unlink()
    found = kinds(verified(small).findings)
    assert {("damaged", "data/a.npz"), ("missing", "runs/knn/seed0.json"), ("stale", "runs/mlp/seed1.json")} <= found


@pytest.mark.parametrize(
    "file", ["a.json", "laws/cnn.json", "laws/knn.csv", "laws/knn.more.json", "new/folder/a", "laws/cnn.receipt.json"]
)
def test_what_no_job_made_is_foreign(small, file: str):
    path = put(small, file)
    (finding,) = verified(small).findings
    assert (finding.kind, finding.file, finding.found) == ("foreign", file, file_hash(path))


@pytest.mark.parametrize("file", ["logs/train.log", ".build", "laws/.knn.9.tmp.json"])
def test_what_builds_leave_beside_results_is_not_foreign(small, file: str):
    put(small, file)
    assert verified(small).findings == []


def older(small, model: str = "old") -> None:
    """Leave the result of a job of which the study knows no more."""
    job = replace(small.job("laws/knn.json"), outputs=(f"laws/{model}.json",), wildcards={"model": model})
    small.make(job)


def test_a_sound_result_of_an_earlier_study_is_unused(small):
    older(small)
    report = verified(small)
    assert report.findings == []
    assert report.unused == ["laws/old.json", "laws/old.receipt.json"]


def test_an_unused_result_is_examined_too(small):
    older(small)
    flip(small.results / "laws/old.json")
    report = verified(small)
    assert kinds(report.findings) == {("damaged", "laws/old.json")}
    assert report.unused == ["laws/old.receipt.json"]


def test_a_copy_of_a_result_and_its_receipt_is_foreign(small):
    for suffix in ("json", "receipt.json"):
        put(small, f"laws/copy.{suffix}", (small.results / f"laws/knn.{suffix}").read_text())
    assert kinds(verified(small).findings) == {("foreign", "laws/copy.json"), ("foreign", "laws/copy.receipt.json")}


def test_what_lies_beside_an_unused_result_is_foreign(small):
    older(small)
    put(small, "laws/old.csv")
    assert kinds(verified(small).findings) == {("foreign", "laws/old.csv")}


def test_only_without_trust_a_lying_memory_is_found_out(small):
    path = small.results / "laws/knn.json"
    right = file_hash(path)
    flip(path)
    verified(small)
    (small.results / MEMO).write_text((small.results / MEMO).read_text().replace(file_hash(path), right))
    assert verified(small).findings == []
    assert ("damaged", "laws/knn.json") in kinds(verified(small, paranoid=True).findings)


def forge(small, change: Callable[[dict[str, Any]], object], with_root: bool = False) -> None:
    """Change the ledger and give it a receipt that fits; the paper was made from it."""
    path = small.results / "ledger.json"
    content = json.loads(path.read_text())
    change(content)
    if with_root:
        content["root"] = root(content)
    path.write_bytes(canonical(content))
    small.reseal("ledger.json", outputs={"ledger.json": file_hash(path)})
    small.remake("paper")


def other_value(content: dict[str, Any]) -> None:
    content["entries"]["law.knn.beta"]["printed"] = "−0.6"


def test_a_ledger_that_was_edited_has_not_its_root(small):
    forge(small, other_value)
    (finding,) = verified(small).findings
    assert (finding.kind, finding.file) == ("damaged", "ledger.json")
    content = json.loads((small.results / "ledger.json").read_text())
    assert (finding.found, finding.expected) == (content["root"], root(content))


def other_lineage(content: dict[str, Any]) -> None:
    content["files"]["laws/knn.json"]["lineage"] = "0" * 64


def test_a_ledger_of_other_lineages_is_not_that_of_the_receipts(small):
    forge(small, other_lineage, with_root=True)
    assert kinds(verified(small).findings) == {("damaged", "ledger.json")}


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"entries": []}', '{"entries": {"a": 1}}', "\x00"])
def test_a_ledger_that_is_none_is_a_finding(small, content: str):
    (small.results / "ledger.json").write_text(content)
    data = as_data(verified(small), Workspace(small.plan))
    assert "ledger.json" in {finding["file"] for finding in data["findings"] if finding["kind"] == "damaged"}


def test_without_a_ledger_it_is_missing_and_no_number_is_touched(small):
    (small.results / "ledger.json").unlink()
    data = as_data(verified(small), Workspace(small.plan))
    assert {finding["kind"] for finding in data["findings"]} == {"missing", "stale"}
    assert all(finding["numbers"] == [] for finding in data["findings"])
    assert data["root"] == ""


def test_what_the_pdf_prints_otherwise_is_a_finding(small, monkeypatch: pytest.MonkeyPatch):
    mismatch = Mismatch("law.knn.beta", "−0.6", "−0.5", 3, "number")
    monkeypatch.setattr(pdf, "compare", lambda path, ledger: [mismatch] if path.name == "main.pdf" else [])
    (finding,) = verified(small).findings
    assert (finding.kind, finding.file) == ("pdf", "paper/main.pdf")
    assert (finding.found, finding.expected) == ("−0.6", "−0.5")
    assert "page 3: law.knn.beta" in finding.why


def test_a_pdf_that_cannot_be_read_is_a_finding(small, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pdf, "compare", COMPARE)
    (finding,) = verified(small).findings
    assert (finding.kind, finding.file) == ("pdf", "paper/main.pdf")
    assert "cannot be compared with the ledger" in finding.why


def touched(small) -> dict[str, set[str]]:
    data = as_data(verified(small), Workspace(small.plan))
    assert data["sound"] is False
    return {finding["file"]: set(finding["numbers"]) for finding in data["findings"]}


def test_numbers_that_rest_on_a_file_are_named(small):
    flip(small.results / "runs/knn/seed0.json")
    assert touched(small)["runs/knn/seed0.json"] == {"law.knn.beta"}


def test_numbers_read_from_a_file_are_named(small):
    flip(small.results / "laws/knn.json")
    assert touched(small)["laws/knn.json"] == {"law.knn.beta"}


def test_figures_are_touched_as_numbers_are(small):
    flip(small.results / "runs/mlp/seed0.npz")
    assert touched(small)["runs/mlp/seed0.npz"] == {"figure.maps"}
    flip(small.results / "data/a.npz")
    assert touched(small)["data/a.npz"] == {"law.knn.beta", "law.mlp.beta", "figure.maps"}


def test_numbers_of_a_pattern_are_touched_by_each_of_its_files(small):
    small.entries["laws.count"] = "laws/*.json"
    small.remake("ledger", "paper")
    flip(small.results / "laws/mlp.json")
    assert touched(small)["laws/mlp.json"] == {"law.mlp.beta", "laws.count"}


def test_a_receipt_touches_the_numbers_of_its_files(small):
    flip(small.results / "laws/knn.receipt.json")
    assert touched(small)["laws/knn.receipt.json"] == {"law.knn.beta"}


def test_a_stale_job_touches_what_rests_on_any_of_its_files(small):
    small.replan("train", params={})
    assert touched(small)["runs/knn/seed0.json"] == {"law.knn.beta", "figure.maps"}


def test_what_is_accepted_is_no_finding_wherever_it_was_found(small, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pdf, "compare", lambda *_: [Mismatch("law.knn.beta", "−0.6", "−0.5", 3, "number")])
    put(small, "foreign.json")
    before = verified(small).findings
    assert {finding.kind for finding in before} == {"foreign", "pdf"}
    accept(small, *before)
    report = verified(small)
    assert report.findings == []
    assert kinds(report.accepted) == kinds(before)
    put(small, "foreign.json", "another")
    assert kinds(verified(small).findings) == {("foreign", "foreign.json")}
