"""A small residual network: three stages of one basic block each, with batch norm and global pooling (He et al. 2016).

It is the ResNet-8 of He et al.'s family for CIFAR-10 (6n + 2 layers with n = 1), but for a stem of stride two, without
which it takes four times as long, and projections in place of zero-padding where the width changes.

With 8 channels, at a rate of .03 and under the budget of config.yaml, it errs on 20.5 % of Fashion-MNIST's test set at
N = 1,000 (8 CPU s) and on 11.7 % at N = 10,000 (19 CPU s); the CNN with 8 channels on 19.2 % and 13.3 %.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from scaling.models import Sized
from scaling.tasks import Task
from scaling.tasks.classification import Classification

if TYPE_CHECKING:
    from torch import nn


class Family(Sized):
    """conv c – blocks of width c, 2c and 4c – mean over places – classes, with c channels the size."""

    kind: Literal["resnet"]

    title: ClassVar[str] = "ResNet"
    description: ClassVar[str] = (
        r"A small residual network \cite{he2016}: a $3\times3$ convolution of stride two, three residual blocks of two "
        r"$3\times3$ convolutions with batch normalisation and ReLU (after the first, "
        r"the others halve the picture and double the channels), the mean over what is left of it, and the output "
        r"layer."
    )
    serves: ClassVar[tuple[type[Task], ...]] = (Classification,)
    drops: ClassVar[bool] = True
    size_meaning: ClassVar[str] = "channels of the first convolution"

    def complaint(self, task: Task) -> str | None:
        """Convolutions need images."""
        if isinstance(task, Classification) and len(task.shape) != 3:
            return f"a ResNet needs images (channels, height, width), but inputs here have shape {task.shape}"
        return super().complaint(task)

    def network(self, task: Task, size: int | None) -> nn.Module:
        """Build the layers, with torch's default initialisation."""
        from scaling.networks.resnet import ResNet

        assert size is not None
        assert isinstance(task, Classification)
        return ResNet(task.shape[0], size, task.classes, self.dropout)
