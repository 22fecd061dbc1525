"""Causal self-attention with rotary positions (Vaswani et al. 2017; Su et al. 2024)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

SLOWEST = 10_000
"""So many tokens make the slowest pair of channels turn by one radian."""


class Attention(nn.Module):
    """Lets each token look at those before it and itself, in several ways at once: (batch, length, width), and back."""

    turns: Tensor

    def __init__(self, width: int, heads: int, context: int) -> None:
        super().__init__()
        self.heads = heads
        self.project = nn.Linear(width, 3 * width)
        self.join = nn.Linear(width, width)
        self.register_buffer("turns", turns(context, width // heads), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Mix."""
        query, key, value = self.project(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        seen = scaled_dot_product_attention(self._turn(query), self._turn(key), value, is_causal=True)
        mixed: Tensor = self.join(seen.transpose(1, 2).flatten(2))
        return mixed

    def _turn(self, x: Tensor) -> Tensor:
        """Turn each pair of channels by its token's place, so that products of two know how far they are apart."""
        pairs = torch.view_as_complex(x.reshape(*x.shape[:3], -1, 2))
        return torch.view_as_real(pairs * self.turns[: x.shape[2]]).flatten(3)


def turns(context: int, width: int) -> Tensor:
    """Give the turn of each pair of channels at each place: complex numbers of length 1, (context, width / 2)."""
    speeds = SLOWEST ** -torch.arange(0, 1, 2 / width)
    angles = torch.arange(context)[:, None] * speeds
    return torch.polar(torch.ones_like(angles), angles)
