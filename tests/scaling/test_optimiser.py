"""The optimiser is torch's, without what surrounds it."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from scaling.optimiser import INERTIA, OPTIMISERS, one_cycle
from scaling.training import LOOKS


def torchs_own(weights, peak, decay, steps, name="adamw"):
    if name == "adamw":
        optimiser = torch.optim.AdamW(weights, lr=peak, weight_decay=decay, fused=True)
    else:
        optimiser = torch.optim.SGD(weights, peak, INERTIA, weight_decay=decay, nesterov=True, fused=True)
    cycled = name == "adamw"
    return optimiser, torch.optim.lr_scheduler.OneCycleLR(optimiser, peak, steps, cycle_momentum=cycled)


@given(st.floats(1e-6, 1.0), st.integers(LOOKS, 500))
def test_the_schedule_is_that_of_one_cycle_lr(peak, steps):
    optimiser, schedule = torchs_own([torch.zeros(1)], peak, 0.0, steps)
    found = []
    for step in range(steps):
        found.append((optimiser.param_groups[0]["lr"], optimiser.param_groups[0]["betas"][0]))
        optimiser.step()
        if step < steps - 1:
            schedule.step()
    assert one_cycle(peak, steps) == found


@pytest.mark.parametrize("name", OPTIMISERS)
@pytest.mark.parametrize("decay", [0.0, 0.05])
def test_the_weights_end_where_torchs_own_optimiser_takes_them_to_the_last_bit(name, decay):
    def network():
        torch.manual_seed(0)
        return torch.nn.Sequential(torch.nn.Linear(3, 17), torch.nn.ReLU(), torch.nn.Linear(17, 4))

    x, y = torch.randn(40, 3), torch.randint(4, (40,))
    one, other = network(), network()
    optimiser, schedule = torchs_own(one.parameters(), 0.02, decay, 50, name)
    ours = OPTIMISERS[name](list(other.parameters()), 0.02, decay, 50)
    for _ in range(50):
        optimiser.zero_grad()
        cross_entropy(one(x), y).backward()
        optimiser.step()
        schedule.step()
        ours.step(torch.autograd.grad(cross_entropy(other(x), y), list(other.parameters())))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
