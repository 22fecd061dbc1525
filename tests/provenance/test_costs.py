"""Costs: however grouped they add up to those of all jobs, and each job is in the group that its receipt says."""

import io
import json
from math import fsum

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from provenance import audit
from provenance.costs import Cost, as_data, costs, receipts_of, show
from provenance.receipts import Receipt
from provenance.workspace import CannotRun, Workspace


def ran(rule, wildcards, cpu_s=0.0, wall_s=0.0, memory_mb=0.0, **where):
    made = {"cpu_s": cpu_s, "wall_s": wall_s, "memory_mb": memory_mb, **where}
    return Receipt(rule, wildcards, {}, {}, {}, {}, {}, {}, made)


STUDY = [
    ran("prepare", {"domain": "b"}, 1, 2, 300, host="here"),
    ran("train", {"domain": "a", "model": "knn"}, 2, 3, 100, host="here", device="cpu"),
    ran("train", {"domain": "a", "model": "mlp"}, 8, 5, 200, host="there", device="cuda"),
    ran("train", {"domain": "b", "model": "mlp"}, 4, 9, 150, host="here", device="cpu"),
    ran("ledger", {}, 0.5, 1, 50, host="here"),
]
numbers = st.floats(0, 1e6)
receipts = st.lists(
    st.builds(
        ran,
        st.sampled_from(["train", "law"]),
        st.dictionaries(st.sampled_from(["domain", "model"]), st.sampled_from("ab")),
        numbers,
        numbers,
        numbers,
        host=st.sampled_from(["here", "there"]),
    ),
    min_size=1,
)


@given(receipts, st.lists(st.sampled_from(["rule", "domain", "model", "host", "device"]), min_size=1))
def test_whatever_the_groups_they_add_up_to_the_total(made, names):
    known = [ran("known", {"domain": "a", "model": "b"}), *made]
    found = costs(known, ",".join(names))
    groups = list(found.groups.values())
    assert found.total.jobs == sum(group.jobs for group in groups) == len(known)
    for part in ("cpu_s", "wall_s"):
        total = fsum(job.made[part] for job in known)
        assert getattr(found.total, part) == pytest.approx(total)
        assert fsum(getattr(group, part) for group in groups) == pytest.approx(total)
    for part in ("most_cpu_s", "most_memory_mb"):
        most = max(job.made[part.removeprefix("most_")] for job in known)
        assert getattr(found.total, part) == max(getattr(group, part) for group in groups) == most
    assert [group.cpu_s for group in groups] == sorted((group.cpu_s for group in groups), reverse=True)


def test_jobs_are_summed_by_what_is_asked_for_the_costliest_first():
    found = costs(STUDY, "rule,domain")
    assert list(found.groups.items()) == [
        (("train", "a"), Cost(2, 10, 8, 8, 200)),
        (("train", "b"), Cost(1, 4, 4, 9, 150)),
        (("prepare", "b"), Cost(1, 1, 1, 2, 300)),
        (("ledger", None), Cost(1, 0.5, 0.5, 1, 50)),
    ]
    assert found.total == Cost(5, 15.5, 8, 20, 300)
    assert found.missing == 0


def test_where_jobs_ran_can_be_asked_as_well():
    assert {group: cost.jobs for group, cost in costs(STUDY, "host").groups.items()} == {("there",): 1, ("here",): 4}
    assert {group: cost.cpu_s for group, cost in costs(STUDY, "device, rule").groups.items()} == {
        ("cuda", "train"): 8,
        ("cpu", "train"): 6,
        (None, "prepare"): 1,
        (None, "ledger"): 0.5,
    }


@pytest.mark.parametrize(
    ("by", "named"), [("colour", "'colour'"), ("rule,size,colour", "'size' nor 'colour'"), ("", "''")]
)
def test_what_no_job_has_is_refused_with_what_is_known(by, named):
    with pytest.raises(CannotRun, match=f"no job has {named}. Known are rule, domain, model, host, device"):
        costs(STUDY, by)


def test_a_receipt_that_says_nothing_of_costs_counts_as_a_job():
    assert costs([Receipt("train", {}, {}, {}, {}, {}, {}, {}, {})], "rule").total == Cost(1, 0, 0, 0, 0)


def run(monkeypatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["audit", "costs", *arguments])
    with pytest.raises(SystemExit) as ended:
        audit.main()
    return ended.value.code


def test_jobs_that_have_not_run_are_counted_and_what_they_would_be_grouped_by_is_known(small, monkeypatch, capsys):
    small.remake("train", cpu_s=1500.4, wall_s=2.5, memory_mb=512.0)
    for model in ("knn", "mlp"):
        (small.results / small.job(f"laws/{model}.json").receipt).unlink()
    monkeypatch.setattr(audit, "open_workspace", lambda profiles, configs: Workspace(small.plan))
    assert run(monkeypatch, "--by", "rule,model") == 0
    said = capsys.readouterr().out
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in said.splitlines() if line.startswith("│")]
    assert rows[0] == ["train", "knn", "2", "3,000.8", "1,500.4", "5.0", "512"]
    assert rows[-1] == ["total", "", "8", "6,001.6", "1,500.4", "10.0", "512"]
    assert "2 of 10 jobs are not counted: they have not run yet" in said
    assert run(monkeypatch, "--by", "model", "--json") == 0
    data = json.loads(capsys.readouterr().out)
    assert data["missing"] == 2
    assert data["groups"][0] == {
        "of": {"model": "knn"},
        "jobs": 2,
        "cpu_s": 3000.8,
        "most_cpu_s": 1500.4,
        "wall_s": 5.0,
        "most_memory_mb": 512.0,
    }
    assert run(monkeypatch, "--by", "colour") == 2
    assert "Known are rule, model, seed, host, device" in capsys.readouterr().err


def test_before_the_first_job_all_are_missing(small):
    found = costs([], "rule,model", small.plan.jobs)
    assert as_data(found)["groups"] == []
    out = Console(width=160, file=io.StringIO())
    show(found, out)
    assert "10 of 10 jobs are not counted" in out.file.getvalue()


def test_a_results_folder_elsewhere_costs_what_its_receipts_say(small, monkeypatch, capsys):
    assert run(monkeypatch, "results", "--by", "rule", "--json") == 0
    data = json.loads(capsys.readouterr().out)
    assert data["total"]["jobs"] == len(small.plan.jobs)
    assert {group["of"]["rule"]: group["jobs"] for group in data["groups"]}["maps"] == 1, "one job, though two files"
    with pytest.raises(CannotRun, match="has no receipts"):
        receipts_of("results/ledger.json")
