"""Classification: one of several classes for each input. The error is the misclassified share.

Networks minimise cross-entropy or, if told to, the squared difference between their outputs and a one for the true
class, a zero for all others (Hui & Belkin 2021, with no rescaling, which a dozen classes don't need), or the focal loss
(Lin et al. 2017, Eq. 4), which is cross-entropy weighted by (1 - p)^2, with p the probability of the true class.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from scaling.tasks import Task

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

FOCUS = 2
"""The focal loss's power, what Lin et al. found best."""
EVALUATION_BATCH = 4_096
EVALUATION_VALUES = 200_000
"""Networks are evaluated in batches of so many inputs at most, and of so many numbers: 255 images of 28 × 28. Smaller
ones cost calls, larger ones don't stay in the processor's cache."""


class Examples(NamedTuple):
    """Inputs `x`, float32 of shape (n, *shape), and class labels `y`, int64 of shape (n,)."""

    x: NDArray[np.float32]
    y: NDArray[np.int64]


class Held(NamedTuple):
    """Examples as tensors."""

    x: Tensor
    y: Tensor


@dataclass(frozen=True)
class Classification(Task):
    """Inputs of one shape, and so many classes. Networks give a logit for each class, answers are classes."""

    shape: tuple[int, ...]
    """Shape of one input."""
    classes: int
    minimised: str = "cross-entropy"
    """The loss of networks, one of `losses`."""

    title: ClassVar[str] = "classification"
    losses: ClassVar[tuple[str, ...]] = ("cross-entropy", "squared", "focal")

    @property
    def metric(self) -> str:
        """Name of the error."""
        return "error"

    @property
    def meaning(self) -> str:
        """What the error is."""
        return "the misclassified fraction of a test set"

    @property
    def guess(self) -> float:
        """Error of a constant answer, if the classes are balanced."""
        return 1 - 1 / self.classes

    def count(self, examples: Examples) -> int:
        """Count the inputs."""
        return len(examples.y)

    def first(self, examples: Examples, n: int) -> Examples:
        """Give the first `n`."""
        return Examples(examples.x[:n], examples.y[:n])

    def hold(self, examples: Examples, features: Callable[[Tensor], Tensor], device: torch.device) -> Held:
        """Move to the device, then map to features."""
        import torch

        return Held(features(torch.from_numpy(examples.x).to(device)), torch.from_numpy(examples.y).to(device))

    def take(self, held: Held, index: Tensor) -> Held:
        """Give the examples of these indices."""
        return Held(held.x[index], held.y[index])

    def loss(self, network: nn.Module, batch: Held) -> Tensor:
        """Give the mean loss: cross-entropy in nats, or one of the others."""
        return self._loss(network(batch.x), batch.y)

    def minimising(self, loss: str) -> Self:
        """Give the same task for networks that minimise `loss`."""
        return replace(self, minimised=loss)

    def judge(self, network: nn.Module, held: Held) -> tuple[float, float]:
        """Give the misclassified share and the mean loss."""
        logits = self._logits(network, held.x)
        return float((logits.argmax(dim=1) != held.y).float().mean()), float(self._loss(logits, held.y))

    def answer(self, network: nn.Module, held: Held) -> NDArray[np.int64]:
        """Give the likeliest class of each input."""
        return np.asarray(self._logits(network, held.x).argmax(dim=1).cpu().numpy(), dtype=np.int64)

    def score(self, answers: NDArray[np.int64], examples: Examples) -> dict[str, NDArray[np.generic]]:
        """Tell which inputs are misclassified (bool)."""
        return {self.metric: answers != examples.y}

    def _loss(self, logits: Tensor, y: Tensor) -> Tensor:
        import torch
        from torch.nn.functional import cross_entropy, mse_loss, one_hot

        if self.minimised == "cross-entropy":
            return cross_entropy(logits, y)
        if self.minimised == "focal":
            surprise = cross_entropy(logits, y, reduction="none")
            return ((-torch.expm1(-surprise)) ** FOCUS * surprise).mean()
        return mse_loss(logits, one_hot(y, self.classes).to(logits.dtype))

    def _logits(self, network: nn.Module, x: Tensor) -> Tensor:
        """Evaluate the network in inference mode, in batches."""
        import torch

        network.eval()
        with torch.inference_mode():
            size = min(EVALUATION_BATCH, max(1, EVALUATION_VALUES // x[0].numel()))
            logits = torch.cat([network(part) for part in torch.split(x, size)])
        network.train()
        return logits
