"""Speech: isolated words in white noise, said by eSpeak NG in many voices, accents, rates and pitches. It is synthetic.

Error is the share of words taken for another, on new utterances of the voices that shards have; `held-out` is the same
on voices that no shard has. The words are the twenty core words of Speech Commands (Warden 2018).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from scaling.domains import Domain as BaseDomain
from scaling.domains import Draw
from scaling.randomness import generator
from scaling.settings import Count
from scaling.sources import Source
from scaling.synthesis import ESPEAK, HELD_OUT, MELS, WINDOW, Utterance, in_noise, log_mels, speak, utterances, voices
from scaling.tasks.classification import Classification, Examples

WORDS = (
    *("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go"),
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
)
FRAMES, HOP = 64, 220
"""Spectra of an utterance, and samples from one to the next: 10 ms. One word in a hundred is cut off at its end."""
RATIOS = -6.0, 12.0
"""Between what signal-to-noise ratios, in decibels, the noise is drawn."""


class Domain(BaseDomain):
    """Which of twenty words was said?"""

    kind: Literal["speech"]
    pool_size: Annotated[int, Field(gt=0, le=1_000_000)]
    """Utterances that shards are drawn from."""
    test_size: Count
    """Test utterances of the voices that shards have."""
    held_out_size: Annotated[int, Field(gt=0, le=100_000)]
    """Test utterances of the voices that no shard has."""

    title: ClassVar[str] = "Speech"
    description: ClassVar[str] = (
        r"The \emph{speech} is synthetic: the twenty core words of Speech Commands \cite{warden2018}, each said alone "
        r"by the synthesiser eSpeak~NG~1.52 \cite{espeak} (GPL-3.0-or-later, from the Python package "
        r"\texttt{espeakng-loader}) in one of 89 voices and eight accents of English, at 120 to 239 words a minute and "
        r"pitches of 20 to 79 in a hundred, all drawn at random, and amid 0.65\,s of white noise that "
        r"is drawn for each utterance, at a signal-to-noise ratio of $-6$ to 12\,dB. No two utterances share voice, "
        r"accent, rate and pitch. Networks see 64 spectra of 32 mel bands, 10\,ms apart, in decibels below the "
        r"loudest spot. Validation and test utterances are others of the same voices; "
        r"the \emph{held-out} test set is of 15 further voices, which no shard has and whose settings are not "
        r"close to any other's. What holds for these voices need not hold for people's."
    )
    regions: ClassVar[Mapping[str, str]] = {"held-out": "voices that no shard has"}
    unit: ClassVar[str] = "utterances"
    source: ClassVar[Source | None] = ESPEAK

    @property
    def task(self) -> Classification:
        """Twenty words, equally often on average."""
        return Classification(shape=(1, FRAMES, MELS), classes=len(WORDS))

    @property
    def pool(self) -> int:
        """Utterances to draw shards from."""
        return self.pool_size

    def prepare(self, raw: Path) -> dict[str, NDArray[np.generic]]:
        """Have all utterances said, one after the other, and take their spectra."""
        known = [voice for voice in voices(raw) if voice not in HELD_OUT]
        seen, seen_y = _said("seen", self.pool_size + self.validation_size + self.test_size, known)
        held, held_y = _said("held-out", self.held_out_size, HELD_OUT)
        x, y = _spectra(raw, [*seen, *held]), np.concatenate([seen_y, held_y])
        sizes = {"pool": self.pool_size, "validation": self.validation_size, "test": self.test_size}
        ends = np.cumsum(list(sizes.values()))
        parts = zip([*sizes, "held_out"], np.split(x, ends), np.split(y, ends), strict=True)
        return {f"{part}_{name}": array for part, *arrays in parts for name, array in zip("xy", arrays, strict=True)}

    def draw(self, name: str, N: int, seed: int, data: Path | None) -> Draw:
        """Draw N utterances of the pool without replacement; validation and test sets are the same for all."""
        if data is None:
            raise TypeError("speech is drawn from prepared data, but none were given")
        with np.load(data, allow_pickle=False) as arrays:
            shard = generator(name, "train", N, seed).choice(self.pool, size=N, replace=False)
            return Draw(
                train=_examples(arrays["pool_x"][shard], arrays["pool_y"][shard]),
                validation=_examples(arrays["validation_x"], arrays["validation_y"]),
                test={
                    self.metric: _examples(arrays["test_x"], arrays["test_y"]),
                    "held-out": _examples(arrays["held_out_x"], arrays["held_out_y"]),
                },
            )


def _said(part: str, n: int, voices: list[str] | tuple[str, ...]) -> tuple[list[Utterance], NDArray[np.uint8]]:
    """Draw n utterances of these voices, and the places of their words in WORDS."""
    rng = generator("speech", part)
    y = rng.integers(len(WORDS), size=n)
    return utterances(rng, [WORDS[word] for word in y], voices), y.astype(np.uint8)


def _spectra(raw: Path, said: list[Utterance]) -> NDArray[np.uint8]:
    """Give the log-mel spectra of utterances in noise: shape (n, FRAMES, MELS)."""
    rng, samples = generator("speech", "noise"), WINDOW + (FRAMES - 1) * HOP
    x = np.empty((len(said), FRAMES, MELS), dtype=np.uint8)
    for place, sound in speak(raw, said):
        x[place] = log_mels(in_noise(sound, samples, rng, RATIOS), HOP)
    return x


def _examples(x: NDArray[np.uint8], y: NDArray[np.uint8]) -> Examples:
    """Scale bytes to [-1, 1]: a fixed map, so that no statistic of a shard leaks into another."""
    scaled = np.divide(x[:, None], np.float32(127.5), dtype=np.float32)
    scaled -= 1
    return Examples(scaled, y.astype(np.int64))
