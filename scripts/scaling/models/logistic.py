"""Multinomial logistic regression: one linear layer on the raw inputs, the simplest learned baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from scaling.models import Network
from scaling.tasks import Task
from scaling.tasks.classification import Classification

if TYPE_CHECKING:
    from torch import nn


class Family(Network):
    """Linear classifier with softmax; its size is fixed by the inputs."""

    kind: Literal["logistic"]

    title: ClassVar[str] = "Logistic regression"
    description: ClassVar[str] = (
        r"One linear layer and a softmax over the classes, fitted by the same loop as the networks."
    )
    serves: ClassVar[tuple[type[Task], ...]] = (Classification,)

    @property
    def label(self) -> str:
        """Name as within a sentence."""
        return self.title.lower()

    def network(self, task: Task, size: int | None) -> nn.Module:
        """Build the linear layer, started at zero so that every run begins at best guess."""
        from math import prod

        from torch import nn

        assert isinstance(task, Classification)
        linear = nn.Linear(prod(task.shape), task.classes)
        nn.init.zeros_(linear.weight)
        nn.init.zeros_(linear.bias)
        return nn.Sequential(nn.Flatten(), linear)
