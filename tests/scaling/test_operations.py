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


class Attention(nn.Module):
    """Queries, keys and values of one projection, and a product of matrices."""

    def __init__(self):
        super().__init__()
        self.table, self.project = nn.Embedding(9, 12), nn.Linear(12, 12)

    def forward(self, tokens):
        x = self.project(self.table(tokens)).unflatten(2, (3, 4))
        x = nn.functional.scaled_dot_product_attention(x.transpose(1, 2), x.transpose(1, 2), x.transpose(1, 2))
        return x @ x.mT


def test_embeddings_are_free_and_attention_and_products_cost_what_torchs_counter_says():
    network, tokens = Attention(), torch.randint(0, 9, (5, 10))
    with FlopCounterMode(display=False) as counter, nn.attention.sdpa_kernel(nn.attention.SDPBackend.MATH):
        network(tokens).sum().backward()
    assert count(network, lambda: network(tokens)) == counter.get_total_flops() > 0


def test_a_filter_for_each_channel_costs_its_own_taps_alone():
    """Torch's counter takes its gradient for that of a filter over all channels."""
    network, x = nn.Conv1d(12, 12, 4, groups=12), torch.randn(5, 12, 10, requires_grad=True)
    assert count(network, lambda: network(x).sum()) == 2 * 3 * (5 * 12 * 7) * 4


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(("kind", "gates"), [(nn.LSTM, 4), (nn.GRU, 3)])
def test_recurrent_layers_cost_every_weight_at_every_step(kind, gates, layers, bidirectional):
    network = kind(5, 6, layers, bidirectional=bidirectional, batch_first=True)
    directions = 2 if bidirectional else 1
    first = gates * 6 * directions * (2 * 5 + 3 * 6)  # inputs need no gradient
    further = gates * 6 * directions * (3 * 6 * directions + 3 * 6)
    steps = 4 * 7
    expected = 2 * steps * (first + (layers - 1) * further)
    x = torch.randn(4, 7, 5)
    assert count(network, lambda: network(x)[0].sum()) == expected
    packed = nn.utils.rnn.pack_padded_sequence(x, torch.tensor([7, 7, 7, 7]), batch_first=True)
    assert count(network, lambda: network(packed)[0].data.sum()) == expected


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_a_cell_costs_what_its_layer_costs(kind):
    layer, cell = kind(5, 6), {nn.LSTM: nn.LSTMCell, nn.GRU: nn.GRUCell}[kind](5, 6)
    x, state = torch.randn(3, 5), torch.zeros(3, 6, requires_grad=True)
    states = (state, state) if kind is nn.LSTM else state
    assert count(cell, lambda: cell(x, states)[0].sum()) == count(layer, lambda: layer(x[None])[0].sum())


def test_weights_whose_products_nobody_counts_are_an_error():
    network = nn.Sequential(nn.Linear(3, 4), nn.Unflatten(1, (4, 1)), nn.ConvTranspose1d(4, 2, 1))
    with pytest.raises(UncountedError, match=r"2\.weight .*operations\.py"):
        count(network, lambda: network(torch.randn(5, 3)))
