"""k nearest neighbours: the majority class, or the mean, of the k closest training examples (Cover & Hart 1967).

Search is exact: scipy's k-d tree in the plane, where it answers 1e5 queries among 1e6 points in about a
tenth of a second, and scikit-learn's brute force in high dimensions, where trees are slower than that.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from scaling.models import Memory, Predictor
from scaling.settings import Count
from scaling.tasks import Task, estimation
from scaling.tasks.classification import Classification, Examples
from scaling.tasks.estimation import Estimation

TREE_DIMENSIONS = 8
"""Up to this many dimensions a k-d tree beats brute force."""

Conclusion = Callable[[Any], NDArray[np.generic]]
"""Makes an answer of what the k neighbours of each input say, of shape (n, k) or (n, k, outputs)."""
Points = NDArray[np.float32] | NDArray[np.float64]
Search = Callable[[Points], NDArray[np.int64]]
"""Gives the indices, of shape (n, k), of the k nearest stored points."""


class Family(Memory):
    """k-NN with Euclidean distance; ties go to the lowest class."""

    kind: Literal["knn"]
    k: Count

    title: ClassVar[str] = "k-NN"
    description: ClassVar[str] = (
        r"$k$ nearest neighbours \cite{cover1967}: the majority class among the $k$ closest training examples in "
        r"Euclidean distance, or the mean of what they say where numbers are asked for, found by exact "
        r"search. It has no parameters to train and no prior but nearness."
    )
    serves: ClassVar[tuple[type[Task], ...]] = (Classification, Estimation)

    @property
    def label(self) -> str:
        """Name with its k."""
        return f"{self.k}-NN"

    def complaint(self, task: Task) -> str | None:
        """Only trees know rings."""
        if isinstance(task, Estimation) and task.period is not None and task.inputs > TREE_DIMENSIONS:
            return f"in more than {TREE_DIMENSIONS} dimensions k-NN needs inputs that don't lie on rings"
        return super().complaint(task)

    def memorise(self, examples: Examples | estimation.Examples, task: Task) -> Predictor:
        """Index the examples for search."""
        flat = examples.x.reshape(len(examples.x), -1)
        k = min(self.k, len(flat))
        period = task.period if isinstance(task, Estimation) else None
        neighbours = _tree(flat, k, period) if flat.shape[1] <= TREE_DIMENSIONS else _brute(flat, k)
        conclude: Conclusion = partial(_majority, classes=task.classes) if isinstance(task, Classification) else _mean

        def predict(asked: Examples | estimation.Examples) -> NDArray[np.generic]:
            return conclude(examples.y[neighbours(asked.x.reshape(len(asked.x), -1))])

        return predict


def _majority(votes: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Count votes of shape (n, k)."""
    counts = np.stack([(votes == c).sum(axis=1) for c in range(classes)], axis=1)
    winners: NDArray[np.int64] = counts.argmax(axis=1)
    return winners


def _mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average values of shape (n, k, outputs)."""
    means: NDArray[np.float64] = values.mean(axis=1)
    return means


def _tree(points: Points, k: int, period: float | None) -> Search:
    from scipy.spatial import cKDTree

    tree = cKDTree(points, boxsize=period)  # type: ignore[arg-type]  # the stubs know of no ring
    # A list of ranks, because a bare k = 1 would drop the second axis.
    ranks = list(range(1, k + 1))
    return lambda x: np.asarray(tree.query(x, k=ranks)[1], dtype=np.int64)


def _brute(points: Points, k: int) -> Search:
    from sklearn.neighbors import NearestNeighbors

    index = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(points)
    return lambda x: index.kneighbors(x, return_distance=False)
