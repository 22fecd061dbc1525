"""Inductive bias against data: how the families of a domain in the plane see it at one shard size.

After Dzekman (2024): the manifold, the sampling density, a sample, and the decision map of every family. The maps
are drawn from the predictions that each run keeps at the domain's probe, so nothing is trained again.
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
from scaling.settings import Count, Name, Seed, Settings

if TYPE_CHECKING:
    from scaling.plans import TrainedPlan
    from scaling.study import Study


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


class Bias(Experiment):
    """Settings of the experiment."""

    domain: Name
    """A domain of kind spiral."""
    N: Count
    """Shard size of the sample and of the maps; one of the domain's train_sizes."""
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

    def models(self, study: Study) -> dict[str, str]:
        """Name the model that stands for each family in the maps: its largest. Family name to model name."""
        chosen: dict[str, str] = {}
        for model in sorted(study.trained[self.domain].models.values(), key=lambda model: model.size or 0):
            chosen[model.family] = model.name
        return chosen


def decision_map(items: str | Path) -> NDArray[np.uint8]:
    """Read the square map of classes, row by row from the top, that a run predicted at the domain's probe."""
    with np.load(items, allow_pickle=False) as outcomes:
        probe: NDArray[np.uint8] = outcomes["probe"]
    side = isqrt(len(probe))
    return probe.reshape(side, side)
