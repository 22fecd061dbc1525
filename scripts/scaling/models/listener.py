"""An attention model of speech: an encoder, and a decoder that listens to a place in it for each symbol.

The attention is that of Chorowski et al. 2015: by what is heard at a place and by where it attended before. Answers are
spelt greedily.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from scaling.models import Sized
from scaling.tasks import Task
from scaling.tasks.transcription import Transcription

if TYPE_CHECKING:
    from torch import nn


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
        from scaling.networks.listener import Listener

        assert size is not None
        assert isinstance(task, Transcription)
        return Listener(task.bands, task.symbols, task.most, size)
