"""An encoder of sound: convolutions over time and a recurrent layer that runs both ways, Deep Speech 2 in small.

After Amodei et al. 2016, section 3, but for the kind of recurrent layer: LSTMs, which torch trains on a processor in
less than half the time of GRUs. Utterances of a batch have their own lengths, and what is given for one of them
does not depend on how far the others go on. This file imports torch; import it where a network is built.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

WIDTHS = 7, 5


class Encoder(nn.Module):
    """conv – batch norm – conv – batch norm – LSTM both ways, all of `size` units; the convolutions may skip frames."""

    def __init__(self, bands: int, size: int, strides: tuple[int, int]) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv1d(inputs, size, width, stride, padding=width // 2)
            for inputs, width, stride in zip((bands, size), WIDTHS, strides, strict=True)
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(size) for _ in WIDTHS)
        self.onward = nn.LSTM(size, size, batch_first=True)
        self.back = nn.LSTM(size, size, batch_first=True)
        self.strides = strides

    def forward(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Give states, zero behind each utterance's end, of shape (n, shorter, 2 size), and the new lengths."""
        x = frames.mT
        for convolution, norm, stride in zip(self.convolutions, self.norms, self.strides, strict=True):
            lengths = (lengths - 1) // stride + 1
            x = torch.relu(norm(convolution(x)))
            x = x * within(lengths, x.shape[2])[:, None]
        x, longest = x.mT, x.shape[2]
        # The way back begins at each utterance's own end, not in the void behind it. Packed sequences would do that
        # too, but take three times as long.
        rows = torch.arange(len(x), device=x.device)[:, None]
        turned = (lengths[:, None] - 1 - torch.arange(longest, device=x.device)).clamp(min=0)
        states = torch.cat([self.onward(x)[0], self.back(x[rows, turned])[0][rows, turned]], dim=2)
        return states * within(lengths, longest)[:, :, None], lengths


def within(lengths: Tensor, longest: int) -> Tensor:
    """Tell which of `longest` frames lie before each utterance's end: shape (n, longest)."""
    return torch.arange(longest, device=lengths.device) < lengths[:, None]
