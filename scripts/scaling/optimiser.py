"""AdamW under a one-cycle schedule (Loshchilov & Hutter 2019, Smith & Topin 2018), as torch.optim has both.

The numbers are those of `AdamW(fused=True)` with `OneCycleLR`, to the last bit. But whatever builds an object of
torch.optim imports torch's compiler, which nobody needs here and which costs a second a process; and in a small network
their bookkeeping takes a quarter of a step. The function beneath them is public too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.adamw import adamw

WARM_UP = 0.3
"""Share of the steps in which the rate rises and the momentum falls; then both go back."""
FIRST, LAST = 25, 1e4
"""By how much the first rate lies below the peak, and the last below the first."""
MOMENTUM = 0.95, 0.85
"""At the ends and at the peak."""


def one_cycle(peak: float, steps: int) -> list[tuple[float, float]]:
    """Give rate and momentum (β₁) of each step: half a cosine up to the peak, and half a cosine down."""
    top = WARM_UP * steps - 1
    first = peak / FIRST
    slow, fast = MOMENTUM
    return [
        (_cosine(first, peak, step / top), _cosine(slow, fast, step / top))
        if step <= top
        else (_cosine(peak, first / LAST, done), _cosine(fast, slow, done))
        for step in range(steps)
        for done in [(step - top) / (steps - 1 - top)]
    ]


def _cosine(start: float, end: float, done: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * done))


class Optimiser:
    """Moves `weights` against their gradients, one step of the schedule at a time."""

    def __init__(self, weights: Sequence[Tensor], peak: float, decay: float, steps: int):
        self._weights, self._decay = list(weights), decay
        self._schedule = iter(one_cycle(peak, steps))
        self._means, self._squares = ([torch.zeros_like(weight) for weight in weights] for _ in range(2))
        self._counts = [torch.zeros((), device=weight.device) for weight in weights]

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor]) -> None:
        """Take the next step."""
        rate, momentum = next(self._schedule)
        adamw(
            self._weights,
            list(gradients),
            self._means,
            self._squares,
            [],
            self._counts,
            fused=True,
            amsgrad=False,
            beta1=momentum,
            beta2=0.999,
            lr=rate,
            weight_decay=self._decay,
            eps=1e-8,
            maximize=False,
        )
