"""Publication: what a crate says of the whole comes from the citation, and what others publish can be audited."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from provenance.crate import WITHOUT, Author, write_crate
from provenance.ledger import Ledger
from provenance.publication import (
    OURS,
    about,
    as_data,
    left_out,
    misnamed,
    read_citation,
    unlicensed,
    verify_publication,
)
from provenance.receipts import Receipt, digest, file_hash, receipt_of
from provenance.workspace import CannotRun

CITATION = {
    "title": "The software",
    "authors": [{"name": "A Group", "website": "https://example.org/"}],
    "license": "MIT",
    "version": "2.0",
    "references": [
        {"type": "book", "title": "A book"},
        {"type": "data", "title": "Pictures", "license": "CC0-1.0", "filename": "raw/a.tar", "notes": "A package"},
    ],
}


def test_a_crate_is_about_what_is_given_then_the_paper_then_the_citation():
    cited = about(CITATION, {}, {})
    assert (cited.title, cited.license, cited.version) == ("The software", "MIT", "2.0")
    assert cited.author == Author("A Group", "https://example.org/")
    of_paper = about(CITATION, {"title": "A paper", "author": "B"}, {})
    assert (of_paper.title, of_paper.author) == ("A paper", Author("B"))
    given = {"title": "T", "author": "C", "affiliation": "U", "url": "https://u.example/", "license": "CC-BY-4.0"}
    assert about(CITATION, {"title": "A paper", "author": "B"}, given).author == Author("C", "https://u.example/", "U")


@pytest.mark.parametrize(
    ("authors", "name"),
    [
        ([{"given-names": "Ada", "family-names": "L", "affiliation": "U"}], "Ada L"),
        ([{"name": "A"}, {"name": "B"}, {"given-names": "C", "family-names": "D"}], "A, B and C D"),
    ],
)
def test_people_and_groups_are_authors(authors, name):
    assert about(CITATION | {"authors": authors}, {}, {}).author.name == name


@pytest.mark.parametrize("missing", ["title", "license"])
def test_what_nobody_says_is_asked_for(missing):
    citation = {key: value for key, value in CITATION.items() if key != missing}
    with pytest.raises(CannotRun, match=f"give --{missing}"):
        about(citation, {}, {})
    with pytest.raises(CannotRun, match="give --author"):
        about({**CITATION, "authors": []}, {}, {})


def test_licence_and_origin_of_left_out_data_are_those_of_the_reference_that_names_the_file():
    cited, *others = left_out(CITATION)
    assert (cited.files, cited.license, cited.origin) == ("raw/a.tar", "CC0-1.0", "Pictures. A package")
    assert tuple(others) == WITHOUT
    files = ["raw/a.tar", "raw/b.tar", "data/a.npz", "law.json"]
    assert unlicensed(files, left_out(CITATION)) == ["raw/b.tar"]


def test_a_citation_that_is_none_is_refused_and_no_citation_is_empty(tmp_path):
    assert read_citation(tmp_path) == {}
    for text in ("- a", "a: [", "\x00"):
        (tmp_path / "CITATION.cff").write_text(text)
        with pytest.raises(CannotRun, match=r"CITATION\.cff"):
            read_citation(tmp_path)


BROUGHT = {"web": {"measurements": "web.csv"}, "code": {"measurements": "code.csv"}, "spiral": {"data": {}}}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, ["“How Much More Data Would Buy” by The Scaling Paper Authors", "under MIT", "web, code"]),
        ({"title": "Ours"}, ["“Ours” by The Scaling Paper Authors", "paper.author"]),
        ({"author": "Ada L"}, ["by Ada L", "paper.title"]),
        ({"title": "Ours", "author": "Ada L"}, []),
    ],
)
def test_measurements_that_go_out_under_the_projects_own_name_are_told(given, told):
    said = misnamed(about(CITATION, OURS, given), BROUGHT)
    assert (said is not None) == bool(told)
    assert all(words in said for words in told)


def test_a_study_without_measurements_goes_out_under_the_projects_name():
    assert misnamed(about(CITATION, OURS, {}), {"spiral": BROUGHT["spiral"], "coin": None}) is None


def test_the_projects_own_name_is_that_of_its_config():
    assert yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text())["paper"].items() >= OURS.items()


# Crates of others


class Published:
    """A checkout with the results of a draw, its ledger and a paper, and their crate."""

    def __init__(self, folder):
        self.folder, self.results = folder, folder / "results"
        (folder / "Snakefile").write_text("")
        draw = self.job("draw", "draw.json", b"1")
        ledger = Ledger([draw], config={}, tree="t", sources={})
        ledger.add("x", {"value": 1, "printed": "1"}, source="draw.json", pointer="")
        self.ledger = ledger.content()

    def job(self, rule, file, content, inputs=()):
        path = self.results / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        made = {"start": "2026-11-24T00:00:00Z", "end": "2026-11-24T00:00:01Z", "host": "h"}
        made |= {"wall_s": 1, "cpu_s": 1, "memory_mb": 1}
        read = {name: file_hash(self.results / name) for name in inputs}
        receipt = Receipt(rule, {}, {}, {}, {}, read, {}, {file: file_hash(path)}, made)
        (self.results / receipt_of(file)).write_text(receipt.text())
        return receipt

    def verified(self, ledger, pdf=None):
        self.job("ledger", "ledger.json", json.dumps(ledger).encode(), ["draw.receipt.json"])
        if pdf is not None:
            self.job("paper", "paper/main.pdf", pdf, ["ledger.json"])
        what = replace(about(CITATION, {}, {}), engine="9")
        write_crate(self.results, self.folder / "crate.zip", self.folder, what)
        return verify_publication(self.folder / "crate.zip")


@pytest.fixture
def published(tmp_path):
    return Published(tmp_path)


def test_a_sound_crate_is_sound(published):
    report = published.verified(published.ledger)
    assert (report.findings, report.root) == ([], published.ledger["root"])
    assert as_data(report)["sound"]


def test_a_root_that_is_not_the_ledgers_own_is_found_in_a_crate_whose_hashes_are_all_right(published):
    (finding,) = published.verified({**published.ledger, "root": digest("another")}).findings
    assert (finding.file, finding.why) == ("results/ledger.json", "its root is not its own")
    assert finding.expected == published.ledger["root"]


def test_a_lineage_that_is_not_the_receipts_is_found(published):
    ledger = published.ledger
    ledger["files"]["draw.json"]["lineage"] = digest("another")
    words = [finding.why for finding in published.verified(ledger).findings]
    assert "its lineage of draw.json is not that of the receipts" in words


def test_a_pdf_that_cannot_be_read_is_found(published):
    (finding,) = published.verified(published.ledger, b"%PDF-1.5 but nothing more").findings
    assert (finding.kind, finding.file) == ("pdf", "results/paper/main.pdf")
    assert "cannot be compared" in finding.why


def test_what_is_no_crate_is_a_finding_and_what_is_not_there_cannot_be_looked_at(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"no zip file")
    (finding,) = verify_publication(tmp_path / "a.zip").findings
    assert (finding.kind, finding.file) == ("damaged", str(tmp_path / "a.zip"))
    (tmp_path / "folder").mkdir()
    assert {finding.kind for finding in verify_publication(tmp_path / "folder").findings} == {"missing"}
    with pytest.raises(CannotRun, match="no such crate"):
        verify_publication(tmp_path / "nowhere")
