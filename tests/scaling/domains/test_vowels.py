"""Vowels: how they are read, resampled and split, shown on stand-ins whose coefficients spell their own number."""

import hashlib

import numpy as np
import pytest

from scaling.domains.vowels import COEFFICIENTS, FRAMES, SPEAKERS, TRAINING, Domain, _utterances
from scaling.sources import PythonPackage

DOMAIN = Domain(kind="vowels", validation_size=54)
FIRST_TEST, TEST = 1_000, 37


def file(numbers):
    """Write utterances of 7 to 29 frames, of speakers that follow from their numbers."""
    lines = [
        ":".join([*[",".join([str(number)] * (7 + number % 23))] * COEFFICIENTS, str(1 + number % SPEAKERS)])
        for number in numbers
    ]
    return "\n".join(["#About.", "@problemName Stand-in", "@data", *lines, ""]).encode()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vowels")
    files = {
        "JapaneseVowels_TRAIN.ts": file(range(TRAINING)),
        "JapaneseVowels_TEST.ts": file(range(FIRST_TEST, FIRST_TEST + TEST)),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    source = PythonPackage(package="none", version="1", folder="", licence="CC-BY-4.0", sha256=hashes)
    (folder / "raw.tar").write_bytes(source.fetch(folder))
    np.savez(folder / "vowels.npz", **DOMAIN.prepare(folder / "raw.tar"))
    return folder / "vowels.npz"


def numbers_of(examples):
    assert (examples.x == examples.x[:, :1, :1, :1]).all()
    return examples.x[:, 0, 0, 0].astype(int)


def test_the_parts_are_disjoint_and_whole_and_labels_stay_with_them(data):
    drawn = DOMAIN.draw("vowels", DOMAIN.pool, 0, data)
    train, validation, test = map(numbers_of, (drawn.train, drawn.validation, drawn.test["error"]))
    assert (len(train), len(validation), len(test)) == (216, 54, TEST)
    assert set(train) | set(validation) == set(range(TRAINING))
    assert (test == range(FIRST_TEST, FIRST_TEST + TEST)).all()
    for examples in (drawn.train, drawn.validation, drawn.test["error"]):
        assert (examples.y == numbers_of(examples) % SPEAKERS).all()
        assert (examples.x.dtype, examples.y.dtype) == (np.float32, np.int64)
        assert examples.x.shape[1:] == DOMAIN.task.shape


def test_a_shard_is_the_same_each_time_and_no_part_of_another(data):
    first = set(numbers_of(DOMAIN.draw("vowels", 60, 0, data).train))
    assert len(first) == 60
    assert first == set(numbers_of(DOMAIN.draw("vowels", 60, 0, data).train))
    for N, seed in ((60, 1), (100, 0)):
        assert 0 < len(first & set(numbers_of(DOMAIN.draw("vowels", N, seed, data).train))) < 60


@pytest.mark.parametrize("frames", [7, 12, 29])
def test_utterances_of_any_length_are_interpolated_between_their_ends(frames):
    courses = [np.linspace(coefficient, coefficient + 5, frames) for coefficient in range(COEFFICIENTS)]
    line = ":".join([*(",".join(map(str, course)) for course in courses), "4"])
    x, y = _utterances(f"@data\n{line}\n")
    assert x[0, 0] == pytest.approx(np.linspace(0, 5, FRAMES)[:, None] + np.arange(COEFFICIENTS), abs=1e-5)
    assert y.tolist() == [3]


def test_without_data_there_is_nothing_to_draw():
    with pytest.raises(TypeError, match="prepared data"):
        DOMAIN.draw("vowels", 10, 0, None)
