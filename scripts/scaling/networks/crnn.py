"""A convolutional-recurrent network for connectionist temporal classification (Graves et al. 2006)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import ctc_loss

from scaling.networks.encoder import Encoder, within
from scaling.tasks.transcription import NOTHING, Heard


class Crnn(nn.Module):
    """The encoder, and a linear layer that gives the logarithm of each symbol's probability, and the blank's."""

    def __init__(self, bands: int, symbols: int, size: int) -> None:
        super().__init__()
        self.blank = symbols
        self.encoder = Encoder(bands, size)
        self.output = nn.Linear(2 * size, symbols + 1)

    def forward(self, frames: Tensor, lengths: Tensor) -> Heard:
        """Give the logarithms at every frame that is left, and how many of these each utterance has."""
        states, lengths = self.encoder(frames, lengths)
        return self.output(states).log_softmax(dim=2), lengths

    def loss(self, heard: Heard, symbols: Tensor) -> Tensor:
        """Give the mean over utterances of each one's loss (Graves et al. 2006) divided by its number of symbols.

        That is torch's own mean: an utterance counts alike, however much is said in it.
        """
        logs, lengths = heard
        said = (symbols != NOTHING).sum(dim=1)
        # On the processor, because a GPU's sums come in another order each time.
        return ctc_loss(
            logs.transpose(0, 1).cpu(),
            symbols.clamp(min=0).cpu(),
            lengths.cpu(),
            said.cpu(),
            blank=self.blank,
            zero_infinity=True,  # utterances too short for what is said in them teach nothing
        )

    def transcribe(self, heard: Heard) -> Tensor:
        """Read the symbols off the likeliest of each frame."""
        logs, lengths = heard
        best = logs.argmax(dim=2).where(within(lengths, logs.shape[1]), self.blank)
        return collapsed(best, self.blank)


def collapsed(best: Tensor, blank: int) -> Tensor:
    """Give the symbols of each row, runs of the same taken for one and blanks left out, NOTHING behind their end."""
    new = best != blank
    new[:, 1:] &= best[:, 1:] != best[:, :-1]
    order = new.long().argsort(dim=1, descending=True, stable=True)
    most = int(new.sum(dim=1).max())
    return best.where(new, NOTHING).gather(1, order)[:, :most]
