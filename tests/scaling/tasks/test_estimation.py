"""Estimation: distances, and that a network's estimates and its judgement agree."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from scaling.tasks.estimation import Estimation, Examples

CPU = torch.device("cpu")
SQUARED = Estimation(inputs=3, outputs=2, distance="squared", blind=1.0)
ABSOLUTE = Estimation(inputs=3, outputs=2, distance="absolute", blind=0.5)
BOTH = pytest.mark.parametrize("task", [SQUARED, ABSOLUTE])


def cloud(n):
    rng = np.random.default_rng(0)
    return Examples(rng.normal(size=(n, 3)), rng.normal(size=(n, 2)))


def held(task, examples):
    return task.hold(examples, lambda x: x, CPU)


@given(st.integers(1, 30))
def test_the_distance_of_each_number_is_told_and_that_of_the_truth_is_nothing(n):
    examples = cloud(n)
    for task in (SQUARED, ABSOLUTE):
        assert (task.score(examples.y, examples)[task.metric] == np.zeros(2 * n)).all()
        away = task.score(examples.y + np.array([3, -1]), examples)[task.metric]
        expected = [9, 1] if task is SQUARED else [3, 1]
        assert away.reshape(n, 2) == pytest.approx(np.tile(expected, (n, 1)))


@BOTH
def test_a_network_is_judged_by_its_estimates_and_minimises_the_error(task):
    examples, network = cloud(40), nn.Sequential(nn.Dropout(0.5), nn.Linear(3, 2))
    error, loss = task.judge(network, held(task, examples))
    estimates = task.answer(network, held(task, examples))
    assert network.training
    assert estimates.shape == (40, 2)
    assert error == loss == pytest.approx(task.score(estimates, examples)[task.metric].mean())
    network.eval()
    assert task.loss(network, held(task, examples)).item() == pytest.approx(error)


@BOTH
def test_its_name_and_its_best_guess_are_as_given(task):
    assert task.metric == f"{task.distance} distance"
    assert task.distance in task.meaning
    assert task.guess == task.blind
    assert not task.in_percent


def test_examples_are_counted_cut_and_taken():
    examples = cloud(5)
    assert SQUARED.count(examples) == 5
    assert SQUARED.count(SQUARED.first(examples, 3)) == 3
    batch = SQUARED.take(held(SQUARED, examples), torch.tensor([4, 0]))
    assert batch.y.numpy() == pytest.approx(examples.y[[4, 0]], rel=1e-6)
    assert batch.x.dtype == torch.float32
