"""An encoder of sound: convolutions over time and a recurrent layer that runs both ways, Deep Speech 2 in small.

After Amodei et al. 2016, section 3. Utterances of a batch have their own lengths, and what is given for one of them
does not depend on how far the others go on. This file imports torch; import it where a network is built.
"""

from __future__ import annotations

from torch import Tensor, arange, nn
from torch.nn.functional import relu
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

WIDTHS = 7, 5


class Encoder(nn.Module):
    """conv – batch norm – conv – batch norm – GRU both ways, each of `size` units; the convolutions may skip frames."""

    def __init__(self, bands: int, size: int, strides: tuple[int, int]) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv1d(inputs, size, width, stride, padding=width // 2)
            for inputs, width, stride in zip((bands, size), WIDTHS, strides, strict=True)
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(size) for _ in WIDTHS)
        self.recurrent = nn.GRU(size, size, batch_first=True, bidirectional=True)
        self.strides = strides

    def forward(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Give states, zero behind each utterance's end, of shape (n, shorter, 2 size), and the new lengths."""
        x = frames.mT
        for convolution, norm, stride in zip(self.convolutions, self.norms, self.strides, strict=True):
            lengths = (lengths - 1) // stride + 1
            x = relu(norm(convolution(x)))
            x = x * within(lengths, x.shape[2])[:, None]
        # Packed, for otherwise the way back would begin in the void behind the shorter utterances.
        packed = pack_padded_sequence(x.mT, lengths.cpu(), batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(self.recurrent(packed)[0], batch_first=True)[0], lengths


def within(lengths: Tensor, longest: int) -> Tensor:
    """Tell which of `longest` frames lie before each utterance's end: shape (n, longest)."""
    return arange(longest, device=lengths.device) < lengths[:, None]
