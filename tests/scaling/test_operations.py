"""Operations are counted as torch counts them."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from scaling.models import cnn, logistic, mlp
from scaling.operations import UncountedError, count
from scaling.tasks.classification import Classification

IMAGES = Classification(shape=(1, 12, 12), classes=10)
PLANE = Classification(shape=(2,), classes=2)


@pytest.mark.parametrize(
    ("family", "task"),
    [
        (cnn.Family(kind="cnn", sizes=(3,), learning_rate=0.1), IMAGES),
        (mlp.Family(kind="mlp", sizes=(5,), learning_rate=0.1), PLANE),
        (logistic.Family(kind="logistic", learning_rate=0.1), IMAGES),
    ],
    ids=["cnn", "mlp", "logistic"],
)
def test_a_step_costs_what_torchs_counter_says(family, task):
    network, x = family.network(task, family.model_sizes[0]), torch.randn(7, *task.shape)
    with FlopCounterMode(display=False) as counter:
        network(x).sum().backward()
    assert count(network, lambda: network(x)) == counter.get_total_flops() > 0


def test_weights_whose_products_nobody_counts_are_an_error():
    network = nn.Sequential(nn.Linear(3, 4), nn.Unflatten(1, (4, 1)), nn.ConvTranspose1d(4, 2, 1))
    with pytest.raises(UncountedError, match=r"2\.weight .*operations\.py"):
        count(network, lambda: network(torch.randn(5, 3)))
