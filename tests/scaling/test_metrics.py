"""Other metrics: medians at both ends of a curve, each called and printed as what it is."""

import numpy as np
import pytest

from scaling.curves import fit_curve, gather
from scaling.metrics import other_metrics, printed, told_apart


class Plan:
    """As much of a plan as metrics ask for."""

    in_percent = True

    def __init__(self, metric="error", regions=()):
        self.metric, self.regions = metric, dict(regions)


@pytest.fixture
def table(record):
    """Runs of a family at N = 100 and 1,000, with other metrics that depend on N and seed."""

    def make(**others):
        def run(N, seed):
            made = record("lstm", N, seed, 2.0 / np.log10(N))
            values = {name: value(N, seed) for name, value in others.items()}
            return made.model_copy(update={"metric": "nats", "test": {"nats": made.test["error"], **values}})

        return gather(run(N, seed) for N in (100, 1_000) for seed in range(3))

    return make


def found(table, plan, without=()):
    return {metric.name: metric for metric in other_metrics(table, fit_curve(table, "lstm"), plan, without)}


def test_medians_of_both_ends_are_given(table):
    metrics = found(table(BLEU=lambda N, seed: N / 100 + seed), Plan())
    assert list(metrics) == ["BLEU"]
    assert (metrics["BLEU"].first, metrics["BLEU"].last) == (2, 11)


def test_a_region_is_called_what_it_is_and_may_be_told_elsewhere(table):
    runs = table(**{"held-out": lambda N, seed: 0.3})
    plan = Plan(regions={"held-out": "voices that no shard has"})
    metric = found(runs, plan)["held-out"]
    assert (metric.region, metric.called, printed(metric, metric.last, plan).printed) == (
        True,
        "voices that no shard has",
        "30.0 %",
    )
    assert found(runs, plan, {"held-out"}) == {}


@pytest.mark.parametrize(
    ("name", "value", "form"),
    [
        ("BLEU", 4.321, "4.3"),
        ("utterance error", 0.1234, "12.3 %"),
        ("error", 0.5, "50.0 %"),
        ("bits per character", 2.3456, "2.35"),
    ],
)
def test_each_is_printed_as_what_it_is(table, name, value, form):
    metric = found(table(**{name: lambda N, seed: value}), Plan())[name]
    assert printed(metric, metric.last, Plan()).printed == form
    assert " " not in metric.key


def test_perplexity_is_that_of_words_and_tokens_but_not_of_characters(table):
    metric = found(table(), Plan("nats per word"))["perplexity"]
    assert metric.first == pytest.approx(np.exp(1.0))
    assert found(table(), Plan("nats per character")) == found(table(), Plan()) == {}


def test_what_no_run_recorded_at_an_end_is_left_out(table):
    runs = table(BLEU=lambda N, seed: 1.0)
    runs.loc[runs.N == 100, "error_BLEU"] = np.nan
    assert found(runs, Plan()) == {}


def test_regions_of_the_experiment_on_bias_are_told_there(study):
    assert told_apart(study, "spiral") == {"tail", "tip"}
    assert told_apart(study, "speech") == frozenset()
