"""What the house promises: one file and one config entry add a domain or a family, null takes an experiment out."""

import re

import pandas as pd
import pdfplumber


def text_of(pdf) -> str:
    """Give the text of all pages, of each as a whole and by columns, since either cuts some sentences."""
    with pdfplumber.open(pdf) as opened:
        parts = [
            page.crop((left * page.width, 0, right * page.width, page.height))
            for page in opened.pages
            for left, right in ((0, 1), (0, 0.5), (0.5, 1))
        ]
        return " ".join(" ".join(part.extract_text().split()) for part in parts)


def test_a_family_and_a_domain_take_one_file_and_one_entry_each(built):
    built.add("models/centroid.py", "domains/blobs.py")
    with built.study() as study:
        study.update(seeds=[0], claims={})
        spiral = study["domains"]["spiral"]
        spiral["families"] = {"knn-1": {"kind": "knn", "k": 1}, "nearest": {"kind": "centroid"}}
        study["domains"]["two-blobs"] = {
            "data": {"kind": "blobs", "validation_size": 100, "test_size": 1000},
            "train_sizes": [4, 8, 16, 32, 64],
            "budget": {**spiral["budget"]},
            "families": {"nearest": {"kind": "centroid"}},
        }
    code, said = built.snakemake()
    assert code == 0, said

    table = pd.read_csv(built.results / "curves.csv")
    families = table.groupby("domain").family.unique().map(sorted).to_dict()
    assert families == {"spiral": ["knn-1", "nearest"], "two-blobs": ["nearest"]}
    figures = {path.stem: text_of(path) for path in built.results.glob("figures/*.pdf")}
    assert "Nearest centroid" in figures["bias.maps"]
    assert "Nearest centroid" in figures["learning-curves-spiral"]
    assert "Nearest centroid" in figures["learning-curves-two-blobs"]
    assert "(dots)" in figures["learning-curves-two-blobs"]
    paper = text_of(built.pdf)
    for words in ("Nearest centroid", "Two blobs", "The class whose mean is nearest", "one about −1"):
        assert words in paper

    with built.study() as study:
        study["domains"]["two-blobs"]["budget"]["epochs"] += 1
    trainings = built.plan().trainings
    assert len(trainings) == 5
    assert all("of two-blobs" in training for training in trainings), "another budget concerns its own domain"


def test_a_family_file_that_lacks_something_is_told_by_its_name(workflow):
    workflow.add("models/centroid.py")
    workflow.edit("scripts/scaling/models/centroid.py", "    serves:", "    served:")
    code, said = workflow.snakemake("--dry-run")
    assert code == 1
    assert "scripts/scaling/models/centroid.py, class Family: it lacks serves" in said
    assert "Traceback" not in said


def spiral_words(pdf) -> set[str]:
    """Find what a paper should only say if it has the experiment of the spiral and its claims."""
    return {words for words in ("Inductive bias against data", "D2", "D5") if re.search(rf"\b{words}\b", text_of(pdf))}


def test_an_experiment_that_is_switched_off_leaves_no_trace(built):
    with built.study() as study:
        study["experiments"]["bias"] = None
        study["claims"].update(D2=None, D5=None)
    assert len(spiral_words(built.pdf)) == 3
    assert set(built.plan().jobs) == {"ledger", "paper", "sweep", "all", "total"}
    for path in [*built.results.glob("**/bias.*"), *built.results.glob("claims/D*")]:
        path.unlink()
    code, said = built.snakemake()
    assert code == 0, said
    assert {path.name for path in built.results.glob("claims/*")} == {
        *("H1.json", "H1.receipt.json", "H2.json", "H2.receipt.json")
    }
    assert not list(built.results.glob("figures/bias.*"))
    assert not list(built.results.glob("bias.*"))
    assert spiral_words(built.pdf) == set()


def test_a_coverage_campaign_that_is_switched_on_appears_design_by_design(built):
    plain = {"kind": "independent", "beta": -0.3, "shards": 6, "decades": 2, "seeds": 2}
    with built.study() as study:
        study["experiments"]["coverage"] = {
            **{"repetitions": 3, "goal": 0.92, "goal_cut": 0.88, "wide": 0.98},
            "designs": {"plain": plain, "rule": plain | {"cut": True}},
        }
    assert "Do the intervals hold" not in text_of(built.pdf)
    assert built.plan().jobs["coverage"] == 2
    code, said = built.snakemake()
    assert code == 0, said
    assert {path.name for path in built.results.glob("coverage/*.json")} == {
        *("plain.json", "plain.receipt.json", "rule.json", "rule.receipt.json")
    }
    paper = text_of(built.pdf).replace(" ", "")
    for words in ("Do the intervals hold", "exponent −0.3, 6 shards × 2 seeds", "of 2 designs"):
        assert words.replace(" ", "") in paper
    assert "plain" in text_of(built.results / "figures/coverage.pdf")

    with built.study() as study:
        study["experiments"]["coverage"]["designs"]["rule"]["seeds"] = 4
    assert built.plan().jobs["coverage"] == 1, "another design is another campaign"
