"""Surfaces: loss = E + A·size^−a + B·data^−b, the law of two dimensions, and the compute-optimal frontier it implies.

`size` is the number of parameters of a model, `data` the number of training examples or tokens it saw. Hoffmann et
al. (2022) call them N and D; here they are spelled out, since N is the number of training examples everywhere else.

The objective is theirs: the sum over the points of the Huber losses of log residuals, with δ = 1e-3 (of the mean, the
minimum is the same). δ is far below the residuals, so this is nearly least absolute deviations: robust, but full of
kinks. On Chinchilla's data (Besiroglu et al. 2024) the best of hundreds of starts of L-BFGS-B on the mean, with default
tolerances, stops a tenth above the optimum. Here every start of a grid of exponents, its amplitudes projected out, is
followed by Newton's method while the Huber width falls from least squares to δ, until the gradient vanishes. All
starts, resamples and leave-outs are moved together, as rows of arrays.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict

from scaling.laws.descent import EXPONENT_RANGE, Points, arrived_below, descend, starts
from scaling.laws.forms import FloatArray
from scaling.laws.intervals import Estimate, pinned

FLOPS = 6.0
"""Compute per parameter and token of a transformer's training: compute = 6·size·data (Kaplan et al. 2020)."""
_PRECISION = 1e-10  # log losses are not trusted beyond this
_FEWEST = 7  # points

Label = int | str
Row = tuple[float, float, float, float, float]  # E, A, B, a, b


class SurfaceError(ValueError):
    """The points given are no surface, or it cannot tell what is asked."""


class SurfaceWarning(UserWarning):
    """The optimum found is in doubt, or lies where the search ends."""


class Optimum(NamedTuple):
    """The best way to spend a compute budget: arrays of one shape."""

    size: FloatArray
    data: FloatArray
    loss: FloatArray


class Off(NamedTuple):
    """What a size off the optimum costs: arrays of one shape."""

    penalty: FloatArray
    """How much higher the loss is, at the same compute."""
    worth: FloatArray
    """Share of the compute with which an optimal run reaches that higher loss."""
    overhead: FloatArray
    """Compute with which this size reaches the optimal loss, as a multiple; inf if it is too small ever to do so."""


class Coefficients(NamedTuple):
    """One surface or many: arrays of one shape (…), which broadcasts with the arguments below."""

    E: FloatArray
    A: FloatArray
    B: FloatArray
    a: FloatArray
    b: FloatArray

    def predict(self, size: ArrayLike, data: ArrayLike) -> FloatArray:
        """Loss E + A·size^−a + B·data^−b (Hoffmann et al. 2022, equation 2)."""
        size, data = np.asarray(size, dtype=np.float64), np.asarray(data, dtype=np.float64)
        return np.asarray(self.E + self.A * size**-self.a + self.B * data**-self.b)

    @property
    def size_exponent(self) -> FloatArray:
        """Exponent b/(a + b) with which the optimal size grows with compute; that of the data is a/(a + b)."""
        return np.asarray(self.b / (self.a + self.b))

    def optimal(self, compute: ArrayLike, flops: float = FLOPS) -> Optimum:
        """The size and data of least loss with flops·size·data = compute (Hoffmann et al. 2022, equation 4)."""
        product = np.asarray(compute, dtype=np.float64) / flops
        with np.errstate(divide="ignore", invalid="ignore"):
            G = (self.a * self.A / (self.b * self.B)) ** (1 / (self.a + self.b))
            size, data = G * product**self.size_exponent, product ** (1 - self.size_exponent) / G
        return Optimum(np.asarray(size), np.asarray(data), self.predict(size, data))

    def off_optimal(self, factor: ArrayLike, compute: ArrayLike, flops: float = FLOPS) -> Off:
        """What it costs to train a model `factor` times the optimal size of a budget.

        On the frontier a·A·size^−a = b·B·data^−b, so at the same compute the loss above E grows by
        ρ = (b·f^−a + a·f^b)/(a + b); along the frontier it falls as compute^(−ab/(a + b)), which gives the worth
        ρ^(−(a + b)/(ab)). Trained longer, the size reaches the optimal loss with ((a + b − b·f^−a)/a)^(−1/b) times the
        optimal data (de Vries 2023, "Go smol or go home"). Worth and overhead do not depend on the budget.
        """
        a, b, f = self.a, self.b, np.asarray(factor, dtype=np.float64)
        rise = (b * f**-a + a * f**b) / (a + b)
        room = np.maximum((a + b - b * f**-a) / a, 0.0)
        with np.errstate(divide="ignore"):
            overhead = f * room ** (-1 / b)
        penalty = (rise - 1) * (self.optimal(compute, flops).loss - self.E)
        return Off(np.asarray(penalty), np.asarray(rise ** (-(a + b) / (a * b))), np.asarray(overhead))


