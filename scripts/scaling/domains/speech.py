"""Speech: isolated words in white noise, said by eSpeak NG in many voices, accents, rates and pitches. It is synthetic.

Error is the share of words taken for another, on new utterances of the voices that shards have; `held-out` is the same
on voices that no shard has. The words are the twenty core words of Speech Commands (Warden 2018).
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
    WINDOW,
    Spoken,
    Utterance,
    in_noise,
    known_voices,
    log_mels,
    speak,
    utterances,
)
from scaling.tasks.classification import Classification, Examples

WORDS = (
    *("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go"),
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
)
FRAMES, HOP = 64, 220
"""Spectra of an utterance, and samples from one to the next: 10 ms. One word in a hundred is cut off at its end."""
RATIOS = -6.0, 12.0
"""Between what signal-to-noise ratios, in decibels, the noise is drawn."""


class Domain(Spoken):
    """Which of twenty words was said?"""

    kind: Literal["speech"]

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

    @property
    def task(self) -> Classification:
        """Twenty words, equally often on average."""
        return Classification(shape=(1, FRAMES, MELS), classes=len(WORDS))

    def prepare(self, raw: Path) -> dict[str, NDArray[np.generic]]:
        """Have all utterances said, one after the other, and take their spectra."""
        seen, seen_y = _said("seen", self.known_size, known_voices(raw))
        held, held_y = _said("held-out", self.held_out_size, HELD_OUT)
        return self.cut({"x": _spectra(raw, [*seen, *held]), "y": np.concatenate([seen_y, held_y])})

    def part(self, arrays: Mapping[str, NDArray[Any]], name: str, index: Index) -> Examples:
        """Give spectra, scaled to [-1, 1], with the places of their words in WORDS."""
        x, y = arrays[f"{name}_x"][index], arrays[f"{name}_y"][index]
        return Examples(scaled(x[:, None]), y.astype(np.int64))


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
