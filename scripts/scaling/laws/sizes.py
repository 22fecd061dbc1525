"""Sizes: how large a model should be for the data, s(N) = s0·(N/N0)^β_p (Hestness et al. 2017, section 3).

The best size on offer at each N has the lowest median over seeds of the validation error, never the best single run.
A grid of sizes tells it to a step only: a parabola through the logs of the best and its two neighbours refines it, and
the variance of each log optimum is at least that of a uniform error of one step, step²/12. An optimum at the edge of
the grid has no neighbour beyond; it bounds the best size from one side, and is no measurement of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict

from scaling.laws.forms import FloatArray
from scaling.laws.intervals import Estimate, pinned
from scaling.laws.lines import Slope, fit_line
from scaling.laws.shards import CurveError

if TYPE_CHECKING:
    import pandas as pd

MIN_OPTIMA = 4
"""Interior optima that a size law needs: a line, and two degrees of freedom."""

Place = Literal["interior", "smallest", "largest", "only", "flawless"]
"""Where in the grid the best size stands. Only: no two sizes trained. Flawless: it makes no validation error, and no
parabola goes through log 0."""
Measure = Literal["parameters", "size"]


class NoSizeLaw(CurveError):
    """Too few shards tell their best size; the message says why."""


class Optimum(BaseModel):
    """The best size at one N."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    N: float
    best: float
    """The best size on offer."""
    size: float
    """The best size by interpolation; as `best` unless interior."""
    place: Place
    step: float
    """Distance of neighbouring sizes on the log scale, around the best; 0 unless interior."""


class SizeLaw(BaseModel):
    """size = s0·(N/N0)**exponent, N0 the geometric mean of the shards whose optimum is interior."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    measure: Measure
    """What counts as size: trained weights, or the family's own measure such as its width."""
    s0: float
    N0: float
    level: float
    exponent: Estimate
    """β_p with its t interval on interior optima − 2 degrees of freedom."""
    slope: Slope
    """β_p with its standard error, for tests."""
    misfit: float
    """τ: what the line gets wrong of a log optimum, beside the step of the grid."""
    optima: tuple[Optimum, ...]
    """Of all shards, ascending in N; the law rests on the interior ones."""

    @property
    def interior(self) -> tuple[Optimum, ...]:
        """The optima that the law rests on."""
        return tuple(optimum for optimum in self.optima if optimum.place == "interior")

    def predict(self, N: ArrayLike) -> FloatArray:
        """Give the best size at N, in the shape of N."""
        return np.asarray(self.s0 * (np.asarray(N, dtype=np.float64) / self.N0) ** self.exponent.value)

    def growth(self, times: ArrayLike) -> FloatArray:
        """Give the factor by which the model grows with so many times the data."""
        return np.asarray(np.asarray(times, dtype=np.float64) ** self.exponent.value)


def best_sizes(table: pd.DataFrame, family: str, measure: Measure | None = None) -> tuple[Optimum, ...]:
    """Find a family's best size at every N.

    table: a row a run, with the columns family, model, size, parameters, N, budget_scale and validation (`gather`);
    a diverged run, without a validation error, counts as the worst. Where no run has one, as in curves that were
    measured elsewhere, the column error stands in. measure: the column that is the size; by default `measure_of`.
    Raises NoSizeLaw for a family without sizes.
    """
    runs = table[(table.family == family) & (table.budget_scale == 1)]
    column = measure or measure_of(table, family)
    if runs.empty or not (runs[column].fillna(0) > 0).all():
        raise NoSizeLaw(f"{family}: {column} is missing or 0, expected a size of every model. Give each model's size.")
    judged = runs.validation if runs.validation.notna().any() else runs.error
    medians = validation_medians(runs.assign(validation=judged), column).sort_index()
    shards = ((N, medians.loc[family, N]) for N in sorted(set(runs.N)))
    return tuple(
        _optimum(float(N), errors.index.to_numpy(dtype=np.float64), errors.to_numpy(dtype=np.float64))
        for N, errors in shards
    )


def validation_medians(runs: pd.DataFrame, size: str) -> pd.Series[float]:
    """Give the median validation error by family, N and `size`, a column; the order of the runs is kept.

    Over the seeds that all sizes of a shard were run with, where there are any. A diverged run counts as the worst, so
    that a size can't win by the few seeds that it survives.
    """
    sizes = runs.groupby(["family", "N"])[size].transform("nunique")
    common = runs.groupby(["family", "N", "seed"])[size].transform("nunique") == sizes
    none_common = ~common.groupby([runs.family, runs.N]).transform("any")
    compared = runs[common | none_common]
    worst_if_diverged = compared.assign(validation=compared.validation.astype(float).fillna(np.inf))
    return worst_if_diverged.groupby(["family", "N", size], sort=False).validation.median()