class Surface(BaseModel):
    """loss = E + A·size^−a + B·data^−b, in the units of the points, which it keeps."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    size: tuple[float, ...]
    data: tuple[float, ...]
    loss: tuple[float, ...]
    groups: tuple[Label, ...]
    """Which model or run each point belongs to; its place among the points given, if they were not grouped."""
    excluded: tuple[int, ...]
    """Places, among the points given, of the highest losses, left out on request."""
    delta: float
    E: float
    A: float
    B: float
    a: float
    b: float
    objective: float
    """Sum over the points of the Huber losses of log(loss/predicted)."""
    gradient: float
    """The objective's largest derivative, relative to that if all points pulled one way: 0 at an exact optimum."""
    rms_residual: float
    """Root mean square residual of log loss."""
    starts: int
    agreement: float
    """Fraction of the starts that reach the best optimum, to 1e-6 of the objective."""
    cautions: tuple[str, ...]
    """Why the optimum should not be trusted, if so; each was also given as a `SurfaceWarning`."""

    @property
    def coefficients(self) -> Coefficients:
        """The five coefficients as arrays of shape ()."""
        return Coefficients(*(np.asarray(getattr(self, name)) for name in Coefficients._fields))

    def predict(self, size: ArrayLike, data: ArrayLike) -> FloatArray:
        """Loss at size and data, which broadcast."""
        return self.coefficients.predict(size, data)

    def optimal(self, compute: ArrayLike, flops: float = FLOPS) -> Optimum:
        """The compute-optimal frontier at each budget, in its shape: `Coefficients.optimal`."""
        self._check_frontier(compute, flops)
        return self.coefficients.optimal(compute, flops)

    def off_optimal(self, factor: ArrayLike, compute: ArrayLike, flops: float = FLOPS) -> Off:
        """What a size `factor` times the optimal one costs: `Coefficients.off_optimal`."""
        self._check_frontier(compute, flops)
        _check_positive("factor", factor)
        return self.coefficients.off_optimal(factor, compute, flops)

    def _check_frontier(self, compute: ArrayLike, flops: float) -> None:
        for amplitude, cause in (("A", "size"), ("B", "data")):
            if getattr(self, amplitude) == 0:
                raise SurfaceError(
                    f"{amplitude} = 0: these points show no effect of {cause}, so there is no best size for a budget. "
                    f"Measure over a wider range of {cause}."
                )
        _check_positive("compute", compute)
        _check_positive("flops", flops)


class Frontier(BaseModel):
    """The compute-optimal size and data of one budget, and the loss there, with intervals."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    compute: float
    flops: float
    level: float
    size: Estimate
    data: Estimate
    loss: Estimate


class Cost(BaseModel):
    """What a size `factor` times the optimal one costs at one budget, with intervals: the words of `Off`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    factor: float
    compute: float
    flops: float
    level: float
    penalty: Estimate
    worth: Estimate
    overhead: Estimate | None
    """None if the size is too small ever to reach the optimal loss; a bound is None where some draws say so."""


