"""What the house promises: one file and one config entry add a domain or a family, null takes an experiment out."""

import pandas as pd
import pdfplumber


def text_of(pdf) -> str:
    """Give the text of all pages, line ends as spaces."""
    with pdfplumber.open(pdf) as pages:
        return " ".join(" ".join(page.extract_text().split()) for page in pages.pages)


def test_a_family_and_a_domain_take_one_file_and_one_entry_each(built):
    built.add("models/centroid.py", "domains/blobs.py")
    centroid = {"kind": "centroid"}
    with built.study() as study:
        spiral = study["domains"]["spiral"]
        spiral["families"]["nearest"] = centroid
        study["domains"]["two-blobs"] = {
            "data": {"kind": "blobs", "validation_size": 100, "test_size": 1000},
            "train_sizes": [4, 8, 16, 32, 64],
            "budget": spiral["budget"],
            "families": {"nearest": centroid, "knn-5": {"kind": "knn", "k": 5}},
        }
    code, said = built.snakemake()
    assert code == 0, said

    table = pd.read_csv(built.results / "curves.csv")
    families = table.groupby("domain").family.unique().map(sorted).to_dict()
    assert families == {"spiral": ["knn-1", "knn-5", "mlp", "nearest"], "two-blobs": ["knn-5", "nearest"]}
    for domain, labels in {
        "spiral": ["1-NN", "5-NN", "MLP", "Nearest centroid"],
        "two-blobs": ["5-NN", "Nearest centroid", "dots"],
    }.items():
        text = text_of(built.results / f"figures/learning-curves-{domain}.pdf")
        assert [label for label in labels if label not in text] == []
    assert "Nearest centroid" in text_of(built.results / "figures/bias-maps.pdf")
    paper = text_of(built.pdf)
    for words in ("Nearest centroid", "Two blobs", "The class whose mean is nearest", "one about −1"):
        assert words in paper

    with built.study() as study:
        study["domains"]["two-blobs"]["budget"]["epochs"] += 1
    trainings = built.plan().trainings
    assert len(trainings) == 20
    assert all("of two-blobs" in training for training in trainings), "another budget concerns its own domain"


SPIRAL_WORDS = ("What the spiral shows", "right inductive bias", "plain k-NN beats")


def test_an_experiment_that_is_switched_off_leaves_no_trace(built):
    with built.study() as study:
        study["experiments"]["bias"] = None
        study["claims"].update(D2=None, D5=None)
    assert [words for words in SPIRAL_WORDS if words not in text_of(built.pdf)] == []
    assert set(built.plan().jobs) == {"ledger", "paper", "all", "total"}
    for path in [*built.results.glob("figures/bias-*"), *built.results.glob("claims/D*")]:
        path.unlink()
    code, said = built.snakemake()
    assert code == 0, said
    assert {path.name for path in built.results.glob("claims/*")} == {"H1.json", "H2.json"}
    assert not list(built.results.glob("figures/bias-*"))
    assert [words for words in SPIRAL_WORDS if words in text_of(built.pdf)] == []
