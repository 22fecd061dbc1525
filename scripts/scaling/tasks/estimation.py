"""Estimation: numbers from numbers, such as the value of a function at a point. The error is how far off they are.

Shards may hold noise; validation and test sets hold the truth behind it, so all of the error is excess, and a learner
that has seen enough has none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scaling.tasks import Task

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


class Examples(NamedTuple):
    """Inputs `x`, of shape (n, inputs), and what is to be estimated, `y`, of shape (n, outputs)."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]


class Held(NamedTuple):
    """Examples as tensors of single precision."""

    x: Tensor
    y: Tensor


@dataclass(frozen=True)
class Estimation(Task):
    """So many numbers from so many. Networks give the estimates, of shape (n, outputs), and so do others."""

    inputs: int
    outputs: int
    distance: Literal["squared", "absolute"]
    """What is averaged, over examples and outputs: networks minimise it too."""
    blind: float
    """Error of the best constant answer."""
    period: float | None = None
    """If inputs lie on a ring, all the way around it: the last is next to the first."""

    title: ClassVar[str] = "estimation"
    in_percent: ClassVar[bool] = False

    @property
    def metric(self) -> str:
        """Name of the error."""
        return f"{self.distance} distance"

    @property
    def meaning(self) -> str:
        """What the error is."""
        return f"the mean {self.distance} distance of the estimates from the truth"

    @property
    def guess(self) -> float:
        """Error of the best constant answer."""
        return self.blind

    def count(self, examples: Examples) -> int:
        """Count the inputs."""
        return len(examples.x)

    def first(self, examples: Examples, n: int) -> Examples:
        """Give the first `n`."""
        return Examples(examples.x[:n], examples.y[:n])

    def hold(self, examples: Examples, features: Callable[[Tensor], Tensor], device: torch.device) -> Held:
        """Move to the device, then map inputs to features."""
        import torch

        x, y = (torch.from_numpy(numbers.astype(np.float32)).to(device) for numbers in examples)
        return Held(features(x), y)

    def take(self, held: Held, index: Tensor) -> Held:
        """Give the examples of these indices."""
        return Held(held.x[index], held.y[index])

    def loss(self, network: nn.Module, batch: Held) -> Tensor:
        """Give the mean distance."""
        loss: Tensor = self._distances(network(batch.x), batch.y).mean()
        return loss

    def judge(self, network: nn.Module, held: Held) -> tuple[float, float]:
        """Give the mean distance, which is error and loss."""
        distance = float(self._distances(self._estimates(network, held.x), held.y).mean())
        return distance, distance

    def answer(self, network: nn.Module, held: Held) -> NDArray[np.float64]:
        """Give the network's estimates."""
        return self._estimates(network, held.x).cpu().numpy().astype(np.float64)

    def score(self, answers: NDArray[np.float64], examples: Examples) -> dict[str, NDArray[np.generic]]:
        """Give the distance of each number, those of the first example first: shape (n × outputs,)."""
        return {self.metric: self._distances(answers, examples.y).ravel()}

    def _distances(self, estimates: Any, truth: Any) -> Any:
        away = abs(estimates - truth)
        return away if self.distance == "absolute" else away * away

    def _estimates(self, network: nn.Module, x: Tensor) -> Tensor:
        """Evaluate the network in inference mode."""
        import torch

        network.eval()
        with torch.inference_mode():
            estimates: Tensor = network(x)
        network.train()
        return estimates