def measure_of(table: pd.DataFrame, family: str) -> Measure:
    """Choose what counts as size: the trained weights if every model has some, and no two the same; else `size`."""
    models = table[table.family == family].groupby("model").parameters.first()
    return "parameters" if len(models) and (models > 0).all() and models.is_unique else "size"


def fit_size_law(
    optima: tuple[Optimum, ...], measure: Measure = "parameters", level: float = 0.95, min_optima: int = MIN_OPTIMA
) -> SizeLaw:
    """Fit s0·(N/N0)^β_p to the interior optima, by weighted least squares on logs.

    The variance of a log optimum is step²/12 plus the misfit of the line, estimated (`lines`). Optima at the
    edge are left out, which flattens the line if there are many: look at `SizeLaw.optima`. measure: what the sizes are.
    level: that of the interval. Raises NoSizeLaw with fewer interior optima than `min_optima`, itself at least 4.
    """
    interior = [optimum for optimum in optima if optimum.place == "interior"]
    needed = max(min_optima, MIN_OPTIMA)
    if len(interior) < needed:
        raise NoSizeLaw(_refusal(optima, len(interior), needed))
    N, sizes, steps = np.array([(optimum.N, optimum.size, optimum.step) for optimum in interior]).T
    line = fit_line(np.log(N), np.log(sizes), np.diag(steps**2 / 12))
    low, high = line.slope.interval(level)
    return SizeLaw(
        measure=measure,
        s0=float(np.exp(line.middle)),
        N0=float(np.exp(np.log(N).mean())),
        level=level,
        exponent=Estimate(value=line.slope.value, low=low, high=high, identified=pinned(low, high)),
        slope=line.slope,
        misfit=line.misfit,
        optima=optima,
    )


def _optimum(N: float, sizes: FloatArray, errors: FloatArray) -> Optimum:
    """Place the optimum of median validation errors (sizes,), finite or inf, at ascending sizes (sizes,)."""
    best = int(errors.argmin())  # of a tie the smaller size
    place: Place = "interior"
    if np.isfinite(errors).sum() < 2:
        place = "only"
    elif errors[best] == 0:
        place = "flawless"
    elif best in (0, len(sizes) - 1):
        place = "smallest" if best == 0 else "largest"
    if place != "interior":
        return Optimum(N=N, best=sizes[best], size=sizes[best], place=place, step=0.0)
    around = slice(best - 1, best + 2)
    x = np.log(sizes[around])
    return Optimum(
        N=N,
        best=sizes[best],
        size=float(np.exp(_vertex(x, np.log(errors[around])))),
        place=place,
        step=float(x[2] - x[0]) / 2,
    )


def _vertex(x: FloatArray, y: FloatArray) -> float:
    """Lowest point of the parabola through three points, the middle one the lowest; that itself where there is none."""
    left, right = (y[1] - y[0]) / (x[1] - x[0]), (y[2] - y[1]) / (x[2] - x[1])
    if not np.isfinite(left) or not np.isfinite(right) or right <= left:  # a neighbour diverged, or all are equal
        return float(x[1])
    # The slope of the parabola rises from `left` midway of the first two points to `right` midway of the last two.
    middles = (x[0] + x[1]) / 2, (x[1] + x[2]) / 2
    return float(middles[0] - left * (middles[1] - middles[0]) / (right - left))


def _refusal(optima: tuple[Optimum, ...], interior: int, needed: int) -> str:
    edges = {
        "smallest": "the smallest size on offer is the best (offer smaller ones)",
        "largest": "the largest size on offer is the best (offer larger ones)",
        "only": "no two sizes can be compared (offer more)",
        "flawless": "the best size makes no validation error (validate on more)",
    }
    counts = {place: sum(optimum.place == place for optimum in optima) for place in edges}
    reasons = [f"at {count} {edges[place]}" for place, count in counts.items() if count]
    because = f": {'; '.join(reasons)}" if reasons else ""
    return (
        f"grid edge: {interior} of {len(optima)} shards have an interior optimum, expected at least {needed}{because}"
    )
