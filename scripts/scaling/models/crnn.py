"""A convolutional-recurrent network with connectionist temporal classification: Deep Speech 2 in small.

After Amodei et al. 2016; the loss is that of Graves et al. 2006: minus the logarithm of the probability of all ways to
spell the truth, with blanks between and symbols drawn out. Answers are read off the likeliest symbol of each frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from scaling.models import Sized
from scaling.tasks import Task
from scaling.tasks.transcription import Transcription

if TYPE_CHECKING:
    from torch import nn


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
        from scaling.networks.crnn import Crnn

        assert size is not None
        assert isinstance(task, Transcription)
        return Crnn(task.bands, task.symbols, size)
