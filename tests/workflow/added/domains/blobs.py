"""Two Gaussian blobs: the smallest domain there can be, to show what a new domain takes."""

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from scaling.domains import Domain as BaseDomain
from scaling.domains import Draw
from scaling.randomness import generator
from scaling.settings import Count
from scaling.tasks.classification import Classification, Examples


class Domain(BaseDomain):
    """Which of two overlapping blobs a point comes from."""

    kind: Literal["blobs"]
    test_size: Count

    title: ClassVar[str] = "Two blobs"
    description: ClassVar[str] = r"The \emph{two blobs} are Gaussian, one about $-1$ and one about $1$ on every axis."
    unit: ClassVar[str] = "dots"

    @property
    def task(self) -> Classification:
        """Two classes."""
        return Classification(shape=(2,), classes=2)

    def draw(self, name: str, N: int, seed: int, data: Path | None) -> Draw:
        """Draw fresh points; validation and test sets depend on the seed alone."""
        return Draw(
            train=_sample(N, generator(name, "train", N, seed)),
            validation=_sample(self.validation_size, generator(name, "validation", seed)),
            test={self.metric: _sample(self.test_size, generator(name, "test", seed))},
        )


def _sample(n: int, rng: np.random.Generator) -> Examples:
    y = rng.integers(2, size=n)
    x = 2 * y[:, None] - 1 + rng.standard_normal((n, 2))
    return Examples(x.astype(np.float32), y)
