"""An attention model of speech: an encoder, and a decoder that listens to a place in it for each symbol.

The attention is that of Chorowski et al. 2015: by what is heard at a place and by where it attended before. Answers are
spelt greedily.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from scaling.models import Sized
from scaling.tasks import Task
from scaling.tasks.transcription import NOTHING, Held, Transcription

if TYPE_CHECKING:
    from torch import Tensor, nn

STRIDES = 2, 2
"""A quarter of the frames remains: the fewer places, the sooner attention is learned."""
FILTERS, REACH = 8, 15
"""Of the convolution that tells of the earlier attention: how many, and over how many places."""


class Family(Sized):
    """The encoder, location-aware attention, and a recurrent cell that spells symbol by symbol."""

    kind: Literal["listener"]

    title: ClassVar[str] = "Attention model"
    description: ClassVar[str] = (
        r"Two convolutions over time with batch normalisation and ReLU, each of stride two, and an LSTM that runs both "
        r"ways; then a gated recurrent cell that spells symbol by symbol, listening to them with location-aware "
        r"attention \cite{chorowski2015}. It is trained by the cross-entropy of each next symbol, the end included, "
        r"given the true ones before it, and decoded greedily."
    )
    serves: ClassVar[tuple[type[Task], ...]] = (Transcription,)
    size_meaning: ClassVar[str] = "units of each layer"

    def network(self, task: Task, size: int | None) -> nn.Module:
        """Build the layers, with torch's default initialisation."""
        assert size is not None
        assert isinstance(task, Transcription)
        return _network(task, size)


def _network(task: Transcription, size: int) -> nn.Module:
    import torch
    from torch import nn
    from torch.nn.functional import cross_entropy

    from scaling.encoder import Encoder, within

    end = task.symbols  # begins a row too

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = Encoder(task.bands, size, STRIDES)
            self.key = nn.Linear(2 * size, size)
            self.query = nn.Linear(size, size, bias=False)
            self.before = nn.Conv1d(1, FILTERS, REACH, padding=REACH // 2, bias=False)
            self.location = nn.Linear(FILTERS, size, bias=False)
            self.energy = nn.Linear(size, 1, bias=False)
            self.spelt = nn.Embedding(task.symbols + 1, size)
            self.cell = nn.GRUCell(3 * size, size)
            self.output = nn.Linear(3 * size, task.symbols + 1)

        def forward(self, frames: Tensor, lengths: Tensor, symbols: Tensor | None) -> Tensor:
            """Give the logits of each next symbol: after the true ones before it, or after those given, if None."""
            heard, lengths = self.encoder(frames, lengths)
            keys, silent = self.key(heard), ~within(lengths, heard.shape[1])
            state, attention = heard.new_zeros(len(heard), size), heard.new_zeros(heard.shape[:2])
            symbol = lengths.new_full((len(heard),), end)
            context = heard.new_zeros(len(heard), 2 * size)
            logits = []
            for place in range(task.most if symbols is None else symbols.shape[1]):
                state = self.cell(torch.cat([self.spelt(symbol), context], dim=1), state)
                location = self.location(self.before(attention[:, None]).mT)
                energy = self.energy(torch.tanh(keys + self.query(state)[:, None] + location)).squeeze(2)
                attention = energy.masked_fill(silent, -torch.inf).softmax(dim=1)
                context = (attention[:, None] @ heard).squeeze(1)
                logits.append(self.output(torch.cat([state, context], dim=1)))
                symbol = logits[-1].argmax(dim=1) if symbols is None else symbols[:, place]
            return torch.stack(logits, dim=1)

        def loss(self, batch: Held) -> Tensor:
            said = (batch.symbols != NOTHING).sum(dim=1, keepdim=True)
            places = torch.arange(batch.symbols.shape[1] + 1, device=said.device)
            wanted = nn.functional.pad(batch.symbols, (0, 1), value=NOTHING).masked_fill(places == said, end)
            logits = self(batch.frames, batch.lengths, wanted.clamp(min=0))
            return cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=NOTHING)

        def transcribe(self, frames: Tensor, lengths: Tensor) -> Tensor:
            symbols: Tensor = self(frames, lengths, None).argmax(dim=2)
            ended = (symbols == end).cumsum(dim=1) > 0
            return symbols.masked_fill(ended, NOTHING)

    return Network()
