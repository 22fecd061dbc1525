"""Pebbles: a domain with raw data that are small enough for tests, to be read from a copy."""

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from scaling.domains import Domain as BaseDomain
from scaling.domains import Draw
from scaling.randomness import generator
from scaling.settings import Count
from scaling.sources import DebianPackage, Source, read_member
from scaling.tasks.classification import Classification, Examples

PEBBLES = 1_000


class Domain(BaseDomain):
    """Which side of a diagonal a pebble lies on, with every tenth mislabelled."""

    kind: Literal["pebbles"]
    test_size: Count

    title: ClassVar[str] = "Pebbles"
    description: ClassVar[str] = r"The \emph{pebbles} lie on either side of a diagonal; every tenth is mislabelled."
    unit: ClassVar[str] = "pebbles"
    source: ClassVar[Source | None] = DebianPackage(
        package="no-such-package",
        folder="usr/share/pebbles",
        licence="CC0-1.0",
        sha256={"pebbles.txt": "88b442308933f2baf863ed9b19f6919089bb6fae7a77fb762444f73e3a3b0fa2"},
    )

    @property
    def task(self) -> Classification:
        """Two classes."""
        return Classification(shape=(2,), classes=2)

    @property
    def pool(self) -> int:
        """Pebbles that are neither for validation nor for the test."""
        return PEBBLES - self.validation_size - self.test_size

    def prepare(self, raw: Path) -> dict[str, NDArray[np.generic]]:
        """Read the table."""
        table = np.array([line.split() for line in read_member(raw, "pebbles.txt").decode().splitlines()], dtype=int)
        return {"x": table[:, :2], "y": table[:, 2]}

    def draw(self, name: str, N: int, seed: int, data: Path | None) -> Draw:
        """Draw N pebbles of the pool."""
        assert data is not None
        with np.load(data) as arrays:
            x, y = (arrays["x"] / np.float32(500) - 1).astype(np.float32), arrays["y"].astype(np.int64)
        shard = generator(name, "train", N, seed).choice(self.pool, size=N, replace=False)
        validation = slice(self.pool, self.pool + self.validation_size)
        test = slice(self.pool + self.validation_size, PEBBLES)
        return Draw(
            train=Examples(x[shard], y[shard]),
            validation=Examples(x[validation], y[validation]),
            test={self.metric: Examples(x[test], y[test])},
        )
