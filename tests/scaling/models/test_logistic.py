"""Logistic regression: one linear layer, begun at best guess."""

import torch

from scaling.models.logistic import Family
from scaling.tasks.classification import Classification

FAMILY = Family(kind="logistic", learning_rate=0.01)
TASK = Classification(shape=(1, 4, 5), classes=3)


def test_it_has_a_weight_for_each_input_and_class():
    network = FAMILY.network(TASK, None)
    assert sum(weights.numel() for weights in network.parameters()) == (20 + 1) * 3
    assert network(torch.rand(7, *TASK.shape)).shape == (7, 3)


def test_it_begins_undecided():
    assert (FAMILY.network(TASK, None)(torch.rand(7, *TASK.shape)) == 0).all()


def test_it_is_linear():
    network = FAMILY.network(TASK, None)
    torch.nn.init.normal_(network[1].weight)
    x, y = torch.rand(2, 1, *TASK.shape)
    assert torch.allclose(network(2 * x + 3 * y), 2 * network(x) + 3 * network(y), atol=1e-5)


def test_it_has_one_model_and_is_no_neural_network():
    assert list(FAMILY.model_sizes) == [None]
    assert not FAMILY.neural
