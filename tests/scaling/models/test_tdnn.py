"""The time-delay network: its shapes and weights, and that it doesn't ask when a sound comes."""

import pytest
import torch

from scaling.models.tdnn import Family
from scaling.tasks.classification import Classification

FAMILY = Family(kind="tdnn", sizes=(8,), learning_rate=0.01)
SPECTRA = Classification(shape=(1, 40, 6), classes=5)


def test_it_gives_a_logit_a_class():
    x = FAMILY.features(torch.rand(7, *SPECTRA.shape))
    assert FAMILY.network(SPECTRA, 8)(x).shape == (7, 5)


@pytest.mark.parametrize("c", [8, 16])
def test_its_weights_are_those_of_three_convolutions_three_norms_and_a_layer(c):
    convolutions = (5 * 6 + 1) * c + (5 * c + 1) * 2 * c + (10 * c + 1) * 2 * c
    norms = 2 * c + 4 * c + 4 * c
    expected = convolutions + norms + (2 * c + 1) * 5
    assert sum(weights.numel() for weights in FAMILY.network(SPECTRA, c).parameters()) == expected


def test_a_sound_is_the_same_sound_later():
    network = FAMILY.network(Classification(shape=(1, 80, 6), classes=5), 8).eval()
    x = torch.zeros(2, 1, 80, 6)
    x[0, 0, 20:40] = x[1, 0, 28:48] = torch.randn(20, 6, generator=torch.Generator().manual_seed(0))
    one, other = network(FAMILY.features(x))
    assert torch.allclose(one, other, atol=1e-6)


def test_it_needs_spectra():
    assert FAMILY.complaint(SPECTRA) is None
    for shape in ((2,), (3, 8, 8)):
        assert str(shape) in FAMILY.complaint(Classification(shape=shape, classes=2))
