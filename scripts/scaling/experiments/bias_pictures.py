"""What the figures of the experiment `bias` show of a study: whose decision maps are drawn, which tables are compared.

Nothing is trained for a figure: maps are the predictions that runs keep at the domain's probe.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from scaling.experiments.bias import Bias, mapped_seeds
from scaling.settings import Count, Name, Seed, Settings

if TYPE_CHECKING:
    from scaling.study import Study

PICTURES = ("manifold", "density", "sample", "maps", "zoom", "regions")
"""Figures that every study with this experiment has."""


class Shown(Settings):
    """A decision map among others: which run's, and what it is called."""

    title: str
    model: str
    N: Count


class Pictured(Settings):
    """What the figures show of a study."""

    domain: Name
    data: dict[str, Any]
    """Settings of the domain."""
    N: Count
    seed: Seed
    panels: tuple[Shown, ...]
    """Of this seed."""
    labels: dict[Name, str]
    """Name of each family of the domain."""
    regions: tuple[Name, ...]
    crafted: Name | None
    """The family whose crossing with the first of the neighbours is drawn, if any."""
    budgets: tuple[Name, ...]
    """Tables of arms that train it otherwise."""
    neighbours: dict[Name, Count]
    """Neighbours asked, by family."""
    clean: tuple[Name, ...]
    """Tables of runs on the domain's own data: its own, and those of arms."""
    noisy: dict[Name, float]
    """Shares of wrong labels, by the tables of the arms that have some."""

    @property
    def pictures(self) -> tuple[str, ...]:
        """Name the figures, in the paper's order."""
        asked = {"crossing": self.crafted, "neighbours": self.neighbours}
        return (*PICTURES, *(picture for picture, what in asked.items() if what))


def pictured(bias: Bias, study: Study) -> Pictured:
    """Gather what the figures show."""
    plan, question = study.trained[bias.domain], bias.question(study)
    budgets = tuple(branch.table for branch in question.racing[1:])
    compared = bias.crafted and (budgets or len(plan.families[bias.crafted].model_sizes) > 1)
    return Pictured(
        domain=bias.domain,
        data=plan.data.model_dump(mode="json"),
        N=bias.N,
        seed=bias.first_seed(study),
        panels=tuple(_panels(bias, study, tuple(question.branches[0].k))),
        labels=plan.labels,
        regions=tuple(plan.regions),
        crafted=bias.crafted if compared else None,
        budgets=budgets,
        neighbours={name: question.k[name] for name in bias.neighbours},
        clean=tuple(branch.table for branch in question.branches if branch.same_data),
        noisy={branch.table: branch.label_noise for branch in question.branches if branch.label_noise},
    )


def _panels(bias: Bias, study: Study, neighbours: Sequence[Name]) -> Iterator[Shown]:
    """List the maps: of each family at N, neighbours last and at `more` too; of several sizes, the middle one."""
    plan = study.trained[bias.domain]
    others = [name for name in plan.families if name not in neighbours]
    more = [] if bias.more is None else [bias.more]
    shown = [(name, bias.N) for name in others] + [(name, N) for name in neighbours for N in (bias.N, *more)]
    for name, N in shown:
        if N in plan.shards_of(name) and bias.first_seed(study) < mapped_seeds(plan, N):
            sizes = sorted((model.size or 0, model.name) for model in plan.models.values() if model.family == name)
            model = middle([model for _, model in sizes])
            title = plan.labels[name] if bias.N == N else f"{plan.labels[name]}, N = {N:,}"
            yield Shown(title=title, model=model, N=N)


def middle(models: Sequence[str]) -> str:
    """Of models in order of size, the one in the middle; of two, the larger."""
    return models[len(models) // 2]
