"""What came of the experiment `bias`: prior against data, against size and against training, neighbours against theory.

Everything rests on the tables of the domain and its arms, and on decision maps; a part that the study has no runs for
is empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from scaling.comparisons import Ratio, crossing, crossing_bounds, log_ratio, mean, ratios_by_size
from scaling.experiments import Result
from scaling.experiments.bias import Branch, Question
from scaling.experiments.hardness import Cells, Hardness, HardRow, judge
from scaling.experiments.neighbours import border_integral, constant, noise_floor, tip_shares

if TYPE_CHECKING:
    import pandas as pd

FAR_BELOW = 0.01
"""An error that is this share of a goal, or less, counts as this share of it."""
AHEAD = 3
"""So many of the largest shards tell by which power of N an error goes on falling."""

Tables = Mapping[str, "pd.DataFrame"]


class At(Result):
    """A ratio of errors, or of an error and a goal, at one N: geometric mean over seeds, with its interval."""

    N: int
    value: float
    low: float | None
    high: float | None
    pairs: int

    @classmethod
    def of(cls, N: int, ratio: Ratio) -> At:
        """Put a ratio at its N."""
        return cls(N=N, value=ratio.value, low=ratio.low, high=ratio.high, pairs=ratio.pairs)


class Fall(Result):
    """Where a ratio of errors falls through one."""

    status: Literal["crossed", "always", "never"]
    """`always`: at no N is it above one; `never`: at the largest it is."""
    N: float | None
    """By linear interpolation of logarithms between shards; the bounds are where the ratio's bounds do the same."""
    low: float | None
    high: float | None
    ratios: tuple[At, ...]
    """In order of N."""

    @classmethod
    def of(cls, ratios: Mapping[int, Ratio]) -> Fall | None:
        """Find it; None without any ratio."""
        if not ratios:
            return None
        found = crossing(ratios)
        at = tuple(At.of(N, ratios[N]) for N in sorted(ratios))
        if found is None:
            low, high = crossing_bounds(ratios)
            return cls(status="never" if at[-1].value > 1 else "always", N=None, low=low, high=high, ratios=at)
        return cls(status="crossed", N=found.value, low=found.low, high=found.high, ratios=at)

    @property
    def verdict(self) -> Literal["below", "above", "open"]:
        """Is the ratio below one, or above it, beyond doubt at the largest N?"""
        last = self.ratios[-1]
        if last.high is not None and last.high < 1:
            return "below"
        return "above" if last.low is not None and last.low > 1 else "open"


class Choice(Result):
    """The network that validation prefers at one N."""

    N: int
    table: str
    model: str


class Race(Result):
    """Nearest neighbours against the crafted network: the ratio of their error to its."""

    table: str
    """Whose budget the network has: the domain's name, or the domain's and the arm's."""
    size: int | None
    fall: Fall
    error: float
    """Median error of the network at the largest N, for which the next two hold too."""
    steps: int
    """Mean number of training steps."""
    flops: float
    """Mean number of floating-point operations of a training."""
    choices: tuple[Choice, ...] = ()
    """For the network whose size and budget validation prefers: which, at every N."""


class Constant(Result):
    """Error times √N of k nearest neighbours: mean over seeds, with its t interval, cut at zero."""

    family: str
    N: int
    runs: int
    value: float
    low: float | None
    high: float | None


class Theory(Result):
    """The same as theory has it, for large N."""

    family: str
    k: int
    constant: float
    """C_k."""
    expected: float
    """C_k times the integral of √ρ along the border."""


class TipCost(Result):
    """How a family, or one size of it, does in the tip. Errors are geometric means over seeds."""

    table: str
    """Whose budget it has: the domain's name, or the domain's and the arm's."""
    name: str
    """Of the family whose size validation chooses, or of a model."""
    N: int
    """The largest."""
    error: float
    """Error in the tip there."""
    fall: Fall | None
    """Where the ratio of the error to the goal falls through one; None without a goal."""
    samples: float | None
    """How many of so many points are expected around the tip."""
    ahead: float | None
    """Where neighbours would meet the goal if their error in the tip went on falling by the same power of N."""


class Seen(Result):
    """Median errors of a family over seeds at one N: overall, and in every region."""

    family: str
    N: int
    errors: dict[str, float]
    """By region; `overall` is under the sampling density."""


class Tip(Result):
    """How rare samples are in the tip."""

    within: float
    """Share of the samples in the tip region."""
    around: float
    """Share of those around the tip, from which it could be learned."""
    expected: float
    """Number of points around the tip in the experiment's shard."""
    costs: tuple[TipCost, ...]


class Pair(Result):
    """A family against the first one of an arm: the ratio of its error to that one's."""

    one: str
    other: str
    fall: Fall


class Floor(Result):
    """What the error of a k-NN family tends to under label noise, and what it is at the largest N."""

    family: str
    k: int
    floor: float
    N: int
    error: float


