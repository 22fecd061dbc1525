"""Points of the unit interval, all of one class: a domain that costs nothing, for benchmarks of everything else."""

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from scaling.domains import Domain as BaseDomain
from scaling.domains import Draw
from scaling.randomness import generator
from scaling.settings import Count
from scaling.tasks.classification import Classification, Examples


class Domain(BaseDomain):
    """Which class a point is of: always the first."""

    kind: Literal["interval"]
    test_size: Count

    title: ClassVar[str] = "The interval"
    description: ClassVar[str] = r"The \emph{interval} holds points of one class."
    unit: ClassVar[str] = "points"

    @property
    def task(self) -> Classification:
        """Two classes."""
        return Classification(shape=(1,), classes=2)

    def draw(self, name: str, N: int, seed: int, data: Path | None) -> Draw:
        """Draw points for validation and test; a shard is as many zeros, for only their number is learned from."""
        return Draw(
            train=_examples(np.zeros(N)),
            validation=_examples(generator(name, "validation", N, seed).random(self.validation_size)),
            test={self.metric: _examples(generator(name, "test", N, seed).random(self.test_size))},
        )


def _examples(points: np.ndarray) -> Examples:
    return Examples(points.astype(np.float32)[:, None], np.zeros(len(points), dtype=np.int64))
