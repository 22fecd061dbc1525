"""Raw data: the same bytes whichever way they come, or a message that says what is wrong."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest

from scaling.sources import DebianPackage, PythonPackage, SourceError, extract, listing, names, read_member

FILES = {"b.bin": b"\x00\x01" * 400, "a.txt": b"words"}
needs_dpkg = pytest.mark.skipif(
    shutil.which("dpkg-deb") is None, reason="builds a Debian package; there is no dpkg-deb"
)


def source_of(files):
    return DebianPackage(
        package="tiny-data",
        folder="usr/share/tiny",
        licence="MIT",
        sha256={name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    )


@pytest.fixture
def folder(tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    for name, content in FILES.items():
        (copy / name).write_bytes(content)
    (copy / "other").write_bytes(b"not asked for")
    return copy


@pytest.fixture
def package(tmp_path):
    return build_package(tmp_path, FILES)


def build_package(tmp_path, files):
    tree = tmp_path / "tree"
    (tree / "usr/share/tiny").mkdir(parents=True)
    (tree / "DEBIAN").mkdir()
    (tree / "DEBIAN/control").write_text(
        "Package: tiny-data\nVersion: 1\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: tiny\n"
    )
    for name, content in files.items():
        (tree / "usr/share/tiny" / name).write_bytes(content)
    package = tmp_path / "tiny-data.deb"
    command = ["dpkg-deb", "--root-owner-group", "--build", str(tree), str(package)]
    subprocess.run(command, check=True, capture_output=True)
    return package


def apt(tmp_path, monkeypatch, script):
    """Put an apt-get of ours before the system's."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/apt-get").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "bin/apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")


def test_the_tar_holds_the_files_named_and_no_others(folder, tmp_path):
    archive = tmp_path / "raw.tar"
    archive.write_bytes(source_of(FILES).fetch(folder))
    with tarfile.open(archive) as tar:
        assert tar.getnames() == sorted(FILES)
    for name, content in FILES.items():
        assert read_member(archive, name) == content


@needs_dpkg
def test_the_bytes_are_the_same_whichever_way_they_came(folder, package, tmp_path, monkeypatch):
    apt(tmp_path, monkeypatch, f'case "$*" in *download*) cp {package} . ;; esac')
    source = source_of(FILES)
    from_folder = source.fetch(folder)
    assert source.fetch(package) == from_folder
    assert source.fetch(None) == from_folder


def test_the_bytes_do_not_depend_on_times_modes_or_order(folder):
    before = source_of(FILES).fetch(folder)
    for name in FILES:
        os.utime(folder / name, (1, 1))
        (folder / name).chmod(0o600)
    assert source_of(dict(reversed(FILES.items()))).fetch(folder) == before


@needs_dpkg
def test_a_package_may_be_given_by_a_relative_path(package, monkeypatch):
    monkeypatch.chdir(package.parent.parent)
    relative = package.relative_to(package.parent.parent)
    assert source_of(FILES).fetch(relative) == source_of(FILES).fetch(package)


def test_a_damaged_file_is_told_with_both_hashes(folder):
    (folder / "a.txt").write_bytes(b"swords")
    found, expected = (hashlib.sha256(content).hexdigest() for content in (b"swords", b"words"))
    with pytest.raises(SourceError, match=rf"copy: a\.txt has sha256 {found}, expected {expected}.*fresh copy"):
        source_of(FILES).fetch(folder)


def test_a_missing_file_is_told(folder):
    (folder / "a.txt").unlink()
    with pytest.raises(SourceError, match=r"copy: a\.txt is missing; the study needs b\.bin, a\.txt"):
        source_of(FILES).fetch(folder)


@needs_dpkg
def test_a_file_missing_from_the_package_is_told(tmp_path):
    package = build_package(tmp_path, {"a.txt": FILES["a.txt"]})
    with pytest.raises(SourceError, match=r"tiny-data\.deb: b\.bin is missing"):
        source_of(FILES).fetch(package)


def test_a_missing_copy_is_told(tmp_path):
    with pytest.raises(SourceError, match=r"nowhere: no such file or folder; it should hold b\.bin, a\.txt"):
        source_of(FILES).fetch(tmp_path / "nowhere")


@needs_dpkg
def test_what_is_no_package_is_told(tmp_path):
    (tmp_path / "x.deb").write_bytes(b"not a package")
    with pytest.raises(SourceError, match="dpkg-deb failed"):
        source_of(FILES).fetch(tmp_path / "x.deb")


def test_a_failing_download_quotes_apt_and_says_what_to_do_instead(tmp_path, monkeypatch):
    apt(tmp_path, monkeypatch, "echo 'E: no network' >&2; exit 100")
    with pytest.raises(SourceError, match=r"(?s)tiny-data: apt-get failed: E: no network.*`source_copy`"):
        source_of(FILES).fetch(None)


def test_without_apt_the_message_says_what_to_do_instead(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceError, match=r"(?s)apt-get failed.*`source_copy`"):
        source_of(FILES).fetch(None)


def test_a_member_that_is_not_in_the_archive_is_told(folder, tmp_path):
    (tmp_path / "raw.tar").write_bytes(source_of(FILES).fetch(folder))
    with pytest.raises(SourceError, match=r"raw\.tar: c is missing"):
        read_member(tmp_path / "raw.tar", "c")


def wheel_of(files):
    source = source_of(files)
    return PythonPackage(
        package="tiny", version="1.2", folder="tiny/data", licence=source.licence, sha256=source.sha256
    )


@pytest.fixture
def wheel(tmp_path):
    path = tmp_path / "tiny-1.2-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as file:
        for name, content in FILES.items():
            file.writestr(f"tiny/data/{name}", content)
        file.writestr("tiny/__init__.py", "raise RuntimeError('imported')")
    return path


