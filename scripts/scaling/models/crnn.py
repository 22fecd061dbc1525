"""A convolutional-recurrent network with connectionist temporal classification: Deep Speech 2 in small.

After Amodei et al. 2016; the loss is that of Graves et al. 2006: minus the logarithm of the probability of all ways to
spell the truth, with blanks between and symbols drawn out. Answers are read off the likeliest symbol of each frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from scaling.models import Sized
from scaling.tasks import Task
from scaling.tasks.transcription import NOTHING, Held, Transcription

if TYPE_CHECKING:
    from torch import Tensor, nn

STRIDES = 2, 2
"""A quarter of the frames remains, enough for each symbol and a blank before it. With half of them, learning stood
still for so long that 300 steps left an error of .68 in place of .13."""


class Family(Sized):
    """The encoder, and a linear layer that gives each symbol's probability, and the blank's, at every frame."""

    kind: Literal["crnn"]

    title: ClassVar[str] = "CTC network"
    description: ClassVar[str] = (
        r"Deep Speech~2 \cite{amodei2016} in small: two convolutions over time with batch normalisation and ReLU, "
        r"each of stride two, an LSTM that runs both ways, and a linear layer; trained by "
        r"connectionist temporal classification \cite{graves2006} and read off greedily."
    )
    serves: ClassVar[tuple[type[Task], ...]] = (Transcription,)
    size_meaning: ClassVar[str] = "units of each layer"

    def network(self, task: Task, size: int | None) -> nn.Module:
        """Build the layers, with torch's default initialisation."""
        assert size is not None
        assert isinstance(task, Transcription)
        return _network(task, size)


def _network(task: Transcription, size: int) -> nn.Module:
    from torch import nn
    from torch.nn.functional import ctc_loss

    from scaling.encoder import Encoder, within

    blank = task.symbols

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = Encoder(task.bands, size, STRIDES)
            self.output = nn.Linear(2 * size, task.symbols + 1)

        def forward(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
            states, lengths = self.encoder(frames, lengths)
            return self.output(states).log_softmax(dim=2), lengths

        def loss(self, batch: Held) -> Tensor:
            logs, lengths = self(batch.frames, batch.lengths)
            said = (batch.symbols != NOTHING).sum(dim=1)
            # On the processor, because a GPU's sums come in another order each time.
            return ctc_loss(
                logs.transpose(0, 1).cpu(),
                batch.symbols.clamp(min=0).cpu(),
                lengths.cpu(),
                said.cpu(),
                blank=blank,
                zero_infinity=True,  # utterances too short for what is said in them teach nothing
            )

        def transcribe(self, frames: Tensor, lengths: Tensor) -> Tensor:
            logs, lengths = self(frames, lengths)
            best = logs.argmax(dim=2).where(within(lengths, logs.shape[1]), blank)
            return collapsed(best, blank)

    return Network()


def collapsed(best: Tensor, blank: int) -> Tensor:
    """Give the symbols of each row, runs of the same taken for one and blanks left out, NOTHING behind their end."""
    new = best != blank
    new[:, 1:] &= best[:, 1:] != best[:, :-1]
    order = new.long().argsort(dim=1, descending=True, stable=True)
    most = int(new.sum(dim=1).max())
    return best.where(new, NOTHING).gather(1, order)[:, :most]
