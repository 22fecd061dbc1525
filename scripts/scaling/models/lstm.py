"""LSTM: long short-term memory (Hochreiter & Schmidhuber 1997), the network that Hestness et al. scaled on text.

From 100k characters, after a million tokens in batches of 512: 2.07, 1.90 and 1.81 nats with 32, 64 and 128 units, in
9, 9 and 19 CPU seconds (one seed, a shared core). It wants large rates: .02 gains .05 nats on .006, and .04 loses as
much. It learns more slowly than what has filters; twice the tokens still gain 2 % with 64
units and 1.4 % with 128.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from scaling.models import Sized
from scaling.settings import Count
from scaling.tasks import Task
from scaling.tasks.language import Language

if TYPE_CHECKING:
    from torch import nn


class Family(Sized):
    """embedding h – LSTM h – vocabulary, with h the size."""

    kind: Literal["lstm"]
    layers: Count = 1

    title: ClassVar[str] = "LSTM"
    description: ClassVar[str] = (
        r"Long short-term memory \cite{hochreiter1997}, one layer unless the study says otherwise, on learned "
        r"embeddings as wide as its state, and a linear layer to the vocabulary."
    )
    serves: ClassVar[tuple[type[Task], ...]] = (Language,)
    size_meaning: ClassVar[str] = "hidden units a layer"

    def network(self, task: Task, size: int | None) -> nn.Module:
        """Build the layers, with torch's default initialisation."""
        from torch import nn

        from scaling.networks.recurrent import Recurrent

        assert size is not None
        assert isinstance(task, Language)
        return Recurrent(task.vocabulary, size, nn.LSTM(size, size, self.layers, batch_first=True))
