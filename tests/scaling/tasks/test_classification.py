"""Classification: batches, and that a network's answers and its judgement agree."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import cross_entropy

from scaling.tasks.classification import EVALUATION_BATCH, Classification, Examples

CPU = torch.device("cpu")
TASK = Classification(shape=(2,), classes=3)


def cloud(n):
    rng = np.random.default_rng(0)
    return Examples(rng.normal(size=(n, 2)).astype(np.float32), rng.integers(0, 3, n))


def held(examples):
    return TASK.hold(examples, lambda x: x, CPU)


@given(st.integers(1, 50), st.integers(1, 50), st.integers(0, 200))
def test_an_epoch_sees_no_example_twice_and_every_batch_is_full(N, size, steps):
    size = min(N, size)
    batches = [batch.tolist() for batch in TASK.batches(np.random.default_rng(0), N, size, steps, CPU)]
    assert len(batches) == steps
    assert all(len(batch) == size for batch in batches)
    for first in range(0, steps, N // size):
        epoch = [index for batch in batches[first : first + N // size] for index in batch]
        assert len(set(epoch)) == len(epoch)
        assert set(epoch) <= set(range(N))


def test_the_judgement_is_that_of_all_answers_however_many_batches_they_take():
    examples, network = cloud(EVALUATION_BATCH + 5), nn.Linear(2, 3)
    error, loss = TASK.judge(network, held(examples))
    answers = TASK.answer(network, held(examples))
    wrong = TASK.score(answers, examples)["error"]
    logits = network(torch.from_numpy(examples.x))
    assert (answers == logits.argmax(dim=1).numpy()).all()
    assert np.isclose(error, wrong.mean())
    assert np.isclose(loss, cross_entropy(logits, torch.from_numpy(examples.y)).item())


def test_the_squared_loss_is_the_mean_squared_difference_from_a_one_for_the_true_class():
    task, examples, network = TASK.minimising("squared"), cloud(50), nn.Linear(2, 3)
    truth = np.eye(3)[examples.y]
    expected = np.square(network(torch.from_numpy(examples.x)).detach().numpy() - truth).mean()
    assert task.loss(network, held(examples)).item() == pytest.approx(expected)
    error, loss = task.judge(network, held(examples))
    assert loss == pytest.approx(expected)
    assert error == TASK.judge(network, held(examples))[0]


@pytest.mark.parametrize("scale", [0.1, 1, 30])
def test_the_focal_loss_is_cross_entropy_weighted_by_the_square_of_the_doubt(scale):
    task, examples, network = TASK.minimising("focal"), cloud(50), nn.Linear(2, 3)
    with torch.no_grad():
        network.weight.mul_(scale)
    p = network(torch.from_numpy(examples.x)).double().softmax(dim=1).detach().numpy()[np.arange(50), examples.y]
    loss = task.loss(network, held(examples))
    assert loss.item() == pytest.approx((-((1 - p) ** 2) * np.log(p)).mean(), rel=1e-4)
    assert all(torch.isfinite(gradient).all() for gradient in torch.autograd.grad(loss, list(network.parameters())))


def test_networks_are_judged_in_inference_mode_and_go_on_training():
    network = nn.Sequential(nn.Dropout(0.5), nn.Linear(2, 3))
    assert TASK.judge(network, held(cloud(100))) == TASK.judge(network, held(cloud(100)))
    assert network.training


def test_the_first_examples_are_those_or_all():
    examples = cloud(5)
    assert TASK.count(TASK.first(examples, 3)) == 3
    assert (TASK.first(examples, 3).x == examples.x[:3]).all()
    assert TASK.count(TASK.first(examples, 9)) == 5


def test_best_guess_takes_the_classes_for_balanced():
    assert TASK.guess == pytest.approx(2 / 3)
