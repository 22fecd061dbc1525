"""Transcription: the row of symbols that is said in an utterance. The error is the share of symbols got wrong.

That is the character error rate: the fewest insertions, deletions and substitutions that turn the answers into the
truth, over the symbols of the truth. How symbols are found in sound, and by which loss that is learned, is the family's
matter: see `Transcriber`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from scaling.tasks import Task

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

NOTHING = -1
"""Stands behind the last symbol of a row, to fill it up."""
EVALUATION_VALUES = 500_000
"""Networks are evaluated on so many utterances at a time that their frames are about so many numbers."""


class Utterances(NamedTuple):
    """What is heard and what was said."""

    frames: NDArray[np.float32]
    """Spectra over time, zero behind each utterance's end: shape (n, longest, bands)."""
    lengths: NDArray[np.int64]
    """How many frames each utterance has: shape (n,)."""
    symbols: NDArray[np.int64]
    """What was said, NOTHING behind its end: shape (n, most)."""


class Held(NamedTuple):
    """Utterances as tensors."""

    frames: Tensor
    lengths: Tensor
    symbols: Tensor


Heard = tuple["Tensor", ...]
"""What a network makes of sound, from which it tells both loss and symbols."""


class Transcriber(Protocol):
    """What a network for transcription does beside being a module of torch."""

    def __call__(self, frames: Tensor, lengths: Tensor) -> Heard:
        """Listen to utterances."""

    def loss(self, heard: Heard, symbols: Tensor) -> Tensor:
        """Give the mean loss of utterances in which these symbols are said."""

    def transcribe(self, heard: Heard) -> Tensor:
        """Give the symbols heard in each utterance, NOTHING behind their end: shape (n, any)."""


@dataclass(frozen=True)
class Transcription(Task):
    """Utterances of so many bands, and rows of at most so many symbols. Networks are Transcribers."""

    symbol: str
    """What a symbol is: digit."""
    symbols: int
    """How many there are."""
    bands: int
    most: int
    """Symbols in the longest row."""

    title: ClassVar[str] = "transcription"

    @property
    def metric(self) -> str:
        """Name of the error."""
        return f"{self.symbol} error"

    @property
    def meaning(self) -> str:
        """What the error is."""
        return (
            f"the {self.symbol}s inserted, left out or mistaken in transcribing a test set, as a fraction of "
            f"the {self.symbol}s said"
        )

    @property
    def guess(self) -> float:
        """Error of hearing nothing."""
        return 1.0

    def count(self, examples: Utterances) -> int:
        """Count the utterances."""
        return len(examples.lengths)

    def first(self, examples: Utterances, n: int) -> Utterances:
        """Give the first `n`."""
        return Utterances(examples.frames[:n], examples.lengths[:n], examples.symbols[:n])

    def hold(self, examples: Utterances, features: Callable[[Tensor], Tensor], device: torch.device) -> Held:
        """Move to the device, and map the frames to features."""
        import torch

        frames, lengths, symbols = (torch.from_numpy(array).to(device) for array in examples)
        return Held(features(frames), lengths, symbols)

    def take(self, held: Held, index: Tensor) -> Held:
        """Give the utterances of these indices, as long as the longest of them."""
        lengths = held.lengths[index]
        return Held(held.frames[index, : int(lengths.max())], lengths, held.symbols[index])

    def loss(self, network: nn.Module, batch: Held) -> Tensor:
        """Give what the network says it is."""
        transcriber = _transcriber(network)
        return transcriber.loss(transcriber(batch.frames, batch.lengths), batch.symbols)

    def judge(self, network: nn.Module, held: Held) -> tuple[float, float]:
        """Give the share of symbols got wrong, and the mean loss."""
        import torch

        losses, answers, transcriber = [], [], _transcriber(network)
        network.eval()
        with torch.inference_mode():
            for batch in self._batches(held):
                heard = transcriber(batch.frames, batch.lengths)
                losses.append(transcriber.loss(heard, batch.symbols) * len(batch.lengths))
                answers.append(transcriber.transcribe(heard).cpu().numpy())
        network.train()
        said = held.symbols.cpu().numpy()
        wrong = edits(_together(answers), said).sum() / (said != NOTHING).sum()
        return float(wrong), float(torch.stack(losses).sum() / len(held.lengths))

    def answer(self, network: nn.Module, held: Held) -> NDArray[np.int64]:
        """Let the network transcribe the utterances."""
        import torch

        transcriber = _transcriber(network)
        network.eval()
        with torch.inference_mode():
            answers = [
                transcriber.transcribe(transcriber(batch.frames, batch.lengths)) for batch in self._batches(held)
            ]
        network.train()
        return _together([part.cpu().numpy() for part in answers])

    def _batches(self, held: Held) -> list[Held]:
        """Cut utterances, in order, into batches that a processor's cache holds."""
        import torch

        index = torch.arange(len(held.lengths), device=held.lengths.device)
        size = max(1, EVALUATION_VALUES // held.frames[0].numel())
        return [self.take(held, part) for part in torch.split(index, size)]

    def score(self, answers: NDArray[np.int64], examples: Utterances) -> dict[str, NDArray[np.generic]]:
        """Give each utterance's part in the error, and tell which were not understood as a whole (bool)."""
        wrong = edits(answers, examples.symbols)
        return {self.metric: wrong / _lengths(examples.symbols).mean(), "utterance error": wrong > 0}

    def weights(self, examples: Utterances) -> NDArray[np.float64]:
        """Give each utterance's share of the symbols."""
        lengths = _lengths(examples.symbols).astype(np.float64)
        return np.asarray(lengths / lengths.mean())


def edits(heard: NDArray[np.int64], said: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count the fewest insertions, deletions and substitutions between rows (Levenshtein 1966): shape (n,)."""
    ends = _lengths(heard), _lengths(said)
    above = np.tile(np.arange(said.shape[1] + 1), (len(said), 1))  # of no symbol heard, by how many were said
    of_rows = [above]
    for column in heard.T:
        row = np.empty_like(above)
        row[:, 0] = above[:, 0] + 1
        kept = above[:, :-1] + (column[:, None] != said)
        changed = np.minimum(kept, above[:, 1:] + 1)
        for place in range(said.shape[1]):
            row[:, place + 1] = np.minimum(changed[:, place], row[:, place] + 1)
        of_rows.append(row)
        above = row
    return np.asarray(np.stack(of_rows)[ends[0], np.arange(len(said)), ends[1]], dtype=np.int64)


def _lengths(symbols: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray((symbols != NOTHING).sum(axis=1), dtype=np.int64)


def _together(parts: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Put the answers of several batches, whose rows may differ in length, under each other."""
    most = max(part.shape[1] for part in parts)
    widened = [np.pad(part, ((0, 0), (0, most - part.shape[1])), constant_values=NOTHING) for part in parts]
    return np.concatenate(widened)


def _transcriber(network: nn.Module) -> Transcriber:
    """Take a module for what it is: torch's type says of any attribute that it is a tensor or a module."""
    transcriber: Transcriber = network  # type: ignore[assignment]
    return transcriber
