"""What comes out of the store is what went in, or nothing; and the store never fails a job."""

import errno
import fcntl
import hashlib
import json
import multiprocessing
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance import store as module
from provenance.receipts import Receipt
from provenance.store import Removed, Statistics, Store, StoreError, job_key, parse_size

SCRIPTS = Path(module.__file__).parents[1]
FORK = multiprocessing.get_context("fork")

names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=5,
)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def sealed(receipt: Mapping[str, Any]) -> dict[str, Any]:
    rest = {part: value for part, value in receipt.items() if part != "seal"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return {**rest, "seal": sha256(text.encode())}


def receipt_of(contents: Mapping[str, bytes], **parts: Any) -> dict[str, Any]:
    """Write the receipt of a job that has made these files."""
    return sealed(
        {
            "rule": "train",
            "wildcards": {"domain": "spiral"},
            "params": {"run": {"N": 100}},
            "code": {"digest": "c" * 64, "script": "scripts/train.py"},
            "environment": {"digest": "e" * 64, "versions": {"python": "3.11.7"}},
            "inputs": {"data.npz": "1" * 64},
            "sources": {},
            "order": "",
            "outputs": {path: sha256(content) for path, content in contents.items()},
            "made": {"host": "here", "wall_s": 1.5},
            **parts,
        }
    )


def written(folder: Path, contents: Mapping[str, bytes]) -> dict[str, Path]:
    """Write the files, as a job does."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {path: folder / f"made-{place}" for place, path in enumerate(contents)}
    for path, content in contents.items():
        files[path].write_bytes(content)
    return files


def targets_for(folder: Path, contents: Mapping[str, bytes]) -> dict[str, Path]:
    return {path: folder / f"target-{place}" for place, path in enumerate(contents)}


def put(store: Store, folder: Path, contents: Mapping[str, bytes], **parts: Any) -> str:
    """Put a job's result into the store; its key."""
    receipt = receipt_of(contents, **parts)
    assert store.put(job_key(receipt), receipt, written(folder, contents))
    return job_key(receipt)


def content_of(store: Store) -> dict[str, bytes]:
    return {str(path.relative_to(store.folder)): path.read_bytes() for path in all_files(store.folder)}


def all_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def object_of(store: Store, content: bytes) -> Path:
    return store.folder / "objects" / sha256(content)[:2] / sha256(content)


def entry_of(store: Store, key: str) -> Path:
    return store.folder / "jobs" / key[:2] / f"{key}.json"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


CONTENTS = {"runs/seed0.json": b'{"loss": 0.25}\n', "runs/seed0.npz": bytes(range(256)) * 20}


# --- In and out


@given(
    contents=st.dictionaries(names, st.binary(max_size=300), min_size=1, max_size=4),
    params=plain,
    block=st.integers(1, 400),
)
def test_what_was_put_in_comes_out(contents: dict[str, bytes], params: Any, block: int):
    receipt = receipt_of(contents, params=params)
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", block)
        store = Store(Path(name) / "store")
        targets = targets_for(Path(name), contents)
        assert store.get(job_key(receipt), targets) is None
        assert store.put(job_key(receipt), receipt, written(Path(name), contents))
        got = Store(store.folder).get(job_key(receipt), targets)
        assert json.dumps(got, sort_keys=True) == json.dumps(receipt, sort_keys=True)
        assert {path: target.read_bytes() for path, target in targets.items()} == contents
        assert store.verify() == []
        distinct = set(contents.values())
        assert store.statistics() == Statistics(1, len(distinct), sum(map(len, distinct)))


def test_layout_is_by_hash(store: Store, tmp_path: Path):
    key = put(store, tmp_path, CONTENTS)
    expected = {object_of(store, content) for content in CONTENTS.values()} | {entry_of(store, key)}
    assert set(all_files(store.folder)) == expected


def test_unknown_key_is_a_silent_miss(store: Store, tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    assert store.get("0" * 64, targets_for(tmp_path, CONTENTS)) is None
    assert not store.folder.exists()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)], ids=["usual", "private", "group"]
)
def test_restored_file_is_an_ordinary_independent_copy(store: Store, tmp_path: Path, umask: int, mode: int):
    contents = {"a.json": b"kept"}
    key = put(store, tmp_path, contents)
    before = content_of(store)
    target = tmp_path / "restored.json"
    old = os.umask(umask)
    try:
        assert store.get(key, {"a.json": target})
    finally:
        os.umask(old)
    assert not target.is_symlink()
    assert target.stat().st_nlink == 1
    assert object_of(store, b"kept").stat().st_nlink == 1
    assert target.stat().st_mode & 0o777 == mode
    with target.open("ab") as file:
        file.write(b" and edited")
    assert content_of(store) == before
    assert store.get(key, {"a.json": target})
    assert target.read_bytes() == b"kept"


