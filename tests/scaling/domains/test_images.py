"""The images: how they are split and drawn, shown on stand-ins that each spell their own number in four pixels."""

import gzip
import hashlib
import struct

import numpy as np
import pytest

from scaling.domains.images import Domain
from scaling.sources import DebianPackage

DOMAIN = Domain(kind="images", validation_size=5_000, test_size=300)
FIRST_TEST = 1_000_000


def idx(array):
    """Write unsigned bytes in the idx format, gzipped."""
    magic = bytes([0, 0, 8, array.ndim])
    return gzip.compress(magic + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes(), compresslevel=1)


def number(first, n):
    """Make n images of 2 × 2 pixels that spell the numbers from `first` on, and labels that follow from them."""
    numbers = np.arange(first, first + n, dtype=">u4")
    return idx(numbers.view(np.uint8).reshape(n, 2, 2)), idx((numbers % 10).astype(np.uint8))


def numbers_of(x):
    """Read the numbers off images scaled to [-1, 1]."""
    pixels = np.round((x.reshape(len(x), 4) + 1) * 127.5).astype(np.uint8)
    return pixels.copy().view(">u4").ravel().astype(int)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The prepared arrays of the stand-ins."""
    folder = tmp_path_factory.mktemp("images")
    names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    contents = [*number(0, 60_000), *number(FIRST_TEST, 10_000)]
    files = {f"{name}-ubyte.gz": content for name, content in zip(names, contents, strict=True)}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    source = DebianPackage(package="none", folder="", licence="MIT", sha256=hashes)
    (folder / "raw.tar").write_bytes(source.fetch(folder))
    np.savez(folder / "images.npz", **DOMAIN.prepare(folder / "raw.tar"))
    return folder / "images.npz"


def draw(data, N=1_000, seed=0):
    return DOMAIN.draw("images", N, seed, data)


def test_pool_validation_and_test_are_disjoint_and_whole(data):
    with np.load(data) as arrays:
        pool, validation, test = (
            set(numbers_of(arrays[f"{part}_x"] / 127.5 - 1)) for part in ("pool", "validation", "test")
        )
    assert (len(pool), len(validation), len(test)) == (55_000, 5_000, 300)
    assert pool | validation == set(range(60_000))
    assert test == set(range(FIRST_TEST, FIRST_TEST + 300))


def test_the_split_is_mixed_and_the_same_each_time(data, tmp_path):
    raw = data.with_name("raw.tar")
    again = DOMAIN.prepare(raw)
    with np.load(data) as arrays:
        assert all((arrays[name] == again[name]).all() for name in arrays.files)
    assert numbers_of(again["validation_x"] / 127.5 - 1).mean() == pytest.approx(30_000, abs=1_000)


def test_a_shard_is_drawn_from_the_pool_without_replacement(data):
    for N in (1, 1_000, 55_000):
        drawn = draw(data, N)
        numbers = numbers_of(drawn.train.x)
        assert len(set(numbers)) == len(numbers) == N
        assert not set(numbers) & set(numbers_of(drawn.validation.x))
        assert numbers.max() < 60_000


def test_labels_stay_with_their_images(data):
    drawn = draw(data)
    for examples in (drawn.train, drawn.validation, *drawn.test.values()):
        assert (examples.y == numbers_of(examples.x) % 10).all()
        assert (examples.x.dtype, examples.y.dtype) == (np.float32, np.int64)


def test_bytes_are_scaled_to_plus_minus_one(data):
    x = draw(data, 55_000).train.x
    assert x.shape == (55_000, 1, 2, 2)
    assert (x.min(), x.max()) == (-1, 1)  # the numbers up to 60,000 have pixels of 0 and of 255


def test_a_shard_is_the_same_each_time_and_no_part_of_another(data):
    first = set(numbers_of(draw(data, 2_000).train.x))
    assert first == set(numbers_of(draw(data, 2_000).train.x))
    for other in (draw(data, 2_000, 1), draw(data, 5_000), draw(data, 1_000)):
        shared = len(first & set(numbers_of(other.train.x)))
        # As many as chance gives: not nested, not disjoint.
        assert shared == pytest.approx(2_000 * len(other.train.x) / 55_000, abs=50)


def test_validation_and_test_are_the_same_for_all_runs(data):
    one, other = draw(data, 100, 0), draw(data, 200, 1)
    assert (one.validation.x == other.validation.x).all()
    assert (one.test["error"].x == other.test["error"].x).all()


def test_the_pool_is_what_the_validation_set_leaves():
    assert DOMAIN.pool == 55_000
    assert DOMAIN.guess == pytest.approx(0.9)


def test_without_data_there_is_nothing_to_draw():
    with pytest.raises(TypeError, match="prepared data"):
        DOMAIN.draw("images", 10, 0, None)
