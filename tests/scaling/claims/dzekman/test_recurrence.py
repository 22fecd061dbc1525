"""D8: recurrent networks that keep up with attention, or don't."""

import numpy as np
import pytest

from scaling.claims.dzekman.recurrence import RecurrenceKeepsUp

KEEPS_UP = RecurrenceKeepsUp(domain="spiral", recurrent="mingru", attention="transformer", margin=0.02)


@pytest.fixture(scope="module")
def rivals(record, evidence):
    """Losses of attention, 1.5 after equal training; `more` of the recurrent network, `gain` by twice the budget."""

    def make(more, gain=0.0, seeds=4, cost=1.0, spread=0.002):
        rng = np.random.default_rng(0)
        found = []
        for family, loss in (("mingru", 1.5 + more), ("transformer", 1.5)):
            for scale in (1, 2):
                for seed in range(seeds):
                    error = loss - gain * (scale - 1) + spread * rng.normal()
                    made = record(family, 1_000, seed, error, size=8, budget_scale=scale)
                    flops = int(1e6 * scale * (cost if family == "mingru" else 1))
                    found.append(made.model_copy(update={"flops": flops}))
        return evidence(*found)

    return make


@pytest.mark.parametrize(
    ("more", "gain", "cost", "expected"),
    [
        (0.0, 0.0, 1.4, "supported"),
        (-0.1, 0.05, 1.4, "supported"),
        (0.0, 0.05, 1.4, "undecided"),  # in as much time, attention might win
        (0.0, 0.0, 2.5, "undecided"),  # in as much time, attention might do still more
        (0.1, 0.01, 1.4, "contradicted"),
        (0.1, 0.09, 1.4, "undecided"),  # trained longer, the recurrent network keeps up
        (0.02, 0.0, 1.4, "undecided"),
    ],
)
def test_recurrence_must_keep_up_at_equal_data_and_time(rivals, verdict, more, gain, cost, expected):
    assert verdict(KEEPS_UP, rivals(more, gain, cost=cost)) == expected


def test_what_either_is_compared_at_is_told_and_who_errs_less(rivals, record, evidence, value):
    plain = KEEPS_UP.test(rivals(0.0, cost=0.7))
    assert plain.reason.startswith(
        r"at $N=$ \val{claim.D8.top} \unit{spiral} and size \val{claim.D8.recurrent-size}, over"
    )
    assert "err" not in plain.reason.replace("error", "")
    assert plain.numbers["cost"].value == pytest.approx(0.7)
    assert plain.numbers["cost-helped"].value == pytest.approx(1.4)
    others = [
        record(family, 1_000, seed, error, size=size, budget_scale=scale)
        for family, size, error in (
            ("mingru", 8, 1.5),
            ("transformer", 16, 1.5),
            ("lstm", 64, 1.4),
            ("ngram", None, 1.3),
        )
        for seed in range(3)
        for scale in (1, 2)
    ]
    reason = KEEPS_UP.test(evidence(*others, record("gru", 1_000, 0, 1.6), record("late", 9_000, 0, 1.0))).reason
    assert r" against \val{claim.D8.attention-size}" in reason
    assert reason.endswith(
        r"; the \learner{ngram} and the \learner{lstm}, trained on as many and of whatever size, err less"
    )


def test_one_seed_settles_nothing_about_recurrence(rivals, verdict):
    assert verdict(KEEPS_UP, rivals(-1.0, seeds=1)) == "undecided"


def test_a_family_that_always_diverged_leaves_recurrence_undecided(record, evidence):
    outcome = KEEPS_UP.test(evidence(*(record(name, 1_000, 0, None, size=8) for name in ("mingru", "transformer"))))
    assert (outcome.verdict, outcome.numbers) == ("undecided", {})


def test_of_a_family_of_several_sizes_one_may_be_named(record, evidence, value):
    errors = (("mingru", 8, 1.0), ("mingru", 16, 1.2), ("transformer", 8, 1.0))
    found = evidence(
        *(
            record(family, 1_000, seed, error + seed / 100, size=size, budget_scale=scale)
            for family, size, error in errors
            for seed in range(3)
            for scale in (1, 2)
        )
    )
    assert value(KEEPS_UP, found, "equal") == pytest.approx(0, abs=1e-9)
    larger = KEEPS_UP.model_copy(update={"recurrent": "mingru-16"})
    assert value(larger, found, "equal") == pytest.approx(0.2)
