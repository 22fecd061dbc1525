"""Translation: sentences in rows, batches of like length, and that every target token counts once."""

from itertools import pairwise
from math import log

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from scaling.tasks.translation import BEGIN, END, LONGEST, PADDING, Answer, Pairs, Sentences, Translation

CPU = torch.device("cpu")
LETTERS = "abcdefgh"
SPELLING = (b"", b"", b"", *(letter.encode() for letter in LETTERS), b" ", "ñ".encode(), b"\xc3", b"\xb1")
VOCABULARY = len(SPELLING)
TASK = Translation(source=VOCABULARY, target=VOCABULARY)
SENTENCE = st.lists(st.integers(3, VOCABULARY - 1), min_size=1, max_size=9)
PAIRS = st.lists(st.tuples(SENTENCE, SENTENCE), min_size=1, max_size=12)


def row(sentences):
    lengths = [len(sentence) for sentence in sentences]
    return Sentences(np.concatenate(sentences).astype(np.uint16), np.cumsum([0, *lengths]))


def pairs(listed, translated=0):
    sources, targets = zip(*listed, strict=True)
    return Pairs(row(sources), row(targets), SPELLING, translated)


def held(examples):
    return TASK.hold(examples, lambda x: x, CPU)


def unpadded(rows):
    return [[token for token in line if token > END] for line in rows.tolist()]


class Copying(nn.Module):
    """Is sure that the target is the source."""

    def __init__(self):
        super().__init__()
        self.sure = nn.Parameter(torch.tensor(2.0))
        self.most = 0

    def forward(self, source, target):
        self.most = max(self.most, len(source))
        said = [self._after(source, place) for place in range(target.shape[1])]
        return torch.stack(said, dim=1)

    def _after(self, source, place):
        ended = torch.cat([source, torch.zeros(len(source), place + 1, dtype=torch.long)], dim=1)[:, place]
        likely = torch.where(ended == PADDING, END, ended)
        return self.sure * nn.functional.one_hot(likely, VOCABULARY)

    def encode(self, source):
        return source, torch.tensor(0)

    def step(self, tokens, state):
        source, place = state
        assert place > 0 or (tokens == BEGIN).all()
        return self._after(source, int(place)), (source, place + 1)


class Chatter(Copying):
    """Never ends."""

    def _after(self, source, place):
        return nn.functional.one_hot(torch.full((len(source),), 3), VOCABULARY).float()


@given(PAIRS, st.data())
def test_sentences_are_taken_by_index(listed, data):
    sources = [source for source, _ in listed]
    index = data.draw(st.lists(st.integers(0, len(listed) - 1), max_size=8))
    taken = row(sources).take(np.array(index, dtype=np.int64))
    assert [taken.tokens[start:end].tolist() for start, end in pairwise(taken.starts)] == [
        sources[place] for place in index
    ]


@given(PAIRS, st.integers(1, 15))
def test_the_first_pairs_are_those_or_all(listed, n):
    first = TASK.first(pairs(listed), n)
    assert TASK.count(first) == min(n, len(listed))
    assert first.texts(n) == pairs(listed).texts(n)


@given(PAIRS)
def test_pairs_are_held_sorted_whole_and_between_marks(listed):
    source, target, order, _ = held(pairs(listed))
    lengths = [(len(listed[place][1]), len(listed[place][0])) for place in order]
    assert lengths == sorted(lengths)
    assert unpadded(source) == [listed[place][0] for place in order]
    assert unpadded(target) == [listed[place][1] for place in order]
    assert (target[:, 0] == BEGIN).all()
    assert ((target == END).sum(dim=1) == 1).all()
    assert [line.index(END) - 1 for line in target.tolist()] == [length for length, _ in lengths]


