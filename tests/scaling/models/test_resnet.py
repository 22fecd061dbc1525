"""The residual network: its shapes, its size, and that its blocks add."""

import pytest
import torch

from scaling.models.resnet import Family
from scaling.operations import count
from scaling.tasks.classification import Classification

FAMILY = Family(kind="resnet", sizes=(4, 8), learning_rate=0.01)
FASHION = Classification(shape=(1, 28, 28), classes=10)
ODD = Classification(shape=(3, 9, 6), classes=4)
PLANE = Classification(shape=(2,), classes=2)


@pytest.mark.parametrize("task", [FASHION, ODD])
def test_it_gives_a_logit_a_class_for_pictures_of_any_shape(task):
    assert FAMILY.network(task, 4)(torch.rand(5, *task.shape)).shape == (5, task.classes)


@pytest.mark.parametrize("c", [4, 8])
def test_its_weights_are_those_of_eight_layers_two_projections_and_their_norms(c):
    network = FAMILY.network(FASHION, c)
    stem, first = 9 * c, 2 * 9 * c * c
    second = 9 * c * 2 * c + 9 * 2 * c * 2 * c + c * 2 * c
    third = 9 * 2 * c * 4 * c + 9 * 4 * c * 4 * c + 2 * c * 4 * c
    norms = 2 * (c + 2 * c + 3 * 2 * c + 3 * 4 * c)
    last = (4 * c + 1) * 10
    assert sum(weights.numel() for weights in network.parameters()) == stem + first + second + third + norms + last


def test_a_block_whose_branch_is_silent_passes_on_what_came_in():
    block = FAMILY.network(FASHION, 4).blocks[0].eval()
    for weights in block.branch.parameters():
        torch.nn.init.zeros_(weights)
    x = torch.rand(2, 4, 5, 5)
    assert torch.equal(block(x), x)


def test_all_its_operations_are_counted_and_it_has_gradients_everywhere():
    network, x = FAMILY.network(FASHION, 4), torch.rand(3, 1, 28, 28)
    y = torch.tensor([0, 1, 2])

    def loss():
        return torch.nn.functional.cross_entropy(network(x), y)

    convolutions = 9 * 4 * 196 + 2 * 9 * 16 * 196 + (9 * 32 + 9 * 64 + 32) * 49 + (9 * 128 + 9 * 256 + 128) * 16
    macs = 3 * (convolutions + 16 * 10)
    assert count(network, loss) == 2 * (3 * macs - 3 * 9 * 4 * 196), "the stem passes no gradient on to the pictures"
    loss().backward()
    assert all(weights.grad.abs().sum() > 0 for weights in network.parameters())


def test_gradients_lie_in_memory_as_weights_do():
    """For optimisers go through both from end to end."""
    network = FAMILY.network(FASHION, 4)
    gradients = torch.autograd.grad(network(torch.rand(3, 1, 28, 28)).sum(), list(network.parameters()))
    assert all(w.stride() == g.stride() for w, g in zip(network.parameters(), gradients, strict=True))


def test_it_needs_pictures():
    assert FAMILY.complaint(FASHION) is None
    assert "(2,)" in FAMILY.complaint(PLANE)
