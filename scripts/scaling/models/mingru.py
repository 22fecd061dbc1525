"""minGRU: a recurrent network cut down until its states can be had by a parallel scan (Feng et al. 2024).

From 100k characters, after a million tokens in batches of 512: 1.85 and 1.81 nats with 32 and 64 channels, in 17 and 23
CPU seconds (one seed, a shared core); half the tokens give 1.82. From 30k characters 32 channels do better than 64,
which learn the shard by heart before the schedule ends.
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
    """embedding – filters – layers of minGRU and feed-forward part – vocabulary, all as wide as the size."""

    kind: Literal["mingru"]
    layers: Count = 2

    title: ClassVar[str] = "minGRU"
    description: ClassVar[str] = (
        r"A minimal recurrent network \cite{feng2024}, whose gates see the input and not the state, so that a parallel "
        r"scan gives all states at once: embeddings, a causal filter of width four for each channel, and residual "
        r"layers of minGRU and feed-forward part with layer normalisation before either."
    )
    serves: ClassVar[tuple[type[Task], ...]] = (Language,)
    size_meaning: ClassVar[str] = "channels"

    def network(self, task: Task, size: int | None) -> nn.Module:
        """Build the layers, with torch's default initialisation."""
        from scaling.networks.minimal import MinimalGRU
        from scaling.networks.residual import Reader

        assert size is not None
        assert isinstance(task, Language)
        return Reader(task.vocabulary, size, [MinimalGRU(size) for _ in range(self.layers)])
