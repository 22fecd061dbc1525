"""Findings: every number with a key of its own that the ledger takes, and a pointer that leads to it."""

import math
from pathlib import Path

import pytest

from provenance.ledger import Ledger
from provenance.receipts import Receipt
from scaling.claims import Evidence
from scaling.curves import fit_curve, gather
from scaling.experiments.coverage import QUANTITIES
from scaling.experiments.hardness import Hardness
from scaling.experiments.priors import answer
from scaling.findings import collect
from scaling.measurements import tabulate
from scaling.study import Study

DERIVED = ("tenfold", ".shards", ".ratio")
"""Findings that are computed from the value that they point to."""
SLOPES = {
    "lookup": -0.25,
    "knn-1": -0.5,
    "knn-5": -0.45,
    "mlp-raw": -0.3,
    "mlp-polar": -0.4,
    "logistic": -0.1,
    "logistic-decay": -0.1,
    "cnn": -0.2,
    "lstm": -0.3,
    "gru": -0.25,
}


@pytest.fixture(scope="module")
def made(make_smoke_config, record, campaigns, tmp_path_factory):
    """The findings of a smoke study whose errors follow power laws, with the study, tables, curves and outcomes.

    One of its domains was measured elsewhere. No test changes any of it.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("findings"))
        yield make(make_smoke_config(), record, campaigns)


def make(smoke_config, record, campaigns):
    shards = [(N, seed) for N in (100, 200, 400, 800, 1_600, 3_200) for seed in (0, 1)]
    rows = [f"lstm,{size},{N},{seed},{size * 9 * N**-0.3},{N}" for size in (1, 2) for N, seed in shards]
    rows += [f"gru,,{N},{seed},{9 * N**-0.25},{N if seed else ''}" for N, seed in shards]
    Path("losses.csv").write_text("\n".join(["model,size,N,seed,error,compute", *rows]))
    text = {"title": "Web text", "unit": "tokens", "metric": "nats per token"}
    smoke_config["domains"]["web"] = {"measurements": "losses.csv", **text}
    study = Study.of(smoke_config)
    tables = {"web": tabulate(study.measured["web"].rows)}
    for domain, plan in study.plans.items():
        records = [
            record(
                plan.models[model].family,
                N,
                seed,
                0.4 * (N / 50) ** SLOPES.get(plan.models[model].family, -0.35) * (1 + 0.1 * seed),
                domain=domain,
                size=plan.models[model].size,
                tip=0.3 if plan.data.kind == "spiral" else None,
                budget_scale=scale,
            )
            for scale, runs in ((1, study.runs(domain)), (2, study.doubled_runs(domain)))
            for model, N, seed in runs
        ]
        tables[domain] = gather(records)
    curves = [fit_curve(tables[domain], family) for domain, plan in study.domains.items() for family in plan.families]
    evidence = Evidence(tables, tuple(curves), frozenset(map(tuple, study.neural)))
    outcomes = [claim.test(evidence) for claim in study.claims.present().values()]
    came = campaigns(study.experiments.coverage)
    found = list(collect(study, tables, curves, outcomes, came, bias(study, tables)))
    return found, study, tables, curves, outcomes


def bias(study, tables):
    """What came of the spiral's experiment, with hard points put in by hand."""
    found = answer(study.experiments.bias.question(study), tables, {})
    hardness = Hardness(judges="knn-5", N=1_000, runs=20, share=0.001)
    return found.model_copy(update={"hardness": hardness})


def followed(pointer, node):
    """Follow a JSON pointer."""
    for step in pointer.removeprefix("/").split("/"):
        node = node[int(step)] if isinstance(node, list | tuple) else node[step]
    return node


def made_files(study):
    """Receipts of the jobs that make what findings point to; the ledger asks no more of them."""
    files = ["curves.csv", "bias.json"]
    files += [f"claims/{claim}.json" for claim in study.claims.present()]
    files += [f"coverage/{design}.json" for design in study.experiments.coverage.designs]
    for domain, plan in study.domains.items():
        files += [f"curves/{domain}.csv", *(f"laws/{domain}/{family}.json" for family in plan.families)]
    return [Receipt("made", {}, {}, {}, {}, {}, {}, {file: "0" * 64}, {}) for file in files]


