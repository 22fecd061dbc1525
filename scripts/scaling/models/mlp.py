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
    layer_norm: bool = False
    """Are the sums of each hidden layer normalised over its units, before ReLU (Ba et al. 2016)?"""

    title: ClassVar[str] = "MLP"
    description: ClassVar[str] = (
        r"A multilayer perceptron with two hidden layers of equal width and ReLU. Its inputs are the raw ones or, for "
        r"points of the plane, polar coordinates $(r, \theta/\pi)$, which build the right prior for a spiral into it. "
        r"With layer norm \cite{ba2016}, the sums of a hidden layer are normalised before ReLU."
    )
    serves: ClassVar[tuple[type[Task], ...]] = (Classification,)
    drops: ClassVar[bool] = True
    size_meaning: ClassVar[str] = "hidden units a layer"

    @property
    def label(self) -> str:
        """Name with its inputs."""
        return f"{self.inputs} MLP"

    @property
    def knobs(self) -> tuple[str, ...]:
        """Name layer norm and weight decay too: networks on the plane are compared with and without."""
        turned = (("layer norm", self.layer_norm), (f"weight decay {self.weight_decay:g}", self.weight_decay > 0))
        return (*super().knobs, *(words for words, is_turned in turned if is_turned))

    def complaint(self, task: Task) -> str | None:
        """Polar inputs need points of the plane."""
        if isinstance(task, Classification) and self.inputs == "polar" and task.shape != (2,):
            return f"inputs: polar needs points of the plane, but inputs here have shape {task.shape}; use raw"
        return super().complaint(task)

    def network(self, task: Task, size: int | None) -> nn.Module:
        """Build the three layers, with torch's default initialisation."""
        from functools import partial
        from math import prod

        from torch import nn

        assert size is not None
        assert isinstance(task, Classification)
        norm = partial(nn.LayerNorm, size) if self.layer_norm else nn.Identity
        return nn.Sequential(
            nn.Flatten(),
            nn.Linear(prod(task.shape), size),
            norm(),
            nn.ReLU(),
            nn.Linear(size, size),
            norm(),
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
