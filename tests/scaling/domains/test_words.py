"""The words: how they are cut and numbered, shown on stand-ins. How articles are split and drawn, characters show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling.corpora import Parts
from scaling.domains.words import Domain, words
from scaling.tasks.language import UNKNOWN


def domain(vocabulary):
    return Domain(kind="words", validation_size=10, test_size=10, context=8, vocabulary=vocabulary)


def test_words_are_runs_of_letters_and_digits_and_single_punctuation_marks():
    assert " ".join(words('In 1901, "Ω-rays" weren\'t x2.')) == 'in 1901 , " ω - rays " weren \' t x2 .'


@given(st.text())
def test_nothing_but_space_is_lost(text):
    assert "".join(words(text)) == "".join(text.lower().split())


def test_the_vocabulary_are_the_commonest_words_of_its_slice_alone():
    parts = Parts(test=["b c d e"], validation=["a a e"], vocabulary=["c b b", "a b c d"], pool=["d a", "e e e"])
    encoded = domain(3).encode(parts)
    a, b, c = UNKNOWN + 3, UNKNOWN + 1, UNKNOWN + 2  # a and d are seen once: ties go by the alphabet
    assert {part: [list(article) for article in articles] for part, articles in encoded.items()} == {
        "test": [[b, c, UNKNOWN, UNKNOWN]],
        "validation": [[a, a, UNKNOWN]],
        "pool": [[UNKNOWN, a], [UNKNOWN, UNKNOWN, UNKNOWN]],
    }
    assert domain(3).task.vocabulary == c + 2 == a + 1


@pytest.mark.parametrize("vocabulary", [0, 19_001])
def test_a_vocabulary_has_some_words_and_no_more_than_there_are(vocabulary):
    with pytest.raises(ValueError, match="vocabulary"):
        domain(vocabulary)
