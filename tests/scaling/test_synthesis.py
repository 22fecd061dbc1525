"""Synthesis: who says what, how loud the noise is, what spectra show, and that speech is the same each time."""

import tarfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling.sources import SourceError
from scaling.synthesis import (
    ACCENTS,
    ESPEAK,
    HELD_OUT,
    LIBRARY,
    MELS,
    PITCHES,
    RATES,
    SAMPLE_RATE,
    VOICES,
    WINDOW,
    Utterance,
    in_noise,
    log_mels,
    speak,
    utterances,
    voices,
)


def archive(path, files):
    """Pack stand-ins for the files of the synthesiser."""
    with tarfile.open(path, "w") as tar:
        for name in files:
            tar.addfile(tarfile.TarInfo(name))
    return path


def tone(frequency, seconds):
    return (8_000 * np.sin(2 * np.pi * frequency * np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE)).astype(
        np.int16
    )


@given(st.integers(0, 200), st.integers(1, 5))
def test_no_two_utterances_share_voice_accent_rate_and_pitch(n, speakers):
    names, texts = [f"v{voice}" for voice in range(speakers)], [str(text) for text in range(n)]
    said = utterances(np.random.default_rng(0), texts, names)
    assert [utterance.text for utterance in said] == texts
    assert len({utterance[1:] for utterance in said}) == n
    for _, accent, voice, rate, pitch in said:
        assert accent in ACCENTS
        assert voice in names
        assert rate in range(*RATES)
        assert pitch in range(*PITCHES)


def test_all_of_them_are_used():
    said = utterances(np.random.default_rng(0), ["x"] * 5_000, ["a", "b"])
    for column, choices in zip(
        list(zip(*said, strict=True))[1:], (ACCENTS, "ab", range(*RATES), range(*PITCHES)), strict=True
    ):
        assert set(column) == set(choices)


def test_the_voices_are_those_of_the_archive(tmp_path):
    raw = archive(tmp_path / "raw.tar", [f"{VOICES}b", LIBRARY, f"{VOICES}a b", "espeak-ng-data/phontab"])
    assert voices(raw) == ["a b", "b"]


@given(st.floats(-6, 15), st.integers(0, 3))
def test_noise_is_as_loud_as_the_ratio_says_and_lies_on_both_sides(ratio, seed):
    sound, margin = tone(1_000, 0.2), 5_000
    noisy = in_noise(sound, len(sound) + 2 * margin, np.random.default_rng(seed), (ratio, ratio))
    strength = np.square(sound, dtype=np.float64).mean()
    for side in (noisy[:margin], noisy[-margin:]):
        assert 10 * np.log10(strength / np.square(side, dtype=np.float64).mean()) == pytest.approx(ratio, abs=0.5)
    inner = noisy[margin:-margin] - sound
    assert 10 * np.log10(strength / np.square(inner, dtype=np.float64).mean()) == pytest.approx(ratio, abs=0.5)


def test_a_sound_that_is_too_long_is_cut_off_at_its_end():
    sound = tone(1_000, 0.2)
    noisy = in_noise(sound, 100, np.random.default_rng(0), (90, 90))
    assert noisy == pytest.approx(sound[:100], abs=5)


@given(st.floats(100, 7_500), st.integers(0, 500))
def test_a_tone_is_loudest_in_its_band_and_there_is_a_spectrum_every_hop(frequency, more):
    spectra = log_mels(tone(frequency, 0.1)[: WINDOW + 3 * 220 + more % 220].astype(np.float32), 220)
    assert spectra.shape == (4, MELS)
    mels = 2595 * np.log10(1 + np.array([60, 8_000, frequency]) / 700)
    band = (mels[2] - mels[0]) / (mels[1] - mels[0]) * (MELS + 1) - 1
    assert spectra.max() == 255
    assert np.abs(spectra.argmax(axis=1) - band).max() < 1.5


def test_spectra_are_decibels_below_the_loudest_spot_however_loud_that_is():
    sound = np.random.default_rng(0).standard_normal(25 * 220).astype(np.float32)
    spectra = log_mels(sound, 220)
    assert np.abs(log_mels(1_000 * sound, 220).astype(int) - spectra).max() <= 1
    quieter = log_mels(np.concatenate([sound, sound / 10]), 220)  # by 20 dB, a third of the range
    drop = quieter[: len(spectra)].astype(int) - quieter[-len(spectra) :]
    assert np.median(drop) == pytest.approx(255 / 3, abs=1)


def test_a_library_of_another_platform_is_told_with_the_package_that_brings_it(tmp_path):
    raw = archive(tmp_path / "raw.tar", [LIBRARY])
    with pytest.raises(SourceError, match=r"espeakng-loader==0\.2\.4 is for Linux on x86-64 .*leave it out"):
        next(speak(raw, [Utterance("one", "en", "f1", 150, 50)]))


@pytest.mark.network
def test_speech_is_the_same_each_time(tmp_path):
    (tmp_path / "raw.tar").write_bytes(ESPEAK.fetch(None))
    known = voices(tmp_path / "raw.tar")
    assert set(HELD_OUT) < set(known)
    assert len(known) == 104
    said = utterances(np.random.default_rng(0), ["one", "no"] * 200, known)
    first, again = (dict(speak(tmp_path / "raw.tar", said)) for _ in range(2))
    assert sorted(first) == list(range(400))
    assert all((first[place] == again[place]).all() for place in first)
    assert all(np.abs(sound.astype(int)).max() > 500 for sound in first.values())
