"""Digits: rows of two to five spoken digits in white noise, said by eSpeak NG as the words of `speech` are.

Error is the digit error rate, on new rows by the voices that shards have; `held-out` is the same on voices that no
shard has. A row is to be transcribed as a whole: nobody says where in the sound its digits lie.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from scaling.domains import Index, scaled
from scaling.randomness import generator
from scaling.synthesis import (
    HELD_OUT,
    MELS,
    SAMPLE_RATE,
    Spoken,
    Utterance,
    in_noise,
    known_voices,
    log_mels,
    speak,
    utterances,
)
from scaling.tasks.transcription import NOTHING, Transcription, Utterances, edits

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
FEWEST, MOST = 2, 5
"""Digits in a row."""
HOP = 441
"""Samples from one spectrum to the next: 20 ms."""
MARGIN = SAMPLE_RATE // 10
"""Samples of noise alone before and after each row."""
RATIOS = 0.0, 15.0
"""Between what signal-to-noise ratios, in decibels, the noise is drawn."""


class Domain(Spoken):
    """Which digits were said?"""

    kind: Literal["digits"]

    title: ClassVar[str] = "Digits"
    description: ClassVar[str] = (
        r"The \emph{digits} are synthetic speech: rows of two to five, each length and each digit equally likely, said "
        r"in one go by the synthesiser eSpeak~NG~1.52 \cite{espeak} (GPL-3.0-or-later, from the Python package "
        r"\texttt{espeakng-loader}) in one of 89 voices and eight accents of English, at 120 to 239 words a minute and "
        r"pitches of 20 to 79 in a hundred, all drawn at random, amid white noise at 0 to 15\,dB. A row is "
        r"transcribed as a whole from its spectra of 32 mel bands, 20\,ms apart; nothing tells where its digits lie. "
        r"Validation and test rows are others by the same voices; the \emph{held-out} test set is of 15 further "
        r"voices, which no shard has. What holds for these voices need not hold for people's."
    )

    @property
    def task(self) -> Transcription:
        """Rows of ten symbols."""
        return Transcription(symbol="digit", symbols=len(DIGITS), bands=MELS, most=MOST)

    @property
    def guess(self) -> float:
        """Error of the best constant answer, which has no digit twice: on a fixed large draw of rows."""
        rows = _rows(generator("digits", "guess"), 20_000)
        answers = [np.tile(np.arange(length), (len(rows), 1)) for length in range(MOST + 1)]
        return min(float(edits(answer, rows).sum() / (rows != NOTHING).sum()) for answer in answers)

    def prepare(self, raw: Path) -> dict[str, NDArray[np.generic]]:
        """Have all rows said, one after the other, and take their spectra."""
        seen = _rows(generator("digits", "seen"), self.known_size)
        held = _rows(generator("digits", "held-out"), self.held_out_size)
        said = [
            *utterances(generator("digits", "seen", "voices"), _texts(seen), known_voices(raw)),
            *utterances(generator("digits", "held-out", "voices"), _texts(held), HELD_OUT),
        ]
        frames, lengths = _spectra(raw, said)
        symbols = np.concatenate([seen, held]).astype(np.int8)
        return self.cut({"frames": frames, "lengths": lengths, "symbols": symbols})

    def part(self, arrays: Mapping[str, NDArray[Any]], name: str, index: Index) -> Utterances:
        """Give spectra, scaled to [-1, 1] but for the zeros behind each utterance's end, with what was said."""
        frames, lengths, symbols = (arrays[f"{name}_{field}"][index] for field in Utterances._fields)
        heard = scaled(frames)
        heard[np.arange(frames.shape[1]) >= lengths[:, None]] = 0
        return Utterances(heard, lengths, symbols.astype(np.int64))


def _rows(rng: np.random.Generator, n: int) -> NDArray[np.int64]:
    """Draw rows of digits: shape (n, MOST), NOTHING behind their end."""
    lengths = rng.integers(FEWEST, MOST, size=n, endpoint=True)
    digits = rng.integers(len(DIGITS), size=(n, MOST))
    return np.where(np.arange(MOST) < lengths[:, None], digits, NOTHING)


def _texts(rows: NDArray[np.int64]) -> list[str]:
    """Spell rows as the synthesiser reads them."""
    return [" ".join(DIGITS[digit] for digit in row if digit != NOTHING) for row in rows]


def _spectra(raw: Path, said: list[Utterance]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Give the log-mel spectra of utterances in noise, shape (n, longest, MELS), and their lengths in frames."""
    rng = generator("digits", "noise")
    heard = {
        place: log_mels(in_noise(sound, len(sound) + 2 * MARGIN, rng, RATIOS), HOP) for place, sound in speak(raw, said)
    }
    lengths = np.array([len(heard[place]) for place in range(len(said))], dtype=np.int64)
    frames = np.zeros((len(said), lengths.max(), MELS), dtype=np.uint8)
    for place, spectra in heard.items():
        frames[place, : len(spectra)] = spectra
    return frames, lengths
