"""Vowels: who of nine men says /ae/? Real recordings, the Japanese Vowels of Kudo et al. (1999).

Each utterance is 7 to 29 frames of 12 cepstral coefficients of linear prediction. Error is the share of utterances
taken for another speaker's in the official test set; the official training set gives the pool and the validation set.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from scaling.domains import Index, Pooled
from scaling.randomness import generator
from scaling.sources import PythonPackage, Source, read_member
from scaling.tasks.classification import Classification, Examples

TRAINING, SPEAKERS, COEFFICIENTS = 270, 9, 12
FRAMES = 12
"""Moments, evenly spaced from the first to the last frame, at which each utterance is taken."""


class Domain(Pooled):
    """Classification of Japanese Vowels by speaker."""

    kind: Literal["vowels"]
    validation_size: Annotated[int, Field(gt=0, lt=TRAINING)]
    """Training utterances set aside to choose models by; the rest is the pool."""

    title: ClassVar[str] = "Vowels"
    description: ClassVar[str] = (
        r"The \emph{vowels} are real recordings, a check on what is synthesised: the Japanese Vowels of "
        r"\cite{kudo1999} (CC BY 4.0, from the Python package \texttt{aeon}), 640 utterances of /ae/ by nine men, of "
        r"whom the speaker is to be told. They come as 7 to 29 frames of twelve cepstral coefficients, which are "
        r"interpolated at twelve evenly spaced moments. The official 370 test utterances are the test set; of the 270 "
        r"others a keyed permutation sets some aside for validation, and shards are drawn from the rest."
    )
    unit: ClassVar[str] = "utterances"
    source: ClassVar[Source | None] = PythonPackage(
        package="aeon",
        version="1.6.0",
        folder="aeon/datasets/data/JapaneseVowels",
        licence="CC-BY-4.0",
        sha256={
            "JapaneseVowels_TRAIN.ts": "68a430eabd919cc77f40b1f5f3bc0dcafacc1486bca9260785aeb7d262cc78cd",
            "JapaneseVowels_TEST.ts": "b3d41d6a0ca3bcad3afb9ca7d4365382aa51341e2e58bae2a574babdda5b9462",
        },
    )

    @property
    def task(self) -> Classification:
        """Nine speakers."""
        return Classification(shape=(1, FRAMES, COEFFICIENTS), classes=SPEAKERS)

    @property
    def pool(self) -> int:
        """Training utterances left for shards once the validation set is split off."""
        return TRAINING - self.validation_size

    def prepare(self, raw: Path) -> dict[str, NDArray[np.generic]]:
        """Read both files and split the training utterances into pool and validation set."""
        x, y = _utterances(read_member(raw, "JapaneseVowels_TRAIN.ts").decode())
        test_x, test_y = _utterances(read_member(raw, "JapaneseVowels_TEST.ts").decode())
        order = generator("vowels", "split").permutation(TRAINING)
        pool, validation = order[: self.pool], order[self.pool :]
        return {
            "pool_x": x[pool],
            "pool_y": y[pool],
            "validation_x": x[validation],
            "validation_y": y[validation],
            "test_x": test_x,
            "test_y": test_y,
        }

    def part(self, arrays: Mapping[str, NDArray[Any]], name: str, index: Index) -> Examples:
        """Give utterances with their speakers."""
        return Examples(arrays[f"{name}_x"][index], arrays[f"{name}_y"][index])


def _utterances(content: str) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Read a file of aeon's format: a line an utterance, its coefficients parted by colons, its speaker last."""
    _, lines = content.split("@data\n")
    rows = [line.split(":") for line in lines.splitlines()]
    x = np.stack([_at_moments(coefficients) for *coefficients, _ in rows])
    return x[:, None].astype(np.float32), np.array([int(speaker) - 1 for *_, speaker in rows])


def _at_moments(coefficients: list[str]) -> NDArray[np.float64]:
    """Interpolate the course of each coefficient linearly at FRAMES moments: shape (FRAMES, COEFFICIENTS)."""
    courses = [np.array(course.split(","), dtype=np.float64) for course in coefficients]
    moments = np.linspace(0, len(courses[0]) - 1, FRAMES)
    return np.stack([np.interp(moments, np.arange(len(course)), course) for course in courses], axis=1)
