"""Networks that read a text: that no prediction sees what it predicts, and what their weights are."""

import pytest
import torch
from torch import nn

from scaling.models import load
from scaling.operations import count
from scaling.tasks.language import Language

TASK = Language(token="letter", vocabulary=11, context=16)
KINDS = ("lstm", "mingru", "transformer")


def network(kind, size=8):
    torch.manual_seed(0)
    return load(kind)(kind=kind, sizes=(size,), learning_rate=0.01).network(TASK, size)


def tokens(batch=3, length=12):
    return torch.randint(0, TASK.vocabulary, (batch, length), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length", [1, 3, 16])
def test_they_give_a_logit_for_each_token_that_may_follow(kind, length):
    assert network(kind)(tokens(length=length)).shape == (3, length, TASK.vocabulary)


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_changes_what_is_said_from_there_on_and_nothing_before(kind):
    reader, read = network(kind), tokens()
    changed = read.clone()
    changed[0, 5] = (read[0, 5] + 1) % TASK.vocabulary
    one, other = reader(read), reader(changed)
    differs = ~torch.isclose(one, other, atol=1e-6).all(dim=2)
    assert differs[0].tolist() == [place >= 5 for place in range(12)]
    assert not differs[1:].any()


@pytest.mark.parametrize("kind", KINDS)
def test_every_weight_is_used_and_its_operations_counted(kind):
    reader, read = network(kind), tokens()
    loss = TASK.loss(reader, TASK.take(read.flatten(), torch.tensor([0, 4])))
    assert all((gradient != 0).any() for gradient in torch.autograd.grad(loss, list(reader.parameters())))
    matrices = sum(w.numel() for name, w in reader.named_parameters() if w.dim() > 1 and "embedding" not in name)
    found = count(reader, lambda: reader(read))
    # Each weight multiplies each token once and again twice on the way back; attention comes on top.
    assert found >= 6 * matrices * read.numel()
    if kind != "transformer":
        assert found == 6 * matrices * read.numel()


@pytest.mark.parametrize("kind", KINDS)
def test_they_are_the_same_each_time_in_deterministic_mode(kind):
    try:
        torch.set_deterministic_debug_mode("error")
        gradients = []
        for _ in range(2):
            reader = network(kind)
            loss = TASK.loss(reader, TASK.take(tokens(1, 40)[0], torch.arange(9)))
            gradients.append(torch.autograd.grad(loss, list(reader.parameters())))
    finally:
        torch.set_deterministic_debug_mode("default")
    assert all((one == other).all() for one, other in zip(*gradients, strict=True))


def test_the_lstm_is_an_embedding_a_layer_of_four_gates_and_a_linear_layer():
    h, v = 8, TASK.vocabulary
    weights = sum(w.numel() for w in network("lstm", h).parameters())
    assert weights == v * h + 4 * (h * h + h * h + 2 * h) + (h + 1) * v


def test_minimal_recurrence_and_attention_differ_by_their_mixers_alone():
    def of_mixers(reader):
        return {name for name, _ in reader.named_parameters() if ".mix.1." in name}

    minimal, attending = network("mingru"), network("transformer")
    assert {name: w.shape for name, w in minimal.named_parameters() if name not in of_mixers(minimal)} == {
        name: w.shape for name, w in attending.named_parameters() if name not in of_mixers(attending)
    }
    assert of_mixers(minimal)
    assert of_mixers(minimal) != of_mixers(attending)


def test_the_filters_reach_over_four_tokens():
    reader, read = network("mingru"), tokens(1)
    reader.layers = nn.Sequential()
    changed = read.clone()
    changed[0, 5] = (read[0, 5] + 1) % TASK.vocabulary
    differs = ~torch.isclose(reader(read), reader(changed), atol=1e-6).all(dim=2)
    assert differs[0].nonzero().flatten().tolist() == [5, 6, 7, 8]


def test_heads_need_pairs_of_channels():
    with pytest.raises(ValueError, match="12 is no multiple of 8"):
        load("transformer")(kind="transformer", sizes=(12,), learning_rate=0.01)
