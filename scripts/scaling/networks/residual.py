"""Residual networks that read a text: all that a Transformer and a minimal recurrent network have in common.

Tokens are embedded, each channel is filtered over the last few tokens, and then come layers, each a *mixer*, which lets
a token see those before it, and a feed-forward part, which lets it not; what either gives is added to what it reads,
normalised (pre-LN; Xiong et al. 2020). Only the mixer tells the families apart, so what they differ by is due to it.
The filters matter more than the mixer: without them a Transformer that has read few tokens falls far behind.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

REACH = 4
"""So many tokens a filter spans."""
EXPANSION = 4
"""So many times as wide as the rest is the feed-forward part."""


class Reader(nn.Module):
    """Gives logits for the token that follows each: (batch, length) of tokens to (batch, length, vocabulary)."""

    def __init__(self, vocabulary: int, width: int, mixers: Sequence[nn.Module]) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.filters = nn.Conv1d(width, width, REACH, groups=width)
        self.layers = nn.Sequential(*(Layer(width, mixer) for mixer in mixers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary)

    def forward(self, tokens: Tensor) -> Tensor:
        """Read the tokens."""
        x = self.embedding(tokens)
        past = nn.functional.pad(x.mT, (REACH - 1, 0))  # so that no token sees one behind it
        logits: Tensor = self.head(self.norm(self.layers(x + self.filters(past).mT)))
        return logits


class Layer(nn.Module):
    """A mixer and a feed-forward part."""

    def __init__(self, width: int, mixer: nn.Module) -> None:
        super().__init__()
        self.mix = nn.Sequential(nn.LayerNorm(width), mixer)
        self.feed = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, EXPANSION * width), nn.GELU(), nn.Linear(EXPANSION * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Add what both give."""
        mixed: Tensor = x + self.mix(x)
        fed: Tensor = mixed + self.feed(mixed)
        return fed
