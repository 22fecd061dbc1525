"""Other metrics: what runs recorded of their test sets beside the error that the curves show."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scaling.curves import Curve, chosen_runs
from scaling.notation import error
from scaling.numbers import Number, fixed, percent, significant

if TYPE_CHECKING:
    import pandas as pd

    from scaling.plans import DomainPlan
    from scaling.study import Study

PREFIX = "error_"
"""Of the columns that hold them."""
PERPLEXITY = "perplexity"
SURPRISE = "nats per "
PLAIN = {"error": "share of tokens got wrong", "nats per character": "nats per character of the reference"}
"""What is called so shortly in the records that a reader would not know it."""


class Metric(NamedTuple):
    """Medians over the seeds of a family, at its smallest and its largest shard."""

    name: str
    """The column without its prefix, or perplexity."""
    called: str
    """The same for readers."""
    region: bool
    """Is it the curve's own error, on a test set apart?"""
    first: float
    last: float

    @property
    def key(self) -> str:
        """Its name in keys of the ledger."""
        return re.sub(r"[^A-Za-z0-9]+", "-", self.name)


def told_apart(study: Study, domain: str) -> frozenset[str]:
    """Name the regions of a domain that the experiment on bias is about, which has a section of its own."""
    bias = study.experiments.bias
    return frozenset(study.domains[domain].regions) if bias and bias.domain == domain else frozenset()


def other_metrics(table: pd.DataFrame, curve: Curve, plan: DomainPlan, without: Collection[str]) -> Iterator[Metric]:
    """Give the other metrics of a curve, but for those of some names."""
    if not curve.shards:
        return
    ends = [chosen_runs(table, curve.family, shard.N) for shard in (curve.shards[0], curve.shards[-1])]
    # Of characters one counts bits, of greater tokens perplexity.
    if plan.metric.startswith(SURPRISE) and not plan.metric.endswith("character"):
        first, last = (float(np.exp(runs.error.median())) for runs in ends)
        yield Metric(PERPLEXITY, PERPLEXITY, False, first, last)
    for column in (name for name in table.columns if name.startswith(PREFIX)):
        name = column.removeprefix(PREFIX)
        first, last = (float(runs[column].median()) for runs in ends)
        if name not in without and np.isfinite([first, last]).all():
            region = name in plan.regions
            yield Metric(name, plan.regions[name] if region else PLAIN.get(name, name), region, first, last)


def printed(metric: Metric, value: float, plan: DomainPlan) -> Number:
    """Print a value of a metric: as the curve's error, a surprise, a share, or a score from 0 to 100."""
    if metric.region:
        return error(value, plan)
    if " per " in metric.name or metric.name == PERPLEXITY:
        return significant(value, 3, metric.name)
    return percent(value) if metric.name.endswith("error") else fixed(value, 1)