def pip(tmp_path, monkeypatch, script):
    """Put a Python of ours in place of the one that would run pip."""
    (tmp_path / "python").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))


def test_a_wheel_gives_the_same_bytes_as_a_folder_downloaded_or_not(folder, wheel, tmp_path, monkeypatch):
    pip(tmp_path, monkeypatch, f'case "$*" in *"download"*"tiny==1.2") cp {wheel} . ;; *) exit 9 ;; esac')
    source = wheel_of(FILES)
    assert source.fetch(folder) == source.fetch(wheel) == source.fetch(None) == source_of(FILES).fetch(folder)


def test_a_failing_pip_is_quoted_with_the_package_that_brings_the_files(tmp_path, monkeypatch):
    pip(tmp_path, monkeypatch, "echo 'ERROR: no such version' >&2; exit 1")
    with pytest.raises(SourceError, match=r"(?s)Python package tiny==1\.2: .*ERROR: no such version.*`source_copy`"):
        wheel_of(FILES).fetch(None)


def test_a_file_missing_from_the_wheel_or_no_wheel_at_all_is_told(wheel, tmp_path):
    with pytest.raises(SourceError, match=r"tiny-1\.2-.*whl: c\.txt is missing"):
        wheel_of({**FILES, "c.txt": b""}).fetch(wheel)
    (tmp_path / "x.whl").write_bytes(b"not a wheel")
    with pytest.raises(SourceError, match=r"x\.whl: not a wheel .*tiny==1\.2"):
        wheel_of(FILES).fetch(tmp_path / "x.whl")


def test_a_wheel_of_one_platform_is_asked_for_on_every_platform(wheel, tmp_path, monkeypatch):
    pip(tmp_path, monkeypatch, f'case "$*" in *"--platform this_one tiny==1.2") cp {wheel} . ;; *) exit 9 ;; esac')
    source = wheel_of(FILES).model_copy(update={"platform": "this_one"})
    assert source.fetch(None) == source.fetch(wheel)


TREE = {"one": b"1", "voices/!v/a b": b"2", "voices/!v/c": b"3", "voices/d": b""}


@pytest.fixture
def tree(tmp_path):
    for name, content in {**TREE, "other/one": b"4", "voice": b"5"}.items():
        (tmp_path / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / name).write_bytes(content)
    return tmp_path / "tree"


def with_folder(source):
    """Pin all of the folder `voices`, by what sha256sum prints of its files, and one file beside it."""
    inside = {name.removeprefix("voices/"): content for name, content in TREE.items() if name.startswith("voices/")}
    lines = [f"{hashlib.sha256(inside[name]).hexdigest()}  {name}\n" for name in sorted(inside)]
    pins = {
        "one": hashlib.sha256(b"1").hexdigest(),
        "voices/": hashlib.sha256("".join(lines).encode()).hexdigest(),
    }
    return source.model_copy(update={"sha256": pins})


def test_a_folder_is_taken_whole_and_pinned_by_its_listing(tree, tmp_path):
    wheel = tmp_path / "tiny-1.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("one", "another file of that name")
        file.mkdir("tiny/data/voices/")
        for path in tree.rglob("*"):
            if path.is_file():
                file.write(path, f"tiny/data/{path.relative_to(tree)}")
    source, archive = with_folder(wheel_of(FILES)), tmp_path / "raw.tar"
    archive.write_bytes(source.fetch(tree))
    assert source.fetch(wheel) == archive.read_bytes()
    assert names(archive) == sorted(TREE)
    extract(archive, tmp_path / "unpacked")
    assert {name: (tmp_path / "unpacked" / name).read_bytes() for name in TREE} == TREE


@needs_dpkg
def test_a_debian_package_gives_a_folder_too(tree, tmp_path):
    (tmp_path / "debian").mkdir()
    package = build_package(tmp_path / "debian", {"one": b"1"})
    source = with_folder(source_of(FILES))
    with pytest.raises(SourceError, match=r"tiny-data\.deb: voices/ is missing; the study needs one, voices/"):
        source.fetch(package)
    shutil.copytree(tree, tmp_path / "debian/tree/usr/share/tiny", dirs_exist_ok=True)
    command = ["dpkg-deb", "--root-owner-group", "--build", str(tmp_path / "debian/tree"), str(package)]
    subprocess.run(command, check=True, capture_output=True)
    assert source.fetch(package) == source.fetch(tree)


@pytest.mark.parametrize("change", ["more", "fewer", "other"])
def test_a_folder_with_other_files_is_told(tree, change):
    if change == "fewer":
        (tree / "voices/d").unlink()
    else:
        (tree / "voices" / {"more": "new", "other": "d"}[change]).write_bytes(b"new")
    with pytest.raises(SourceError, match=r"voices/ has sha256 .*damaged"):
        with_folder(source_of(FILES)).fetch(tree)


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="there is no sha256sum to compare with")
def test_a_listing_is_what_sha256sum_prints(tmp_path):
    files = {"b": b"1", "a b": b"2", "!c": b"3"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    printed = subprocess.run("LC_ALL=C sha256sum *", shell=True, cwd=tmp_path, check=True, capture_output=True).stdout
    assert listing("folder/", {f"folder/{name}": content for name, content in files.items()}) == printed


def test_nothing_is_unpacked_outside_the_folder(tmp_path):
    with tarfile.open(tmp_path / "raw.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo("../outside"))
    with pytest.raises(SourceError, match=r"\.\./outside is no file of a folder"):
        extract(tmp_path / "raw.tar", tmp_path / "folder")
