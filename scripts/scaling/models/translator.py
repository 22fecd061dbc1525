"""An encoder and a decoder of attention alone: the transformer of Vaswani et al. 2017, with layer norms in front.

Two layers each, d numbers wide, with heads of 16 numbers and feed-forward layers of 4d; positions are added as sines.
Norms in front of each part (pre-LN, Xiong et al. 2020) need no warm-up of their own.

With d = 64 it errs on 77.8 % of the target tokens of verses at N = 3,000, after 450 steps at a peak rate of .008 (one
seed, 51 CPU s on a busy machine): it asks for more steps than the GRU, which errs on 70.7 % by then.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from scaling.models import Sized
from scaling.tasks import Task
from scaling.tasks.translation import PADDING, Translation

if TYPE_CHECKING:
    from torch import Tensor, nn

State = tuple["Tensor", ...]
LAYERS, HEAD, HIDDEN = 2, 16, 4
"""Layers of encoder and of decoder, numbers a head, and how many times the width a feed-forward layer has."""


class Family(Sized):
    """Two layers of encoder, two of decoder, d wide, d the size."""

    kind: Literal["translator"]
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of the numbers at the end of each part that are left out in training."""

    title: ClassVar[str] = "transformer"
    description: ClassVar[str] = (
        r"A transformer \cite{vaswani2017} with an encoder and a decoder of two layers each, layer norms in front of "
        r"attention and feed-forward parts \cite{xiong2020}, heads of 16 numbers, and sines for positions; the output "
        r"layer and the embedding of the target share their weights."
    )
    serves: ClassVar[tuple[type[Task], ...]] = (Translation,)
    drops: ClassVar[bool] = True
    size_meaning: ClassVar[str] = "width of a layer"

    def complaint(self, task: Task) -> str | None:
        """Heads must fill the width."""
        if odd := [size for size in self.sizes if size % HEAD]:
            return f"sizes = {odd[0]} can't be cut into heads of {HEAD} numbers; give multiples of {HEAD}"
        return super().complaint(task)

    def network(self, task: Task, size: int | None) -> nn.Module:
        """Build encoder and decoder."""
        assert size is not None
        assert isinstance(task, Translation)
        return _build(task.source, task.target, size, self.dropout)


def _build(source: int, target: int, size: int, dropout: float) -> nn.Module:
    import torch
    from torch import nn
    from torch.nn.functional import linear

    class Attention(nn.Module):
        """Attention in heads, whose keys and values are of shape (batch, heads, length, HEAD)."""

        def __init__(self) -> None:
            super().__init__()
            self.query, self.memory, self.joint = (nn.Linear(size, out) for out in (size, 2 * size, size))

        def remember(self, x: Tensor) -> tuple[Tensor, Tensor]:
            """Give the keys and values of what can be attended to."""
            keys, values = self.memory(x).chunk(2, dim=2)
            return _heads(keys), _heads(values)

        def forward(self, x: Tensor, keys: Tensor, values: Tensor, hidden: Tensor) -> Tensor:
            # Written out: some fused kernels of GPUs have no deterministic way back.
            scores = _heads(self.query(x)) @ keys.transpose(2, 3) * HEAD**-0.5
            seen = scores.masked_fill(hidden, -math.inf).softmax(dim=3) @ values
            joint: Tensor = self.joint(seen.transpose(1, 2).flatten(2))
            return joint

    class Layer(nn.Module):
        """Attends to its own inputs and, in a decoder, to the encoder's outputs; then feeds forward."""

        def __init__(self, parts: int) -> None:
            super().__init__()
            self.norms = nn.ModuleList(nn.LayerNorm(size) for _ in range(parts))
            self.own, *reading = (Attention() for _ in range(parts - 1))
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

    class Translator(nn.Module):
        """Reads with `encode`; writes with `step` one token at a time, or all at once as training does."""

        encoder: Any  # lists of layers, of which all that is known would be that they are modules
        decoder: Any

        def __init__(self) -> None:
            super().__init__()
            self.source, self.target = nn.Embedding(source, size), nn.Embedding(target, size)
            self.encoder = nn.ModuleList(Layer(parts=2) for _ in range(LAYERS))
            self.decoder = nn.ModuleList(Layer(parts=3) for _ in range(LAYERS))
            self.norms = nn.ModuleList(nn.LayerNorm(size) for _ in range(2))
            self.bias = nn.Parameter(torch.zeros(target))
            self.dropout = nn.Dropout(dropout)
            for embedding in (self.source, self.target):
                nn.init.normal_(embedding.weight, std=size**-0.5)

        def forward(self, source: Tensor, target: Tensor) -> Tensor:
            return self._write(target, self.encode(source))[0]

        def encode(self, source: Tensor) -> State:
            padding = (source == PADDING)[:, None, None]
            x = self._placed(self.source(source), 0)
            for layer in self.encoder:
                x, _ = layer(x, padding)
            memory = self.norms[0](x)
            read = [part for layer in self.decoder for part in layer.reading[0].remember(memory)]
            return (padding, *read)

        def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
            logits, state = self._write(tokens[:, None], state)
            return logits[:, 0], state

        def _write(self, target: Tensor, state: State) -> tuple[Tensor, State]:
            """Go on writing. State: padding, and each layer's keys and values of what was read, then written."""
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
            logits = linear(self.norms[1](x), self.target.weight, self.bias)
            return logits, (padding, *(tensor for pair in read for tensor in pair), *written)

        def _placed(self, x: Tensor, start: int) -> Tensor:
            """Add to embeddings where they stand."""
            place = torch.arange(start, start + x.shape[1], device=x.device)[:, None]
            angle = place * 1e4 ** (-torch.arange(0, size, 2, device=x.device) / size)
            placed: Tensor = self.dropout(x * size**0.5 + torch.cat([angle.sin(), angle.cos()], dim=1))
            return placed

    def _heads(x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], -1, HEAD).transpose(1, 2)

    return Translator()
