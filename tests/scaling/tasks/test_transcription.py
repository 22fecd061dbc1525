"""Transcription: edits are counted as the textbook counts them, and utterances are judged in batches as one by one."""

import functools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from scaling.tasks import transcription
from scaling.tasks.transcription import NOTHING, Transcription, Utterances, edits

CPU = torch.device("cpu")
TASK = Transcription(symbol="letter", symbols=3, bands=2, most=4)
ROWS = st.lists(st.tuples(*[st.lists(st.integers(0, 2), max_size=6)] * 2), min_size=1, max_size=5)


def rows_of(rows, most=None):
    """Write rows of symbols under each other, filled up behind their end."""
    filled = np.full((len(rows), most or max(map(len, rows))), NOTHING)
    for place, row in enumerate(rows):
        filled[place, : len(row)] = row
    return filled


@functools.cache
def distance(one, other):
    """Count edits as they are defined."""
    if not one or not other:
        return len(one) + len(other)
    changed = distance(one[1:], other[1:]) + (one[0] != other[0])
    return min(changed, distance(one[1:], other) + 1, distance(one, other[1:]) + 1)


def utterances(n, seed=0):
    """Utterances whose frames spell their symbols, each for as many frames as it says plus one, zero between them."""
    rng = np.random.default_rng(seed)
    said = [rng.integers(3, size=rng.integers(1, 5)) for _ in range(n)]
    heard = [np.concatenate([[[symbol + 1, symbol]] * (symbol + 1) + [[0, 9]] for symbol in row]) for row in said]
    frames = np.zeros((n, max(map(len, heard)), 2), dtype=np.float32)
    for place, spectra in enumerate(heard):
        frames[place, : len(spectra)] = spectra
    return Utterances(frames, np.array([len(spectra) for spectra in heard]), rows_of(said, TASK.most))


class Ear(nn.Module):
    """Hears such utterances rightly, but for one symbol that it takes for another."""

    def __init__(self, mistaken=None):
        super().__init__()
        self.mistaken, self.batches = mistaken, []

    def forward(self, frames, lengths):
        return frames, lengths

    def loss(self, heard, symbols):
        return heard[1].float().mean()

    def transcribe(self, heard):
        frames, lengths = heard
        assert not self.training
        assert int(lengths.max()) == frames.shape[1]  # no longer than the longest of the batch
        self.batches.append(len(frames))
        rows = []
        for sound, length in zip(frames[..., 0], lengths, strict=True):
            new = torch.diff(sound[:length], prepend=torch.zeros(1)) > 0
            rows.append([self.mistaken_for(int(symbol) - 1) for symbol in sound[:length][new]])
        return torch.from_numpy(rows_of(rows))

    def mistaken_for(self, symbol):
        return 0 if symbol == self.mistaken else symbol


def held(examples):
    return TASK.hold(examples, lambda x: x, CPU)


@given(ROWS)
def test_edits_are_the_fewest_that_turn_one_row_into_the_other(rows):
    heard, said = (rows_of(side) for side in zip(*rows, strict=True))
    expected = [distance(tuple(one), tuple(other)) for one, other in rows]
    assert edits(heard, said).tolist() == edits(said, heard).tolist() == expected


def test_known_edits_are_counted():
    kitten, sitting = ([*map(ord, word)] for word in ("kitten", "sitting"))
    assert edits(rows_of([kitten]), rows_of([sitting])).tolist() == [3]


@pytest.mark.parametrize("values", [1, 10_000])
def test_who_hears_all_errs_nowhere_in_batches_of_any_size(monkeypatch, values):
    monkeypatch.setattr(transcription, "EVALUATION_VALUES", values)
    examples, ear = utterances(20), Ear()
    assert (TASK.answer(ear, held(examples)) == examples.symbols).all()
    assert TASK.judge(ear, held(examples)) == (0, pytest.approx(examples.lengths.mean()))
    assert ear.training
    assert len(ear.batches) == (2 if values > 1 else 40)


def test_the_judgement_is_the_mean_score_and_its_weights_are_the_lengths():
    examples, ear = utterances(50), Ear(mistaken=2)
    answers = TASK.answer(ear, held(examples))
    scores, weights = TASK.score(answers, examples), TASK.weights(examples)
    error = (examples.symbols == 2).sum() / (examples.symbols != NOTHING).sum()
    assert TASK.judge(ear, held(examples))[0] == error
    assert scores["letter error"].mean() == pytest.approx(error)
    assert scores["utterance error"].mean() == (examples.symbols == 2).any(axis=1).mean()
    assert weights.mean() == pytest.approx(1)
    assert weights == pytest.approx((examples.symbols != NOTHING).sum(axis=1) / 2.5, rel=0.2)
    ratios = scores["letter error"] / weights
    assert ratios == pytest.approx((examples.symbols == 2).sum(axis=1) / (examples.symbols != NOTHING).sum(axis=1))


def test_who_hears_nothing_errs_as_guessing_does():
    examples = utterances(10)
    silence = np.full((10, 0), NOTHING)
    assert TASK.score(silence, examples)["letter error"].mean() == pytest.approx(TASK.guess)


def test_a_batch_is_as_long_as_its_longest_utterance():
    examples = utterances(30)
    batch = TASK.take(held(examples), torch.tensor([3, 7]))
    assert batch.frames.shape[1] == examples.lengths[[3, 7]].max()
    assert (batch.symbols.numpy() == examples.symbols[[3, 7]]).all()
    assert TASK.loss(Ear(), batch) == pytest.approx(examples.lengths[[3, 7]].mean())


def test_the_first_utterances_are_those_or_all():
    examples = utterances(5)
    assert TASK.count(TASK.first(examples, 3)) == 3
    assert (TASK.first(examples, 3).symbols == examples.symbols[:3]).all()
    assert TASK.count(TASK.first(examples, 9)) == 5


def test_the_metric_is_named_for_the_symbol():
    assert TASK.metric == "letter error"
    assert "letters inserted" in TASK.meaning