class Noisy(Result):
    """An arm with wrong labels."""

    table: str
    noise: float
    pairs: tuple[Pair, ...]
    floors: tuple[Floor, ...]


class Answer(Result):
    """All of it."""

    domain: str
    crossings: tuple[Race, ...]
    """By budget and size."""
    scaled: Race | None
    """The network whose size and budget validation prefers at each N, where there is a choice."""
    border: float
    """∫ √ρ dl along the border."""
    theory: tuple[Theory, ...]
    constants: tuple[Constant, ...]
    seen: tuple[Seen, ...]
    """Every family of the domain at every N, at the size that validation chose."""
    tip: Tip
    noisy: tuple[Noisy, ...]
    hardness: Hardness | None
    hard: tuple[HardRow, ...]


def answer(question: Question, tables: Tables, maps: Mapping[tuple[str, str, int], Mapping[int, Cells]]) -> Answer:
    """Answer from the runs of the domain and its arms, and from maps by table, model, N and seed."""
    domain = question.branches[0].table
    constants = tuple(_constants(question, tables))
    hardness, hard = judge(domain, question.judges, question.N, maps)
    return Answer(
        domain=domain,
        crossings=tuple(_crossings(question, tables)),
        scaled=_scaled(question, tables),
        border=border_integral(),
        theory=tuple(_theory(question, {row.family for row in constants})),
        constants=constants,
        seen=tuple(_seen(_trained(tables[domain]))),
        tip=_tip(question, tables),
        noisy=tuple(
            _noisy(branch, _trained(tables[branch.table])) for branch in question.branches if branch.label_noise
        ),
        hardness=hardness,
        hard=hard,
    )


def read_answer(paths: Sequence[str]) -> Answer | None:
    """Read what came of the experiment from its one file; None where there is none."""
    return next((Answer.model_validate_json(Path(path).read_text()) for path in paths), None)


def _trained(table: pd.DataFrame) -> pd.DataFrame:
    return table[(table.budget_scale == 1) & (table.outcome == "trained")]


def _shards(runs: pd.DataFrame) -> Iterator[tuple[int, pd.DataFrame]]:
    """Part runs by N."""
    return ((int(N), runs[runs.N == N]) for N in sorted(set(runs.N)))


def _crossings(question: Question, tables: Tables) -> Iterator[Race]:
    """Race the neighbours against the crafted family at every size, under every budget."""
    single = _trained(tables[question.branches[0].table])
    for branch in question.racing:
        runs = _trained(tables[branch.table])
        runs = runs[runs.family == question.crafted]
        for model in dict.fromkeys(runs.model):
            if race := _race(question, single, runs[runs.model == model], branch.table):
                yield race


def _race(
    question: Question, single: pd.DataFrame, network: pd.DataFrame, table: str, choices: tuple[Choice, ...] = ()
) -> Race | None:
    """Compare at every N over the seeds that both have; None if there is none."""
    fall = Fall.of(ratios_by_size(single, question.neighbours[0], network))
    if fall is None:
        return None
    last = network[network.N == fall.ratios[-1].N]
    sizes = set(last["size"].dropna().astype(int))
    return Race(
        table=table,
        size=sizes.pop() if len(sizes) == 1 else None,
        fall=fall,
        error=float(last.error.median()),
        steps=round(last.steps.mean()),
        flops=float(last.flops.mean()),
        choices=choices,
    )


def _scaled(question: Question, tables: Tables) -> Race | None:
    """Race against the network that validation prefers at every N, among all sizes and budgets."""
    import pandas as pd

    planned = {
        (branch.table, str(model)): runs
        for branch in question.racing
        for model, runs in _of_family(tables[branch.table], question.crafted).groupby("model", sort=False)
    }
    if len(planned) < 2:
        return None
    choices = [_preferred(N, planned) for N in sorted({int(N) for runs in planned.values() for N in runs.N})]
    parts = [planned[choice.table, choice.model] for choice in choices]
    network = _trained(pd.concat([runs[runs.N == choice.N] for choice, runs in zip(choices, parts, strict=True)]))
    domain = question.branches[0].table
    return _race(question, _trained(tables[domain]), network, domain, choices=tuple(choices))


def _of_family(table: pd.DataFrame, family: str | None) -> pd.DataFrame:
    return table[(table.family == family) & (table.budget_scale == 1)]


def _preferred(N: int, planned: Mapping[tuple[str, str], pd.DataFrame]) -> Choice:
    """Choose by median validation error over the seeds that all have, if there are any; a tie goes to the first.

    A diverged run counts as the worst.
    """
    errors = {
        key: runs[runs.N == N].set_index("seed").validation.astype(float).fillna(np.inf)
        for key, runs in planned.items()
        if N in set(runs.N)
    }
    shared = set.intersection(*(set(found.index) for found in errors.values()))
    medians = {
        key: float((found[found.index.isin(shared)] if shared else found).median()) for key, found in errors.items()
    }
    table, model = min(medians, key=lambda key: medians[key])
    return Choice(N=N, table=table, model=model)


