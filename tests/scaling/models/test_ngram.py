"""n-grams: probabilities that add up to one, and the smoothing against the book."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling.models.ngram import Family, _discounts
from scaling.tasks.language import Language, Text

TASK = Language(token="letter", vocabulary=5, context=8)
LETTERS = st.lists(st.integers(0, 4), min_size=1, max_size=60)


def text(tokens):
    return Text(np.array([0, *tokens]), np.array([0]))


def surprise(shard, order, asked):
    return Family(kind="ngram", order=order).memorise(text(shard), TASK)(text(asked))


def after(shard, order, context):
    """The probability of each token after a context, and the one that is said to be likeliest."""
    said = [surprise(shard, order, [*context, token]) for token in range(TASK.vocabulary)]
    right = [token for token, words in enumerate(said) if not words.wrong[-1]]
    return np.exp([-words.nats[-1] for words in said]), right


@given(LETTERS, st.integers(1, 6), LETTERS)
def test_after_any_context_the_probabilities_add_up_to_one_and_the_likeliest_has_the_highest(shard, order, context):
    probabilities, likeliest = after(shard, order, context)
    assert probabilities.sum() == pytest.approx(1)
    assert probabilities.min() > 0
    assert len(likeliest) == 1
    assert probabilities[likeliest[0]] == pytest.approx(probabilities.max())


@given(LETTERS, st.integers(1, 5), LETTERS)
def test_what_is_said_of_a_token_depends_on_those_before_it_alone(shard, order, asked):
    whole, first = surprise(shard, order, [*asked, 3, 4]), surprise(shard, order, asked)
    assert whole.nats[: len(asked)] == pytest.approx(first.nats)
    assert (whole.wrong[: len(asked)] == first.wrong).all()


def by_the_book(shard, order, context, token):
    """Chen & Goodman's recursion, as it is written, with all contexts and counts looked up in the text itself."""
    tokens = [0] * (order - 1) + [0, *shard]
    first = order  # where the first token to predict stands

    def ngrams(length):
        return [tuple(tokens[end - length + 1 : end + 1]) for end in range(first, len(tokens))]

    def times(length):
        if length == order:
            return {gram: ngrams(length).count(gram) for gram in ngrams(length)}
        longer = set(ngrams(length + 1))
        return {gram: sum(other[1:] == gram for other in longer) for gram in set(ngrams(length))}

    def probability(context, token):
        counts = times(len(context) + 1)
        after = {gram[-1]: count for gram, count in counts.items() if gram[:-1] == context}
        below = probability(context[1:], token) if context else 1 / TASK.vocabulary
        if not after:
            return below
        discounts = _discounts(np.array(list(counts.values())))
        taken = {follower: discounts[min(count, 3)] for follower, count in after.items()}
        own = after[token] - taken[token] if token in after else 0
        return (own + sum(taken.values()) * below) / sum(after.values())

    read = [*[0] * order, *context]
    return probability(tuple(read[len(read) - order + 1 :]), token)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=25), st.integers(1, 4), LETTERS, st.integers(0, 4))
def test_they_are_those_of_the_recursion_as_it_is_written(shard, order, context, token):
    expected = by_the_book(shard, order, context, token)
    assert np.exp(-surprise(shard, order, [*context, token]).nats[-1]) == pytest.approx(expected)


def test_discounts_are_chen_and_goodmans_where_counts_are_large():
    times = np.repeat([1, 2, 3, 4, 9], [40_000, 15_000, 8_000, 5_000, 9_000])
    once = 40 / (40 + 2 * 15)
    book = [0, 1 - 2 * once * 15 / 40, 2 - 3 * once * 8 / 15, 3 - 4 * once * 5 / 8]
    assert _discounts(times) == pytest.approx(book, rel=1e-3)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=30))
def test_discounts_leave_something_and_take_no_more_than_there_is(times):
    none, *discounts = _discounts(np.array(times))
    assert none == 0
    assert all(0 < discount <= rank for rank, discount in enumerate(discounts, start=1))


def test_it_learns_a_text_that_repeats_itself():
    shard = [1, 2, 3, 4] * 50
    assert surprise(shard, 3, [1, 2, 3, 4] * 5).nats[4:].mean() < 0.1
    assert surprise(shard, 1, [1, 2, 3, 4] * 5).nats.mean() == pytest.approx(np.log(4), abs=0.1)


def test_its_label_says_n():
    assert Family(kind="ngram", order=5).label == "5-gram"
