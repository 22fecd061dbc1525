"""A transformer with an encoder and a decoder, layer norms in front (Vaswani et al. 2017, Xiong et al. 2020)."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from scaling.networks.writer import State, Writer
from scaling.tasks.translation import PADDING

LAYERS, HIDDEN = 2, 4
"""Layers of encoder and of decoder, and how many times the width a feed-forward layer has."""


class Attention(nn.Module):
    """Attention in heads of so many numbers, whose keys and values are of shape (batch, heads, length, head)."""

    def __init__(self, size: int, head: int) -> None:
        super().__init__()
        self.head = head
        self.query, self.memory, self.joint = (nn.Linear(size, out) for out in (size, 2 * size, size))

    def remember(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Give the keys and values of what can be attended to."""
        keys, values = self.memory(x).chunk(2, dim=2)
        return self._heads(keys), self._heads(values)

    def forward(self, x: Tensor, keys: Tensor, values: Tensor, hidden: Tensor) -> Tensor:
        """Attend from each place to all that is not hidden."""
        # Written out: some fused kernels of GPUs have no deterministic way back.
        scores = self._heads(self.query(x)) @ keys.transpose(2, 3) * self.head**-0.5
        seen = scores.masked_fill(hidden, -math.inf).softmax(dim=3) @ values
        joint: Tensor = self.joint(seen.transpose(1, 2).flatten(2))
        return joint

    def _heads(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], -1, self.head).transpose(1, 2)


class Layer(nn.Module):
    """Attends to its own inputs and, in a decoder, to the encoder's outputs; then feeds forward."""

    def __init__(self, size: int, head: int, parts: int, dropout: float) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(size) for _ in range(parts))
        self.own, *reading = (Attention(size, head) for _ in range(parts - 1))
        self.reading = nn.ModuleList(reading)
        self.feed = nn.Sequential(nn.Linear(size, HIDDEN * size), nn.ReLU(), nn.Linear(HIDDEN * size, size))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, hidden: Tensor, past: State = (), read: State = ()) -> tuple[Tensor, State]:
        """Give outputs, and the keys and values of all inputs so far, those of the `past` included.

        `read` are keys and values of the encoder's outputs, and which of them are padding.
        """
        first, *between, last = self.norms
        normed = first(x)
        known = self.own.remember(normed)
        if past:
            known = torch.cat([past[0], known[0]], dim=2), torch.cat([past[1], known[1]], dim=2)
        x = x + self.dropout(self.own(normed, *known, hidden))
        for norm, reading in zip(between, self.reading, strict=True):
            x = x + self.dropout(reading(norm(x), *read))
        return x + self.dropout(self.feed(last(x))), known


class Translator(Writer):
    """State: padding, and each layer's keys and values of what was read, then of what was written."""

    encoder: Any  # lists of layers, of which all that is known would be that they are modules
    decoder: Any

    def __init__(self, source: int, target: int, size: int, head: int, dropout: float) -> None:
        super().__init__(source, target, size, dropout)
        self.encoder = nn.ModuleList(Layer(size, head, 2, dropout) for _ in range(LAYERS))
        self.decoder = nn.ModuleList(Layer(size, head, 3, dropout) for _ in range(LAYERS))
        self.norms = nn.ModuleList(nn.LayerNorm(size) for _ in range(2))

    def encode(self, source: Tensor) -> State:
        """Read, and keep the keys and values that each layer of the decoder will attend to."""
        padding = (source == PADDING)[:, None, None]
        x = self._placed(self.source(source), 0)
        for layer in self.encoder:
            x, _ = layer(x, padding)
        memory = self.norms[0](x)
        read = [part for layer in self.decoder for part in layer.reading[0].remember(memory)]
        return (padding, *read)

    def write(self, target: Tensor, state: State) -> tuple[Tensor, State]:
        """Attend to what was written before and to what was read."""
        padding, *memories = state
        pairs = [tuple(memories[place : place + 2]) for place in range(0, len(memories), 2)]
        read, past = pairs[:LAYERS], pairs[LAYERS:] or [()] * LAYERS
        start = past[0][0].shape[2] if past[0] else 0
        x = self._placed(self.target(target), start)
        later = torch.ones(x.shape[1], start + x.shape[1], dtype=torch.bool, device=x.device).triu(start + 1)
        written: list[Tensor] = []
        for layer, known, so_far in zip(self.decoder, read, past, strict=True):
            x, now = layer(x, later, so_far, (*known, padding))
            written += now
        return self.norms[1](x), (padding, *(tensor for pair in read for tensor in pair), *written)

    def _placed(self, x: Tensor, start: int) -> Tensor:
        """Add to embeddings where they stand."""
        place = torch.arange(start, start + x.shape[1], device=x.device)[:, None]
        angle = place * 1e4 ** (-torch.arange(0, self.size, 2, device=x.device) / self.size)
        placed: Tensor = self.dropout(x * self.size**0.5 + torch.cat([angle.sin(), angle.cos()], dim=1))
        return placed
