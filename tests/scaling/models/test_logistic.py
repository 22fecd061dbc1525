"""Logistic regression: one linear layer, begun at best guess."""

import torch

from scaling.models.logistic import Family

FAMILY = Family(kind="logistic", learning_rate=0.01)


class Task:
    shape, classes = (1, 4, 5), 3


def test_it_has_a_weight_for_each_input_and_class():
    network = FAMILY.network(Task(), None)
    assert sum(weights.numel() for weights in network.parameters()) == (20 + 1) * 3
    assert network(torch.rand(7, *Task.shape)).shape == (7, 3)


def test_it_begins_undecided():
    assert (FAMILY.network(Task(), None)(torch.rand(7, *Task.shape)) == 0).all()


def test_it_is_linear():
    network = FAMILY.network(Task(), None)
    torch.nn.init.normal_(network[1].weight)
    x, y = torch.rand(2, 1, *Task.shape)
    assert torch.allclose(network(2 * x + 3 * y), 2 * network(x) + 3 * network(y), atol=1e-5)


def test_it_has_one_model_and_is_no_neural_network():
    assert list(FAMILY.model_sizes) == [None]
    assert not FAMILY.neural
