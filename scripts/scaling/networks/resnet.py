"""A residual network for pictures: basic blocks with batch norm, and the mean over places (He et al. 2016)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

STAGES = ((1, 1), (2, 2), (4, 2))
"""Width of each stage, in multiples of the size, and the stride of its block."""


class ResNet(nn.Module):
    """A convolution of stride two, a block a stage, the mean over places, and the output layer."""

    def __init__(self, channels: int, size: int, classes: int, dropout: float) -> None:
        super().__init__()
        widths = [size, *(width * size for width, _ in STAGES)]
        blocks = (
            Block(before, after, stride) for before, after, (_, stride) in zip(widths, widths[1:], STAGES, strict=False)
        )
        self.stem = nn.Sequential(*convolution(channels, size, 3, stride=2), nn.ReLU())
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(widths[-1], classes))
        # The channels of a place lie side by side: on a CPU a step takes two thirds of the time.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # it is missing in torch's stubs

    def forward(self, x: Tensor) -> Tensor:
        """Give a logit a class."""
        # As a mean, because torch's global pooling has no deterministic gradient on a GPU.
        logits: Tensor = self.head(self.blocks(self.stem(x)).mean(dim=(2, 3)))
        return logits


class Block(nn.Module):
    """Adds what two convolutions find to what came in, made to fit where the shape changes."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            *convolution(before, after, 3, stride), nn.ReLU(), *convolution(after, after, 3, stride=1)
        )
        fits = before == after and stride == 1
        self.shortcut = nn.Identity() if fits else nn.Sequential(*convolution(before, after, 1, stride))

    def forward(self, x: Tensor) -> Tensor:
        """Add."""
        return nn.functional.relu(self.branch(x) + self.shortcut(x))


def convolution(before: int, after: int, side: int, stride: int) -> tuple[nn.Module, nn.Module]:
    """Make a convolution with batch norm behind it, which makes a bias idle."""
    return nn.Conv2d(before, after, side, stride, padding=side // 2, bias=False), nn.BatchNorm2d(after)
