"""Digits: rows of two to five spoken digits in white noise, said by eSpeak NG as the words of `speech` are.

Error is the digit error rate, on new rows by the voices that shards have; `held-out` is the same on voices that no
shard has. A row is to be transcribed as a whole: nobody says where in the sound its digits lie.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from scaling.domains import Domain as BaseDomain
from scaling.domains import Draw
from scaling.randomness import generator
from scaling.settings import Count
from scaling.sources import Source
from scaling.synthesis import (
    ESPEAK,
    HELD_OUT,
    MELS,
    SAMPLE_RATE,
    Utterance,
    in_noise,
    log_mels,
    speak,
    utterances,
    voices,
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


class Domain(BaseDomain):
    """Which digits were said?"""

    kind: Literal["digits"]
    pool_size: Count
    """Rows that shards are drawn from."""
    test_size: Count
    """Test rows by the voices that shards have."""
    held_out_size: Count
    """Test rows by the voices that no shard has."""

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
    regions: ClassVar[Mapping[str, str]] = {"held-out": "voices that no shard has"}
    unit: ClassVar[str] = "utterances"
    source: ClassVar[Source | None] = ESPEAK

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

    @property
    def pool(self) -> int:
        """Rows to draw shards from."""
        return self.pool_size

    def prepare(self, raw: Path) -> dict[str, NDArray[np.generic]]:
        """Have all rows said, one after the other, and take their spectra."""
        known = [voice for voice in voices(raw) if voice not in HELD_OUT]
        seen = _rows(generator("digits", "seen"), self.pool_size + self.validation_size + self.test_size)
        held = _rows(generator("digits", "held-out"), self.held_out_size)
        said = [
            *utterances(generator("digits", "seen", "voices"), _texts(seen), known),
            *utterances(generator("digits", "held-out", "voices"), _texts(held), HELD_OUT),
        ]
        frames, lengths = _spectra(raw, said)
        sizes = {"pool": self.pool_size, "validation": self.validation_size, "test": self.test_size}
        ends = np.cumsum(list(sizes.values()))
        arrays: dict[str, NDArray[np.generic]]
        arrays = {"frames": frames, "lengths": lengths, "symbols": np.concatenate([seen, held]).astype(np.int8)}
        return {
            f"{part}_{name}": piece
            for name, array in arrays.items()
            for part, piece in zip([*sizes, "held_out"], np.split(array, ends), strict=True)
        }

    def draw(self, name: str, N: int, seed: int, data: Path | None) -> Draw:
        """Draw N rows of the pool without replacement; validation and test sets are the same for all."""
        if data is None:
            raise TypeError("digits are drawn from prepared data, but none were given")
        with np.load(data, allow_pickle=False) as arrays:
            shard = generator(name, "train", N, seed).choice(self.pool, size=N, replace=False)

            def examples(part: str, index: NDArray[np.int64] | slice = slice(None)) -> Utterances:
                frames, lengths, symbols = (arrays[f"{part}_{field}"][index] for field in Utterances._fields)
                return Utterances(_scaled(frames, lengths), lengths, symbols.astype(np.int64))

            return Draw(
                train=examples("pool", shard),
                validation=examples("validation"),
                test={self.metric: examples("test"), "held-out": examples("held_out")},
            )


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


def _scaled(frames: NDArray[np.uint8], lengths: NDArray[np.int64]) -> NDArray[np.float32]:
    """Scale bytes to [-1, 1], by a fixed map, but for the zeros behind each utterance's end."""
    scaled = np.divide(frames, np.float32(127.5), dtype=np.float32)
    scaled -= 1
    scaled[np.arange(frames.shape[1]) >= lengths[:, None]] = 0
    return scaled
