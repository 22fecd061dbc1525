"""k nearest neighbours: the majority class among the k closest training examples (Cover & Hart 1967).

Search is exact: scipy's k-d tree in the plane, where it answers 1e5 queries among 1e6 points in about a
tenth of a second, and scikit-learn's brute force in high dimensions, where trees are slower than that.
"""

from collections.abc import Callable
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from scaling.models import Memory, Predictor
from scaling.settings import Count
from scaling.tasks import Task
from scaling.tasks.classification import Classification, Examples

TREE_DIMENSIONS = 8
"""Up to this many dimensions a k-d tree beats brute force."""

Search = Callable[[NDArray[np.float32]], NDArray[np.int64]]
"""Gives the indices, of shape (n, k), of the k nearest stored points."""


class Family(Memory):
    """k-NN with Euclidean distance; ties go to the lowest class."""

    kind: Literal["knn"]
    k: Count

    title: ClassVar[str] = "k-NN"
    description: ClassVar[str] = (
        r"$k$ nearest neighbours \cite{cover1967}: the majority class among the $k$ closest training examples in "
        r"Euclidean distance, found by exact search. It has no parameters to train and no prior but nearness."
    )
    serves: ClassVar[tuple[type[Task], ...]] = (Classification,)

    @property
    def label(self) -> str:
        """Name with its k."""
        return f"{self.k}-NN"

    def memorise(self, examples: Examples, task: Task) -> Predictor:
        """Index the examples for search."""
        assert isinstance(task, Classification)
        classes = task.classes
        flat = examples.x.reshape(len(examples.x), -1)
        k = min(self.k, len(flat))
        neighbours = _tree(flat, k) if flat.shape[1] <= TREE_DIMENSIONS else _brute(flat, k)

        def predict(asked: Examples) -> NDArray[np.int64]:
            votes = examples.y[neighbours(asked.x.reshape(len(asked.x), -1))]
            counts = np.stack([(votes == c).sum(axis=1) for c in range(classes)], axis=1)
            winners: NDArray[np.int64] = counts.argmax(axis=1)
            return winners

        return predict


def _tree(points: NDArray[np.float32], k: int) -> Search:
    from scipy.spatial import cKDTree

    tree = cKDTree(points)
    # A list of ranks, because a bare k = 1 would drop the second axis.
    ranks = list(range(1, k + 1))
    return lambda x: np.asarray(tree.query(x, k=ranks)[1], dtype=np.int64)


def _brute(points: NDArray[np.float32], k: int) -> Search:
    from sklearn.neighbors import NearestNeighbors

    index = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(points)
    return lambda x: index.kneighbors(x, return_distance=False)
