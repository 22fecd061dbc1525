"""An encoder and a decoder of gated recurrent units with attention, but without input feeding (Luong et al. 2015)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from scaling.networks.writer import State, Writer
from scaling.tasks.translation import PADDING


class Seq2Seq(Writer):
    """State: what the encoder read, which of it is padding, and the state of the decoder."""

    def __init__(self, source: int, target: int, size: int, dropout: float) -> None:
        super().__init__(source, target, size, dropout)
        self.onward, self.back = (nn.GRU(size, size, batch_first=True) for _ in range(2))
        self.memory = nn.Linear(2 * size, size)
        self.first = nn.Linear(2 * size, size)
        self.decoder = nn.GRU(size, size, batch_first=True)
        self.joint = nn.Linear(2 * size, size)

    def encode(self, source: Tensor) -> State:
        """Read in both directions."""
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

    def write(self, target: Tensor, state: State) -> tuple[Tensor, State]:
        """Let the decoder run, then attend from where it is at each token."""
        memory, padding, first = state
        written, last = self.decoder(self._seen(self.target(target)), first[None])
        scores = written @ memory.transpose(1, 2) * self.size**-0.5
        weights = scores.masked_fill(padding[:, None], float("-inf")).softmax(dim=2)
        joint = torch.tanh(self.joint(torch.cat([written, weights @ memory], dim=2)))
        return self.dropout(joint), (memory, padding, last[0])

    def _seen(self, embedded: Tensor) -> Tensor:
        """Bring embeddings near the size of states."""
        seen: Tensor = self.dropout(embedded * self.size**0.5 / 2)
        return seen


def _both_ways(source: Tensor) -> tuple[Tensor, Tensor]:
    """Give the length of each row, and for each of its places the one that it has from back to front."""
    lengths = (source != PADDING).sum(dim=1)
    place = torch.arange(source.shape[1], device=source.device)
    mirrored = lengths[:, None] - 1 - place
    return lengths, torch.where(mirrored >= 0, mirrored, place)
