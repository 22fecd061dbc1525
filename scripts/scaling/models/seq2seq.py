"""An encoder and a decoder of gated recurrent units, with attention (Cho et al. 2014, Bahdanau et al. 2015).

The decoder's attention does not feed back into its recurrence (Luong et al. 2015 without input feeding), so in training
a layer runs over all of a sentence in one call.

With h = 64 it errs on 84.5, 79.0, 70.7 and 62.0 % of the target tokens of verses at N = 300, 1,000, 3,000 and 10,000
(one seed; 300, 310, 450 and 780 steps; 19, 21, 31 and 91 CPU s on a busy machine), with h = 128 on 74.1 and 65.3 % at
1,000 and 3,000 (31 and 62 CPU s). Twice the steps take h = 64 at 3,000 to 67.5 %: it is limited by compute there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from scaling.models import Sized
from scaling.tasks import Task
from scaling.tasks.translation import Translation

if TYPE_CHECKING:
    from torch import nn


class Family(Sized):
    """Bidirectional encoder of h units a direction, decoder of h units, h the size."""

    kind: Literal["seq2seq"]
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of the numbers between layers that are left out in training."""

    title: ClassVar[str] = "GRU with attention"
    description: ClassVar[str] = (
        r"An encoder and a decoder of gated recurrent units \cite{cho2014}, the encoder in both directions, joined by "
        r"attention \cite{bahdanau2015, luong2015}; the output layer and the embedding of the target share their "
        r"weights."
    )
    serves: ClassVar[tuple[type[Task], ...]] = (Translation,)
    drops: ClassVar[bool] = True
    size_meaning: ClassVar[str] = "units of a recurrent layer"

    def network(self, task: Task, size: int | None) -> nn.Module:
        """Build encoder, decoder and attention."""
        from scaling.networks.seq2seq import Seq2Seq

        assert size is not None
        assert isinstance(task, Translation)
        return Seq2Seq(task.source, task.target, size, self.dropout)
