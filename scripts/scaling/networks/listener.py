"""An encoder of sound, and a decoder with location-aware attention (Chorowski et al. 2015)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from scaling.networks.encoder import Encoder, within
from scaling.tasks.transcription import NOTHING, Heard

FILTERS, REACH = 8, 15
"""Of the convolution that tells of the earlier attention: how many, and over how many places."""


class Listener(nn.Module):
    """The encoder, location-aware attention, and a recurrent cell that spells at most so many symbols."""

    def __init__(self, bands: int, symbols: int, most: int, size: int) -> None:
        super().__init__()
        self.end, self.most, self.size = symbols, most, size  # the end mark begins a row too
        self.encoder = Encoder(bands, size)
        self.key = nn.Linear(2 * size, size)
        self.query = nn.Linear(size, size, bias=False)
        self.before = nn.Conv1d(1, FILTERS, REACH, padding=REACH // 2, bias=False)
        self.location = nn.Linear(FILTERS, size, bias=False)
        self.energy = nn.Linear(size, 1, bias=False)
        self.spelt = nn.Embedding(symbols + 1, size)
        self.cell = nn.GRUCell(3 * size, size)
        self.output = nn.Linear(3 * size, symbols + 1)

    def forward(self, frames: Tensor, lengths: Tensor) -> Heard:
        """Give the states at every frame that is left, their keys, and where an utterance has no more."""
        states, lengths = self.encoder(frames, lengths)
        return states, self.key(states), ~within(lengths, states.shape[1])

    def spell(self, heard: Heard, symbols: Tensor | None) -> Tensor:
        """Give the logits of each next symbol: after the true ones before it, or after those given, if None."""
        states, keys, silent = heard
        state, attention = states.new_zeros(len(states), self.size), states.new_zeros(states.shape[:2])
        symbol = torch.full((len(states),), self.end, device=states.device)
        context = states.new_zeros(len(states), 2 * self.size)
        logits = []
        for place in range(self.most if symbols is None else symbols.shape[1]):
            state = self.cell(torch.cat([self.spelt(symbol), context], dim=1), state)
            location = self.location(self.before(attention[:, None]).mT)
            energy = self.energy(torch.tanh(keys + self.query(state)[:, None] + location)).squeeze(2)
            attention = energy.masked_fill(silent, -torch.inf).softmax(dim=1)
            context = (attention[:, None] @ states).squeeze(1)
            logits.append(self.output(torch.cat([state, context], dim=1)))
            symbol = logits[-1].argmax(dim=1) if symbols is None else symbols[:, place]
        return torch.stack(logits, dim=1)

    def loss(self, heard: Heard, symbols: Tensor) -> Tensor:
        """Give the mean cross-entropy of each next symbol, the end mark included, after the true ones."""
        said = (symbols != NOTHING).sum(dim=1, keepdim=True)
        places = torch.arange(symbols.shape[1] + 1, device=said.device)
        wanted = nn.functional.pad(symbols, (0, 1), value=NOTHING).masked_fill(places == said, self.end)
        logits = self.spell(heard, wanted.clamp(min=0))
        return cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=NOTHING)

    def transcribe(self, heard: Heard) -> Tensor:
        """Spell greedily until the end mark."""
        symbols: Tensor = self.spell(heard, None).argmax(dim=2)
        ended = (symbols == self.end).cumsum(dim=1) > 0
        return symbols.masked_fill(ended, NOTHING)
