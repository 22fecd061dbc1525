"""A small convolutional network: two strided 5 × 5 convolutions with batch norm, and two linear layers.

Striding in place of pooling trains three times quicker on a CPU for the same width and about the same error
for the same time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from scaling.models import Sized
from scaling.tasks import Task
from scaling.tasks.classification import Classification

if TYPE_CHECKING:
    from torch import nn


class Family(Sized):
    """conv c – conv 2c – linear 8c – classes, with c channels the size."""

    kind: Literal["cnn"]

    title: ClassVar[str] = "CNN"
    description: ClassVar[str] = (
        r"A small convolutional network: two $5\times5$ convolutions of stride two with batch normalisation and ReLU, "
        r"then a hidden linear layer and the output layer."
    )
    serves: ClassVar[tuple[type[Task], ...]] = (Classification,)
    drops: ClassVar[bool] = True
    size_meaning: ClassVar[str] = "channels of the first convolution"

    def complaint(self, task: Task) -> str | None:
        """Convolutions need images."""
        if isinstance(task, Classification) and len(task.shape) != 3:
            return f"a CNN needs images (channels, height, width), but inputs here have shape {task.shape}"
        return super().complaint(task)

    def network(self, task: Task, size: int | None) -> nn.Module:
        """Build the layers, with torch's default initialisation."""
        from torch import nn

        assert size is not None
        assert isinstance(task, Classification)
        channels, height, width = task.shape
        return nn.Sequential(
            nn.Conv2d(channels, size, 5, stride=2, padding=2),
            nn.BatchNorm2d(size),
            nn.ReLU(),
            nn.Conv2d(size, 2 * size, 5, stride=2, padding=2),
            nn.BatchNorm2d(2 * size),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(2 * size * -(-height // 4) * -(-width // 4), 8 * size),
            nn.ReLU(),
            nn.Dropout(self.dropout),
            nn.Linear(8 * size, task.classes),
        )
