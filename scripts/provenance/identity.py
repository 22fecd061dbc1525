"""What code and which environment a job stands for, read from its script without running anything.

The code is the script and every file of the checkout's library that it imports, however far down: each counts
with its normalised syntax tree, so that comments, docstrings and formatting change nothing and any change of
executed code does. The environment is Python's version and that of every distribution that this code imports.

Imports that depend on data (`importlib.import_module(f"plugins.{kind}")`) are followed for the kinds that the job
is bound to. What cannot be followed at all is an error, never a guess; `undeclared` is the net below, in the job.
Not seen are a docstring that another module reads, and files that code opens as data.

library = Library(Path())
closure = library.closure("scripts/train.py", {"plugins": ["knn"]})
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import platform
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from importlib.metadata import Distribution

LIBRARY = "scripts"
"""Folder of the checkout that holds scripts and packages."""
ABSENT = "none"
"""Version of a distribution that is not installed."""

FOLLOWED = {"__import__", "importlib.__import__", "importlib.import_module", "importlib.util.find_spec"}
"""Calls that import, or look for, the module that their first argument names."""
BLIND = {
    *("exec", "eval", "compile", "imp", "runpy", "zipimport", "pkgutil.resolve_name", "pkgutil.walk_packages"),
    *("importlib.util.spec_from_file_location", "importlib.util.spec_from_loader"),
    *("importlib.machinery.SourceFileLoader", "importlib.machinery.SourcelessFileLoader"),
    "importlib.machinery.ExtensionFileLoader",
}
"""Functions, or all of a module's, that execute code which no import names."""
HANDED_ON = {"builtins", "importlib", "importlib.machinery", "importlib.util"}
"""Modules that must not be passed around whole: what is called of them would not be seen."""
TELLING = {"__import__", "import_module", "spec_from_file_location", "SourceFileLoader"}
"""Names that nothing harmless has, wherever they come from."""
READS_DOCSTRINGS = re.compile(r"__doc__|getdoc|use_attribute_docstrings")
BARE_BUILTINS = {"__import__", "exec", "eval", "compile"}


class IdentityError(ValueError):
    """The code or the environment of a job cannot be told."""


class UnresolvedImport(IdentityError):  # noqa: N818 (the name says what it is)
    """An import, or code that imports or executes other code, that cannot be followed to its end."""


class OtherCopy(IdentityError):  # noqa: N818
    """A module of this checkout's library would be imported from elsewhere."""


class Closure(NamedTuple):
    """Code and environment of a job."""

    script: str
    """Relative to the checkout's root, posix, as are all files."""
    kinds: dict[str, list[str]]
    """The modules of each package that stand for its data-dependent imports."""
    code: str
    """Digest of `files`."""
    files: dict[str, str]
    """sha256 of the normalised syntax tree of every file that the job executes."""
    raw: dict[str, str]
    """sha256 of the same files as they stand: a cheap way to see that nothing at all has changed."""
    environment: str
    """Digest of `versions`."""
    versions: dict[str, str]
    """Version of `python` and of every distribution that the files import, by its normalised name."""


class Library:
    """The scripts and packages of a checkout, as they are now: every file is read once and then remembered.

    Modules are looked for as Python's import would, in `path` or else in sys.path, but none is executed.
    """

    def __init__(self, root: Path, folder: str = LIBRARY, path: Sequence[str] | None = None):
        self.root = root.absolute()
        self.folder = self.root / folder
        self._modules = _Modules(self.root, self.folder, path)
        self._sources: dict[str, _Source] = {}
        self._closures: dict[tuple[str, str], Closure] = {}

    def closure(self, script: str | Path, kinds: Mapping[str, Sequence[str]] | None = None) -> Closure:
        """Tell code and environment of `script`, with `kinds` for its data-dependent imports.

        Raises UnresolvedImport, with file and line, for what cannot be followed, OtherCopy if a module of the
        library is shadowed, and IdentityError for a file that is not there or is no Python.
        """
        bound = {package: sorted(set(names)) for package, names in sorted((kinds or {}).items())}
        key = str(script), json.dumps(bound)
        if key not in self._closures:
            self._closures[key] = self._trace(self._relative(script), bound)
        return self._closures[key]

    def _relative(self, script: str | Path) -> str:
        path = Path(os.path.normpath(self.root / script))
        if not path.is_relative_to(self.root):
            raise IdentityError(f"{script} is not in {self.root}: only code of the checkout has an identity")
        return path.relative_to(self.root).as_posix()

    def _trace(self, script: str, kinds: dict[str, list[str]]) -> Closure:
        files, distributions, waiting = {script}, set[str](), [script]
        while waiting:
            for found in self._reached(waiting.pop(), kinds):
                distributions.update(found.distributions)
                if found.file and found.file not in files:
                    files.add(found.file)
                    waiting.append(found.file)
        sources = {file: self._source(file) for file in sorted(files)}
        trees = {file: source.tree for file, source in sources.items()}
        versions = {"python": platform.python_version()}
        versions |= {name: self._modules.versions[name] for name in sorted(distributions)}
        raw = {file: source.raw for file, source in sources.items()}
        return Closure(script, kinds, digest(trees), trees, raw, digest(versions), versions)

    def _reached(self, file: str, kinds: dict[str, list[str]]) -> Iterator[_Found]:
        """Give every module that the imports of a file execute."""
        source = self._source(file)
        if source.blind:
            raise _unresolved(file, source.blind.node, source.blind.why)
        for wanted in source.wanted:
            try:
                for module in _bound(wanted, kinds):
                    yield from self._modules.imported(module, wanted.names, may_lack=wanted.may_lack)
            except _Lost as lost:
                raise _unresolved(file, wanted.node, str(lost)) from None

    def _source(self, file: str) -> _Source:
        if file not in self._sources:
            self._sources[file] = _read(self.root / file, file, self._name(file))
        return self._sources[file]

    def _name(self, file: str) -> str:
        """Name the module in a file, `package.__init__` for a package."""
        path = (self.root / file).with_suffix("")
        return ".".join(path.relative_to(self.folder).parts) if path.is_relative_to(self.folder) else path.name


