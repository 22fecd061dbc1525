"""A time-delay network: convolutions over time and, of what they hear, the strongest (Waibel et al. 1989).

Frequency bands are channels, so that a step costs a fraction of what convolutions over pictures of sounds cost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from scaling.models import Sized
from scaling.tasks import Task
from scaling.tasks.classification import Classification

if TYPE_CHECKING:
    from torch import Tensor, nn


class Family(Sized):
    """conv c – conv 2c – conv 2c – maximum over time – classes, with c channels the size."""

    kind: Literal["tdnn"]

    title: ClassVar[str] = "TDNN"
    description: ClassVar[str] = (
        r"A time-delay network \cite{waibel1989}: three convolutions over time of width five, the first two of stride "
        r"two, with batch normalisation and ReLU, then the maximum over time and the output layer. Bands of frequency "
        r"are its input channels."
    )
    serves: ClassVar[tuple[type[Task], ...]] = (Classification,)
    size_meaning: ClassVar[str] = "channels of the first convolution"

    def complaint(self, task: Task) -> str | None:
        """It needs spectra over time."""
        if isinstance(task, Classification) and (len(task.shape) != 3 or task.shape[0] != 1):
            return f"a TDNN needs spectra (1, time, bands), but inputs here have shape {task.shape}"
        return super().complaint(task)

    def network(self, task: Task, size: int | None) -> nn.Module:
        """Build the layers, with torch's default initialisation."""
        from torch import nn

        assert size is not None
        assert isinstance(task, Classification)
        _, frames, bands = task.shape
        layers: list[nn.Module] = []
        for inputs, outputs, stride in ((bands, size, 2), (size, 2 * size, 2), (2 * size, 2 * size, 1)):
            layers += [nn.Conv1d(inputs, outputs, 5, stride, padding=2), nn.BatchNorm1d(outputs), nn.ReLU()]
        return nn.Sequential(*layers, nn.MaxPool1d(-(-frames // 4)), nn.Flatten(), nn.Linear(2 * size, task.classes))

    def features(self, x: Tensor) -> Tensor:
        """Make bands the channels."""
        return x.squeeze(1).mT.contiguous()
