"""Language modelling: texts, windows, and that every token is predicted once."""

from math import log

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from scaling.tasks.language import SEPARATOR, UNKNOWN, Language, Surprise, Text, text_of

CPU = torch.device("cpu")
TASK = Language(token="letter", vocabulary=5, context=8)
# Token 1 among them stands for what the vocabulary lacks.
DOCUMENTS = st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=20).map(np.array), min_size=1, max_size=8)


class Bigrams(nn.Module):
    """Knows how often each token follows each, and nothing of what was before."""

    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.randn(5, 5, generator=torch.Generator().manual_seed(0)))
        self.longest = 0

    def forward(self, tokens):
        self.longest = max(self.longest, tokens.shape[1])
        return self.table[tokens]


def held(text):
    return TASK.hold(text, lambda x: x, CPU)


@given(DOCUMENTS)
def test_a_text_holds_its_documents_between_separators(documents):
    text = text_of(documents)
    assert TASK.count(text) == sum(len(document) + 1 for document in documents)
    assert (text.tokens[text.starts] == SEPARATOR).all()
    assert text.tokens[-1] == SEPARATOR
    for document, start in zip(documents, text.starts, strict=True):
        assert (text.tokens[start + 1 : start + 1 + len(document)] == document).all()


@given(DOCUMENTS, st.data())
def test_a_text_may_be_cut_after_any_token(documents, data):
    whole = text_of(documents)
    N = data.draw(st.integers(1, TASK.count(whole)))
    for cut in (text_of(documents, N), TASK.first(whole, N)):
        assert TASK.count(cut) == N
        assert (cut.tokens == whole.tokens[: N + 1]).all()
        assert (cut.starts == whole.starts[whole.starts < N]).all()


def test_more_tokens_than_there_are_is_an_error():
    with pytest.raises(ValueError, match="2 documents hold 7 tokens, fewer than 8"):
        text_of([np.array([1, 2, 3]), np.array([4, 4])], 8)


@given(DOCUMENTS)
def test_every_token_is_predicted_once_from_at_most_a_window(documents):
    text, network = text_of(documents), Bigrams()
    said = TASK.answer(network, held(text))
    logits = torch.log_softmax(network.table, dim=1).detach().numpy()
    assert said.nats == pytest.approx(-logits[text.tokens[:-1], text.tokens[1:]], abs=1e-5)
    assert (said.wrong == (logits.argmax(axis=1)[text.tokens[:-1]] != text.tokens[1:])).all()
    assert network.longest <= TASK.context
    error, loss = TASK.judge(network, held(text))
    assert error == loss == pytest.approx(said.nats.mean())


@given(DOCUMENTS)
def test_scores_are_by_document_and_their_means_are_over_tokens(documents):
    text = text_of(documents)
    rng = np.random.default_rng(0)
    said = Surprise(rng.random(TASK.count(text)), rng.random(TASK.count(text)) < 0.3)
    scores, weights = TASK.score(said, text), TASK.weights(text)
    assert scores["nats per letter"].mean() == pytest.approx(said.nats.mean())
    assert scores["bits per letter"].mean() == pytest.approx(said.nats.mean() / log(2))
    assert scores["error"].mean() == pytest.approx((said.wrong | (text.tokens[1:] == UNKNOWN)).mean())
    assert weights.mean() == pytest.approx(1)
    lengths = [len(document) + 1 for document in documents]
    assert weights == pytest.approx(np.array(lengths) / np.mean(lengths))
    assert scores["nats per letter"][0] == pytest.approx(said.nats[: lengths[0]].sum() / np.mean(lengths))


@given(st.integers(1, 200), st.integers(1, 100), st.integers(0, 20))
def test_batches_are_windows_of_the_text_and_hold_the_tokens_asked_for(N, size, steps):
    text = Text(np.arange(N + 1), np.array([0]))
    taken = [TASK.take(held(text), index) for index in TASK.batches(np.random.default_rng(0), N, size, steps, CPU)]
    assert len(taken) == steps
    for inputs, targets in taken:
        assert (targets == inputs + 1).all()
        assert inputs.shape[1] == min(N, TASK.context)
        assert inputs.numel() <= max(size, inputs.shape[1])


def test_training_on_a_text_lowers_the_surprise_from_that_of_best_guess():
    text = text_of([np.array([1, 2, 3, 4] * 30)])
    network = nn.Sequential(nn.Embedding(5, 5))
    nn.init.zeros_(network[0].weight)
    batch = TASK.take(held(text), torch.tensor([0, 7]))
    assert TASK.loss(network, batch).item() == pytest.approx(TASK.guess) == pytest.approx(log(5))
    TASK.loss(network, batch).backward()
    with torch.no_grad():
        network[0].weight -= 50 * network[0].weight.grad
    assert TASK.judge(network, held(text))[0] < 0.1
