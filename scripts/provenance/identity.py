"""Identity: digests of what a job executes, its code and its environment.

The code of a job is its script and all modules of this checkout that it imports, directly or not, normalised through
the AST: comments, docstrings and formatting change nothing. Its environment is the Python version and the versions of
the distributions that this code imports. Modules imported by name (`importlib.import_module(f"package.{kind}")`) count
where the job says which ones it means. What cannot be followed is an error, not a hole.

To parse all files takes a second, which every command would wait for. So what was read of a file is remembered beside
Python's own bytecode, for as long as the file's content and this reader's are the same.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from importlib.machinery import PathFinder
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any, TypeGuard

from provenance import execution
from provenance.execution import executed, normalised, versions_now
from provenance.receipts import write_whole

Kinds = Mapping[str, Sequence[str]]
"""Modules imported by name: the package, and the names in it that a job means."""

FOLLOWED = {"import_module", "__import__", "find_spec"}
"""Functions that import, or look for, the module that they are given."""
OPAQUE = {"exec", "eval", "compile", "spec_from_file_location", "SourceFileLoader", "run_path", "run_module"}
"""Functions that run what no import names."""
OWNERS = {"importlib", "util", "machinery", "runpy", "builtins"}
"""What these are attributes of; others of the same name, such as `re.compile`, are harmless."""


class IdentityError(RuntimeError):
    """Code that cannot be followed; the message names file and line, and says what to do."""


@dataclass(frozen=True)
class Import:
    """An import as written: the module, or a package of which some module is imported by name."""

    module: str
    line: int
    by_name: bool = False
    optional: bool = False
    """Is it only asked whether there is such a module?"""
    names: tuple[str, ...] = ()
    """What is taken from the module, which may be modules themselves."""


@dataclass(frozen=True)
class Module:
    """One file of code: its normalised and its raw digest, and what it imports."""

    digest: str
    raw: str
    imports: tuple[Import, ...]

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Module:
        """Read what `asdict` gave, once JSON has turned its tuples into lists."""
        imports = (Import(**item | {"names": tuple(item["names"])}) for item in content["imports"])
        return cls(content["digest"], content["raw"], tuple(imports))


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
        self._remembered = _remembered(self.packages) if trusting else {}
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
        """Keep what was read of each file, for one that trusts; a folder that can't be written is no reason to stop."""
        read = {path.relative_to(self.root).as_posix(): module for path, module in self._modules.items()}
        if read.items() <= self._remembered.items():
            return
        files = {name: asdict(module) for name, module in read.items()}
        with suppress(OSError):
            write_whole(_memory(self.packages), json.dumps({"reader": _reader(), "files": files}))

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
            self._modules[path] = self._read(path)
        return self._modules[path]

    def _read(self, path: Path) -> Module:
        where = path.relative_to(self.root).as_posix()
        try:
            text = path.read_bytes()
            raw = hashlib.sha256(text).hexdigest()
            if (known := self._remembered.get(where)) and known.raw == raw:
                return known
            tree = executed(text, where)
        except (OSError, SyntaxError) as error:
            raise IdentityError(f"{where}: {error}") from error
        package = ".".join(path.parent.relative_to(self.packages).parts) if path.parent != self.packages else ""
        reader = _Reader(package, where)
        reader.visit(tree)
        return Module(normalised(tree), raw, tuple(reader.found))


def _memory(packages: Path) -> Path:
    """Name the file in which a library remembers, which goes where Python's bytecode goes."""
    return Path(cache_from_source(str(packages / "identity.py"))).with_suffix(".json")