def digest(entries: Mapping[str, str]) -> str:
    """Give the sha256 of names and their values, whatever their order: of `files` or of `versions`."""
    text = json.dumps(dict(entries), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def normalised(source: str | bytes, filename: str = "<string>") -> str:
    """Give the sha256 of what Python executes of a source: its syntax tree without docstrings and `if TYPE_CHECKING`.

    Docstrings stay where the source itself reads them. Raises SyntaxError for what is no Python.
    """
    return _tree_digest(_executed_tree(source, filename))


def changed_files(raw: Mapping[str, str], files: Mapping[str, str], root: Path) -> list[str]:
    """Name the files of a closure that execute something else by now, in alphabetical order.

    `raw` and `files` are those of the closure; a file whose bytes are the same is not parsed.
    """
    return sorted(file for file in files if _has_changed(root / file, raw.get(file), files[file]))


def undeclared(files: Iterable[str], root: Path, folder: str = LIBRARY) -> list[str]:
    """Name what this process has imported of the library besides `files`, those of its closure.

    That is every module below root/folder that is not in `files`, relative to root, and every module of a package
    in `files` that came from elsewhere, with its full path.
    """
    declared = set(files)
    here = {os.path.join(form(root / folder), "") for form in (os.path.abspath, os.path.realpath)}
    packages = {parts[1] for file in declared if len(parts := file.split("/")) > 2 and parts[0] == folder}
    found = set()
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not isinstance(file, str):
            continue
        below = next((file[len(start) :] for start in here if file.startswith(start)), None)
        if below is not None:
            found.add(f"{folder}/{Path(below).as_posix()}")
        elif name.partition(".")[0] in packages:
            found.add(file)
    return sorted(found - declared)


def versions_now(names: Iterable[str]) -> dict[str, str]:
    """Give the versions in this process of `python` and of distributions; `none` for one that is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    versions = {}
    for name in names:
        try:
            versions[name] = platform.python_version() if name == "python" else version(name)
        except PackageNotFoundError:
            versions[name] = ABSENT
    return versions


def _has_changed(path: Path, raw: str | None, tree: str) -> bool:
    try:
        content = path.read_bytes()
        return hashlib.sha256(content).hexdigest() != raw and normalised(content, str(path)) != tree
    except (OSError, SyntaxError, ValueError):
        return True


# Reading a source


class _Wanted(NamedTuple):
    """A module that a source imports, or of which it imports a submodule that data names."""

    node: ast.stmt | ast.expr
    module: str
    names: tuple[str, ...] = ()
    """What it takes from the module; any may be a submodule."""
    by_kind: bool = False
    may_lack: bool = False
    """The source says what to do if there is no such module."""


class _Blind(NamedTuple):
    """Code that cannot be followed."""

    node: ast.stmt | ast.expr
    why: str


class _Source(NamedTuple):
    raw: str
    tree: str
    wanted: list[_Wanted]
    blind: _Blind | None


def _read(path: Path, file: str, name: str) -> _Source:
    try:
        content = path.read_bytes()
        tree = _executed_tree(content, file)
    except OSError as error:
        raise IdentityError(f"{file}: cannot be read ({error.strerror})") from None
    except (SyntaxError, ValueError) as error:
        raise IdentityError(f"{file}:{getattr(error, 'lineno', None) or 1}: not Python: {error}") from None
    reader = _Reader(tree, name)
    return _Source(hashlib.sha256(content).hexdigest(), _tree_digest(tree), reader.wanted, reader.blind)


def _tree_digest(tree: ast.Module) -> str:
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def _executed_tree(source: str | bytes, filename: str) -> ast.Module:
    """Parse a source and drop what is never executed."""
    tree = ast.parse(source, filename)
    text = source if isinstance(source, str) else source.decode("latin-1")
    cut = _Cut(_typing_names(tree), documented=READS_DOCSTRINGS.search(text) is None)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            node.kind = None  # u"" is ""
        elif cut.documented or isinstance(node, ast.stmt | ast.Module | ast.ExceptHandler | ast.match_case):
            pass
    cut.visit_block(tree)
    return tree
