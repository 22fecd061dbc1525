"""The whole of it: every declared output, from data to PDF, the same bytes wherever and whenever it is built."""

import json
import os
import re
from importlib.metadata import version
from math import fsum

import pdfplumber

from provenance.receipts import Receipt, receipt_of
from scaling.records import Record

SIZES, SEEDS, MODELS = (20, 40, 80, 160, 320), (0, 1), ("knn-1", "mlp-4")


def declared() -> set[str]:
    """Every file that the tests' study should make: what each job makes, and its receipt."""
    runs = [f"runs/spiral/{model}/n{N}/seed{seed}" for model in MODELS for N in SIZES for seed in SEEDS]
    runs += [f"doubled/spiral/mlp-4/n320/seed{seed}" for seed in SEEDS]
    made = {
        *(f"{run}.{suffix}" for run in runs for suffix in ("json", "npz")),
        *("curves.csv", "curves/spiral.csv", "ledger.json", "paper/main.pdf", "bias.json"),
        *(f"laws/spiral/{family}.json" for family in ("knn-1", "mlp")),
        *(f"claims/{claim}.json" for claim in ("H1", "H2", "D2", "D5")),
        *("figures/overview.pdf", "figures/learning-curves-spiral.pdf"),
        *(f"figures/diagnostics-{family}-on-spiral.pdf" for family in ("knn-1", "mlp")),
        *(f"figures/bias.{picture}.pdf" for picture in ("manifold", "density", "sample", "maps", "zoom", "regions")),
    }
    return made | {receipt_of(file).as_posix() for file in made}


def test_a_build_makes_all_that_is_declared_and_nothing_else(finished):
    assert set(finished.files()) == declared()


def test_the_pdf_is_readable(finished):
    with pdfplumber.open(finished.pdf) as pdf:
        text = "\n".join(page.extract_text() for page in pdf.pages)
    for words in ("A Tiny Study", "The Tests", "1-NN", "MLP", "References"):
        assert words in text


def test_a_finished_build_has_nothing_left_to_do(built):
    before = built.files()
    code, said = built.snakemake()
    assert code == 0
    assert "Nothing to be done" in said
    assert built.files() == before
    assert built.plan().jobs == {}


def test_whatever_is_lost_is_made_again_though_all_that_follows_from_it_is_there(built):
    good = built.files()
    lost = {
        "runs/spiral/knn-1/n20/seed0.json": "train",
        "runs/spiral/mlp-4/n40/seed1.npz": "train",  # which nothing reads
        "doubled/spiral/mlp-4/n320/seed0.receipt.json": "train_doubled",
        "curves.csv": "curves",  # which nothing reads either
    }
    for file, rule in lost.items():
        aside = (built.results / file).rename(built.folder / "aside")
        assert built.plan().jobs.get(rule) == 1, file
        aside.rename(built.results / file)
    for file in lost:
        (built.results / file).unlink()
    code, said = built.snakemake()
    assert code == 0, said
    assert built.files() == good


def test_another_folder_another_time_and_another_temper_give_the_same_bytes(finished, workflow, monkeypatch):
    for name, value in {"PYTHONHASHSEED": "7", "TZ": "Pacific/Auckland", "LC_ALL": "C", "OMP_NUM_THREADS": "2"}.items():
        monkeypatch.setenv(name, value)
    code, said = workflow.snakemake()
    assert code == 0, said
    assert workflow.files() == finished.files()


def test_records_hold_what_was_found_and_nothing_of_when_where_or_by_what(finished):
    for path in finished.results.glob("*/spiral/**/seed?.json"):
        text = path.read_text()
        assert set(json.loads(text)) == set(Record.model_fields)
        assert not re.search(r"\b20\d\d-|\d\d:\d\d|/", text), "a date, a time or a path"
        for word in (os.uname().nodename, version("torch"), version("numpy"), version("snakemake")):
            assert not re.search(rf"\b{re.escape(word)}\b", text)


def test_what_a_build_cost_is_the_sum_of_its_receipts(built):
    code, said = built.audit("costs", "--json")
    assert code == 0, said
    told, receipts = json.loads(said), [Receipt.read(path) for path in built.results.rglob("*.receipt.json")]
    assert told["missing"] == 0
    assert told["total"]["jobs"] == len(receipts)
    assert told["total"]["cpu_s"] == round(fsum(receipt.made["cpu_s"] for receipt in receipts), 3)
    trained = [group for group in told["groups"] if group["of"] == {"rule": "train", "domain": "spiral"}]
    assert [group["jobs"] for group in trained] == [len(MODELS) * len(SIZES) * len(SEEDS)]


def test_receipts_name_no_place_outside_and_what_varies_only_where_it_is_told(finished):
    receipts = {path: Receipt.read(path) for path in finished.results.rglob("*.receipt.json")}
    assert len(receipts) == 38, "one a job"
    for path, receipt in receipts.items():
        told = {"start", "end", "host", "wall_s", "cpu_s", "memory_mb"}
        assert set(receipt.made) == told | ({"device"} if receipt.rule.startswith("train") else set())
        assert str(finished.folder.parent) not in path.read_text()
        for name in (*receipt.inputs, *receipt.outputs):
            assert (finished.results / name).is_file()
        for name in (*receipt.sources, *receipt.code["files"]):
            assert (finished.folder / name).is_file()