def _remembered(packages: Path) -> dict[str, Module]:
    """Read what is remembered of each file; nothing if it was read by another reader, or can't be understood."""
    with suppress(OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        content = json.loads(_memory(packages).read_text())
        if content["reader"] == _reader():
            return {name: Module.from_json(module) for name, module in content["files"].items()}
    return {}


@cache
def _reader() -> str:
    """Digest what reads files here: this module, and what it leaves out of them."""
    return hashlib.sha256(b"".join(Path(file).read_bytes() for file in (__file__, execution.__file__))).hexdigest()


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


class _Reader(ast.NodeVisitor):
    """Collects the imports of a file; raises IdentityError for what cannot be followed."""

    def __init__(self, package: str, where: str):
        self.found: list[Import] = []
        self._package = package.split(".") if package else []
        self._where = where
        self._may_lack = 0
        self._own: set[str] = set()

    def visit_Import(self, node: ast.Import) -> None:
        """Note whole modules."""
        for alias in node.names:
            self._note(alias.name, node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Note a module and what is taken of it."""
        base = self._package[: len(self._package) - node.level + 1] if node.level else []
        module = ".".join([*base, *filter(None, [node.module])])
        for alias in node.names:
            if alias.name in FOLLOWED | OPAQUE and alias.asname and module.startswith("importlib"):
                self._refuse(node, f"{alias.name} under another name")
        self._own |= {alias.name for alias in node.names if not module.startswith(("importlib", "runpy", "builtins"))}
        self._note(module, node, names=tuple(alias.name for alias in node.names))

    def visit_Try(self, node: ast.Try) -> None:
        """What is tried, with an answer to ImportError, may be lacking."""
        caught = {part.id for handler in node.handlers for part in ast.walk(handler.type or node) if _is_name(part)}
        answered = bool(caught & {"ImportError", "ModuleNotFoundError"})
        self._may_lack += answered
        for statement in node.body:
            self.visit(statement)
        self._may_lack -= answered
        for part in (*node.handlers, *node.orelse, *node.finalbody):
            self.visit(part)

    def visit_Call(self, node: ast.Call) -> None:
        """Follow imports by name, if the name is written out."""
        name = self._dangerous(node.func)
        if name not in FOLLOWED:
            self.visit(node.func)
        else:
            named = [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg == "name")]
            found = _named(named[0]) if named else None
            if found is None:
                self._refuse(node, f"{name}() of a name that is not written out")
            else:
                module, by_name = found
                self._note(module, node, by_name=by_name, optional=name == "find_spec")
        for part in (*node.args, *node.keywords):
            self.visit(part)

    def visit_Name(self, node: ast.Name) -> None:
        """Refuse what executes text, or imports under a name that is handed on."""
        if name := self._dangerous(node):
            self._refuse(node, name)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """Refuse the same, as an attribute of its module."""
        if name := self._dangerous(node):
            self._refuse(node, name)
        self.generic_visit(node)

    def _dangerous(self, node: ast.expr) -> str | None:
        """Give the name of a function that runs code which no import names."""
        if isinstance(node, ast.Name) and node.id not in self._own:
            return node.id if node.id in FOLLOWED | OPAQUE else None
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else node.value.attr
            return node.attr if node.attr in FOLLOWED | OPAQUE and owner in OWNERS else None
        return None

    def _note(
        self,
        module: str,
        node: ast.stmt | ast.expr,
        *,
        names: tuple[str, ...] = (),
        by_name: bool = False,
        optional: bool = False,
    ) -> None:
        self.found.append(Import(module, node.lineno, by_name, optional or self._may_lack > 0, names))

    def _refuse(self, node: ast.stmt | ast.expr, what: str) -> None:
        raise IdentityError(
            f"{self._where}:{node.lineno}: {what}: what this runs cannot be followed. Import it by its name, written "
            'out or as importlib.import_module(f"package.{kind}") of a package whose kinds the job gives.'
        )


def _is_name(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name)


def _named(argument: ast.expr) -> tuple[str, bool] | None:
    """Read the module's name: written out, or as a package and the name of a kind in it."""
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        return None if argument.value.startswith(".") else (argument.value, False)
    if isinstance(argument, ast.JoinedStr):
        parts: list[ast.expr] = argument.values
    elif isinstance(argument, ast.BinOp) and isinstance(argument.op, ast.Add):
        parts = [argument.left, argument.right]
    else:
        return None
    match parts:
        case [ast.Constant(value=str(prefix)), ast.FormattedValue() | ast.Name() | ast.Attribute()]:
            return (prefix.removesuffix("."), True) if prefix.endswith(".") else None
    return None


def _digest(content: Mapping[str, str]) -> str:
    lines = "".join(f"{name} {value}\n" for name, value in sorted(content.items()))
    return hashlib.sha256(lines.encode()).hexdigest()
