"""The convolutional network: its shapes and its size."""

import pytest
import torch

from scaling.models.cnn import Family
from scaling.tasks.classification import Classification

FAMILY = Family(kind="cnn", sizes=(8, 16), learning_rate=0.01)
FASHION = Classification(shape=(1, 28, 28), classes=10)
ODD = Classification(shape=(3, 9, 6), classes=4)
PLANE = Classification(shape=(2,), classes=2)


@pytest.mark.parametrize("task", [FASHION, ODD])
def test_it_gives_a_logit_a_class_for_pictures_of_any_shape(task):
    assert FAMILY.network(task, 8)(torch.rand(5, *task.shape)).shape == (5, task.classes)


@pytest.mark.parametrize("c", [8, 16])
def test_its_weights_are_those_of_two_convolutions_two_norms_and_two_layers(c):
    network = FAMILY.network(FASHION, c)
    convolutions = 26 * c + (25 * c + 1) * 2 * c
    norms = 2 * c + 4 * c
    layers = (2 * c * 7 * 7 + 1) * 8 * c + (8 * c + 1) * 10
    assert sum(weights.numel() for weights in network.parameters()) == convolutions + norms + layers


def test_the_config_states_its_weights_truly():
    counts = [sum(w.numel() for w in FAMILY.network(FASHION, c).parameters()) for c in FAMILY.sizes]
    assert counts == [54_362, 215_466]


def test_it_needs_pictures():
    assert FAMILY.complaint(FASHION) is None
    assert "(2,)" in FAMILY.complaint(PLANE)
