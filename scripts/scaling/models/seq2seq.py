"""An encoder and a decoder of gated recurrent units, with attention (Cho et al. 2014, Bahdanau et al. 2015).

The decoder's attention does not feed back into its recurrence (Luong et al. 2015 without input feeding), so in training
a layer runs over all of a sentence in one call.

With h = 64 it errs on 84.5, 79.0, 70.7 and 62.0 % of the target tokens of verses at N = 300, 1,000, 3,000 and 10,000
(one seed; 300, 310, 450 and 780 steps; 19, 21, 31 and 91 CPU s on a busy machine), with h = 128 on 74.1 and 65.3 % at
1,000 and 3,000 (31 and 62 CPU s). Twice the steps take h = 64 at 3,000 to 67.5 %: it is limited by compute there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from scaling.models import Sized
from scaling.tasks import Task
from scaling.tasks.translation import PADDING, Translation

if TYPE_CHECKING:
    from torch import Tensor, nn

State = tuple["Tensor", ...]
"""What the encoder read, which of it is padding, and the state of the decoder."""


class Family(Sized):
    """Bidirectional encoder of h units a direction, decoder of h units, h the size."""

    kind: Literal["seq2seq"]
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of the numbers between layers that are left out in training."""

    title: ClassVar[str] = "GRU with attention"
    description: ClassVar[str] = (
        r"An encoder and a decoder of gated recurrent units \cite{cho2014}, the encoder in both directions, joined by "
        r"attention \cite{bahdanau2015, luong2015}; the output layer and the embedding of the target share their "
        r"weights."
    )
    serves: ClassVar[tuple[type[Task], ...]] = (Translation,)
    drops: ClassVar[bool] = True
    size_meaning: ClassVar[str] = "units of a recurrent layer"

    def network(self, task: Task, size: int | None) -> nn.Module:
        """Build encoder, decoder and attention."""
        assert size is not None
        assert isinstance(task, Translation)
        return _build(task.source, task.target, size, self.dropout)


def _build(source: int, target: int, size: int, dropout: float) -> nn.Module:
    import torch
    from torch import nn
    from torch.nn.functional import linear

    def _both_ways(source: Tensor) -> tuple[Tensor, Tensor]:
        """Give the length of each row, and for each of its places the one that it has from back to front."""
        lengths = (source != PADDING).sum(dim=1)
        place = torch.arange(source.shape[1], device=source.device)
        mirrored = lengths[:, None] - 1 - place
        return lengths, torch.where(mirrored >= 0, mirrored, place)

    class Seq2Seq(nn.Module):
        """Reads with `encode`; writes with `step` one token at a time, or all at once as training does."""

        def __init__(self) -> None:
            super().__init__()
            self.source = nn.Embedding(source, size)
            self.target = nn.Embedding(target, size)
            self.onward, self.back = (nn.GRU(size, size, batch_first=True) for _ in range(2))
            self.memory = nn.Linear(2 * size, size)
            self.first = nn.Linear(2 * size, size)
            self.decoder = nn.GRU(size, size, batch_first=True)
            self.joint = nn.Linear(2 * size, size)
            self.bias = nn.Parameter(torch.zeros(target))
            self.dropout = nn.Dropout(dropout)
            for embedding in (self.source, self.target):
                nn.init.normal_(embedding.weight, std=size**-0.5)

        def forward(self, source: Tensor, target: Tensor) -> Tensor:
            return self._write(target, self.encode(source))[0]

        def encode(self, source: Tensor) -> State:
            lengths, mirrored = _both_ways(source)
            rows = torch.arange(len(source), device=source.device)[:, None]
            seen = self._seen(self.source(source))
            onward = self.onward(seen)[0]
            # Back to front without the padding, which a bidirectional layer would read first. Packed sequences leave it
            # out too, and take a quarter longer.
            backward = self.back(seen[rows, mirrored])[0][rows, mirrored]
            first = torch.tanh(self.first(torch.cat([onward[rows[:, 0], lengths - 1], backward[:, 0]], dim=1)))
            # With the embeddings in it, attention is learned sooner.
            memory = seen + self.memory(torch.cat([onward, backward], dim=2))
            return memory, source == PADDING, first

        def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
            logits, state = self._write(tokens[:, None], state)
            return logits[:, 0], state

        def _seen(self, embedded: Tensor) -> Tensor:
            """Bring embeddings, small for the output layer's sake, near the size of states."""
            seen: Tensor = self.dropout(embedded * size**0.5 / 2)
            return seen

        def _write(self, target: Tensor, state: State) -> tuple[Tensor, State]:
            memory, padding, first = state
            written, last = self.decoder(self._seen(self.target(target)), first[None])
            scores = written @ memory.transpose(1, 2) * size**-0.5
            weights = scores.masked_fill(padding[:, None], float("-inf")).softmax(dim=2)
            joint = torch.tanh(self.joint(torch.cat([written, weights @ memory], dim=2)))
            return linear(self.dropout(joint), self.target.weight, self.bias), (memory, padding, last[0])

    return Seq2Seq()
