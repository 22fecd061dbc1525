"""The minimal recurrent layer: its scan against the recursion and against the paper's, and its gradient."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scaling.networks.minimal import MinimalGRU, Scan, scan


def drawn(batch, length, width, seed=0):
    """What to keep, in (0, 1), and what to add, in double precision."""
    generator = torch.Generator().manual_seed(seed)
    keep, add = torch.randn(2, batch, length, width, generator=generator, dtype=torch.float64)
    return keep.sigmoid(), add


def step_by_step(keep, add):
    states = [add[:, 0]]
    for t in range(1, add.shape[1]):
        states.append(keep[:, t] * states[-1] + add[:, t])
    return torch.stack(states, dim=1)


def by_logarithms(keep, add):
    """The scan of Feng et al. (2024, appendix B.1), which Heinsen (2023) gave; for positive additions."""
    kept = keep.log().cumsum(dim=1)
    return (kept + (add.log() - kept).logcumsumexp(dim=1)).exp()


@given(st.integers(1, 3), st.integers(1, 40), st.integers(1, 4), st.integers(0, 99))
def test_the_scan_is_the_recursion(batch, length, width, seed):
    keep, add = drawn(batch, length, width, seed)
    assert torch.allclose(scan(keep, add), step_by_step(keep, add))


def test_the_scan_is_that_of_the_paper():
    keep, add = drawn(2, 128, 3)
    assert torch.allclose(scan(keep, add.exp()), by_logarithms(keep, add.exp()))


@pytest.mark.parametrize("length", [1, 2, 7, 8])
def test_its_gradient_is_that_of_numbers(length):
    keep, add = (values.requires_grad_() for values in drawn(2, length, 3))
    assert torch.autograd.gradcheck(Scan.apply, (keep, add))


def test_long_texts_neither_overflow_nor_vanish():
    keep, add = torch.full((1, 5_000, 1), 1e-6), torch.ones(1, 5_000, 1)
    assert torch.allclose(scan(keep, add), torch.tensor(1.0))
    assert scan(torch.ones(1, 5_000, 1), add)[0, :, 0].tolist() == list(range(1, 5_001))


def test_the_layer_mixes_the_state_before_and_a_candidate_by_a_gate():
    layer, x = MinimalGRU(3), torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(0))
    gate, candidate = (x @ layer.project.weight.T + layer.project.bias).detach().split(3, dim=2)
    z = 1 / (1 + np.exp(-gate.numpy()))
    state = np.zeros((2, 3))
    for t, states in enumerate(layer(x).detach().unbind(dim=1)):
        state = (1 - z[:, t]) * state + z[:, t] * candidate[:, t].numpy()
        assert states.numpy() == pytest.approx(state, abs=1e-6)
