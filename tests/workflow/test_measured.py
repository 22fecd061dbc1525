"""Measurements instead of trainings: a file and a config entry give laws, a figure and a paper."""

import json
import os

import pandas as pd
import pytest
import yaml

SHARDS = (100, 300, 1_000, 3_000, 10_000, 30_000)
PROFILE = ("--profile", "profiles/measurements")
SLOPES = {"small": -0.2, "large": -0.35, "gru": -0.25}


def rows(domain: str, *models: str) -> str:
    lines = [
        f"{domain},{model},{N},{seed},{4 * N ** SLOPES[model] * (1 + 0.01 * seed):.6f}"
        for model in models
        for N in SHARDS
        for seed in (0, 1)
    ]
    return "\n".join(["domain,model,N,seed,error", *lines, ""])


def brought(file: str, title: str) -> dict[str, str]:
    return {"measurements": file, "title": title, "unit": "tokens", "metric": "nats per token"}


@pytest.fixture
def measured(workflow):
    """A study of two domains that were measured elsewhere."""
    (workflow.folder / "web.csv").write_text(rows("web", "small", "large"))
    (workflow.folder / "code.csv").write_text(rows("code", "gru"))
    domains = {"web": brought("web.csv", "Web text"), "code": brought("code.csv", "Code")}
    (workflow.folder / "measurements.yaml").write_text(yaml.safe_dump({"domains": domains}))
    workflow.results = workflow.folder / "results-measurements"
    workflow.pdf = workflow.results / "paper/main.pdf"
    return workflow


def test_measurements_become_laws_a_figure_and_a_paper_and_nothing_is_trained(measured):
    code, said = measured.snakemake(*PROFILE)
    assert code == 0, said
    for domain, family in (("web", "small"), ("web", "large"), ("code", "gru")):
        curve = json.loads((measured.results / f"laws/{domain}/{family}.json").read_text())
        assert curve["refusal"] is None
        assert len(curve["shards"]) == len(SHARDS)
    assert (measured.results / "figures/learning-curves-web.pdf").exists()
    assert measured.pdf.exists()
    assert not (measured.results / "runs").exists()
    assert set(pd.read_csv(measured.results / "curves.csv").domain) == {"web", "code"}
    ledger = json.loads((measured.results / "ledger.json").read_text())
    assert ledger["entries"]["law.web.small.slope"]["value"] == pytest.approx(-0.2, abs=0.01)
    assert {"web.csv", "code.csv"} <= ledger["sources"].keys()
    receipt = json.loads((measured.results / "curves/web.receipt.json").read_text())
    assert list(receipt["sources"]) == ["web.csv"]

    os.utime(measured.folder / "web.csv")
    assert measured.plan(*PROFILE).jobs == {}, "the same measurements are no news"

    line = rows("web", "small").splitlines()[5]
    measured.edit("web.csv", line, line.rpartition(",")[0] + ",0.9")
    plan = measured.plan(*PROFILE)
    assert (plan.jobs["measure"], plan.jobs["law"], plan.jobs["learning_curves"]) == (1, 2, 1)
    assert {"curves", "ledger", "paper"} <= plan.jobs.keys()
    assert not any("code" in message for message in plan.messages), "another file's domain is left as it is"


def test_bad_measurements_stop_before_any_job_with_every_line_at_fault(measured):
    with (measured.folder / "web.csv").open("a") as file:
        file.write("web,small,100,0,nan\nweb,medium,many,0,0.5\n")
    code, said = measured.snakemake(*PROFILE)
    assert code == 1
    for words in (
        "domains.web.measurements = 'web.csv' can't be used",
        "web.csv, line 26: error = 'nan' is no number.",
        "web.csv, line 27: N = 'many' is no number.",
    ):
        assert words in said
    assert "Traceback" not in said
    assert not measured.results.exists()


def test_beside_trained_domains_each_table_is_made_by_the_rule_of_its_kind(workflow):
    (workflow.folder / "web.csv").write_text(rows("web", "small"))
    with workflow.study() as study:
        study["domains"]["web"] = brought("web.csv", "Web text")
    plan = workflow.plan()
    assert (plan.jobs["gather"], plan.jobs["measure"], plan.jobs["law"]) == (1, 1, 3)
    assert {"Gathering the runs of spiral", "Reading the measurements of web"} <= plan.messages
    assert all("of spiral" in training for training in plan.trainings)
