"""Images: Fashion-MNIST, 28 × 28 grey-scale pictures of ten kinds of clothing (Xiao et al. 2017).

Error is the misclassified fraction of the official 10,000 test images. The validation set is a fixed part of
the 60,000 training images; shards are drawn from the rest, the pool, each (N, seed) on its own.
"""

import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from scaling.domains import Index, Pooled, Published, scaled
from scaling.randomness import generator
from scaling.sources import DebianPackage, Source, read_member
from scaling.tasks.classification import Classification, Examples

TRAINING_IMAGES, TEST_IMAGES = 60_000, 10_000


class Domain(Pooled):
    """Classification of Fashion-MNIST."""

    kind: Literal["images"]
    validation_size: Annotated[int, Field(gt=0, lt=TRAINING_IMAGES)]
    """Training images set aside to choose models by; the rest is the pool."""
    test_size: Annotated[int, Field(gt=0, le=TEST_IMAGES)] = TEST_IMAGES
    """How many of the 10,000 test images to use, from the first on."""

    title: ClassVar[str] = "Images"
    description: ClassVar[str] = (
        r"The \emph{images} are Fashion-MNIST \cite{xiao2017}: $28\times28$ grey-scale pictures of ten kinds of "
        r"clothing, balanced, 60,000 to learn from and 10,000 to test on (MIT licence). A fixed validation set "
        r"is split off the former by a keyed permutation; shards are drawn from what remains, "
        r"each one on its own and without replacement. Pixels are scaled to $[-1,1]$; nothing else is done to them."
    )
    unit: ClassVar[str] = "images"
    published: ClassVar[Published | None] = Published(
        task="ImageNet, top-1 error", slope=-0.309, growth=0.57, source="hestness2019"
    )
    source: ClassVar[Source | None] = DebianPackage(
        package="dataset-fashion-mnist",
        folder="usr/share/datasets/fashion-mnist",
        licence="MIT",
        sha256={
            "train-images-idx3-ubyte.gz": "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7",
            "train-labels-idx1-ubyte.gz": "0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056",
            "t10k-images-idx3-ubyte.gz": "cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa",
            "t10k-labels-idx1-ubyte.gz": "8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05",
        },
    )

    @property
    def task(self) -> Classification:
        """Ten balanced classes."""
        return Classification(shape=(1, 28, 28), classes=10)

    @property
    def pool(self) -> int:
        """Training images left for shards once the validation set is split off."""
        return TRAINING_IMAGES - self.validation_size

    def prepare(self, raw: Path) -> dict[str, NDArray[np.generic]]:
        """Unpack the four idx files and split the training images into pool and validation set."""
        images, labels = _idx(raw, "train-images-idx3-ubyte.gz"), _idx(raw, "train-labels-idx1-ubyte.gz")
        order = generator("images", "split").permutation(TRAINING_IMAGES)
        pool, validation = order[: self.pool], order[self.pool :]
        return {
            "pool_x": images[pool],
            "pool_y": labels[pool],
            "validation_x": images[validation],
            "validation_y": labels[validation],
            "test_x": _idx(raw, "t10k-images-idx3-ubyte.gz")[: self.test_size],
            "test_y": _idx(raw, "t10k-labels-idx1-ubyte.gz")[: self.test_size],
        }

    def part(self, arrays: Mapping[str, NDArray[Any]], name: str, index: Index) -> Examples:
        """Give images, scaled to [-1, 1], with their labels."""
        x, y = arrays[f"{name}_x"][index], arrays[f"{name}_y"][index]
        return Examples(scaled(x[:, None]), y.astype(np.int64))


def _idx(raw: Path, name: str) -> NDArray[np.uint8]:
    """Read an idx file of unsigned bytes: four bytes of magic, the last the rank, then the shape."""
    content = gzip.decompress(read_member(raw, name))
    rank = content[3]
    shape = np.frombuffer(content, dtype=">u4", count=rank, offset=4)
    return np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * rank).reshape(tuple(map(int, shape)))