def test_the_ledger_takes_every_finding(made):
    ledger = Ledger(made_files(made[1]), config={}, tree="0" * 64, sources={})
    for finding in made[0]:
        ledger.add(finding.key, finding.number.model_dump(), source=finding.source, pointer=finding.pointer)
    assert len(ledger.entries) == len(made[0]) > 100


def test_every_value_is_finite_and_printed(made):
    for finding in made[0]:
        assert isinstance(finding.number.value, str) or math.isfinite(finding.number.value)
        assert finding.number.printed
        assert finding.source
        assert finding.pointer


def test_pointers_into_laws_and_claims_lead_to_the_value(made):
    findings, _, _, curves, outcomes = made
    files = {f"laws/{curve.domain}/{curve.family}.json": curve.model_dump() for curve in curves}
    files |= {f"claims/{outcome.id}.json": outcome.model_dump() for outcome in outcomes}
    files["bias.json"] = bias(made[1], made[2]).model_dump()
    pointed = [f for f in findings if f.source in files and not f.key.endswith(DERIVED)]
    assert {finding.source for finding in pointed} == set(files)
    for finding in pointed:
        assert followed(finding.pointer, files[finding.source]) == finding.number.value


def test_every_shard_law_and_claim_has_its_findings(made):
    findings, _, _, curves, outcomes = made
    keys = {finding.key: finding.number.value for finding in findings}
    for curve in curves:
        name = f"{curve.domain}.{curve.family}"
        for shard in curve.shards:
            assert keys[f"curve.{name}.n{shard.N}"] == shard.median
        assert keys[f"law.{name}.slope"] == pytest.approx(SLOPES.get(curve.family, -0.35), abs=0.01)
    for outcome in outcomes:
        assert keys[f"claim.{outcome.id}.verdict"] == outcome.verdict
    assert sum(keys[f"claims.{verdict}"] for verdict in ("supported", "contradicted", "undecided")) == len(outcomes)


def test_controls_are_counted_apart_and_in_no_tally(made):
    findings, study, _, curves, _ = made
    keys = {finding.key: finding.number.value for finding in findings}
    assert (keys["study.controls"], keys["study.control-curves"]) == (1, 1)
    assert keys["study.domains"] == len(study.subjects) == len(study.domains) - 1
    subjects = [curve for curve in curves if curve.domain in study.subjects]
    assert next(curve for curve in curves if curve.domain == "coin").law
    assert keys["study.curves"] == len(subjects) == len(curves) - 1
    assert keys["curves.audited"] == sum(curve.audit is not None for curve in subjects)
    assert keys["curves.free"] == sum(curve.law is not None and not curve.compute_limited for curve in subjects)


def test_the_design_is_counted_as_it_is_run(made):
    findings, study, tables, *_ = made
    keys = {finding.key: finding.number.value for finding in findings}
    runs = sum(len(tables[domain]) for domain in study.plans)
    assert keys["study.trainings"] == keys["study.runs"] + keys["study.doubled-runs"] == runs
    for domain, plan in study.domains.items():
        assert keys[f"domain.{domain}.n-max"] == max(plan.all_sizes)
        per_curve = [keys[f"curve.{domain}.{family}.runs"] for family in plan.families]
        assert sum(per_curve) == len(tables[domain])
    in_table = sum(len(tables[domain]) for domain in study.trained)
    assert keys["study.domain-trainings"] == in_table == keys["study.trainings"] - keys["study.arm-runs"]


def test_of_measurements_it_is_counted_what_the_file_holds(made):
    findings, study, *_ = made
    keys = {finding.key: finding.number.value for finding in findings}
    assert (keys["domain.web.shards"], keys["domain.web.n-min"], keys["domain.web.n-max"]) == (6, 100, 3_200)
    assert (keys["domain.web.models"], keys["domain.web.measurements"]) == (2, 36)
    assert keys["family.web.lstm.sizes"] == "1, 2"
    assert keys["curve.web.lstm.size-first"] == 1
    assert keys["curve.web.lstm.flops"] == 2 * 2 * (100 + 200 + 400 + 800 + 1_600 + 3_200)
    assert keys["study.curves"] == sum(len(plan.families) for plan in study.subjects.values())
    assert keys["study.measured-curves"] == 2
    unknown = ("curve.web.gru.flops", "curve.web.lstm.parameters-first", "domain.web.guess", "family.web.gru.sizes")
    assert not keys.keys() & set(unknown)


