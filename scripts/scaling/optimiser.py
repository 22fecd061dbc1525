"""AdamW or SGD under a one-cycle schedule (Loshchilov & Hutter 2019, Smith & Topin 2018), as torch.optim has them.

The numbers are those of `AdamW(fused=True)` or `SGD(fused=True)` with `OneCycleLR`, to the last bit. But whatever
builds an object of torch.optim imports torch's compiler, which nobody needs here and which costs a second a process;
and in a small network their bookkeeping takes a quarter of a step. The functions beneath them are public too.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.adamw import adamw
from torch.optim.sgd import sgd

WARM_UP = 0.3
"""Share of the steps in which the rate rises and the momentum falls; then both go back."""
FIRST, LAST = 25, 1e4
"""By how much the first rate lies below the peak, and the last below the first."""
MOMENTUM = 0.95, 0.85
"""AdamW's at the ends and at the peak."""
INERTIA = 0.9
"""SGD's momentum, Nesterov's: it stays while the rate moves, as where SGD is the custom."""


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


class Optimiser(ABC):
    """Moves `weights` against their gradients, one step of the schedule at a time."""

    def __init__(self, weights: Sequence[Tensor], peak: float, decay: float, steps: int):
        self._weights, self._decay = list(weights), decay
        self._schedule = iter(one_cycle(peak, steps))

    @abstractmethod
    def step(self, gradients: Sequence[Tensor]) -> None:
        """Take the next step."""


class AdamW(Optimiser):
    """Adam, whose weights shrink at each step by the rate times the decay, apart from the gradient."""

    def __init__(self, weights: Sequence[Tensor], peak: float, decay: float, steps: int):
        super().__init__(weights, peak, decay, steps)
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


class SGD(Optimiser):
    """Gradient descent with momentum, where the decay times the weights counts as a part of the gradient."""

    def __init__(self, weights: Sequence[Tensor], peak: float, decay: float, steps: int):
        super().__init__(weights, peak, decay, steps)
        self._momenta: list[Tensor | None] = [None for _ in weights]

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor]) -> None:
        """Take the next step."""
        rate, _ = next(self._schedule)
        sgd(
            self._weights,
            list(gradients),
            self._momenta,
            fused=True,
            weight_decay=self._decay,
            momentum=INERTIA,
            lr=rate,
            dampening=0,
            nesterov=True,
            maximize=False,
        )


OPTIMISERS: dict[str, type[Optimiser]] = {"adamw": AdamW, "sgd": SGD}
"""By the names that config.yaml uses."""
