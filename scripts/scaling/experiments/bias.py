"""Inductive bias against data: how the families of a domain in the plane see it at one shard size.

After Dzekman (2024): the manifold, the sampling density, a sample, and the decision map of every family. The maps
are drawn from the predictions that each run keeps at the domain's probe, so nothing is trained again.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isqrt
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scaling.experiments import Experiment
from scaling.settings import Count, Name

if TYPE_CHECKING:
    from scaling.study import Study


class Bias(Experiment):
    """Settings of the experiment."""

    domain: Name
    """A domain of kind spiral."""
    N: Count
    """Shard size of the sample and of the maps; one of the domain's train_sizes."""

    def faults(self, study: Study) -> Iterator[str]:
        """Name what this study does not have."""
        plan = study.trained.get(self.domain)
        if self.domain not in study.domains:
            yield f"domain = {self.domain!r}: no such domain. The study has {', '.join(study.domains)}."
        elif plan is None:
            yield f"domain = {self.domain!r} is of measurements. The pictures need one of kind spiral."
        elif plan.data.kind != "spiral":
            yield f"domain = {self.domain!r} is of kind {plan.data.kind}. The pictures need kind spiral."
        elif self.N not in plan.train_sizes:
            yield f"N = {self.N}: no shard of {self.domain}. Its train_sizes are {list(plan.train_sizes)}."

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
