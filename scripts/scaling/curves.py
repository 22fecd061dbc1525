"""Curves: all runs of a domain as one tidy table, and error against N of each family with its law."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict

from scaling.laws import Law, TooFewShards, item_covariance, shards
from scaling.laws.analysis import Analysis, Audit, analyse
from scaling.laws.fitting import MIN_SHARDS
from scaling.laws.forms import FloatArray
from scaling.laws.regions import MIN_DECADES, Regions
from scaling.laws.rivals import Rival
from scaling.laws.sizes import NoSizeLaw, SizeLaw, best_sizes, fit_size_law, measure_of, validation_medians
from scaling.records import Record

if TYPE_CHECKING:  # who reads the config needs no tables
    import pandas as pd

BUDGET_TOLERANCE = 0.01
"""A curve whose largest shard gains more than this by twice the budget is limited by compute."""

USUAL_SLOPES = (-0.35, -0.07)
"""Between these lie the slopes that Hestness et al. (2017) report."""


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
    """Error against N of one (domain, family), and what its shard means tell."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    domain: str
    family: str
    shards: tuple[Shard, ...]
    analysis: Analysis | None
    """None if no law was fitted."""
    refusal: str | None
    """Why not."""
    errorless: tuple[int, ...] = ()
    """Every N at which no run erred: without a logarithm, left out of the fit."""
    size_law: SizeLaw | None = None
    """How the best size grows with N; None if too few shards tell theirs."""
    budget_gain: float | None
    """Relative fall of the largest shard's mean error under twice the budget; None without a budget, or if the check
    failed."""
    budget_check_failed: bool = False
    """Was the largest shard trained again, but no seed ended well under both budgets?"""
    diverged: int = 0
    """Runs under the single budget that diverged, at any size and N; `shards` lacks an N that lost all its runs."""

    def at(self, N: int) -> Shard | None:
        """The shard of N examples; None if there is none, or all its runs diverged."""
        return next((shard for shard in self.shards if N == shard.N), None)

    @property
    def law(self) -> Law | None:
        """The law of the power-law region."""
        return self.analysis.law if self.analysis else None

    @property
    def regions(self) -> Regions | None:
        """Where the curve is a power law."""
        return self.analysis.regions if self.analysis else None

    @property
    def rivals(self) -> tuple[Rival, ...]:
        """All forms, the best forecaster first."""
        return self.analysis.rivals if self.analysis else ()

    @property
    def audit(self) -> Audit | None:
        """How well the smaller shards foretell the largest."""
        return self.analysis.audit if self.analysis else None

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


def ranked(curves: Iterable[Curve], N: int) -> list[Curve]:
    """Put the curves that have a shard of N examples in order, from the least error there to the greatest."""
    there = [(shard.median, curve) for curve in curves if (shard := curve.at(N))]
    return [curve for _, curve in sorted(there, key=lambda pair: pair[0])]


def gather(records: Iterable[Record]) -> pd.DataFrame:
    """Put the runs of one domain into a tidy table, a row a run, sorted by model, budget, N and seed.

    Columns are those of the record that a curve needs; `error` is the test error, `error_<region>` that of a
    region, `chosen` marks the size with the lowest median validation error at that (family, N) under the single
    budget. A diverged run has no errors.
    """
    import pandas as pd

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
    import pandas as pd

    medians = validation_medians(table[table.budget_scale == 1], "model")
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


def fit_curve(
    table: pd.DataFrame,
    family: str,
    *,
    pool: float | None = None,
    losses: Iterable[str] = (),
    metric: str = "error",
) -> Curve:
    """Analyse the curve of one family; one that can't be fitted says why.

    pool: examples that the domain's shards are drawn from, if finite. losses: files of per-item losses, named
    …/{model}/n{N}/seed{seed}.npz, if all runs share a test set; `metric` names the array in them.
    """
    found = tuple(_shards(table, family))
    runs = chosen_runs(table, family)
    runs = runs[runs.N.isin([shard.N for shard in found if shard.mean > 0])]
    analysis, refusal = None, None
    try:
        test = _test_noise(runs, [Path(path) for path in losses], metric)
        analysis = analyse(shards(runs.N, runs.error, pool=pool, test=test)) if len(runs) else None
        refusal = None if len(runs) else "0 shards, expected at least 5: no run ended well and erred"
    except TooFewShards as error:
        refusal = str(error)
    doubled = table[(table.family == family) & (table.budget_scale == 2)]
    budget_gain = _budget_gain(table, family)
    return Curve(
        domain=str(table.domain.iloc[0]),
        family=family,
        shards=found,
        analysis=analysis,
        refusal=refusal,
        errorless=tuple(shard.N for shard in found if shard.mean == 0),
        size_law=_size_law(table, family),
        budget_gain=budget_gain,
        budget_check_failed=len(doubled) > 0 and budget_gain is None,
        diverged=int(((table.family == family) & (table.budget_scale == 1) & (table.outcome == "diverged")).sum()),
    )


def _size_law(table: pd.DataFrame, family: str) -> SizeLaw | None:
    measure = measure_of(table, family)
    try:
        return fit_size_law(best_sizes(table, family, measure), measure)
    except NoSizeLaw:
        return None


def _test_noise(runs: pd.DataFrame, losses: list[Path], metric: str) -> FloatArray | None:
    """Covariance of the shards' log errors over the items of the test set that the runs share."""
    if not losses:
        return None
    files = {path.parts[-3:]: path for path in losses}

    def items(model: str, N: int, seed: int) -> FloatArray:
        with np.load(files[model, f"n{N}", f"seed{seed}.npz"], allow_pickle=False) as arrays:
            return np.asarray(arrays[metric], dtype=np.float64)

    with np.load(files[next(iter(files))], allow_pickle=False) as arrays:
        weights = np.asarray(arrays["weights"], dtype=np.float64) if "weights" in arrays else None
    return item_covariance(
        [
            np.stack([items(*run) for run in zip(shard.model, shard.N, shard.seed, strict=True)])
            for _, shard in runs.groupby("N")
        ],
        weights,
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
    largest = int(table[table.family == family].N.max())
    single = chosen_runs(table, family, N=largest).set_index("seed").error.rename("single")
    # Seed by seed, so that one that diverged under either budget is left out of both.
    pairs = single.to_frame().join(doubled, how="inner")
    if pairs.empty:
        return None
    return float(1 - pairs.doubled.mean() / pairs.single.mean()) if pairs.single.mean() > 0 else 0.0


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a table that `gather` made."""
    import pandas as pd

    return pd.read_csv(path)


def read_tables(paths: Iterable[str]) -> dict[str, pd.DataFrame]:
    """Read tables by the domain that each is named after."""
    return {Path(path).stem: read_table(path) for path in paths}


def read_curves(paths: Iterable[str]) -> tuple[Curve, ...]:
    """Read the curves that `fit_curve` made."""
    return tuple(Curve.model_validate_json(Path(path).read_text()) for path in paths)
