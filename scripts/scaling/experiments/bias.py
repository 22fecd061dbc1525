"""Inductive bias against data: what a prior, more data and more training buy on the spiral.

After Dzekman (2024): the manifold, the sampling density, a sample, and the decision map of every family. Beside the
domain, arms are trained with one thing changed. What is asked of all these runs stands in `Question`, and `answers`
has what came of it. The maps are the predictions that a run keeps at the domain's probe, so nothing is trained again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import isqrt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from scaling.experiments import Experiment
from scaling.faults import explain
from scaling.settings import Count, Name, Seed, Settings

if TYPE_CHECKING:
    from scaling.models import Family
    from scaling.plans import TrainedPlan
    from scaling.study import Study

FEWEST_MAPS = 4
"""Seeds whose maps are compared: they make two pairs, the least that have a spread."""


class Arm(Settings):
    """The experiment's domain with something changed, trained beside it on the same data."""

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
        return type(plan).model_validate_json(json.dumps(self.changed(domain, plan)), strict=True)

    def changed(self, domain: Name, plan: TrainedPlan) -> dict[str, Any]:
        """Give the domain's settings with the changes."""
        original = plan.model_dump(mode="json")
        families = {name: original["families"].get(name, {}) | changes for name, changes in self.families.items()}
        changed = {
            "data": original["data"] | {"stream": domain} | self.data,
            "budget": original["budget"] and original["budget"] | self.budget,
            "train_sizes": self.train_sizes,
            "seeds": self.seeds or plan.seeds,
            # What is wrong with that, the domain tells.
            "source_copy": None,
            # Which of a family's own shards an arm has, its train_sizes say.
            "families": {name: settings | {"train_sizes": None} for name, settings in families.items()},
        }
        return original | changed


class Branch(Settings):
    """A table of runs, the domain's own or an arm's, and what sets it apart from the domain."""

    table: Name
    """What it is called: the domain's name, and behind it the arm's."""
    arm: Name | None
    label_noise: float
    same_data: bool
    """Are its shards and test sets those of the domain, draw by draw?"""
    same_budget: bool
    families: tuple[Name, ...]
    unchanged: tuple[Name, ...]
    """The families that learn as those of the domain do, whatever their sizes."""
    k: dict[Name, int]
    """Neighbours asked, of every k-NN family."""


class Question(Settings):
    """What is asked of the runs, and as much of the study as an answer needs."""

    N: Count
    crafted: Name | None
    neighbours: tuple[Name, ...]
    tip_error: float | None
    judges: Name | None
    branches: tuple[Branch, ...]
    """The domain's first."""

    @property
    def racing(self) -> tuple[Branch, ...]:
        """The branches that train the crafted family on the domain's data: its own, and those of another budget."""
        own = self.branches[0]
        return tuple(
            branch
            for branch in self.branches
            if branch.same_data and self.crafted in branch.unchanged and (branch is own or not branch.same_budget)
        )

    @property
    def k(self) -> dict[Name, int]:
        """Neighbours asked, of every k-NN family of any branch."""
        return {family: k for branch in self.branches for family, k in branch.k.items()}