class Bootstrap(BaseModel):
    """A surface fitted again to resamples of its models, and percentile intervals of whatever follows from it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    surface: Surface
    seed: int
    draws: tuple[Row, ...]
    """E, A, B, a, b of each draw."""
    converged: float
    """Fraction of the draws whose search ended at an optimum."""

    @property
    def coefficients(self) -> Coefficients:
        """The draws as arrays (draws,)."""
        return Coefficients(*np.array(self.draws).T)

    def estimate(self, quantity: Callable[[Coefficients], FloatArray], level: float = 0.95) -> Estimate:
        """The surface's value of a quantity, and the percentile interval of its draws.

        quantity maps coefficients (…) to values (…). An interval is of the draws' own values: a bound that is not
        finite is None. Raises `SurfaceError` where the surface's own value is not finite.
        """
        if not 0 < level < 1:
            raise SurfaceError(f"level = {level}, expected a probability between 0 and 1. Give 0.95, say.")
        value = float(quantity(self.surface.coefficients))
        if not np.isfinite(value):
            raise SurfaceError(f"The surface's own value is {value}, expected a finite one: it has no interval.")
        tails = [(1 - level) / 2, (1 + level) / 2]
        # An order statistic, as interpolation between infinite values would give none.
        low, high = np.quantile(quantity(self.coefficients), tails, method="inverted_cdf").tolist()
        return Estimate(
            value=value,
            low=low if np.isfinite(low) else None,
            high=high if np.isfinite(high) else None,
            identified=bool(np.isfinite([low, high]).all()) and pinned(low, high),
        )

    def estimates(self, level: float = 0.95) -> dict[str, Estimate]:
        """The five coefficients and the frontier's size exponent, by name."""
        return {name: self.estimate(attrgetter(name), level) for name in (*Coefficients._fields, "size_exponent")}

    def optimal(self, compute: float, flops: float = FLOPS, level: float = 0.95) -> Frontier:
        """The frontier at a compute budget."""
        self.surface.optimal(compute, flops)
        return Frontier(
            compute=compute,
            flops=flops,
            level=level,
            size=self.estimate(lambda c: c.optimal(compute, flops).size, level),
            data=self.estimate(lambda c: c.optimal(compute, flops).data, level),
            loss=self.estimate(lambda c: c.optimal(compute, flops).loss, level),
        )

    def off_optimal(self, factor: float, compute: float, flops: float = FLOPS, level: float = 0.95) -> Cost:
        """What a size off the optimum costs, if it is `factor` times the optimal one, wherever that lies.

        For a given size, of which not even the factor is known, ask `estimate` for
        `lambda c: c.off_optimal(size / c.optimal(compute).size, compute).worth`.
        """
        reached = np.isfinite(self.surface.off_optimal(factor, compute, flops).overhead)
        return Cost(
            factor=factor,
            compute=compute,
            flops=flops,
            level=level,
            penalty=self.estimate(lambda c: c.off_optimal(factor, compute, flops).penalty, level),
            worth=self.estimate(lambda c: c.off_optimal(factor, compute, flops).worth, level),
            overhead=self.estimate(lambda c: c.off_optimal(factor, compute, flops).overhead, level)
            if reached
            else None,
        )


