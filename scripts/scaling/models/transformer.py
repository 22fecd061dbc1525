"""Transformer: layers of causal self-attention (Vaswani et al. 2017), in the pre-LN form of GPT-2.

From 100k characters, after a million tokens in batches of 512: 1.80 nats with 64 channels in 41 CPU seconds (one seed,
a shared core); half the tokens give 1.84.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from scaling.models import Sized
from scaling.settings import Count
from scaling.tasks import Task
from scaling.tasks.language import Language

if TYPE_CHECKING:
    from torch import nn

HEADS = 4


def _even(size: int) -> int:
    if size % (2 * HEADS):
        raise ValueError(f"{size} is no multiple of {2 * HEADS}: each of {HEADS} heads needs pairs of channels to turn")
    return size


class Family(Sized):
    """embedding – filters – layers of attention and feed-forward part – vocabulary, all as wide as the size."""

    kind: Literal["transformer"]
    sizes: Annotated[tuple[Annotated[Count, AfterValidator(_even)], ...], Field(min_length=1)]
    """Sizes to train at every N, multiples of eight; validation chooses among them."""
    layers: Count = 2

    title: ClassVar[str] = "Transformer"
    description: ClassVar[str] = (
        r"A Transformer \cite{vaswani2017} with four heads and rotary positions \cite{su2024}: embeddings, a causal "
        r"filter of width four for each channel, and residual layers of attention and feed-forward part with layer "
        r"normalisation before either, so that nothing but attention tells it from the minGRU."
    )
    serves: ClassVar[tuple[type[Task], ...]] = (Language,)
    size_meaning: ClassVar[str] = "channels"

    def network(self, task: Task, size: int | None) -> nn.Module:
        """Build the layers, with torch's default initialisation."""
        from scaling.networks.attention import Attention
        from scaling.networks.residual import Reader

        assert size is not None
        assert isinstance(task, Language)
        mixers = [Attention(size, HEADS, task.context) for _ in range(self.layers)]
        return Reader(task.vocabulary, size, mixers)
