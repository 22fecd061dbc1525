"""What the figures of the experiment `bias` show of a study: whose decision maps are drawn, which tables are compared.

Nothing is trained for a figure: maps are the predictions that runs keep at the domain's probe.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from scaling.experiments.bias import Bias, mapped_seeds
from scaling.settings import Count, Name, Seed, Settings

if TYPE_CHECKING:
    from scaling.plans import TrainedPlan
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
    plan, arms = study.trained[bias.domain], bias.plans(study)
    data = plan.data.model_dump(mode="json")
    own = data | {"stream": bias.domain}
    changed = {name: _changes(own, arm.data.model_dump(mode="json")) for name, arm in arms.items()}
    same = [name for name in arms if not changed[name]]
    budgets = [name for name in same if bias.crafted in arms[name].families and arms[name].budget != plan.budget]
    compared = bias.crafted and bias.neighbours and (budgets or len(plan.families[bias.crafted].model_sizes) > 1)
    k = {name: k for branch in (plan, *arms.values()) for name, k in _neighbours_asked(branch).items()}
    return Pictured(
        domain=bias.domain,
        data=data,
        N=bias.N,
        seed=bias.first_seed(study),
        panels=tuple(_panels(bias, study)),
        labels=plan.labels,
        regions=tuple(plan.regions),
        crafted=bias.crafted if compared else None,
        budgets=tuple(budgets),
        neighbours={name: k[name] for name in bias.neighbours},
        clean=(bias.domain, *same),
        noisy={name: changes["label_noise"] for name, changes in changed.items() if [*changes] == ["label_noise"]},
    )


def _panels(bias: Bias, study: Study) -> Iterator[Shown]:
    """List the maps: of each family at N, neighbours last and at `more` too; of several sizes, the middle one."""
    plan = study.trained[bias.domain]
    neighbours = [name for name in plan.families if name in _neighbours_asked(plan)]
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


def _changes(own: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in changed.items() if value != own[key]}


def _neighbours_asked(plan: TrainedPlan) -> dict[str, int]:
    """The k of each k-NN family."""
    families = {name: family.model_dump() for name, family in plan.families.items()}
    return {name: settings["k"] for name, settings in families.items() if settings["kind"] == "knn"}
