"""k nearest neighbours against scikit-learn's, by k-d tree in the plane and by brute force beyond."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from scaling.models.knn import Family
from scaling.tasks import estimation
from scaling.tasks.classification import Classification, Examples
from scaling.tasks.estimation import Estimation

TASK = Classification(shape=(2,), classes=3)


def cloud(n, shape, seed):
    rng = np.random.default_rng(seed)
    return Examples(rng.normal(size=(n, *shape)).astype(np.float32), rng.integers(0, TASK.classes, n))


@pytest.mark.parametrize("shape", [(2,), (20,), (1, 4, 5)])
@pytest.mark.parametrize(("k", "N"), [(1, 300), (5, 300), (4, 300), (5, 3), (1, 1)])
def test_it_agrees_with_scikit_learn(shape, k, N):
    shard, queries = cloud(N, shape, 0), cloud(500, shape, 1)
    judge = KNeighborsClassifier(min(k, N)).fit(shard.x.reshape(N, -1), shard.y)
    answers = Family(kind="knn", k=k).memorise(shard, TASK)(queries)
    assert (answers == judge.predict(queries.x.reshape(500, -1))).all()
    assert answers.shape == (500,)


def test_a_tie_goes_to_the_lowest_class():
    asked = Examples(np.ones((1, 2), dtype=np.float32), np.zeros(1, dtype=np.int64))
    shard = Examples(np.array([[0, 0], [1, 0], [0, 1]], dtype=np.float32), np.array([2, 1, 0]))
    assert Family(kind="knn", k=3).memorise(shard, TASK)(asked) == [0]


@pytest.mark.parametrize("shape", [(2,), (20,)])
def test_with_one_neighbour_it_knows_its_shard_by_heart(shape):
    shard = cloud(200, shape, 0)
    assert (Family(kind="knn", k=1).memorise(shard, TASK)(shard) == shard.y).all()


@pytest.mark.parametrize("inputs", [3, 12])
@pytest.mark.parametrize("k", [1, 4])
def test_of_numbers_it_gives_the_mean_as_scikit_learn_does(inputs, k):
    task = Estimation(inputs=inputs, outputs=2, distance="squared", blind=1.0)
    rng = np.random.default_rng(0)
    shard, asked = (estimation.Examples(rng.normal(size=(n, inputs)), rng.normal(size=(n, 2))) for n in (100, 50))
    judge = KNeighborsRegressor(k).fit(shard.x, shard.y)
    assert Family(kind="knn", k=k).memorise(shard, task)(asked) == pytest.approx(judge.predict(asked.x))


def test_on_a_ring_the_last_is_next_to_the_first():
    ring = Estimation(inputs=1, outputs=1, distance="squared", blind=1.0, period=1.0)
    shard = estimation.Examples(np.array([[0.01], [0.6]]), np.array([[1.0], [2.0]]))
    asked = estimation.Examples(np.array([[0.99], [0.5]]), np.empty((2, 1)))
    assert Family(kind="knn", k=1).memorise(shard, ring)(asked).tolist() == [[1.0], [2.0]]
    assert Family(kind="knn", k=1).complaint(ring) is None
    beyond = Estimation(inputs=9, outputs=1, distance="squared", blind=1.0, period=1.0)
    assert "more than 8 dimensions" in Family(kind="knn", k=1).complaint(beyond)


def test_its_label_says_k():
    assert Family(kind="knn", k=5).label == "5-NN"