class Bias(Experiment):
    """Settings of the experiment."""

    domain: Name
    """A domain of kind spiral."""
    N: Count
    """Shard size of the sample and of the maps; one of the domain's train_sizes."""
    more: Count | None = None
    """Shard size that nearest neighbours get beside a network on N examples; another of the train_sizes."""
    crafted: Name | None = None
    """Family whose crossing with the first of `neighbours` is followed through its sizes and the arms' budgets."""
    neighbours: tuple[Name, ...] = ()
    """Families of k-NN, of the domain or an arm, whose errors are held against theory; the first is the domain's."""
    tip_error: Annotated[float, Field(gt=0, lt=1)] | None = None
    """An error in the tip whose price in data is asked for."""
    judges: Name | None = None
    """Model of the domain that tells hard points: most of its runs at N get them wrong."""
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
            yield from self._faults_of_question(plan)
            if self.N in plan.train_sizes and self.first_seed(study) >= mapped_seeds(plan, self.N):
                yield (
                    f"N = {self.N}: no run of seed {self.first_seed(study)} there keeps a decision map. Give "
                    f"domains.{self.domain}.data.map_seeds a number above the seed for {self.N}."
                )
            for name, arm in self.arms.items():
                yield from self._faults_of_arm(f"arms.{name}", name, arm, study)

    def _faults_of_question(self, plan: TrainedPlan) -> Iterator[str]:
        """Name what is asked of the domain, or of arms, but is not there."""
        for key, size in (("N", self.N), ("more", self.more)):
            if size is not None and size not in plan.train_sizes:
                yield f"{key} = {size}: no shard of {self.domain}. Its train_sizes are {list(plan.train_sizes)}."
        families, models = ", ".join(plan.families), ", ".join(plan.models)
        if self.crafted is not None and self.crafted not in plan.families:
            yield f"crafted = {self.crafted!r}: no family of {self.domain}. It has {families}."
        elif self.crafted is not None and not self.neighbours:
            yield f"crafted = {self.crafted!r}: nothing to hold it against. Name a k-NN family under neighbours."
        if self.judges is not None and self.judges not in plan.models:
            yield f"judges = {self.judges!r}: no model of {self.domain}. It has {models}."
        for name in dict.fromkeys(name for name in self.neighbours if self.neighbours.count(name) > 1):
            yield f"neighbours: {name} stands there twice. Give each value once."
        kinds = {name: settings.get("kind") for arm in self.arms.values() for name, settings in arm.families.items()}
        kinds |= {name: family.kind for name, family in plan.families.items()}
        known = ", ".join(name for name, kind in kinds.items() if kind == "knn") or "none"
        for index, name in enumerate(self.neighbours):
            if kinds.get(name) != "knn":
                yield f"neighbours[{index}] = {name!r}: no k-NN family of {self.domain} or its arms. There is {known}."
            elif index == 0 and name not in plan.families:
                own = ", ".join(family for family in plan.families if kinds[family] == "knn") or "none"
                yield f"neighbours[0] = {name!r}: only an arm has it. The first is one of {self.domain}: {own}."

    def _faults_of_arm(self, key: str, name: str, arm: Arm, study: Study) -> Iterator[str]:
        if f"{self.domain}-{name}" in study.domains:
            yield f"{key}: its results would go where those of the domain {self.domain}-{name} go. Rename it."
        own = study.trained[self.domain]
        try:
            plan = arm.plan(self.domain, own)
        except ValidationError as error:
            told = explain(error, arm.changed(self.domain, own), type(own).model_json_schema())
            yield from (f"{key}.{fault}" for fault in told.splitlines())
        else:
            yield from plan.faults(key, f"{self.domain}-{name}")

    def first_seed(self, study: Study) -> int:
        """The seed whose shard and maps are drawn."""
        return study.trained[self.domain].seeds_at(self.N, study.seeds)[0]

    def question(self, study: Study) -> Question:
        """Say what is asked, and of which runs."""
        plans = {self.domain: study.trained[self.domain]} | self.plans(study)
        arms = (None, *self.arms)
        return Question(
            N=self.N,
            crafted=self.crafted,
            neighbours=self.neighbours,
            tip_error=self.tip_error,
            judges=self.judges,
            branches=tuple(
                self._branch(table, arm, plan, plans[self.domain])
                for arm, (table, plan) in zip(arms, plans.items(), strict=True)
            ),
        )

    def _branch(self, table: str, arm: str | None, plan: TrainedPlan, own: TrainedPlan) -> Branch:
        data, original = (branch.data.model_dump(mode="json") for branch in (plan, own))
        # Of a domain that names no stream, the stream is its own.
        original["stream"] = original["stream"] or self.domain
        data["stream"] = data["stream"] or self.domain
        learners = {name: _learner(family) for name, family in plan.families.items()}
        originals = {name: _learner(family) for name, family in own.families.items()}
        return Branch(
            table=table,
            arm=arm,
            label_noise=data["label_noise"],
            same_data=data == original,
            same_budget=plan.budget == own.budget,
            families=tuple(plan.families),
            unchanged=tuple(name for name, learner in learners.items() if learner == originals.get(name)),
            k={name: learner["k"] for name, learner in learners.items() if learner["kind"] == "knn"},
        )

    def judged(self, study: Study) -> list[tuple[str, str, int, int]]:
        """List the runs whose maps are compared on hard points: table, model, N and seed."""
        plans = {self.domain: study.trained[self.domain]} | self.plans(study)
        mapped: dict[tuple[str, str], list[int]] = {}
        for table, plan in plans.items():
            for model, N, seed in study.runs(table):
                if N == self.N and seed < mapped_seeds(plan, N):
                    mapped.setdefault((table, model), []).append(seed)
        enough = {key: seeds for key, seeds in mapped.items() if len(seeds) >= FEWEST_MAPS}
        if self.judges is None or (self.domain, self.judges) not in enough:
            return []
        return [(table, model, self.N, seed) for (table, model), seeds in enough.items() for seed in seeds]


def mapped_seeds(plan: TrainedPlan, N: int) -> int:
    """Seeds of a shard below this one keep their maps."""
    of_sizes: dict[int, int] = plan.data.model_dump()["map_seeds"]
    return of_sizes.get(N, 0)


def _learner(family: Family) -> dict[str, Any]:
    """Settings of a family that say how it learns, not at which sizes and shards."""
    return family.model_dump(mode="json", exclude={"sizes", "train_sizes", "seeds_of_size"})


def decision_maps(items: str | Path) -> NDArray[np.uint8]:
    """Read the maps of classes, of all the plane and of the tip, that a run predicted at the domain's probe.

    Shape (2, side, side), rows from the top.
    """
    with np.load(items, allow_pickle=False) as outcomes:
        probe: NDArray[np.uint8] = outcomes["probe"]
    side = isqrt(len(probe) // 2)
    return probe.reshape(2, side, side)
