"""The memory of hashes forgets at any change of a file, and never stands in the way."""

import errno
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance import memo
from provenance.memo import MEMO, Memo
from provenance.receipts import file_hash


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Name the files that were really read."""
    read: list[str] = []

    def _file_hash(path: Path) -> str:
        read.append(path.name)
        return file_hash(path)

    monkeypatch.setattr(memo, "file_hash", _file_hash)
    return read


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a file count as settled at once."""
    monkeypatch.setattr(memo, "SETTLED_NS", -(10**18))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.json"
    path.write_text("0.25")
    return path


def remembered(folder: Path, *paths: Path) -> None:
    known = Memo(folder)
    for path in paths:
        known.hash(path)
    known.save()


@pytest.mark.usefixtures("settled")
def test_what_did_not_change_is_not_read_again(tmp_path: Path, file: Path, hashed: list[str]):
    remembered(tmp_path, file)
    assert Memo(tmp_path).hash(file) == file_hash(file)
    assert hashed == ["a.json"]


@pytest.mark.usefixtures("settled")
def test_with_no_trust_everything_is_read(tmp_path: Path, file: Path, hashed: list[str]):
    remembered(tmp_path, file)
    (tmp_path / MEMO).write_text((tmp_path / MEMO).read_text().replace(file_hash(file), "f" * 64))
    assert Memo(tmp_path).hash(file) == "f" * 64
    assert Memo(tmp_path, trusting=False).hash(file) == file_hash(file)
    assert hashed == ["a.json", "a.json"]


def with_old_times(path: Path, change: Callable[[], object]) -> None:
    """Change a file and set its times back, as `touch -r` would."""
    about = path.stat()
    tick = about.st_ctime_ns
    while True:
        change()
        os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
        if path.stat().st_ctime_ns > tick:  # the kernel's clock has ticked
            break
        time.sleep(0.002)
    assert path.stat().st_mtime_ns == about.st_mtime_ns


def rewrite(path: Path) -> None:
    path.write_text("0.15")


def replace_by_another(path: Path) -> None:
    other = path.with_name("other")
    other.write_text("0.15")
    other.replace(path)


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("change", [rewrite, replace_by_another])
def test_a_file_changed_under_its_old_time_and_size_is_noticed(
    tmp_path: Path, file: Path, change: Callable[[Path], None]
):
    remembered(tmp_path, file)
    before = file.stat()
    with_old_times(file, lambda: change(file))
    assert (file.stat().st_mtime_ns, file.stat().st_size) == (before.st_mtime_ns, before.st_size)
    assert Memo(tmp_path).hash(file) == file_hash(file)


@pytest.mark.usefixtures("settled")
def test_every_part_of_a_files_state_counts(tmp_path: Path, file: Path):
    for part in range(4):
        remembered(tmp_path, file)
        state = json.loads((tmp_path / MEMO).read_text())
        state["files"][str(file)][part] += 1
        state["files"][str(file)][-1] = "f" * 64
        (tmp_path / MEMO).write_text(json.dumps(state))
        assert Memo(tmp_path).hash(file) == file_hash(file)
        (tmp_path / MEMO).unlink()


def test_what_changed_just_now_is_not_remembered(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(memo, "SETTLED_NS", 10**18)
    remembered(tmp_path, file)
    assert not (tmp_path / MEMO).exists()


def test_what_changed_just_before_a_long_look_is_not_remembered(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
):
    now = [file.stat().st_ctime_ns + memo.SETTLED_NS // 2]

    def _slow(path: Path) -> str:
        now[0] += 10 * memo.SETTLED_NS
        return file_hash(path)

    monkeypatch.setattr(memo, "file_hash", _slow)
    monkeypatch.setattr(memo.time, "time_ns", lambda: now[0])
    remembered(tmp_path, file)
    assert not (tmp_path / MEMO).exists()
    remembered(tmp_path, file)
    assert (tmp_path / MEMO).exists()


def test_what_is_no_file_has_no_hash(tmp_path: Path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("absent", "folder", "link", "folder/below"):
        assert Memo(tmp_path).hash(tmp_path / name) is None


def test_a_file_that_goes_is_gone(tmp_path: Path, file: Path):
    remembered(tmp_path, file)
    file.unlink()
    assert Memo(tmp_path).hash(file) is None


JUNK = st.recursive(
    st.none() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=6), max_leaves=8
)


@pytest.mark.usefixtures("settled")
@given(
    damage=st.binary(max_size=30)
    | JUNK.map(lambda junk: json.dumps({"FILE": junk}).encode())
    | st.just(b"[" * 100_000)
    | st.just(b'{"FILE": {"a": 1}}')
    | JUNK.map(lambda junk: json.dumps({"files": {"FILE": junk}, "sound": junk}).encode())
    | JUNK.map(lambda junk: json.dumps({"files": junk, "sound": {"a.receipt.json": junk}}).encode())
)
def test_a_damaged_memory_is_as_good_as_none(tmp_path_factory: pytest.TempPathFactory, damage: bytes):
    folder = tmp_path_factory.mktemp("results")
    (folder / "a").write_text("a")
    (folder / MEMO).write_bytes(damage.replace(b"FILE", str(folder / "a").encode()))
    known = Memo(folder)
    assert known.hash(folder / "a") == file_hash(folder / "a")
    assert not known.was_sound("a.receipt.json", "e" * 64)
    known.save()
    assert Memo(folder).hash(folder / "a") == file_hash(folder / "a")


@pytest.mark.usefixtures("settled")
def test_a_folder_that_cannot_be_written_is_no_trouble(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch):
    def _refuse(self: Path, *_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    for method in ("write_text", "unlink"):
        monkeypatch.setattr(Path, method, _refuse)
    remembered(tmp_path, file)
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_folder_that_is_not_there_is_no_trouble(tmp_path: Path):
    remembered(tmp_path / "nowhere", tmp_path / "nowhere" / "a")
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.usefixtures("settled")
def test_it_is_written_whole_and_leaves_nothing_else(tmp_path: Path, file: Path):
    remembered(tmp_path, file)
    assert sorted(path.name for path in tmp_path.iterdir()) == [MEMO, "a.json"]
