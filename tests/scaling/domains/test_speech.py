"""Speech: who says what in which part, and how it is drawn, shown on a stand-in that says each word as a tone."""

import tarfile

import numpy as np
import pytest

from scaling import synthesis
from scaling.domains import speech
from scaling.domains.speech import WORDS, Domain
from scaling.synthesis import HELD_OUT, SAMPLE_RATE, VOICES

DOMAIN = Domain(kind="speech", pool_size=300, validation_size=60, test_size=80, held_out_size=50)
FIRST_BAND = 8


def tone(word, seconds=0.3):
    """Say a word as a tone in the middle of a band of its own."""
    filters = synthesis._filters()
    frequency = filters[:, FIRST_BAND + WORDS.index(word)].argmax() * SAMPLE_RATE / synthesis.WINDOW
    return (8_000 * np.sin(2 * np.pi * frequency * np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE)).astype(
        np.int16
    )


@pytest.fixture(scope="module")
def spoken(tmp_path_factory):
    """The utterances asked of the stand-in, and the folder with what was prepared from them."""
    folder, asked = tmp_path_factory.mktemp("speech"), []

    def speak(raw, said):
        asked.append(said)
        yield from ((place, tone(said[place].text)) for place in reversed(range(len(said))))

    with tarfile.open(folder / "raw.tar", "w") as tar:
        for voice in ("a", "b", *HELD_OUT):
            tar.addfile(tarfile.TarInfo(VOICES + voice))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speech, "speak", speak)
        arrays, again = (DOMAIN.prepare(folder / "raw.tar") for _ in range(2))
    assert all((arrays[name] == again[name]).all() for name in arrays)
    np.savez(folder / "speech.npz", **arrays)
    return asked[0], folder / "speech.npz"


def draw(spoken, N=100, seed=0):
    return DOMAIN.draw("speech", N, seed, spoken[1])


def parts(drawn):
    return [drawn.train, drawn.validation, *drawn.test.values()]


def keys(examples):
    """Name utterances by their noise, of which each has its own."""
    return {x.tobytes() for x in examples.x}


def test_held_out_voices_say_what_is_held_out_and_nothing_else(spoken):
    said, _ = spoken
    assert len(said) == 490
    assert {utterance.voice for utterance in said[:440]} == {"a", "b"}
    assert {utterance.voice for utterance in said[440:]} == set(HELD_OUT)


def test_labels_are_the_words_that_were_said(spoken):
    for examples in parts(draw(spoken)):
        assert examples.x.shape[1:] == DOMAIN.task.shape
        assert (examples.x[:, 0, 16:48].mean(axis=1).argmax(axis=1) == FIRST_BAND + examples.y).all()


def test_all_words_are_said_about_equally_often(spoken):
    counts = np.bincount(draw(spoken, 300).train.y, minlength=20)
    assert (counts > 3).all()
    assert DOMAIN.guess == pytest.approx(0.95)


def test_the_parts_are_disjoint_and_of_the_sizes_asked_for(spoken):
    drawn = draw(spoken, 300)
    sizes = [len(examples.y) for examples in parts(drawn)]
    assert sizes == [300, 60, 80, 50]
    assert len(set().union(*map(keys, parts(drawn)))) == sum(sizes)
    assert set(drawn.test) == {"error", *Domain.regions}


def test_a_shard_is_the_same_each_time_and_no_part_of_another(spoken):
    first = keys(draw(spoken).train)
    assert len(first) == 100
    assert first == keys(draw(spoken).train)
    for other in (draw(spoken, seed=1), draw(spoken, 200)):
        assert 0 < len(first & keys(other.train)) < 100


def test_values_lie_between_minus_one_and_one(spoken):
    x = draw(spoken).train.x
    assert x.dtype == np.float32
    assert -1 <= x.min() < -0.2 < x.max() == 1


def test_without_data_there_is_nothing_to_draw():
    with pytest.raises(TypeError, match="prepared data"):
        DOMAIN.draw("speech", 10, 0, None)
