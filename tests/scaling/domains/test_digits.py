"""Digits: that symbols stay with their sounds, shown on a stand-in that says each as a tone of a tenth of a second."""

import tarfile

import numpy as np
import pytest

from scaling import synthesis
from scaling.domains import digits
from scaling.domains.digits import DIGITS, Domain
from scaling.synthesis import HELD_OUT, SAMPLE_RATE, VOICES
from scaling.tasks.transcription import NOTHING

DOMAIN = Domain(kind="digits", pool_size=200, validation_size=30, test_size=40, held_out_size=50)
FIRST_BAND, FRAMES_A_DIGIT = 8, 5


def tones(text):
    """Say digits one after the other, each as a tone in the middle of a band of its own."""
    places = [FIRST_BAND + DIGITS.index(word) for word in text.split()]
    frequencies = synthesis._filters()[:, places].argmax(axis=0) * SAMPLE_RATE / synthesis.WINDOW
    times = np.arange(FRAMES_A_DIGIT * digits.HOP) / SAMPLE_RATE
    return (8_000 * np.sin(2 * np.pi * frequencies[:, None] * times)).astype(np.int16).ravel()


@pytest.fixture(scope="module")
def spoken(tmp_path_factory):
    """The utterances asked of the stand-in, and the file with what was prepared from them."""
    folder, asked = tmp_path_factory.mktemp("digits"), []

    def speak(raw, said):
        asked.append(said)
        yield from ((place, tones(said[place].text)) for place in reversed(range(len(said))))

    with tarfile.open(folder / "raw.tar", "w") as tar:
        for voice in ("a", "b", *HELD_OUT):
            tar.addfile(tarfile.TarInfo(VOICES + voice))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digits, "speak", speak)
        arrays, again = (DOMAIN.prepare(folder / "raw.tar") for _ in range(2))
    assert all((arrays[name] == again[name]).all() for name in arrays)
    np.savez(folder / "digits.npz", **arrays)
    return asked[0], folder / "digits.npz"


def draw(spoken, N=100, seed=0):
    return DOMAIN.draw("digits", N, seed, spoken[1])


def parts(drawn):
    return [drawn.train, drawn.validation, *drawn.test.values()]


def keys(examples):
    return {frames.tobytes() for frames in examples.frames}


def test_held_out_voices_say_what_is_held_out_and_nothing_else(spoken):
    said, _ = spoken
    assert len(said) == 320
    assert {utterance.voice for utterance in said[:270]} == {"a", "b"}
    assert {utterance.voice for utterance in said[270:]} == set(HELD_OUT)


def test_symbols_are_the_digits_that_were_said_in_their_order(spoken):
    for examples in parts(draw(spoken)):
        starts = digits.MARGIN // digits.HOP + 1 + FRAMES_A_DIGIT * np.arange(digits.MOST)
        for frames, length, symbols in zip(*examples, strict=True):
            said = symbols[symbols != NOTHING]
            assert (frames[starts[: len(said)]].argmax(axis=1) - FIRST_BAND == said).all()
            samples = len(tones(" ".join(DIGITS[digit] for digit in said))) + 2 * digits.MARGIN
            assert length == (samples - synthesis.WINDOW) // digits.HOP + 1


def test_rows_hold_two_to_five_digits_all_about_equally_often(spoken):
    symbols = draw(spoken, 200).train.symbols
    lengths = (symbols != NOTHING).sum(axis=1)
    assert set(lengths) == {2, 3, 4, 5}
    assert (np.bincount(symbols[symbols != NOTHING], minlength=10) > 40).all()
    assert (np.diff((symbols != NOTHING).astype(int), axis=1) <= 0).all()


def test_behind_the_end_of_an_utterance_there_is_nothing(spoken):
    train = draw(spoken).train
    behind = np.arange(train.frames.shape[1]) >= train.lengths[:, None]
    assert (train.frames[behind] == 0).all()
    assert (train.frames[~behind] != 0).mean() > 0.99
    assert -1 <= train.frames.min() < train.frames.max() == 1


def test_the_parts_are_disjoint_and_of_the_sizes_asked_for(spoken):
    drawn = draw(spoken, 200)
    sizes = [DOMAIN.task.count(examples) for examples in parts(drawn)]
    assert sizes == [200, 30, 40, 50]
    assert len(set().union(*map(keys, parts(drawn)))) == sum(sizes)
    assert set(drawn.test) == {"digit error", *Domain.regions}


def test_a_shard_is_the_same_each_time_and_no_part_of_another(spoken):
    first = keys(draw(spoken).train)
    assert len(first) == 100
    assert first == keys(draw(spoken).train)
    for other in (draw(spoken, seed=1), draw(spoken, 150)):
        assert 0 < len(first & keys(other.train)) < 100


def test_best_guess_names_two_or_three_digits():
    """Of one digit, said always, a tenth is right; of several, more are right than are too many."""
    assert 0.8 < DOMAIN.guess < 0.9


def test_without_data_there_is_nothing_to_draw():
    with pytest.raises(TypeError, match="prepared data"):
        DOMAIN.draw("digits", 10, 0, None)
