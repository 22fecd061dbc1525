"""minGRU: a recurrent layer whose gates don't see the state (Feng et al. 2024, section 3.1).

State h[t] = (1 − z[t]) · h[t−1] + z[t] · c[t], with gate z and candidate c from the input alone. So a parallel scan
gives the states of all tokens. Feng et al. scan by sums of logarithms, for which they bend the candidate to be
positive; scanning by doubling multiplies gates, all below 1, and needs neither.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class MinimalGRU(nn.Module):
    """Gives the states: (batch, length, width), and back."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(width, 2 * width)

    def forward(self, x: Tensor) -> Tensor:
        """Run from a state of zeros."""
        gate, candidate = self.project(x).chunk(2, dim=2)
        z = gate.sigmoid()
        states: Tensor = Scan.apply(1 - z, z * candidate)  # type: ignore[no-untyped-call]
        return states


def scan(keep: Tensor, add: Tensor) -> Tensor:
    """Give h with h[t] = keep[t] · h[t−1] + add[t] along the second dimension, from zero, by doubling.

    After k rounds h[t] knows the last 2ᵏ additions (Hillis & Steele 1986).
    """
    keep, h = keep.clone(), add.clone()
    reach = 1
    while reach < h.shape[1]:
        h[:, reach:] += keep[:, reach:] * h[:, :-reach]
        keep[:, reach:] = keep[:, reach:] * keep[:, :-reach]
        reach *= 2
    return h


class Scan(torch.autograd.Function):
    """The scan with its gradient, which is a scan from the end: cheaper than to go back through every round."""

    @staticmethod
    def forward(ctx: Any, keep: Tensor, add: Tensor) -> Tensor:
        """Scan."""
        h = scan(keep, add)
        ctx.save_for_backward(keep, h)
        return h

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        """Give the gradients of `keep` and `add`."""
        keep, h = ctx.saved_tensors
        (gradient,) = gradients
        # What reaches h[t] comes from its own use and, by keep[t+1], from h[t+1].
        reached = scan(keep.roll(-1, 1).flip(1), gradient.flip(1)).flip(1)
        before = h.roll(1, 1)
        before[:, 0] = 0
        return reached * before, reached
