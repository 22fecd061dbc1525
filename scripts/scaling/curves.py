"""Curves: all runs of a domain as one tidy table, and error against N of each family with its law."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from scaling.laws import Law, TooFewShards, fit_law
from scaling.records import Record

BUDGET_TOLERANCE = 0.01
"""A curve whose largest shard gains more than this by twice the budget is limited by compute."""
MIN_SHARDS, MIN_DECADES = 5, 1.5
"""A shorter curve can neither support nor contradict a claim."""


class Shard(BaseModel):
    """All seeds of one family at one N, at the size that validation chose."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    N: int
    model: str
    seeds: int
    """Seeds whose training did not diverge; the others are left out of mean and median."""
    diverged: int
    mean: float
    median: float
    shares_pool: bool


class Curve(BaseModel):
    """Error against N of one (domain, family), and the law fitted to its shard means."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    domain: str
    family: str
    shards: tuple[Shard, ...]
    law: Law | None
    refusal: str | None
    """Why no law was fitted."""
    budget_gain: float | None
    """Relative fall of the largest shard's mean error under twice the budget; None without a budget, or if the check
    failed."""
    budget_check_failed: bool = False
    """Was the largest shard trained again, but no seed ended well under both budgets?"""
    diverged: int = 0
    """Runs under the single budget that diverged, at any size and N; `shards` lacks an N that lost all its runs."""

    @property
    def compute_limited(self) -> bool:
        """Would a larger training budget lower the curve's end?"""
        return self.budget_gain is not None and self.budget_gain > BUDGET_TOLERANCE

    @property
    def objection(self) -> str | None:
        """Say why this curve can neither support nor contradict a claim; None if it can."""
        if self.law is None:
            return "no law could be fitted"
        if self.compute_limited or self.budget_check_failed:
            return "limited by its training budget"
        if self.law.shards < MIN_SHARDS or self.law.decades < MIN_DECADES:
            return "too short"
        return None


def gather(records: Iterable[Record]) -> pd.DataFrame:
    """Put the runs of one domain into a tidy table, a row a run, sorted by model, budget, N and seed.

    Columns are those of the record that a curve needs; `error` is the test error, `error_<region>` that of a
    region, `chosen` marks the size with the lowest median validation error at that (family, N) under the single
    budget. A diverged run has no errors.
    """
    table = pd.DataFrame([_row(record) for record in records])
    table = table.sort_values(["family", "size", "model", "budget_scale", "N", "seed"], ignore_index=True)
    table["chosen"] = _chosen(table)
    return table


def _row(record: Record) -> dict[str, object]:
    regions = record.test or {}
    return {
        "domain": record.domain,
        "family": record.family,
        "model": record.model,
        "size": record.size,
        "parameters": record.parameters,
        "N": record.N,
        "seed": record.seed,
        "budget_scale": record.budget_scale,
        "shares_pool": record.shares_pool,
        "outcome": record.outcome,
        "error": regions.get(record.metric),
        "validation": record.validation,
        "training": record.training,
        "steps": record.steps,
        "batch_size": record.batch_size,
        "examples_seen": record.examples_seen,
        "flops": record.flops,
        # Last, because a diverged run has none: so it can't change the order of the columns.
        **{f"error_{name}": value for name, value in regions.items() if name != record.metric},
    }


def _chosen(table: pd.DataFrame) -> pd.Series[bool]:
    single = table[table.budget_scale == 1]
    # A diverged run counts as the worst, so that a size can't win by the few seeds that it survives.
    worst_if_diverged = single.assign(validation=single.validation.astype(float).fillna(np.inf))
    medians = worst_if_diverged.groupby(["family", "N", "model"], sort=False).validation.median()
    # Models stand in order of size, and idxmin takes the first: a tie goes to the smaller model.
    best = {key[:2]: key[2] for key in medians.groupby(level=["family", "N"]).idxmin()}
    return pd.Series(
        [best.get((row.family, row.N)) == row.model for row in table.itertuples()],
        index=table.index,
        dtype=bool,
    )


def chosen_runs(table: pd.DataFrame, family: str, N: int | None = None, budget_scale: int = 1) -> pd.DataFrame:
    """Select the runs that make up a family's curve: of the chosen sizes, not diverged."""
    runs = table[(table.family == family) & table.chosen & (table.budget_scale == budget_scale)]
    runs = runs[runs.outcome == "trained"]
    return runs if N is None else runs[runs.N == N]


def fit_curve(table: pd.DataFrame, family: str) -> Curve:
    """Fit the law to the shard means of one family; a curve that can't be fitted says why."""
    shards = tuple(_shards(table, family))
    positive = [shard for shard in shards if shard.mean > 0]
    law, refusal = None, None
    try:
        law = fit_law([shard.N for shard in positive], [shard.mean for shard in positive])
    except TooFewShards as error:
        refusal = str(error)
    doubled = table[(table.family == family) & (table.budget_scale == 2)]
    budget_gain = _budget_gain(table, family)
    return Curve(
        domain=str(table.domain.iloc[0]),
        family=family,
        shards=shards,
        law=law,
        refusal=refusal,
        budget_gain=budget_gain,
        budget_check_failed=len(doubled) > 0 and budget_gain is None,
        diverged=int(((table.family == family) & (table.budget_scale == 1) & (table.outcome == "diverged")).sum()),
    )


def _shards(table: pd.DataFrame, family: str) -> Iterable[Shard]:
    planned = table[(table.family == family) & table.chosen & (table.budget_scale == 1)]
    for N in sorted(set(planned.N)):
        runs = planned[planned.N == N]
        trained = runs[runs.outcome == "trained"]
        if len(trained):
            yield Shard(
                N=int(N),
                model=str(runs.model.iloc[0]),
                seeds=len(trained),
                diverged=len(runs) - len(trained),
                mean=float(trained.error.mean()),
                median=float(trained.error.median()),
                shares_pool=bool(runs.shares_pool.iloc[0]),
            )


def _budget_gain(table: pd.DataFrame, family: str) -> float | None:
    doubled = chosen_runs(table, family, budget_scale=2).set_index("seed").error.rename("doubled")
    single = chosen_runs(table, family, N=int(table.N.max())).set_index("seed").error.rename("single")
    # Seed by seed, so that one that diverged under either budget is left out of both.
    pairs = single.to_frame().join(doubled, how="inner")
    if pairs.empty:
        return None
    return float(1 - pairs.doubled.mean() / pairs.single.mean()) if pairs.single.mean() > 0 else 0.0


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a table that `gather` made."""
    return pd.read_csv(path)


def read_tables(paths: Iterable[str]) -> dict[str, pd.DataFrame]:
    """Read tables by the domain that each is named after."""
    return {Path(path).stem: read_table(path) for path in paths}


def read_curves(paths: Iterable[str]) -> tuple[Curve, ...]:
    """Read the curves that `fit_curve` made."""
    return tuple(Curve.model_validate_json(Path(path).read_text()) for path in paths)
