"""What would run again: every reason named, nothing that would not run, and time from what it took before."""

from dataclasses import replace
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from provenance.explain import Cost, as_data, duration, estimate, explain, schedule, show
from provenance.plan import Plan, Planned
from provenance.receipts import Receipt
from provenance.workspace import CannotRun, Workspace


def told(small, target=None, cores=2) -> dict[tuple[str, int], tuple[str, ...]]:
    """Give the reasons by rule and number of jobs."""
    found = explain(Workspace(small.plan), target, cores)
    return {(group.rule, len(group.jobs)): group.reasons for group in found.groups}


def test_of_a_sound_study_nothing_would_run(small):
    found = explain(Workspace(small.plan), None, 2)
    assert as_data(found) | {"groups": []} == as_data(found)
    assert as_data(found)["up_to_date"]
    assert found.jobs == len(small.plan.jobs)


def test_a_changed_file_of_code_is_named_and_what_rests_on_it_follows(small):
    small.plan = replace(small.plan, code={**small.plan.code, "new": {"scripts/made.py": "b" * 64}})
    small.replan("law", code="new")
    assert told(small) == {
        ("law", 2): ("code scripts/made.py changed",),
        ("ledger", 1): ("because their inputs are remade, by rule law",),
        ("paper", 1): ("because their inputs are remade, by rule ledger",),
    }


def test_the_environment_is_told_by_its_versions(small):
    small.plan = replace(small.plan, environment={"later": {"python": "3.11.7", "numpy": "2.4.7", "scipy": "1.17.1"}})
    small.replan("maps", environment="later")
    assert told(small)["maps", 1] == ("environment: numpy 2.4.6 → 2.4.7, scipy unused → 1.17.1",)


def test_a_param_is_told_down_to_the_value_and_jobs_with_other_reasons_stand_apart(small):
    small.replan("train", params={"rule": "train", "run": {"N": 200}})
    (small.results / "runs/mlp/seed1.npz").unlink()
    reasons = told(small)
    assert reasons["train", 3] == ("param run.N: 100 → 200",)
    assert reasons["train", 1] == ("missing in part",)
    assert reasons["law", 2] == ("because their inputs are remade, by rule train",)


def test_what_is_missing_is_told_and_a_receipt_counts(small):
    (small.results / small.job("laws/mlp.json").receipt).unlink()
    (small.results / "laws/knn.json").unlink()
    groups = explain(Workspace(small.plan), "law", 1).groups
    assert {group.reasons for group in groups} == {("missing",), ("missing, but for its receipt",)}


def test_an_input_that_was_remade_by_itself_is_named(small):
    small.make(small.job("laws/mlp.json"), "otherwise")
    assert told(small, "ledger")["ledger", 1] == ("laws/mlp.json, laws/mlp.receipt.json changed",)


def test_many_inputs_are_told_by_their_rules(small):
    small.remake("train", content="otherwise")
    assert told(small, "figure.maps") == {("maps", 1): ("4 files changed, made by rule train",)}


def test_a_changed_source_is_named(small, tmp_path):
    (tmp_path / "main.tex").write_text("another text")
    assert told(small) == {("ledger", 1): ("main.tex changed",), ("paper", 1): ("main.tex changed",)}


@pytest.mark.parametrize("target", ["laws/knn.json", "results/laws/knn.json", "law.knn.beta", "laws/knn.receipt.json"])
def test_a_target_limits_it_to_what_that_needs(small, target):
    small.replan("law", code="new")
    found = explain(Workspace(small.plan), target, 1)
    assert [job.outputs[0] for group in found.groups for job in group.jobs] == ["laws/knn.json"]
    assert found.jobs == 4, "data, two runs and the law"


def test_an_unknown_target_brings_names_that_are_alike(small):
    with pytest.raises(CannotRun, match=r"law\.knn\.betta is no .* Did you mean law\.knn\.beta"):
        explain(Workspace(small.plan), "law.knn.betta", 1)