def _constants(question: Question, tables: Tables) -> Iterator[Constant]:
    """Multiply errors by √N where labels are right and shards are those of the domain."""
    import pandas as pd

    own = [branch for branch in question.branches if branch.same_data and not branch.label_noise]
    for family in question.neighbours:
        parts = [_trained(tables[branch.table]) for branch in own if family in branch.k]
        if not parts:
            continue
        runs = pd.concat([part[part.family == family] for part in parts]).drop_duplicates(["N", "seed"])
        for N, shard in _shards(runs):
            errors = shard.set_index("seed").error.astype(float) * np.sqrt(N)
            middle = mean(errors)
            yield Constant(family=family, N=N, runs=len(shard), value=middle.value, low=middle.low, high=middle.high)


def _theory(question: Question, measured: set[str]) -> Iterator[Theory]:
    for family in question.neighbours:
        if family in measured:
            k = question.k[family]
            yield Theory(family=family, k=k, constant=constant(k), expected=constant(k) * border_integral())


def _seen(single: pd.DataFrame) -> Iterator[Seen]:
    regions = [column for column in single.columns if column.startswith("error")]
    names = {column: column.removeprefix("error_") if "_" in column else "overall" for column in regions}
    for family, of_family in single[single.chosen].groupby("family", sort=False):
        for N, runs in _shards(of_family):
            medians = {names[column]: float(runs[column].median()) for column in regions}
            yield Seen(family=str(family), N=N, errors=medians)


def _tip(question: Question, tables: Tables) -> Tip:
    within, around = tip_shares()
    costs = tuple(_tip_cost(question, *told, around) for told in _in_the_tip(question, tables))
    return Tip(within=within, around=around, expected=around * question.N, costs=costs)


def _in_the_tip(question: Question, tables: Tables) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Give table, name and runs of each learner whose price is told: of the crafted family each size and budget."""
    own = question.branches[0].table
    single = _trained(tables[own])
    for family, runs in single[single.chosen].groupby("family", sort=False):
        # Which of its sizes validation chose, the table of crossings has.
        if family != question.crafted or _of_family(single, question.crafted).model.nunique() == 1:
            yield own, str(family), runs
    for branch in question.racing:
        runs = _of_family(_trained(tables[branch.table]), question.crafted)
        if branch.table != own or runs.model.nunique() > 1:
            yield from ((branch.table, str(model), of_model) for model, of_model in runs.groupby("model", sort=False))


def _tip_cost(question: Question, table: str, name: str, runs: pd.DataFrame, around: float) -> TipCost:
    """Find the N at which the error in the tip meets the goal, seed by seed on the log scale."""
    goal = question.tip_error or 1e-6  # without one, any: errors are divided by it, and the last one multiplied again
    ratios = {N: _to_goal(shard, goal) for N, shard in _shards(runs)}
    fall = None if question.tip_error is None else Fall.of(ratios)
    far = fall is not None and fall.status == "never" and name in question.k
    return TipCost(
        table=table,
        name=name,
        N=max(ratios),
        error=ratios[max(ratios)].value * goal,
        fall=fall,
        samples=fall.N * around if fall and fall.N is not None else None,
        ahead=_ahead(ratios) if far else None,
    )


def _to_goal(shard: pd.DataFrame, goal: float) -> Ratio:
    """Compare errors in the tip with a goal. One without a logarithm is far below it, however far that is."""
    errors = shard.set_index("seed").error_tip.astype(float).clip(lower=goal * FAR_BELOW)
    return log_ratio(errors, errors * 0 + goal)


def _ahead(ratios: Mapping[int, Ratio]) -> float | None:
    """Follow the power of N that the largest shards show to a ratio of one; None if they show no fall."""
    largest = sorted(ratios)[-AHEAD:]
    if len(largest) < AHEAD:
        return None
    slope, height = np.polyfit(np.log(largest), [np.log(ratios[N].value) for N in largest], 1)
    return float(np.exp(-height / slope)) if slope < 0 else None


def _noisy(branch: Branch, single: pd.DataFrame) -> Noisy:
    """Compare every family of an arm with its first, and k-NN with where noise stops it."""
    families = list(dict.fromkeys(branch.families))
    pairs = []
    for family in families[1:]:
        fall = Fall.of(ratios_by_size(single, family, single[(single.family == families[0]) & single.chosen]))
        if fall:
            pairs.append(Pair(one=families[0], other=family, fall=fall))
    floors = []
    for family, k in branch.k.items():
        runs = single[single.family == family]
        if len(runs):
            top = int(runs.N.max())
            error = float(runs[top == runs.N].error.median())
            floors.append(Floor(family=family, k=k, floor=noise_floor(k, branch.label_noise), N=top, error=error))
    return Noisy(table=branch.table, noise=branch.label_noise, pairs=tuple(pairs), floors=tuple(floors))
