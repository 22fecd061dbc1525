"""Floating-point operations of a training step, counted while a batch passes through the network.

A multiply-add is two. A product costs them once forward, and once backward for each of its two factors that gets a
gradient. All else is not counted. torch's own FlopCounterMode counts the same, but imports torch's compiler for it,
which costs a second a process, and takes a recurrent layer for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from torch.overrides import TorchFunctionMode

COUNTED = {linear, torch.conv2d}
"""Functions that sum, for each number that they give, as many products as one row of their second argument holds."""


class UncountedError(RuntimeError):
    """A network multiplies by weights in a way that is not counted."""


def count(network: nn.Module, forward: Callable[[], Tensor]) -> int:
    """Count the operations of a step whose `forward` gives the loss; raises UncountedError if a matrix escaped."""
    counter = _Counter()
    with counter:
        forward()
    matrices = {id(weight): name for name, weight in network.named_parameters() if weight.dim() > 1}
    if escaped := [name for weight, name in matrices.items() if weight not in counter.met]:
        raise UncountedError(
            f"the operations with {', '.join(escaped)} are not counted. Say in scaling/operations.py what theirs cost."
        )
    return counter.operations


class _Counter(TorchFunctionMode):
    """Sees every call of a function of torch."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = 0
        self.met: set[int] = set()

    def __torch_function__(
        self, function: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        if function in COUNTED:
            x, weight = args[:2]
            self.met.add(id(weight))
            passes = 1 + x.requires_grad + weight.requires_grad
            self.operations += passes * 2 * result.numel() * prod(weight.shape[1:])
        return result
