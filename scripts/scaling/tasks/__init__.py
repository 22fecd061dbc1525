"""Tasks: what an example is, how a network learns from examples, and how wrong its answers are. One file each.

A domain has a task; a family says which tasks it serves. All that the training loop does to examples, it does through
the task, so that it is the same loop for pictures and for text. torch is imported inside the methods.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

Examples = Any
"""Examples as the task's file defines them: named arrays of numpy."""
Held = Any
"""Examples as tensors on the device of the training."""
Answers = Any
"""What a learner says to examples."""


class Task(ABC):
    """What is to be learned. Examples are counted in what N counts, `batches` in what `take` takes."""

    title: ClassVar[str]
    """What the task is called in prose and in errors."""
    in_percent: ClassVar[bool] = True
    """Is the error a share, printed in per cent?"""
    losses: ClassVar[tuple[str, ...]] = ()
    """What networks may be told to minimise, by the names that config.yaml uses; empty where there is no choice."""

    @property
    @abstractmethod
    def metric(self) -> str:
        """Name of the error that the curves show, as a unit if it is no share: nats per character."""

    @property
    @abstractmethod
    def meaning(self) -> str:
        """What that error is, in words of LaTeX that go on from "errors are"."""

    @property
    @abstractmethod
    def guess(self) -> float:
        """Error of the best answer that looks at no input (best guess)."""

    @abstractmethod
    def count(self, examples: Examples) -> int:
        """Tell how many examples these are."""

    @abstractmethod
    def first(self, examples: Examples, n: int) -> Examples:
        """Give the first `n` of the examples, or all if there are fewer."""

    @abstractmethod
    def hold(self, examples: Examples, features: Callable[[Tensor], Tensor], device: torch.device) -> Held:
        """Move examples to a device; `features` maps inputs to what the network sees."""

    @abstractmethod
    def take(self, held: Held, index: Tensor) -> Held:
        """Give the batch that `index`, of `batches`, stands for."""

    @abstractmethod
    def loss(self, network: nn.Module, batch: Held) -> Tensor:
        """Give the mean loss of a batch, with its gradient."""

    @abstractmethod
    def judge(self, network: nn.Module, held: Held) -> tuple[float, float]:
        """Give the error and the mean loss of a network in inference mode."""

    @abstractmethod
    def answer(self, network: nn.Module, held: Held) -> Answers:
        """Ask a network, in inference mode."""

    @abstractmethod
    def score(self, answers: Answers, examples: Examples) -> dict[str, NDArray[np.generic]]:
        """Tell how wrong the answers are: by metric, one value an item (n,), whose mean is that metric."""

    def minimising(self, loss: str) -> Self:
        """Give the same task with another of its `losses` to minimise."""
        raise TypeError(f"{self.title} has one loss only, so there is no {loss}")

    def overall(self, answers: Answers, examples: Examples) -> dict[str, float]:
        """Tell what can be told of all answers together alone, by name: scores that are no means over items."""
        return {}

    def weights(self, examples: Examples) -> NDArray[np.float64] | None:
        """Tell how many of the things that the mean is over each item holds, with mean 1; None if one each."""
        return None

    def batches(
        self, order: np.random.Generator, N: int, size: int, steps: int, device: torch.device
    ) -> Iterator[Tensor]:
        """Give `steps` batches of indices: a fresh permutation for each epoch, its incomplete last batch left out."""
        import torch

        given = 0
        while True:
            permutation = torch.from_numpy(order.permutation(N)).to(device)
            for start in range(0, N - size + 1, size):
                if given == steps:
                    return
                given += 1
                yield permutation[start : start + size]
