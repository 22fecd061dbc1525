"""Recurrent networks that read a text: embedding, recurrent layers, and a linear layer to the vocabulary."""

from torch import Tensor, nn


class Recurrent(nn.Module):
    """Gives logits for the token that follows each: (batch, length) of tokens to (batch, length, vocabulary)."""

    def __init__(self, vocabulary: int, width: int, layers: nn.RNNBase) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.layers = layers
        self.head = nn.Linear(layers.hidden_size, vocabulary)

    def forward(self, tokens: Tensor) -> Tensor:
        """Read the tokens, from a state of zeros."""
        states, _ = self.layers(self.embedding(tokens))
        logits: Tensor = self.head(states)
        return logits