def test_editing_what_was_put_in_leaves_the_store_as_it_is(store: Store, tmp_path: Path):
    key = put(store, tmp_path, {"a": b"kept"})
    with (tmp_path / "made-0").open("r+b") as file:
        file.write(b"edit")
    assert store.get(key, {"a": tmp_path / "target"})
    assert (tmp_path / "target").read_bytes() == b"kept"


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_what_a_target_links_to_is_not_written(store: Store, tmp_path: Path, link: Callable[[Path, Path], None]):
    key = put(store, tmp_path, {"a": b"kept"})
    (tmp_path / "precious").write_bytes(b"precious")
    link(tmp_path / "precious", tmp_path / "target")
    assert store.get(key, {"a": tmp_path / "target"})
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert (tmp_path / "target").read_bytes() == b"kept"


def test_equal_content_is_kept_once_and_not_rewritten(store: Store, tmp_path: Path):
    put(store, tmp_path, {"a": b"same", "b": b"same"})
    before = object_of(store, b"same").stat().st_ino
    put(store, tmp_path, {"c": b"same"})
    assert object_of(store, b"same").stat().st_ino == before
    assert store.statistics() == Statistics(2, 1, 4)


# --- Keys


@pytest.mark.parametrize(
    "change",
    [
        {"rule": "law"},
        {"wildcards": {"domain": "moons"}},
        {"params": {"run": {"N": 101}}},
        {"code": {"digest": "d" * 64}},
        {"environment": {"digest": "f" * 64}},
        {"inputs": {"data.npz": "2" * 64}},
        {"sources": {"paper/main.tex": "3" * 64}},
        {"outputs": {"other.json": "4" * 64}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_key_depends_on_all_that_decides_the_outputs(change: dict[str, Any]):
    assert job_key(receipt_of(CONTENTS, **change)) != job_key(receipt_of(CONTENTS))


def test_key_is_known_before_the_work():
    receipt = receipt_of(CONTENTS)
    before = {part: receipt[part] for part in receipt if part not in ("made", "seal")}
    assert job_key({**before, "outputs": sorted(CONTENTS, reverse=True)}) == job_key(receipt)
    assert job_key({**receipt, "made": {}, "code": {"digest": "c" * 64, "files": {}}}) == job_key(receipt)


@pytest.mark.parametrize("parts", [{}, {"code": {}, "environment": {}}], ids=["code", "no code"])
def test_receipts_of_jobs_are_kept(store: Store, tmp_path: Path, parts: dict[str, Any]):
    receipt = Receipt.from_json(receipt_of(CONTENTS, **parts))
    content = json.loads(receipt.text())
    key = job_key({**content, "outputs": list(CONTENTS)})
    assert store.put(key, content, written(tmp_path, CONTENTS))
    found = store.get(key, targets_for(tmp_path, CONTENTS))
    assert Receipt.from_json(found).text() == receipt.text()


def test_key_of_a_mapping_by_numbers_is_that_of_its_json():
    receipt = receipt_of(CONTENTS, params={2: "a", 10: "b", 1: "c"})
    assert job_key(receipt) == job_key(json.loads(json.dumps(receipt)))


# --- What put refuses


def test_put_refuses_what_its_receipt_does_not_say(store: Store, tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    receipt = receipt_of(CONTENTS)
    files = written(tmp_path, {path: content + b"!" for path, content in CONTENTS.items()})
    assert not store.put(job_key(receipt), receipt, files)
    assert all_files(store.folder) == []
    assert "another content than its receipt says" in capfd.readouterr().err


def test_put_refuses_another_content_even_if_the_object_is_there(store: Store, tmp_path: Path):
    put(store, tmp_path / "1", {"a": b"good"})
    receipt = receipt_of({"b": b"good"})
    assert not store.put(job_key(receipt), receipt, written(tmp_path / "2", {"b": b"evil"}))
    assert store.statistics().entries == 1
    assert store.verify() == []


RECEIPT = receipt_of(CONTENTS)
BAD_RECEIPTS: dict[str, tuple[dict[str, Any], str]] = {
    "without a seal": ({part: RECEIPT[part] for part in RECEIPT if part != "seal"}, "seal"),
    "broken seal": ({**RECEIPT, "made": {}}, "seal"),
    # An input changed between the look at the store and the job's own reading.
    "other inputs": (receipt_of(CONTENTS, inputs={"data.npz": "9" * 64}), "another job"),
    "no inputs": (sealed({part: RECEIPT[part] for part in RECEIPT if part != "inputs"}), "no receipt"),
    "outside": (receipt_of(CONTENTS, outputs=dict.fromkeys(CONTENTS, "../../../precious")), "no digests"),
    "not JSON": ({**RECEIPT, "made": b"now"}, "JSON"),
    "a list": (receipt_of(CONTENTS, outputs=list(CONTENTS)), "no receipt"),
}


@pytest.mark.parametrize(("receipt", "words"), BAD_RECEIPTS.values(), ids=BAD_RECEIPTS)
def test_put_refuses_a_receipt(
    store: Store, tmp_path: Path, capfd: pytest.CaptureFixture[str], receipt: dict[str, Any], words: str
):
    assert not store.put(job_key(RECEIPT), receipt, written(tmp_path, CONTENTS))
    assert not store.folder.exists()
    said = capfd.readouterr().err
    assert words in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("files", [dict(list(CONTENTS.items())[:1]), {**CONTENTS, "more": b""}], ids=["less", "more"])
def test_put_refuses_other_files_than_the_outputs(store: Store, tmp_path: Path, files: dict[str, bytes]):
    assert not store.put(job_key(RECEIPT), RECEIPT, written(tmp_path, files))
    assert not store.folder.exists()


# --- Damage

Damage = Callable[[Store, str], None]


def first_object(store: Store) -> Path:
    return object_of(store, CONTENTS["runs/seed0.json"])


def second_object(store: Store) -> Path:
    return object_of(store, CONTENTS["runs/seed0.npz"])


def corrupt(store: Store, key: str) -> None:
    content = bytearray(second_object(store).read_bytes())
    content[-1] ^= 1
    second_object(store).write_bytes(content)


def truncate(store: Store, key: str) -> None:
    os.truncate(second_object(store), 100)


def lose(store: Store, key: str) -> None:
    second_object(store).unlink()


def swap(store: Store, key: str) -> None:
    first_object(store).rename(store.folder / "aside")
    second_object(store).rename(first_object(store))
    (store.folder / "aside").rename(second_object(store))


def corrupt_receipt(store: Store, key: str) -> None:
    text = entry_of(store, key).read_text()
    assert "spiral" in text
    entry_of(store, key).write_text(text.replace("spiral", "spirit"))


def truncate_entry(store: Store, key: str) -> None:
    os.truncate(entry_of(store, key), 100)


def empty_entry(store: Store, key: str) -> None:
    entry_of(store, key).write_bytes(b"")


def nest_entry(store: Store, key: str) -> None:
    entry_of(store, key).write_bytes(b"[" * 100_000)


def garble_entry(store: Store, key: str) -> None:
    entry_of(store, key).write_bytes(b"\xff\xfe\x00")


def space_entry(store: Store, key: str) -> None:
    with entry_of(store, key).open("ab") as file:
        file.write(b"\n")


def another_jobs_entry(store: Store, key: str) -> None:
    other = put(store, store.folder.parent / "other", CONTENTS, rule="other")
    shutil.copy(entry_of(store, other), entry_of(store, key))
    entry_of(store, other).unlink()


DAMAGES = [
    corrupt,
    truncate,
    lose,
    swap,
    corrupt_receipt,
    truncate_entry,
    empty_entry,
    nest_entry,
    garble_entry,
    space_entry,
    another_jobs_entry,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_a_miss_until_the_next_put_heals_it(
    store: Store, tmp_path: Path, capfd: pytest.CaptureFixture[str], damage: Damage
):
    key = put(store, tmp_path, CONTENTS)
    damage(store, key)
    assert store.verify() != []
    targets = targets_for(tmp_path, CONTENTS)
    capfd.readouterr()

    assert store.get(key, targets) is None
    assert not any(target.exists() for target in targets.values())
    said = capfd.readouterr().err
    assert said.startswith("store: ")
    assert key in said
    assert said.count("\n") == 1
    assert not entry_of(store, key).exists()
    assert store.get(key, targets) is None
    assert capfd.readouterr().err == ""  # it is dropped, and no more than a miss

    put(store, tmp_path, CONTENTS)
    assert store.get(key, targets) == receipt_of(CONTENTS)
    assert {path: target.read_bytes() for path, target in targets.items()} == CONTENTS
    assert store.verify() == []


@pytest.mark.parametrize("damage", DAMAGES)
def test_put_alone_heals(store: Store, tmp_path: Path, damage: Damage):
    key = put(store, tmp_path, CONTENTS)
    damage(store, key)
    put(store, tmp_path, CONTENTS)
    assert store.verify() == []


@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_no_flipped_bit_of_an_entry_goes_unnoticed(place: int, bit: int):
    with tempfile.TemporaryDirectory() as name:
        store = Store(Path(name) / "store")
        key = put(store, Path(name), CONTENTS)
        content = bytearray(entry_of(store, key).read_bytes())
        content[place % len(content)] ^= 1 << bit
        entry_of(store, key).write_bytes(content)
        assert len(store.verify()) == 1
        assert store.get(key, targets_for(Path(name), CONTENTS)) is None


def test_entry_sealed_anew_cannot_be_passed_off_as_another_jobs(store: Store, tmp_path: Path):
    key = put(store, tmp_path, CONTENTS)
    forged = receipt_of(CONTENTS, rule="forged")
    entry: dict[str, Any] = {"key": key, "receipt": forged}
    text = json.dumps(entry, sort_keys=True, separators=(",", ":"))
    entry["sha256"] = sha256(text.encode())
    entry_of(store, key).write_text(json.dumps(entry, sort_keys=True, separators=(",", ":")))
    assert store.get(key, targets_for(tmp_path, CONTENTS)) is None


def test_other_targets_than_the_outputs_are_a_miss(store: Store, tmp_path: Path):
    key = put(store, tmp_path, CONTENTS)
    assert store.get(key, {"runs/seed0.json": tmp_path / "target"}) is None
    assert not (tmp_path / "target").exists()


def test_bad_object_is_dropped_for_every_job_that_shares_it(store: Store, tmp_path: Path):
    first = put(store, tmp_path, CONTENTS)
    second = put(store, tmp_path, CONTENTS, rule="other")
    corrupt(store, first)
    targets = targets_for(tmp_path, CONTENTS)
    assert store.get(first, targets) is None
    assert not second_object(store).exists()
    assert store.get(second, targets) is None


def test_object_pruned_while_it_is_read_is_a_silent_miss(
    store: Store, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    key = put(store, tmp_path, CONTENTS)
    restore = Store._restore

    def _pruned_first(self: Store, digest: str, target: Path) -> None:
        store.prune(0, grace_s=0)
        restore(self, digest, target)

    monkeypatch.setattr(Store, "_restore", _pruned_first)
    assert store.get(key, targets_for(tmp_path, CONTENTS)) is None
    assert capfd.readouterr().err == ""


def test_verify_names_what_is_damaged_and_changes_nothing(store: Store, tmp_path: Path):
    key = put(store, tmp_path, CONTENTS)
    other = put(store, tmp_path, {"b": b"lost"})
    corrupt(store, key)
    object_of(store, b"lost").unlink()
    stray = store.folder / "objects" / "ab" / "stray"
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"")
    misplaced = store.folder / "jobs" / "zz" / f"{key}.json"
    misplaced.parent.mkdir()
    shutil.copy(entry_of(store, key), misplaced)
    before = content_of(store)
    damaged = {damage.file for damage in store.verify()}
    expected = (second_object(store), entry_of(store, other), stray, misplaced)
    assert damaged == {str(path.relative_to(store.folder)) for path in expected}
    assert content_of(store) == before


def test_verify_names_every_job_that_lacks_an_object(store: Store, tmp_path: Path):
    keys = [put(store, tmp_path, {"a": b"lost", "b": b"lost"}, rule=rule) for rule in ("one", "two")]
    object_of(store, b"lost").unlink()
    assert [damage.file for damage in store.verify()] == sorted(f"jobs/{key[:2]}/{key}.json" for key in keys)


# --- Stores that can't be written


def refusing(number: int) -> Callable[..., Any]:
    def _refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return _refuse


def refusing_in(folder: Path, real: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse to change anything in this folder, as a file system that is mounted read-only."""

    def _refuse(path: Any, *rest: Any, **options: Any) -> Any:
        if folder in (Path(path), *Path(path).parents):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return real(path, *rest, **options)

    return _refuse


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOSPC, errno.EDQUOT, errno.ESTALE])
@pytest.mark.parametrize("step", ["mkdir", "replace", "write_bytes"])
def test_put_into_a_store_that_refuses_is_one_warning(
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    step: str,
    number: int,
):
    files = written(tmp_path, CONTENTS)
    monkeypatch.setattr(Path, step, refusing(number))
    assert not store.put(job_key(RECEIPT), RECEIPT, files)
    said = capfd.readouterr().err
    assert os.strerror(number) in said
    assert said.count("\n") == 1
    assert [path for path in all_files(store.folder) if path.name.startswith(".")] == []


def test_put_into_a_full_store_leaves_nothing(store: Store, tmp_path: Path):
    contents = {"a": b"x" * 100_000}
    receipt = receipt_of(contents)
    files = written(tmp_path, contents)

    def _put() -> None:
        # The system itself then refuses to write more, as on a full disk.
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))
        os._exit(int(store.put(job_key(receipt), receipt, files)))

    child = FORK.Process(target=_put)
    child.start()
    child.join()
    assert child.exitcode == 0
    assert all_files(store.folder) == []


def test_store_that_can_only_be_read_gives_what_it_has(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    key = put(store, tmp_path, CONTENTS)
    folders = [path for path in (store.folder, *store.folder.rglob("*")) if path.is_dir()]
    for path in folders:
        path.chmod(0o555)
    for name in ("utime", "unlink", "replace", "mkdir"):  # for root, whom modes don't stop
        monkeypatch.setattr(os, name, refusing_in(store.folder, getattr(os, name)))
    try:
        targets = targets_for(tmp_path, CONTENTS)
        assert store.get(key, targets) == RECEIPT
        assert capfd.readouterr().err == ""
        receipt = receipt_of({"b": b"new"})
        assert not store.put(job_key(receipt), receipt, written(tmp_path, {"b": b"new"}))
        assert Store(store.folder, 0).trim() == Removed(0, 0, 0)
        assert capfd.readouterr().err.count("\n") == 2
    finally:
        for path in folders:
            path.chmod(0o755)


def test_damage_in_a_store_that_can_only_be_read_is_a_miss(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    key = put(store, tmp_path, CONTENTS)
    corrupt(store, key)
    unlink = Path.unlink

    def _refuse(path: Path, missing_ok: bool = False) -> None:
        if store.folder in path.parents:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", _refuse)
    targets = targets_for(tmp_path, CONTENTS)
    assert store.get(key, targets) is None
    assert not any(target.exists() for target in targets.values())


def test_store_that_breaks_later_never_raises(store: Store, tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    store.folder.write_text("a file now")
    assert store.get("0" * 64, targets_for(tmp_path, CONTENTS)) is None
    assert not store.put(job_key(RECEIPT), RECEIPT, written(tmp_path, CONTENTS))
    assert store.trim() == Removed(0, 0, 0)
    assert capfd.readouterr().err.count("\n") == 2


def test_target_that_cannot_be_written_is_a_miss_and_no_damage(
    store: Store, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    key = put(store, tmp_path, CONTENTS)
    targets = targets_for(tmp_path, CONTENTS)
    targets["runs/seed0.npz"] = tmp_path / "no" / "such" / "folder"
    assert store.get(key, targets) is None
    assert not any(target.exists() for target in targets.values())
    assert "No such file" in capfd.readouterr().err
    assert store.get(key, targets_for(tmp_path, CONTENTS)) == RECEIPT


def test_interrupted_get_leaves_no_target(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    key = put(store, tmp_path, CONTENTS)
    copy = module._copy

    def _interrupted(source: Any, target: Any = None) -> str:
        copy(source, target)
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_copy", _interrupted)
    targets = targets_for(tmp_path, CONTENTS)
    with pytest.raises(KeyboardInterrupt):
        store.get(key, targets)
    assert not any(target.exists() for target in targets.values())
    assert entry_of(store, key).exists()


def test_interrupted_put_leaves_nothing_to_be_found(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    files = written(tmp_path, CONTENTS)

    def _interrupted(source: Any, target: Any = None) -> str:
        target.write(source.read(5))
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_copy", _interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.put(job_key(RECEIPT), RECEIPT, files)
    assert all_files(store.folder) == []


# --- Several at once


def shared_contents(job: int) -> dict[str, bytes]:
    return {f"runs/{job}.json": b"%d" % job * 3000, f"runs/{job}.npz": b"shared by all" * 500}


def work(folder: Path, worker: int, rounds: int, prune: bool) -> None:
    """What a build does over and over: get a result or put it in. Exits with 1 if it gets anything wrong."""
    store = Store(folder / "store")
    mine = folder / f"worker-{worker}"
    mine.mkdir()
    hits = 0
    for turn in range(rounds):
        contents = shared_contents((turn + worker) % 5)
        key, targets = job_key(receipt_of(contents)), targets_for(mine, contents)
        for target in targets.values():
            target.unlink(missing_ok=True)
        receipt = store.get(key, targets)
        if receipt is None:
            assert not any(target.exists() for target in targets.values())
            made = receipt_of(contents, made={"worker": worker, "turn": turn})
            assert store.put(key, made, written(mine, contents))
            continue
        hits += 1
        assert {path: target.read_bytes() for path, target in targets.items()} == contents
        assert receipt["outputs"] == receipt_of(contents)["outputs"]
        if prune and turn % 7 == worker:
            store.prune(10_000, grace_s=0)
    assert hits


def run_at_once(*workers: Callable[[], None]) -> None:
    children = [FORK.Process(target=worker) for worker in workers]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0] * len(workers)


def test_builds_at_once_share_a_store(store: Store, tmp_path: Path):
    run_at_once(*(lambda worker=worker: work(tmp_path, worker, 60, prune=False) for worker in range(3)))
    assert store.verify() == []
    assert store.statistics().entries == 5
    assert not list(store.folder.rglob("*.tmp"))


def test_prune_beside_builds_is_no_more_than_misses(store: Store, tmp_path: Path):
    run_at_once(*(lambda worker=worker: work(tmp_path, worker, 150, prune=True) for worker in range(3)))
    # An entry may have lost its object to a prune without grace; nothing that is there is wrong.
    assert all("missing" in damage.words for damage in store.verify())
    assert not list(store.folder.rglob("*.tmp"))


# --- Size


def use(store: Store, key: str, seconds_ago: float) -> None:
    then = time.time() - seconds_ago
    os.utime(entry_of(store, key), (then, then))


def age(store: Store, seconds: float) -> None:
    then = time.time() - seconds
    for path in all_files(store.folder / "objects"):
        os.utime(path, (then, then))


def test_prune_drops_the_least_recently_used_and_keeps_what_others_share(store: Store, tmp_path: Path):
    keys = [put(store, tmp_path, {f"{job}.a": b"%d" % job * 1000, f"{job}.b": b"s" * 500}) for job in range(4)]
    for job, key in enumerate(keys):
        use(store, key, seconds_ago=1000 - job)
    assert store.get(keys[0], {"0.a": tmp_path / "a", "0.b": tmp_path / "b"})  # a use makes it the latest
    assert store.statistics() == Statistics(4, 5, 4500)

    assert store.prune(2500, grace_s=0) == Removed(entries=2, objects=2, bytes=2000)
    assert store.statistics() == Statistics(2, 3, 2500)
    assert {path.stem for path in all_files(store.folder / "jobs")} == {keys[0], keys[3]}
    assert object_of(store, b"s" * 500).exists()
    assert store.verify() == []


@given(
    jobs=st.lists(st.sets(st.integers(0, 5), min_size=1), max_size=6),
    order=st.randoms(use_true_random=False),
    limit=st.integers(0, 2000),
)
def test_prune_keeps_the_most_recent_that_fit(jobs: list[set[int]], order: Any, limit: int):
    with tempfile.TemporaryDirectory() as name:
        store = Store(Path(name) / "store", limit)
        sizes = {b"%d" % part * 100 * (part + 1): 100 * (part + 1) for part in range(6)}
        parts = list(sizes)
        needs = {}
        for place, job in enumerate(jobs):
            key = put(store, Path(name), {f"{place}-{part}": parts[part] for part in job})
            needs[key] = job
        by_use = list(needs)
        order.shuffle(by_use)
        for place, key in enumerate(by_use):
            use(store, key, seconds_ago=1000 - place)
        store.prune(grace_s=0)
        kept = {path.stem for path in all_files(store.folder / "jobs")}
        # Known truth: the longest run of latest uses whose files, each counted once, fit.
        fitting = max(
            (by_use[start:] for start in range(len(by_use) + 1) if _size(needs, by_use[start:], sizes) <= limit),
            key=len,
        )
        assert kept == set(fitting)
        assert store.statistics().bytes == _size(needs, fitting, sizes)
        assert store.verify() == []
        assert store.prune(grace_s=0) == Removed(0, 0, 0)


def _size(needs: dict[str, set[int]], keys: list[str], sizes: dict[bytes, int]) -> int:
    return sum(list(sizes.values())[part] for part in set().union(*(needs[key] for key in keys)))


def test_young_objects_stay_through_a_prune(store: Store, tmp_path: Path):
    key = put(store, tmp_path, {"a": b"a" * 100})
    assert store.prune(0, grace_s=3600) == Removed(entries=1, objects=0, bytes=0)
    assert object_of(store, b"a" * 100).exists()
    # Another build that puts the same content in now relies on it, though it is old by itself.
    age(store, 7200)
    other = put(store, tmp_path, {"b": b"a" * 100})
    entry_of(store, other).unlink()
    assert store.prune(0, grace_s=3600) == Removed(0, 0, 0)
    age(store, 7200)
    assert store.prune(0, grace_s=3600) == Removed(entries=0, objects=1, bytes=100)
    assert store.get(key, {"a": tmp_path / "target"}) is None


def test_young_objects_cost_no_further_entries(store: Store, tmp_path: Path):
    for job in range(4):
        put(store, tmp_path, {f"{job}": b"%d" % job * 100})
    assert store.prune(200).entries == 2
    assert store.prune(200).entries == 0


def test_prune_without_a_limit_removes_only_what_no_entry_needs(store: Store, tmp_path: Path):
    put(store, tmp_path, {"a": b"kept"})
    entry_of(store, put(store, tmp_path, {"b": b"unneeded"})).unlink()
    assert store.prune(grace_s=0) == Removed(entries=0, objects=1, bytes=8)
    assert store.verify() == []


def test_prune_removes_what_killed_jobs_left(store: Store, tmp_path: Path):
    put(store, tmp_path, {"a": b"kept"})
    left = object_of(store, b"kept").with_name(".abc.host.1.0123.tmp")
    left.write_bytes(b"half")
    assert store.verify() == []
    store.prune(10**6)
    assert left.exists()
    os.utime(left, (0, 0))
    store.prune(10**6)
    assert not left.exists()


def test_prune_drops_damaged_entries(store: Store, tmp_path: Path):
    key = put(store, tmp_path, CONTENTS)
    truncate_entry(store, key)
    store.prune(10**6, grace_s=0)
    assert store.statistics() == Statistics(0, 0, 0)


def test_one_prune_at_a_time(store: Store, tmp_path: Path):
    put(store, tmp_path, CONTENTS)
    with (store.folder / ".lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        child = FORK.Process(target=_prune_all, args=(store.folder,))
        child.start()
        child.join(0.3)
        assert child.is_alive()
        assert store.statistics().entries == 1
        fcntl.flock(lock, fcntl.LOCK_UN)
    child.join()
    assert child.exitcode == 0
    assert store.statistics() == Statistics(0, 0, 0)


def _prune_all(folder: Path) -> None:
    Store(folder).prune(0, grace_s=0)


@pytest.mark.parametrize(("limit", "left"), [(None, 2), (200, 2), (199, 1), (0, 0)])
def test_trim_prunes_above_the_limit_only(store: Store, tmp_path: Path, limit: int | None, left: int):
    for name in (b"a", b"b"):
        put(store, tmp_path, {name.decode(): name * 100})
    age(store, 7200)
    Store(store.folder, limit).trim()
    assert store.statistics() == Statistics(left, left, 100 * left)


def test_empty_store_can_be_asked_anything(store: Store):
    assert store.statistics() == Statistics(0, 0, 0)
    assert store.verify() == []
    assert store.trim() == Removed(0, 0, 0)
    assert store.prune(0) == Removed(0, 0, 0)


# --- Settings


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("20GB", 20 * 10**9),
        ("500MB", 500 * 10**6),
        ("1.5 TB", 1500 * 10**9),
        ("7kb", 7000),
        (" 0B ", 0),
    ],
)
def test_size(text: str, size: int):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "20", "GB", "-1GB", "20GiB", "1e3GB", "20 G B", "٢GB", "inf GB", "1.GB", "1,5GB"])
def test_what_is_no_size(text: str):
    with pytest.raises(ValueError, match="such as 20GB"):
        parse_size(text)


@pytest.mark.parametrize("value", [None, ""])
def test_no_store_unless_named(monkeypatch: pytest.MonkeyPatch, value: str | None):
    monkeypatch.delenv("STUDY_STORE", raising=False)
    if value is not None:
        monkeypatch.setenv("STUDY_STORE", value)
    monkeypatch.setenv("STUDY_STORE_LIMIT", "nonsense")
    assert Store.from_environment() is None


@pytest.mark.parametrize(("limit", "size"), [(None, 20 * 10**9), ("", 20 * 10**9), ("500MB", 500 * 10**6)])
def test_store_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str | None, size: int):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STUDY_STORE", "kept/here")
    monkeypatch.delenv("STUDY_STORE_LIMIT", raising=False)
    if limit is not None:
        monkeypatch.setenv("STUDY_STORE_LIMIT", limit)
    store = Store.from_environment()
    assert store is not None
    assert (store.folder, store.limit_bytes) == (tmp_path / "kept" / "here", size)
    assert not store.folder.exists()


def test_bad_limit_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STUDY_STORE", str(tmp_path))
    monkeypatch.setenv("STUDY_STORE_LIMIT", "plenty")
    with pytest.raises(StoreError, match=r"STUDY_STORE_LIMIT: 'plenty' .*expected .*such as 20GB"):
        Store.from_environment()


@pytest.mark.parametrize("below", ["", "below", "below/it"])
def test_file_in_the_stores_place_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, below: str):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file is not a folder"):
        Store(tmp_path / "file" / below)
    monkeypatch.setenv("STUDY_STORE", str(tmp_path / "file" / below))
    with pytest.raises(StoreError, match=r"STUDY_STORE: .*file is not a folder"):
        Store.from_environment()


@pytest.mark.parametrize("key", ["", "abc", "../" * 10 + "x", "A" * 64])
def test_key_that_is_no_hash_is_a_mistake(store: Store, tmp_path: Path, key: str):
    with pytest.raises(ValueError, match="not a sha256"):
        store.get(key, targets_for(tmp_path, CONTENTS))


def test_import_is_light():
    code = "import sys, provenance.store; print([m for m in ('numpy', 'pydantic', 'pickle') if m in sys.modules])"
    environment = os.environ | {"PYTHONPATH": str(SCRIPTS)}
    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_a_build_refuses_a_store_whose_folder_cannot_be_made(tmp_path):
    Store(tmp_path / "far/away").prepare()
    assert (tmp_path / "far/away").is_dir()
    with pytest.raises(StoreError, match="/proc/nothing can't hold a store"):
        Store(Path("/proc/nothing")).prepare()
