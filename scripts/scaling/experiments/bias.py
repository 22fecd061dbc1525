"""Inductive bias against data: how the families of a domain in the plane see it at one shard size.

After Dzekman (2024): the manifold, the sampling density, a sample, and the decision map of every family. The maps
are drawn from the predictions that runs keep at the domain's probe, so nothing is trained again. Beside the domain,
arms are trained, with one thing changed in each.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from math import isqrt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from scaling.experiments import Experiment
from scaling.settings import Count, Name, Seed, Settings

if TYPE_CHECKING:
    from scaling.plans import TrainedPlan
    from scaling.study import Study


PICTURES = ("manifold", "density", "sample", "maps", "zoom", "regions")
"""Figures that every study with this experiment has."""


class Arm(Settings):
    """The experiment's domain with something changed, trained beside it on the same random draws."""

    data: dict[str, Any] = Field(default_factory=dict)
    """What is changed in the domain's data."""
    budget: dict[str, Any] = Field(default_factory=dict)
    """What is changed in the domain's budget."""
    train_sizes: Annotated[tuple[Count, ...], Field(min_length=1)]
    seeds: Annotated[tuple[Seed, ...] | None, Field(min_length=1)] = None
    """Null for those of the domain."""
    families: Annotated[dict[Name, dict[str, Any]], Field(min_length=1)]
    """What is changed in families of the domain; one that the domain lacks is described whole."""

    def plan(self, domain: Name, plan: TrainedPlan) -> TrainedPlan:
        """Give what is trained; raises ValidationError if a change makes no sense."""
        original = plan.model_dump(mode="json")
        families = {name: original["families"].get(name, {}) | changes for name, changes in self.families.items()}
        changed = {
            "data": original["data"] | {"stream": domain} | self.data,
            "budget": original["budget"] and original["budget"] | self.budget,
            "train_sizes": self.train_sizes,
            "seeds": self.seeds or plan.seeds,
            # Which of a family's own shards an arm has, its train_sizes say.
            "families": {name: settings | {"train_sizes": None} for name, settings in families.items()},
        }
        return type(plan).model_validate_json(json.dumps(original | changed), strict=True)


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