def test_damage_is_told_as_what_stops_a_build(small):
    (small.results / "laws/knn.json").write_text("edited")
    found = explain(Workspace(small.plan), None, 1)
    assert [(finding.kind, finding.file) for finding in found.stops] == [("damaged", "laws/knn.json")]
    assert told(small)["ledger", 1] == ("laws/knn.json changed",)


def test_time_is_what_the_job_took_or_what_jobs_most_like_it_took(small):
    receipt = small.read("runs/knn/seed0.json")
    cost = estimate(
        replace(receipt, wildcards={"N": str(N), "seed": str(seed)}, made={"wall_s": N + seed, "cpu_s": 2 * N})
        for N in (100, 200)
        for seed in range(3)
    )

    def like(**wildcards):
        return cost(replace(small.job("runs/knn/seed0.json"), wildcards=wildcards))

    assert like(N="200", seed="2") == Cost(202, 400, own=True)
    assert like(N="200", seed="9") == Cost(201, 400, own=False)
    assert like(N="300", seed="1") == Cost(151, 300, own=False)
    assert cost(small.job("laws/knn.json")) == Cost()


def chain(length: int) -> list[Planned]:
    return [
        Planned("r", {"i": str(i)}, {}, None, None, (f"{i - 1}.json",) if i else (), (), (f"{i}.json",))
        for i in range(length)
    ]


@given(st.lists(st.floats(0, 100), min_size=1, max_size=20), st.integers(1, 8))
def test_a_chain_takes_the_sum_whatever_the_cores(walls, cores):
    jobs = chain(len(walls))
    costs = {job.receipt: Cost(wall) for job, wall in zip(jobs, walls, strict=True)}
    assert schedule(Plan("r", tuple(jobs), {}), jobs, costs, cores) == pytest.approx(sum(walls))


@given(st.lists(st.floats(0, 100), min_size=1, max_size=20), st.integers(1, 8))
def test_independent_jobs_share_the_cores(walls, cores):
    jobs = [replace(job, inputs=()) for job in chain(len(walls))]
    costs = {job.receipt: Cost(wall) for job, wall in zip(jobs, walls, strict=True)}
    took = schedule(Plan("r", tuple(jobs), {}), jobs, costs, cores)
    assert max(walls) - 1e-9 <= took <= sum(walls) / cores + max(walls) + 1e-9
    assert took >= sum(walls) / cores - 1e-6


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.34, "0.3 s"), (59, "59 s"), (61, "1 min"), (5940, "99 min"), (7500, "2 h 05 min")]
)
def test_a_duration_in_words(seconds, words):
    assert duration(seconds) == words


def test_the_table_says_how_many_why_and_for_how_long(small, capsys):
    small.remake("law", wall_s=3.0, cpu_s=60.0)
    small.remake("ledger", "paper")
    small.replan("law", params={"a": [1, 2]})
    show(explain(Workspace(small.plan), None, 1), Console(width=160, markup=False), "results")
    said = capsys.readouterr().out
    assert "2 of 2" in said
    assert "param a: None → [1, 2]" in said
    assert "4 of 10 jobs would run: about 6.0 s on 1 core, 2 min of CPU" in said


wildcards = st.dictionaries(st.sampled_from("abc"), st.sampled_from("12"))


@given(st.lists(wildcards, min_size=1, max_size=6), wildcards)
def test_what_is_most_alike_is_found_without_comparing_each_with_each(known: list[dict[str, str]], asked):
    receipts = [
        Receipt("train", each, {}, {}, {}, {}, {}, {}, made={"wall_s": 2.0**number, "cpu_s": 3.0**number})
        for number, each in enumerate(known)
    ]
    alike = [len(asked.items() & each.items()) for each in known]
    nearest = [number for number, found in enumerate(alike) if found == max(alike)]
    own = max(alike) == len(asked) and len(nearest) == 1
    wall, cpu = (median(base**number for number in nearest) for base in (2.0, 3.0))
    assert estimate(receipts)(Planned("train", asked, {}, "", "", (), (), ("a.json",))) == Cost(wall, cpu, own)
