"""Networks that translate: what they may see, and that they write as they were judged."""

import numpy as np
import pytest
import torch

from scaling.models import load
from scaling.operations import count
from scaling.optimiser import AdamW
from scaling.tasks.classification import Classification
from scaling.tasks.translation import BEGIN, Pairs, Sentences, Translation

TASK = Translation(source=20, target=20)
RATES = {"seq2seq": 0.03, "translator": 0.02}
FAMILIES = {kind: load(kind)(kind=kind, sizes=(16,), learning_rate=rate) for kind, rate in RATES.items()}
SPELLING = tuple(bytes([96 + token]) if token > 2 else b"" for token in range(20))


@pytest.fixture(params=FAMILIES)
def family(request):
    return FAMILIES[request.param]


@pytest.fixture
def network(family):
    torch.manual_seed(0)
    return family.network(TASK, 16).eval()


def numbers(n, seed=0):
    """Make pairs whose target is the source, from the second token on and the first at the end."""
    rng = np.random.default_rng(seed)
    sources = [rng.integers(3, 8, rng.integers(2, 5)) for _ in range(n)]
    targets = [np.roll(source, -1) for source in sources]
    starts = np.cumsum([0, *map(len, sources)])
    rows = (Sentences(np.concatenate(sentences).astype(np.uint16), starts) for sentences in (sources, targets))
    return Pairs(*rows, SPELLING, translated=n)


def held(examples):
    return TASK.hold(examples, lambda x: x, torch.device("cpu"))


def test_they_are_for_translation(family):
    assert family.complaint(TASK) is None
    assert "the task is classification" in family.complaint(Classification(shape=(2,), classes=2))


def test_a_token_depends_on_all_of_the_source_and_on_what_was_written_before(network):
    source, target = torch.tensor([[3, 4, 5, 6]]), torch.tensor([[BEGIN, 3, 4, 5, 6]])
    plain = network(source, target)
    later = network(source, torch.tensor([[BEGIN, 3, 9, 5, 6]]))
    assert torch.equal(plain[:, :2], later[:, :2])
    assert not torch.isclose(plain[:, 2:], later[:, 2:]).all(dim=2).any()
    for place in range(4):
        other = source.clone()
        other[0, place] = 9
        assert not torch.isclose(plain, network(other, target)).all(dim=2).any()


def test_the_order_of_the_source_matters(network):
    target = torch.tensor([[BEGIN]])
    assert not torch.allclose(network(torch.tensor([[3, 4]]), target), network(torch.tensor([[4, 3]]), target))


def test_padding_changes_nothing(network):
    short, long = [3, 4], [5, 6, 7, 8, 9]
    target = torch.tensor([[BEGIN, 3], [BEGIN, 5]])
    together = network(torch.tensor([[*short, 0, 0, 0], long]), target)
    alone = network(torch.tensor([short]), target[:1])
    assert torch.allclose(together[:1], alone, atol=1e-5)


def test_step_by_step_they_say_the_same_as_at_once(network):
    source = torch.tensor([[3, 4, 0], [5, 6, 7]])
    target = torch.tensor([[BEGIN, 8, 9, 10], [BEGIN, 11, 12, 13]])
    state, steps = network.encode(source), []
    for tokens in target.T:
        logits, state = network.step(tokens, state)
        steps.append(logits)
    assert torch.allclose(torch.stack(steps, dim=1), network(source, target), atol=1e-5)


def test_every_weight_learns_and_every_product_is_counted(network):
    batch = TASK.take(held(numbers(4)), torch.arange(4))
    gradients = torch.autograd.grad(TASK.loss(network, batch), list(network.parameters()))
    assert all(gradient.abs().sum() > 0 for gradient in gradients)
    assert count(network, lambda: TASK.loss(network, batch)) > 0


def test_they_learn_to_translate(family):
    torch.manual_seed(0)
    network, examples = family.network(TASK, 16), held(numbers(300))
    weights, steps = list(network.parameters()), 400
    optimiser = AdamW(weights, family.learning_rate, 0, steps)
    for index in TASK.batches(np.random.default_rng(0), 300, 32, steps, torch.device("cpu")):
        optimiser.step(torch.autograd.grad(TASK.loss(network, TASK.take(examples, index)), weights))
    fresh = numbers(100, seed=1)
    answer = TASK.answer(network, held(fresh))
    assert TASK.score(answer, fresh)["token error"].mean() < 0.2
    said, wanted = [fresh.spell(tokens) for tokens in answer.translations], fresh.texts(100)
    assert np.mean([one == other for one, other in zip(said, wanted, strict=True)]) > 0.4