class Influence(BaseModel):
    """A surface fitted again without some of its models."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    surface: Surface
    left_out: tuple[tuple[Label, ...], ...]
    """The groups that each refit does without."""
    refits: tuple[Row, ...]
    """E, A, B, a, b of each refit."""
    converged: float
    """Fraction of the refits whose search ended at an optimum."""

    @property
    def coefficients(self) -> Coefficients:
        """The refits as arrays (refits,)."""
        return Coefficients(*np.array(self.refits).T)

    def shift(self, quantity: Callable[[Coefficients], FloatArray]) -> FloatArray:
        """How much a quantity of the surface moves when each set is left out (refits,)."""
        return np.asarray(quantity(self.coefficients) - quantity(self.surface.coefficients))


def fit_surface(
    size: ArrayLike,
    data: ArrayLike,
    loss: ArrayLike,
    *,
    groups: Sequence[Label] | None = None,
    exclude_highest: int = 0,
    delta: float = 1e-3,
) -> Surface:
    """Fit loss = E + A·size^−a + B·data^−b with E, A, B ≥ 0 and a, b in `EXPONENT_RANGE`.

    size, data, loss (points,): positive, in any order and unit. groups (points,): points of one label are resampled
    and left out together. exclude_highest: how many of the highest losses to leave out (Besiroglu et al. leave out
    5). delta: where the Huber loss of a log residual turns from square to straight. Warns (`SurfaceWarning`) if the
    optimum is in doubt. Raises `SurfaceError` if the points cannot tell the five coefficients.
    """
    size, data, loss, labels, excluded = _checked(size, data, loss, groups, exclude_highest, delta)
    points = Points.of(size, data, loss)
    found = descend(points, starts(points), np.ones(len(loss)), delta)
    best = int(found.objective.argmin())
    reached = found.objective <= found.objective[best] * (1 + 1e-6) + len(loss) * _PRECISION**2 / 2
    coefficients = Coefficients(*points.coefficients(found.theta[best : best + 1]))
    E, A, B, a, b = (float(value[0]) for value in coefficients)
    residual = np.log(loss / coefficients.predict(size, data))
    agreement, gradient = float(reached.mean()), float(found.steepness[best])
    cautions = tuple(_cautions(A, B, a, b, agreement, gradient, delta))
    for caution in cautions:
        warnings.warn(caution, SurfaceWarning, stacklevel=2)
    return Surface(
        size=tuple(size.tolist()),
        data=tuple(data.tolist()),
        loss=tuple(loss.tolist()),
        groups=labels,
        excluded=excluded,
        delta=delta,
        E=E,
        A=A,
        B=B,
        a=a,
        b=b,
        objective=float(found.objective[best]),
        gradient=gradient,
        rms_residual=float(np.sqrt(np.mean(residual**2))),
        starts=len(reached),
        agreement=agreement,
        cautions=cautions,
    )


def bootstrap(surface: Surface, *, seed: int, draws: int = 1000) -> Bootstrap:
    """Fit the surface again to resamples, with replacement, of its groups: of its points, if they are not grouped.

    Each search begins at the surface itself. The same seed gives the same draws; more draws begin with the same.
    """
    if draws < 1:
        raise SurfaceError(f"draws = {draws}, expected at least 1. Give 1000, say.")
    names, group = np.unique(np.array(surface.groups), return_inverse=True)
    if len(names) < 5:
        raise SurfaceError(
            f"{len(names)} groups, expected at least 5: so few have no resamples to speak of. "
            "Group the points more finely, or measure more models."
        )
    counts = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), size=draws)
    refits, converged = _refit(surface, counts[:, group].astype(np.float64))
    return Bootstrap(surface=surface, seed=seed, draws=refits, converged=converged)


def leave_out(surface: Surface, sets: Sequence[Sequence[Label]] | None = None) -> Influence:
    """Fit the surface again without each set of groups, by label: without each group in turn, if none are given."""
    known = dict.fromkeys(surface.groups)
    chosen = [(label,) for label in known] if sets is None else [tuple(labels) for labels in sets]
    for label in (label for labels in chosen for label in labels if label not in known):
        raise SurfaceError(f"No group {label!r} among the points. The labels are those in `surface.groups`.")
    weight = np.array([[group not in labels for group in surface.groups] for labels in chosen], dtype=np.float64)
    for labels, left in zip(chosen, weight.sum(-1).tolist(), strict=True):
        if left < _FEWEST:
            raise SurfaceError(f"{left:g} points without {labels}, expected at least {_FEWEST}. Leave out fewer.")
    refits, converged = _refit(surface, weight)
    return Influence(surface=surface, left_out=tuple(chosen), refits=refits, converged=converged)


def _refit(surface: Surface, weight: FloatArray) -> tuple[tuple[Row, ...], float]:
    """The coefficients for each weighting of the points (k, points); the fraction that converged."""
    points = Points.of(*(np.array(values) for values in (surface.size, surface.data, surface.loss)))
    theta = np.repeat(points.theta(surface.coefficients)[None], len(weight), axis=0)
    found = descend(points, theta, weight, surface.delta)
    rows = np.transpose(points.coefficients(found.theta)).tolist()
    arrived = found.steepness <= arrived_below(surface.delta)
    return tuple((E, A, B, a, b) for E, A, B, a, b in rows), float(arrived.mean())


def _cautions(A: float, B: float, a: float, b: float, agreement: float, gradient: float, delta: float) -> Iterator[str]:
    """Reasons not to trust an optimum."""
    if agreement < 0.5:
        yield f"Only {agreement:.0%} of the starts reach the best optimum: there may be a better one, or many as good."
    if gradient > (most := arrived_below(delta)):
        yield f"The search ended with a relative gradient of {gradient:.1g}, expected at most {most:.1g}."
    for name, amplitude, exponent, cause in (("a", A, a, "size"), ("b", B, b, "data")):
        if amplitude == 0:
            yield f"{name.upper()} = 0: these points show no effect of {cause}, and {name} means nothing."
        elif exponent in EXPONENT_RANGE:
            yield f"{name} = {exponent:g} is where the search ends: the points do not tell it."


def _check_positive(name: str, values: ArrayLike) -> None:
    array = np.asarray(values, dtype=np.float64)
    for place in np.argwhere(~(np.isfinite(array) & (array > 0)))[:1]:
        at = "".join(f"[{i}]" for i in place)
        raise SurfaceError(f"{name}{at} = {array[tuple(place)]}, expected a positive, finite number.")


def _checked(
    size: ArrayLike,
    data: ArrayLike,
    loss: ArrayLike,
    groups: Sequence[Label] | None,
    exclude_highest: int,
    delta: float,
) -> tuple[FloatArray, FloatArray, FloatArray, tuple[Label, ...], tuple[int, ...]]:
    """The points as arrays, less the highest losses, with labels and what was left out; or why they are no surface."""
    arrays = {"size": size, "data": data, "loss": loss}
    columns = {name: np.asarray(values, dtype=np.float64) for name, values in arrays.items()}
    shapes = {name: values.shape for name, values in columns.items()} | (
        {"groups": (len(groups),)} if groups is not None else {}
    )
    if len(set(shapes.values())) > 1 or columns["loss"].ndim != 1:
        given = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise SurfaceError(f"The shapes are {given}, expected (points,) for each. Give one value per point.")
    for name, values in columns.items():
        _check_positive(name, values)
    _check_positive("delta", delta)
    points = len(columns["loss"])
    if not 0 <= exclude_highest <= points:
        raise SurfaceError(f"exclude_highest = {exclude_highest}, expected 0 to {points}, the number of points.")
    order = np.argsort(columns["loss"], kind="stable")
    kept, excluded = np.sort(order[: points - exclude_highest]), np.sort(order[points - exclude_highest :])
    if len(kept) < _FEWEST:
        raise SurfaceError(
            f"{len(kept)} points, expected at least {_FEWEST}: five coefficients, and two degrees of freedom. "
            "Measure more."
        )
    for name, symbols in (("size", "A and a"), ("data", "B and b")):
        columns[name] = columns[name][kept]
        distinct = len(np.unique(columns[name]))
        if distinct < 3:
            raise SurfaceError(
                f"{distinct} distinct values of {name}, expected at least 3: they cannot tell {symbols} from E. "
                f"Measure at more values of {name}."
            )
    if np.corrcoef(np.log(columns["size"]), np.log(columns["data"]))[0, 1] > 1 - 1e-9:
        raise SurfaceError(
            "data is a power of size throughout, expected it to vary at a fixed size: else either may be the cause. "
            "Measure some sizes with more, or less, data."
        )
    every = tuple(range(points)) if groups is None else tuple(np.asarray(groups).tolist())
    labels = tuple(every[i] for i in kept)
    return columns["size"], columns["data"], columns["loss"][kept], labels, tuple(excluded.tolist())