class Bias(Experiment):
    """Settings of the experiment."""

    domain: Name
    """A domain of kind spiral."""
    N: Count
    """Shard size of the sample and of the maps; one of the domain's train_sizes."""
    more: Count | None = None
    """A larger shard size, of which maps are drawn of nearest neighbours."""
    crafted: Name | None = None
    """Family whose crossing with the first of `neighbours` is followed through its sizes and the arms' budgets."""
    neighbours: tuple[Name, ...] = ()
    """Families of k-NN, of the domain or an arm, whose errors are held against theory."""
    tip_error: float | None = None
    judges: Name | None = None
    arms: dict[Name, Arm] = Field(default_factory=dict)
    """What is trained beside the domain, by the name that follows its own: a table of runs each, and no curves."""

    def plans(self, study: Study) -> dict[str, TrainedPlan]:
        """Give what the arms train, by domain and arm."""
        plan = study.trained[self.domain]
        return {f"{self.domain}-{name}": arm.plan(self.domain, plan) for name, arm in self.arms.items()}

    def faults(self, study: Study) -> Iterator[str]:
        """Name what this study does not have."""
        plan = study.trained.get(self.domain)
        if self.domain not in study.domains:
            yield f"domain = {self.domain!r}: no such domain. The study has {', '.join(study.domains)}."
        elif plan is None:
            yield f"domain = {self.domain!r} is of measurements. The pictures need one of kind spiral."
        elif plan.data.kind != "spiral":
            yield f"domain = {self.domain!r} is of kind {plan.data.kind}. The pictures need kind spiral."
        else:
            if self.N not in plan.train_sizes:
                yield f"N = {self.N}: no shard of {self.domain}. Its train_sizes are {list(plan.train_sizes)}."
            elif not any(shown.N == self.N for shown in self._panels(study)):
                yield (
                    f"N = {self.N}: no run of seed {self._first_seed(study)} there keeps a decision map. Give "
                    f"domains.{self.domain}.data.map_seeds a number above the seed for {self.N}."
                )
            for name, arm in self.arms.items():
                yield from self._faults_of_arm(f"arms.{name}", name, arm, study)

    def _faults_of_arm(self, key: str, name: str, arm: Arm, study: Study) -> Iterator[str]:
        if f"{self.domain}-{name}" in study.domains:
            yield f"{key}: its results would go where those of the domain {self.domain}-{name} go. Rename it."
        try:
            plan = arm.plan(self.domain, study.trained[self.domain])
        except ValidationError as error:
            for fault in error.errors():
                yield f"{key}.{'.'.join(map(str, fault['loc']))} = {fault['input']!r}: {fault['msg']}."
        else:
            yield from plan.faults(key, f"{self.domain}-{name}")

    def pictured(self, study: Study) -> Pictured:
        """Gather what the figures show."""
        plan, arms = study.trained[self.domain], self.plans(study)
        data = plan.data.model_dump(mode="json")
        own = data | {"stream": self.domain}
        changed = {name: _changes(own, arm.data.model_dump(mode="json")) for name, arm in arms.items()}
        same = [name for name in arms if not changed[name]]
        budgets = [name for name in same if self.crafted in arms[name].families and arms[name].budget != plan.budget]
        compared = self.crafted and self.neighbours and (budgets or len(plan.families[self.crafted].model_sizes) > 1)
        k = {name: k for branch in (plan, *arms.values()) for name, k in _neighbours_asked(branch).items()}
        return Pictured(
            domain=self.domain,
            data=data,
            N=self.N,
            seed=self._first_seed(study),
            panels=tuple(self._panels(study)),
            labels=plan.labels,
            regions=tuple(plan.regions),
            crafted=self.crafted if compared else None,
            budgets=tuple(budgets),
            neighbours={name: k[name] for name in self.neighbours},
            clean=(self.domain, *same),
            noisy={name: changes["label_noise"] for name, changes in changed.items() if [*changes] == ["label_noise"]},
        )

    def _panels(self, study: Study) -> Iterator[Shown]:
        """List the maps: of each family at N, neighbours last and at `more` too; of several sizes, the middle one."""
        plan = study.trained[self.domain]
        neighbours = [name for name in plan.families if name in _neighbours_asked(plan)]
        others = [name for name in plan.families if name not in neighbours]
        more = [] if self.more is None else [self.more]
        shown = [(name, self.N) for name in others] + [(name, N) for name in neighbours for N in (self.N, *more)]
        for name, N in shown:
            if N in plan.shards_of(name) and self._first_seed(study) < _mapped_seeds(plan, N):
                sizes = sorted((model.size or 0, model.name) for model in plan.models.values() if model.family == name)
                model = middle([model for _, model in sizes])
                title = plan.labels[name] if self.N == N else f"{plan.labels[name]}, N = {N:,}"
                yield Shown(title=title, model=model, N=N)

    def _first_seed(self, study: Study) -> int:
        return study.seeds_at(self.domain, self.N)[0]


def middle(models: Sequence[str]) -> str:
    """Of models in order of size, the one in the middle; of two, the larger."""
    return models[len(models) // 2]


def _changes(own: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in changed.items() if value != own[key]}


def _neighbours_asked(plan: TrainedPlan) -> dict[str, int]:
    """The k of each k-NN family."""
    families = {name: family.model_dump() for name, family in plan.families.items()}
    return {name: settings["k"] for name, settings in families.items() if settings["kind"] == "knn"}


def _mapped_seeds(plan: TrainedPlan, N: int) -> int:
    """Below this seed, runs at N keep their maps."""
    return int(plan.data.model_dump()["map_seeds"].get(N, 0))


def decision_map(items: str | Path) -> NDArray[np.uint8]:
    """Read the square map of classes, row by row from the top, that a run predicted at the domain's probe."""
    with np.load(items, allow_pickle=False) as outcomes:
        probe: NDArray[np.uint8] = outcomes["probe"]
    side = isqrt(len(probe))
    return probe.reshape(side, side)
