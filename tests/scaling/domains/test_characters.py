"""The characters: how they are numbered and drawn, shown on stand-ins that each spell their own number."""

import hashlib
import json

import numpy as np
import pytest
from pydantic import ValidationError

from scaling.corpora import ARTICLES, SUMMARIES, Leads
from scaling.domains.characters import HELD, Domain
from scaling.sources import PythonPackage, SourceError
from scaling.tasks.language import SEPARATOR, UNKNOWN

DOMAIN = Domain(kind="characters", validation_size=500, test_size=3_000, context=32)
ARTICLE = "{:04d} ~Ωé"
"""Four digits, a space, the last of the alphabet, one that it lacks, and one that it has without the accent."""
LENGTH = 9
"""With the separator behind it."""
COUNT = 4_000


def text(tokens):
    """Spell tokens out again."""
    return "".join({SEPARATOR: "|", UNKNOWN: "?"}.get(token, chr(token + ord(" ") - 2)) for token in tokens)


def numbers(examples):
    """Read the numbers of the articles off a text."""
    return [int(article[:4]) for article in text(examples.tokens)[1:].split("|") if len(article) == LENGTH - 1]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The prepared arrays of the stand-ins."""
    folder = tmp_path_factory.mktemp("characters")
    content = json.dumps({str(n): {"extract": ARTICLE.format(n)} for n in range(COUNT)}).encode()
    (folder / SUMMARIES).write_bytes(content)
    hashes = {SUMMARIES: hashlib.sha256(content).hexdigest()}
    source = PythonPackage(package="none", version="0", folder="", licence="CC0", sha256=hashes)
    (folder / "raw.tar").write_bytes(source.fetch(folder))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Leads, "held", dict.fromkeys(HELD, 500), raising=False)
        patch.setattr(Domain, "held", dict.fromkeys(HELD, 500))
        np.savez(folder / "characters.npz", **DOMAIN.prepare(folder / "raw.tar"))
    return folder / "characters.npz"


def draw(data, N=1_000, seed=0):
    return DOMAIN.draw("characters", N, seed, data)


def test_the_alphabet_is_ascii_folded_and_all_else_is_unknown(data):
    drawn = draw(data)
    for examples in (drawn.train, drawn.validation, *drawn.test.values()):
        first, number = text(examples.tokens)[1:LENGTH], numbers(examples)[0]
        assert first == ARTICLE.format(number).replace("Ω", "?").replace("é", "e")
        assert examples.tokens.max() == DOMAIN.task.vocabulary - 1
        assert examples.tokens.dtype == np.int64


@pytest.mark.parametrize("N", [1, 8, 9, 10, 1_000, (COUNT - sum(ARTICLES.values())) * LENGTH])
def test_a_shard_holds_as_many_characters_of_the_pool_as_asked_for(data, N):
    drawn = draw(data, N)
    found = numbers(drawn.train)
    assert DOMAIN.task.count(drawn.train) == N
    assert len(found) == len(set(found)) >= N // LENGTH
    assert len(drawn.train.starts) == -(-N // LENGTH)
    assert not set(found) & set(numbers(drawn.validation)) | set(found) & set(numbers(drawn.test[DOMAIN.metric]))


def test_a_shard_is_the_same_each_time_and_no_part_of_another(data):
    first = numbers(draw(data, 4_500).train)
    assert first == numbers(draw(data, 4_500).train)
    for other in (draw(data, 4_500, 1), draw(data, 4_400), draw(data, 4_600)):
        shared = len(set(first) & set(numbers(other.train)))
        # As many as chance gives, of 1,400: not nested, not disjoint.
        assert shared == pytest.approx(500 * 500 / 1_400, abs=60)


def test_validation_and_test_are_the_same_for_all_runs(data):
    one, other = draw(data, 100, 0), draw(data, 200, 1)
    assert (one.validation.tokens == other.validation.tokens).all()
    assert (one.test[DOMAIN.metric].tokens == other.test[DOMAIN.metric].tokens).all()
    assert DOMAIN.task.count(one.validation) == DOMAIN.validation_size
    assert DOMAIN.task.count(one.test[DOMAIN.metric]) == DOMAIN.test_size


def test_another_text_than_the_studys_is_an_error(data):
    with pytest.raises(SourceError, match="the test part holds 4500 characters, expected 247859"):
        DOMAIN.prepare(data.with_name("raw.tar"))


def test_sets_larger_than_their_parts_are_no_study():
    with pytest.raises(ValidationError, match="46559"):
        Domain(kind="characters", validation_size=46_560, test_size=1, context=8)


def test_the_pool_is_known_before_it_is_there_and_best_guess_takes_symbols_for_equally_likely():
    assert DOMAIN.pool == HELD["pool"]
    assert DOMAIN.guess == pytest.approx(np.log(97))


def test_without_data_there_is_nothing_to_draw():
    with pytest.raises(TypeError, match="characters are drawn from prepared data"):
        DOMAIN.draw("characters", 10, 0, None)
