"""What networks for translation share: embeddings, the output layer, and how they go on writing token by token."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

State = tuple[Tensor, ...]
"""What a network keeps of what it has read and written."""


class Writer(nn.Module):
    """Reads with `encode`; writes with `step` one token at a time, or all at once as training does.

    The output layer has the weights of the target's embedding (Press & Wolf 2017), which are small for its sake.
    """

    def __init__(self, source: int, target: int, size: int, dropout: float) -> None:
        super().__init__()
        self.size = size
        self.source, self.target = nn.Embedding(source, size), nn.Embedding(target, size)
        self.bias = nn.Parameter(torch.zeros(target))
        self.dropout = nn.Dropout(dropout)
        for embedding in (self.source, self.target):
            nn.init.normal_(embedding.weight, std=size**-0.5)

    def encode(self, source: Tensor) -> State:
        """Read the source (batch, length)."""
        raise NotImplementedError

    def write(self, target: Tensor, state: State) -> tuple[Tensor, State]:
        """Go on behind the tokens (batch, length): what the output layer gets (batch, length, size), and the state."""
        raise NotImplementedError

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Give the logits of the token behind each of the target: (batch, length, vocabulary)."""
        return self._logits(self.write(target, self.encode(source))[0])

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """Give the logits (batch, vocabulary) of what follows these tokens (batch,), and the next state."""
        written, state = self.write(tokens[:, None], state)
        return self._logits(written)[:, 0], state

    def _logits(self, written: Tensor) -> Tensor:
        return linear(written, self.target.weight, self.bias)
