"""Identity: digests of what a job executes, its code and its environment.

The code of a job is its script and all modules of this checkout that it imports, directly or not, normalised through
the AST: comments, docstrings and formatting change nothing. Its environment is the Python version and the versions of
the distributions that this code imports. Modules imported by name (`importlib.import_module(f"package.{kind}")`) count
where the job says which ones it means. What cannot be followed is an error, not a hole.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.machinery import PathFinder
from pathlib import Path

from provenance.execution import versions_now
from provenance.modules import IdentityError, Module, read_module, remember, remembered

Kinds = Mapping[str, Sequence[str]]
"""Modules imported by name: the package, and the names in it that a job means."""


@dataclass(frozen=True)
class Closure:
    """What one script executes. Paths are relative to the checkout."""

    script: str
    kinds: dict[str, list[str]]
    files: dict[str, str]
    """Normalised digest of each file."""
    raw: dict[str, str]
    """sha256 of each file as it is, to see quickly whether it changed."""
    versions: dict[str, str]
    """Of Python and each distribution that the files import."""

    @cached_property
    def code(self) -> str:
        """Digest of all files."""
        return _digest(self.files)

    @cached_property
    def environment(self) -> str:
        """Digest of all versions."""
        return _digest(self.versions)


class Library:
    """The code of a checkout: scripts/*.py and the packages beside them. Each file is read once per process."""

    def __init__(self, root: Path, search: Sequence[str] | None = None, trusting: bool = False):
        """`root` is the checkout; `search` replaces `sys.path`; `trusting` takes what is remembered of each file."""
        self.root = root.resolve()
        self.packages = self.root / "scripts"
        self._search = list(sys.path if search is None else search)
        self._modules: dict[Path, Module] = {}
        self._remembered = remembered(self.root) if trusting else {}
        self._closures: dict[tuple[str, str], Closure] = {}

    @property
    def closures(self) -> list[Closure]:
        """All closures asked for so far."""
        return list(self._closures.values())

    def closure(self, script: str, kinds: Kinds) -> Closure:
        """Follow the imports of a script (a path relative to the checkout); raises IdentityError."""
        key = script, repr(sorted((package, sorted(names)) for package, names in kinds.items()))
        if key not in self._closures:
            self._closures[key] = self._follow(script, kinds)
        return self._closures[key]

    def tree(self, scripts: Iterable[str], kinds: Kinds) -> str:
        """Give one digest of all that any of the scripts could execute."""
        files: dict[str, str] = {}
        for script in sorted(scripts):
            files |= self.closure(script, kinds).files
        return _digest(files)

    def remember(self) -> None:
        """Keep what was read of each file, for one that trusts."""
        read = {path.relative_to(self.root).as_posix(): module for path, module in self._modules.items()}
        if not read.items() <= self._remembered.items():
            remember(self.root, read)

    def _follow(self, script: str, kinds: Kinds) -> Closure:
        ahead, seen, third = [self.root / script], set[Path](), set[str]()
        while ahead:
            path = ahead.pop()
            if path in seen:
                continue
            seen.add(path)
            for found in self._imports(path, kinds):
                if isinstance(found, Path):
                    ahead.append(found)
                else:
                    third.add(found)
        named = {path.relative_to(self.root).as_posix(): self._module(path) for path in sorted(seen)}
        return Closure(
            script,
            {package: sorted(names) for package, names in kinds.items()},
            {name: module.digest for name, module in named.items()},
            {name: module.raw for name, module in named.items()},
            {name: self._version(name) for name in ["python", *sorted(third)]},
        )

    def _imports(self, path: Path, kinds: Kinds) -> Iterator[Path | str]:
        """Give the files of this checkout that one of them imports, and the names of distributions."""
        for item in self._module(path).imports:
            where = f"{path.relative_to(self.root)}:{item.line}"
            if item.by_name:
                if item.module not in kinds:
                    raise IdentityError(
                        f"{where}: a module of {item.module} is imported by name, and the job does not say which. "
                        f"Give its kinds for {item.module}."
                    )
                names = [f"{item.module}.{kind}" for kind in kinds[item.module]]
            else:
                names = [item.module]
            for name in names:
                yield from self._resolve(name, where, item.optional)
            if "*" in item.names and self._is_ours(item.module):
                raise IdentityError(
                    f"{where}: from {item.module} import *: write out what is taken, for it may import more."
                )
            for name in item.names:
                # What is taken from a package may be a module of it.
                if self._is_ours(item.module) and (submodule := self._file(f"{item.module}.{name}")):
                    yield submodule

    def _resolve(self, name: str, where: str, optional: bool) -> Iterator[Path | str]:
        top = name.partition(".")[0]
        if not self._is_ours(top):
            if top not in sys.stdlib_module_names:
                yield self._distribution(top, where, optional)
            return
        parts = name.split(".")
        for length in range(1, len(parts) + 1):
            file = self._file(".".join(parts[:length]))
            if file is None and optional:
                return
            if file is None:
                lacking = ".".join(parts[:length])
                raise IdentityError(
                    f"{where}: there is no module {lacking} in {self.packages} (a package needs an __init__.py)."
                )
            yield file

    @cache  # noqa: B019 (a library lives as long as its process)
    def _version(self, name: str) -> str:
        return versions_now([name])[name]

    @cache  # noqa: B019 (a library lives as long as its process)
    def _is_ours(self, name: str) -> bool:
        top = name.partition(".")[0]
        return (self.packages / top).is_dir() or (self.packages / f"{top}.py").is_file()

    @cache  # noqa: B019 (a library lives as long as its process)
    def _file(self, name: str) -> Path | None:
        """Find the file of a module of ours as an import would; raises IdentityError if it lies elsewhere."""
        parent, _, _ = name.rpartition(".")
        search = self._search if not parent else [str(self._package(parent))]
        try:
            spec = PathFinder.find_spec(name, search)
        except KeyError:  # below a folder without __init__.py
            spec = None
        if spec is None or spec.origin is None:
            return None
        origin = Path(spec.origin).resolve()
        if not origin.is_relative_to(self.packages):
            raise IdentityError(
                f"import {name} finds {origin}, not the copy in {self.packages}. Put that folder first in PYTHONPATH, "
                "or uninstall the other copy."
            )
        return origin

    def _package(self, name: str) -> Path:
        file = self._file(name)
        return file.parent if file and file.name == "__init__.py" else self.packages / "-"

    def _distribution(self, top: str, where: str, optional: bool) -> str:
        """Name the distribution of a third-party module."""
        found = distribution_of(top)
        if found is None and not optional:
            raise IdentityError(
                f"{where}: import {top}: neither a module of this checkout nor of an installed distribution. "
                "Install what provides it, or move it into scripts/."
            )
        return found or _canonical(top)

    def _module(self, path: Path) -> Module:
        if path not in self._modules:
            known = self._remembered.get(path.relative_to(self.root).as_posix())
            self._modules[path] = read_module(path, self.root, known)
        return self._modules[path]


@cache
def distribution_of(top: str) -> str | None:
    """Name the distribution that provides a top-level module; None if there is none."""
    # Most carry the module's name: to look there first spares reading what all the others contain.
    with suppress(importlib.metadata.PackageNotFoundError, ValueError):
        if _provides(importlib.metadata.distribution(top), top):
            return _canonical(top)
    found = (other.name for other in importlib.metadata.distributions() if _provides(other, top))
    return next(map(_canonical, sorted(found)), None)


def _provides(distribution: importlib.metadata.Distribution, top: str) -> bool:
    """See whether a distribution's list of files has the module; as text, for parsing it takes ten times as long."""
    files = "\n" + (distribution.read_text("RECORD") or distribution.read_text("SOURCES.txt") or "")
    return any(f"\n{top}{end}" in files for end in ("/", ".py,", ".py\n", ".cpython", ".abi3", ".so"))


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _digest(content: Mapping[str, str]) -> str:
    lines = "".join(f"{name} {value}\n" for name, value in sorted(content.items()))
    return hashlib.sha256(lines.encode()).hexdigest()
