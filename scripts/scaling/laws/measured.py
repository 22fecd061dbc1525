"""Measured curves: anyone's measurements, a table with a row a run, as curves with all that each tells.

A model measured at several sizes has one curve, of the best size at each N: that of the lowest median error over the
seeds. Chosen on the error itself, it is as optimistic as the sizes are many and the seeds few.
"""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict

from scaling.laws.analysis import Analysis, analyse
from scaling.laws.shards import CurveError, shards
from scaling.laws.sizes import NoSizeLaw, Optimum, SizeLaw, best_sizes, fit_size_law
from scaling.measurements import tabulate

if TYPE_CHECKING:
    import pandas as pd

    from scaling.laws.fitting import Law

FEW = 8
"""So many curves are analysed before other processes would have started."""


class Run(BaseModel):
    """One measurement."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    N: int
    seed: int
    error: float


class Growth(BaseModel):
    """compute = middle·(N/N0)**power: what one run takes, by least squares on logs."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    power: float
    middle: float
    """Compute at N0."""
    N0: float
    """Geometric mean of N over the runs."""

    def compute(self, N: float) -> float:
        """What a run of N examples takes."""
        return float(self.middle * (N / self.N0) ** self.power)


class MeasuredCurve(BaseModel):
    """Error against N of one model of a domain, and what it tells."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    domain: str
    model: str
    runs: tuple[Run, ...]
    """At each N those of the best size."""
    analysis: Analysis | None
    refusal: str | None
    """Why there is no analysis."""
    sizes: tuple[Optimum, ...]
    """The best size at each N; empty of a model of one size."""
    size_law: SizeLaw | None
    size_refusal: str | None
    """Why there is no size law, of a model of several sizes."""
    growth: Growth | None
    """None where fewer than two N tell their compute."""

    @property
    def law(self) -> Law | None:
        """The law of the power-law region."""
        return self.analysis.law if self.analysis else None

    @property
    def name(self) -> str:
        """Domain and model."""
        return f"{self.domain} · {self.model}"

    def table(self) -> pd.DataFrame:
        """Give the runs as a table with the columns N, seed and error."""
        import pandas as pd

        return pd.DataFrame([run.model_dump() for run in self.runs])


@dataclass(frozen=True)
class _Task:
    domain: str
    model: str
    runs: pd.DataFrame
    level: float
    pool: float | None


def measured_curves(
    table: pd.DataFrame, *, level: float = 0.95, pool: float | None = None, cores: int | None = None
) -> tuple[MeasuredCurve, ...]:
    """Analyse every curve of a table of `measurements.read_measurements`.

    Curves come in the order of the table. level: that of all intervals. pool: examples that all shards are drawn from,
    if finite. cores: how many processes share many curves; by default as many as this machine has.
    """
    tasks = [
        _Task(str(domain), str(model), runs, level, pool)
        for (domain, model), runs in table.groupby(["domain", "model"], sort=False)
    ]
    workers = min(cores or os.cpu_count() or 1, len(tasks) // FEW)
    if workers < 2:
        return tuple(map(_curve, tasks))
    with ProcessPoolExecutor(workers) as processes:
        return tuple(processes.map(_curve, tasks, chunksize=4))


def fit_growth(N: ArrayLike, compute: ArrayLike) -> Growth | None:
    """Fit compute = middle·(N/N0)^power to runs (runs,), by least squares on logs; None below two distinct N."""
    sizes, spent = np.asarray(N, dtype=np.float64), np.asarray(compute, dtype=np.float64)
    known = np.isfinite(spent) & (spent > 0)
    if len(np.unique(sizes[known])) < 2:
        return None
    x, y = np.log(sizes[known]), np.log(spent[known])
    away = x - x.mean()
    return Growth(power=float(away @ y / (away @ away)), middle=float(np.exp(y.mean())), N0=float(np.exp(x.mean())))


def _curve(task: _Task) -> MeasuredCurve:
    table = tabulate(task.runs)
    runs = table[table.chosen]
    sizes: tuple[Optimum, ...] = ()
    size_law, size_refusal = None, None
    if table["size"].nunique() > 1:
        sizes = best_sizes(table, task.model, "size")
        try:
            size_law = fit_size_law(sizes, "size", task.level)
        except NoSizeLaw as problem:
            size_refusal = str(problem)
    analysis, refusal = None, None
    if runs.N.nunique() == 1:
        refusal = "a single shard is no curve. Measure more shards."
    else:
        try:
            analysis = analyse(shards(runs.N, runs.error, pool=task.pool), task.level)
        except CurveError as problem:
            refusal = str(problem)
    return MeasuredCurve(
        domain=task.domain,
        model=task.model,
        runs=tuple(map(Run.model_validate, runs[["N", "seed", "error"]].to_dict("records"))),
        analysis=analysis,
        refusal=refusal,
        sizes=sizes,
        size_law=size_law,
        size_refusal=size_refusal,
        growth=fit_growth(runs.N, runs.flops),
    )