def test_what_was_trained_elsewhere_is_not_counted_as_trained_here(made):
    findings, study, tables, *_ = made
    keys = {finding.key: finding.number.value for finding in findings}
    assert keys["study.flops"] == sum(tables[domain].flops.sum() for domain in study.plans)


def test_errors_that_are_no_shares_are_not_printed_in_per_cent(made):
    numbers = {finding.key: finding.number for finding in made[0]}
    for key in ("curve.web.lstm.first", "law.web.lstm.gamma"):
        assert "%" not in numbers[key].printed + numbers[key].printed_interval
    assert numbers["curve.web.lstm.first"].unit == "nats per token"
    assert "%" in numbers["curve.images.cnn.first"].printed


def test_a_diverged_run_is_counted_even_where_a_whole_shard_diverged(made, record):
    _, study, tables, *_ = made
    N = study.domains["images"].train_sizes[0]
    lost = [record("logistic", N, seed, None, domain="images") for seed in study.seeds]
    kept = [
        record("logistic", N, seed, 0.4 * (N / 50) ** -0.1, domain="images")
        for N in study.domains["images"].train_sizes[1:]
        for seed in study.seeds
    ]
    table = gather(lost + kept)
    curve = fit_curve(table, "logistic")
    found = collect(study, tables | {"images": table}, [curve], [])
    keys = {finding.key: finding.number.value for finding in found}
    assert keys["curve.images.logistic.diverged"] == len(study.seeds)


def test_compute_checks_that_chance_may_decide_are_counted(made):
    findings, study, tables, curves, _ = made
    keys = {finding.key: finding.number.value for finding in findings}
    networks = [curve for curve in curves if curve.domain in study.subjects and curve.budget_gain is not None]
    assert (keys["curves.checked"], keys["curves.near-chance"]) == (len(networks), 0)
    images = tables["images"].copy()
    rows = (images.family == "cnn") & (images.budget_scale == 2) & (images.seed == 0)
    images.loc[rows, "error"] *= 0.5
    found = collect(study, tables | {"images": images}, curves, [])
    assert {finding.key: finding.number.value for finding in found}["curves.near-chance"] == 1


def test_coverage_is_told_by_design_and_quantity_and_counted(made, campaigns):
    _, study, tables, curves, outcomes = made
    coverage = study.experiments.coverage
    came = campaigns(coverage, 90)  # above the goal after a cut only
    found = list(collect(study, tables, curves, outcomes, came))
    findings = {finding.key: finding for finding in found if finding.key.startswith("coverage.")}
    for campaign in came:
        assert findings[f"coverage.{campaign.design}.refused"].number.value == campaign.refused
        for quantity in campaign.cells:
            finding = findings[f"coverage.{campaign.design}.{quantity}"]
            assert finding.source == f"coverage/{campaign.design}.json"
            assert followed(finding.pointer, campaign.model_dump()) == finding.number.value == 0.9
            assert (finding.number.printed, finding.number.printed_interval) == ("90.0", "[82.6, 94.5]")
            width = findings[f"coverage.{campaign.design}.{quantity}-width"]
            assert followed(width.pointer, campaign.model_dump()) == width.number.value == 0.1
    values = {key.removeprefix("coverage."): finding.number.value for key, finding in findings.items()}
    scored = [design for design in coverage.designs.values() if not design.lawless]
    assert values["cells"] == len(QUANTITIES) * len(scored)
    assert values["kept"] == len(QUANTITIES) * sum(design.cut for design in scored)
    assert values["kept"] + values["missed"] == values["cells"]
    assert (values["too-wide"], values["least"]) == (0, 0.9)
