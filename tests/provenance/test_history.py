"""What a job is granted covers what it took, grows with each attempt, and is declared where nothing is known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.history import Grant, History
from provenance.receipts import Receipt

DECLARED = Grant(mem_mb=1_000, runtime=30)
costs = st.tuples(st.floats(1, 1e6), st.floats(0, 1e6))


def ran(rule, wildcards, memory_mb, wall_s):
    made = {"memory_mb": memory_mb, "wall_s": wall_s}
    return Receipt(rule, wildcards, {}, {}, {}, {}, {}, {}, made)


@given(st.lists(costs, min_size=1, max_size=5), st.data())
def test_a_job_is_granted_more_than_it_took_whatever_others_took(took, data):
    history = History(ran("train", {"seed": str(seed)}, *cost) for seed, cost in enumerate(took))
    seed = data.draw(st.sampled_from(range(len(took))))
    memory_mb, wall_s = took[seed]
    alone = History([ran("train", {"seed": str(seed)}, memory_mb, wall_s)])
    grant = history.grant("train", {"seed": str(seed)}, DECLARED)
    assert grant.mem_mb > memory_mb
    assert grant.runtime * 60 > wall_s
    assert grant == alone.grant("train", {"seed": str(seed)}, DECLARED)


@given(st.lists(costs, min_size=1, max_size=5))
def test_a_job_that_never_ran_is_granted_what_each_of_its_rule_would_be(took):
    history = History(ran("train", {"seed": str(seed)}, *cost) for seed, cost in enumerate(took))
    new = history.grant("train", {"seed": "new"}, DECLARED)
    each = [history.grant("train", {"seed": str(seed)}, DECLARED) for seed in range(len(took))]
    assert new == Grant(max(grant.mem_mb for grant in each), max(grant.runtime for grant in each))


@pytest.mark.parametrize(
    "receipts", [[], [ran("law", {}, 5.0, 5.0)], [Receipt("train", {}, {}, {}, {}, {}, {}, {}, {})]]
)
def test_where_no_job_of_the_rule_is_known_to_have_run_what_is_declared_holds(receipts):
    assert History(receipts).grant("train", {}, DECLARED) == DECLARED


def test_each_attempt_is_granted_twice_as_much():
    history = History([ran("train", {}, 1_000.0, 90.0)])
    assert [history.grant("train", {}, DECLARED, attempt) for attempt in (1, 2, 3)] == [
        Grant(2_000, 5),
        Grant(4_000, 10),
        Grant(8_000, 20),
    ]
    assert history.grant("law", {}, DECLARED, attempt=2) == Grant(2_000, 60)
