"""Prices: errors beside the processor seconds of their runs, and the command `laws price`, which prints them."""

import json

import pandas as pd
import pytest
from typer.testing import CliRunner

from scaling.laws import command
from scaling.price import NoPrices, Price, priced, prices

RUNS = [
    # model, N, seed, error, seconds, operations
    ("knn-1", 10, 0, 0.5, 1.0, 0.0),
    ("knn-1", 10, 1, 0.3, 3.0, 0.0),
    ("knn-1", 10, 2, 0.4, 9.0, 0.0),
    ("knn-1", 100, 0, 0.2, 2.0, 0.0),
    ("mlp-8", 10, 0, 0.1, 7.0, 4e9),
]


@pytest.fixture
def results(tmp_path):
    """A results folder with one domain, a run that diverged and one with twice the budget."""
    rows = [
        {"model": model, "N": N, "seed": seed, "error": error, "flops": flops, "budget_scale": 1, "outcome": "trained"}
        for model, N, seed, error, _, flops in RUNS
    ]
    rows += [rows[-1] | {"error": None, "outcome": "diverged", "seed": 1}, rows[-1] | {"budget_scale": 2, "error": 9.0}]
    folder = tmp_path / "results"
    (folder / "curves").mkdir(parents=True)
    pd.DataFrame(rows).to_csv(folder / "curves/plane.csv", index=False)
    for model, N, seed, _, seconds, _ in RUNS:
        receipt = folder / f"runs/plane/{model}/n{N}/seed{seed}.receipt.json"
        receipt.parent.mkdir(parents=True, exist_ok=True)
        receipt.write_text(json.dumps({"made": {"cpu_s": seconds}}))
    return folder


def test_errors_and_seconds_are_medians_over_the_seeds_that_were_trained_once(results):
    assert priced(results) == ["plane"]
    shared = {"domain": "plane", "flops": 0.0}
    assert prices(results, "plane") == [
        Price(model="knn-1", N=10, seeds=3, error=0.4, cpu_s=3.0, **shared),
        Price(model="knn-1", N=100, seeds=1, error=0.2, cpu_s=2.0, **shared),
        Price(model="mlp-8", N=10, seeds=1, error=0.1, cpu_s=7.0, domain="plane", flops=4e9),
    ]


def test_what_has_no_runs_or_no_receipts_is_named(results, tmp_path):
    with pytest.raises(NoPrices, match=r"has no curves/\*\.csv of runs"):
        priced(tmp_path)
    with pytest.raises(NoPrices, match=r"space: .* has plane"):
        prices(results, "space")
    (results / "runs/plane/mlp-8/n10/seed0.receipt.json").unlink()
    with pytest.raises(NoPrices, match=r"seed0\.receipt\.json is missing or says no cpu_s"):
        prices(results, "plane")


def test_what_was_measured_elsewhere_has_no_price_and_what_diverged_none_either(results):
    table = pd.read_csv(results / "curves/plane.csv")
    table.to_csv(results / "curves/elsewhere.csv", index=False)
    assert priced(results) == ["plane"]
    table.assign(outcome="diverged").to_csv(results / "curves/plane.csv", index=False)
    with pytest.raises(NoPrices, match="all its runs diverged"):
        prices(results, "plane")


def test_a_model_without_errors_is_drawn_nowhere_and_stops_nothing(results, tmp_path, monkeypatch):
    table = pd.read_csv(results / "curves/plane.csv")
    table.loc[table.model == "mlp-8", "error"] = 0.0
    table.to_csv(results / "curves/plane.csv", index=False)
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(command.app, ["price", "results"]).exit_code == 0
    done = CliRunner().invoke(command.app, ["price", "results", "--out", "no/such/folder.pdf"])
    assert "cannot be written" in done.stderr


@pytest.mark.parametrize("words", [(), ("--domain", "plane", "--domain", "plane")])
def test_the_command_prints_and_draws_them(results, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(command.app, ["price", "results", *words])
    assert done.exit_code == 0, done.output
    assert "knn-1" in done.stdout
    assert "4.0e+09" in done.stdout
    assert (tmp_path / "results-price.pdf").read_bytes().startswith(b"%PDF")


def test_the_command_prints_json_and_says_what_is_wrong(results, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(command.app, ["price", "results", "--json"])
    assert [row["cpu_s"] for row in json.loads(done.stdout)] == [3.0, 2.0, 7.0]
    done = CliRunner().invoke(command.app, ["price", "elsewhere"])
    assert done.exit_code == command.COULD_NOT_RUN
    assert "elsewhere has no curves" in " ".join(done.stderr.split())
