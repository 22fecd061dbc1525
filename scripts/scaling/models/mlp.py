"""Multilayer perceptron: three weight layers with ReLU, the network of the spiral essay (Dzekman 2024).

With `inputs: polar` it sees (r, θ/π) of each point in place of (x, y): the right inductive bias for a spiral.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from scaling.models import Sized
from scaling.tasks import Task
from scaling.tasks.classification import Classification

if TYPE_CHECKING:
    from torch import Tensor, nn


class Family(Sized):
    """in – h – h – classes, with h the size."""

    kind: Literal["mlp"]
    inputs: Literal["raw", "polar"] = "raw"

    title: ClassVar[str] = "MLP"
    description: ClassVar[str] = (
        r"A multilayer perceptron with two hidden layers of equal width and ReLU. Its inputs are the raw ones or, for "
        r"points of the plane, polar coordinates $(r, \theta/\pi)$, which build the right prior for a spiral into it."
    )
    serves: ClassVar[tuple[type[Task], ...]] = (Classification,)
    drops: ClassVar[bool] = True
    size_meaning: ClassVar[str] = "hidden units a layer"

    @property
    def label(self) -> str:
        """Name with its inputs."""
        return f"{self.inputs} MLP"

    def complaint(self, task: Task) -> str | None:
        """Polar inputs need points of the plane."""
        if isinstance(task, Classification) and self.inputs == "polar" and task.shape != (2,):
            return f"inputs: polar needs points of the plane, but inputs here have shape {task.shape}; use raw"
        return super().complaint(task)

    def network(self, task: Task, size: int | None) -> nn.Module:
        """Build the three layers, with torch's default initialisation."""
        from math import prod

        from torch import nn

        assert size is not None
        assert isinstance(task, Classification)
        return nn.Sequential(
            nn.Flatten(),
            nn.Linear(prod(task.shape), size),
            nn.ReLU(),
            nn.Linear(size, size),
            nn.ReLU(),
            nn.Dropout(self.dropout),
            nn.Linear(size, task.classes),
        )

    def features(self, x: Tensor) -> Tensor:
        """Give (r, θ/π) for polar inputs, the points themselves otherwise."""
        if self.inputs == "raw":
            return x
        import torch

        return torch.stack([x.norm(dim=1), torch.atan2(x[:, 1], x[:, 0]) / torch.pi], dim=1)