@given(st.integers(1, 400), st.integers(1, 20), st.integers(0, 60))
def test_an_epoch_sees_no_pair_twice_and_every_batch_is_full(N, size, steps):
    size = min(N, size)
    batches = [batch.tolist() for batch in TASK.batches(np.random.default_rng(0), N, size, steps, CPU)]
    assert len(batches) == steps
    assert all(len(batch) == size for batch in batches)
    for first in range(0, steps, N // size):
        epoch = [index for batch in batches[first : first + N // size] for index in batch]
        assert len(set(epoch)) == len(epoch)
        assert set(epoch) <= set(range(N))


def test_a_batch_is_of_like_lengths_but_the_lengths_come_in_no_order():
    batches = np.array([batch.tolist() for batch in TASK.batches(np.random.default_rng(0), 1_000, 10, 100, CPU)])
    assert np.ptp(batches, axis=1).mean() < 100
    assert np.corrcoef(batches.mean(axis=1), range(100))[0, 1] == pytest.approx(0, abs=0.2)


def test_what_an_epoch_leaves_out_is_not_always_the_longest():
    left_out = set()
    for seed in range(30):
        epoch = TASK.batches(np.random.default_rng(seed), 25, 10, 2, CPU)
        left_out |= set(range(25)) - {index for batch in epoch for index in batch.tolist()}
    assert len(left_out) > 20


@given(PAIRS)
def test_every_target_token_counts_once_however_long_the_others_are(listed):
    examples, network = pairs(listed), Copying()
    said = TASK.answer(network, held(examples))
    wrong = [
        sum(has != wanted for has, wanted in zip([*source, *[END] * 9], [*target, END], strict=False))
        for source, target in listed
    ]
    tokens = [len(target) + 1 for _, target in listed]
    sure = 2 - log(np.exp(2) + VOCABULARY - 1)
    assert said.wrong.tolist() == wrong
    assert said.nats == pytest.approx([-sure * of + 2 * bad for of, bad in zip(tokens, wrong, strict=True)], rel=1e-4)
    error, loss = TASK.judge(network, held(examples))
    assert error == pytest.approx(sum(wrong) / sum(tokens))
    assert loss == pytest.approx(said.nats.sum() / sum(tokens))
    batch = TASK.take(held(examples), torch.arange(len(listed)))
    assert TASK.loss(network, batch).item() == pytest.approx(loss, rel=1e-4)


@given(PAIRS)
def test_scores_are_by_pair_and_their_means_are_over_tokens_and_characters(listed):
    examples = pairs(listed)
    rng = np.random.default_rng(0)
    tokens = np.array([len(target) + 1 for _, target in listed])
    said = Answer(rng.random(len(listed)), rng.integers(0, tokens + 1), [])
    characters = sum(map(len, examples.texts(len(listed))))
    if characters == 0:
        return
    scores, weights = TASK.score(said, examples), TASK.weights(examples)
    assert scores["token error"].mean() == pytest.approx(said.wrong.sum() / tokens.sum())
    assert scores["nats per character"].mean() == pytest.approx(said.nats.sum() / characters)
    assert weights == pytest.approx(tokens / tokens.mean())
    all_wrong = TASK.score(said._replace(wrong=tokens), examples)
    assert all_wrong["token error"] == pytest.approx(weights)
    assert TASK.overall(said, examples) == {}


def test_tokens_spell_text_and_bytes_make_characters():
    examples = pairs([([3], [11, 3, 4, 11, 5, 13, 14, 12]), ([3], [3, 13])])
    assert examples.texts(2) == ["ab cññ", "a�"]


def test_a_translation_ends_where_the_network_says_so():
    listed = [([3, 4, 5], [3]), ([6], [6]), ([7, 8], [3])]
    said = TASK.answer(Copying(), held(pairs(listed, translated=2)))
    assert [tokens.tolist() for tokens in said.translations] == [[3, 4, 5], [6]]
    assert len(said.wrong) == 3


def test_a_translation_that_never_ends_is_cut():
    said = TASK.answer(Chatter(), held(pairs([([3], [3])], translated=1)))
    assert [len(tokens) for tokens in said.translations] == [LONGEST]


def test_a_perfect_translation_has_full_marks_and_one_of_other_words_none():
    words = [[3, 4, 11, 5, 6, 11, 7, 8, 11, 9, 10], [4, 3, 11, 4, 3, 11, 4, 3, 11, 4, 3]]
    examples = pairs([(words[0], words[0]), (words[1], words[1])], translated=2)
    overall = TASK.overall(TASK.answer(Copying(), held(examples)), examples)
    assert overall == pytest.approx({"chrF": 100, "BLEU": 100})
    swapped = pairs([(words[1], words[0]), (words[0], words[1])], translated=2)
    overall = TASK.overall(TASK.answer(Copying(), held(swapped)), swapped)
    assert overall["BLEU"] < 10
    assert overall["chrF"] < 30


def test_long_sets_are_read_in_parts(monkeypatch):
    examples, network = pairs([([3] * 9, [3] * 9)] * 7), Copying()
    whole = TASK.answer(network, held(examples))
    monkeypatch.setattr("scaling.tasks.translation.EVALUATION_VALUES", 3 * 11 * VOCABULARY)
    network.most = 0
    parts = TASK.answer(network, held(examples))
    assert network.most == 3
    assert (parts.wrong == whole.wrong).all()
    assert network.training


def test_best_guess_takes_all_tokens_for_equally_frequent():
    assert TASK.guess == pytest.approx(1 - 1 / VOCABULARY)
