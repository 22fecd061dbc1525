"""Modules: what a file of code executes, as a digest, and what it imports; what cannot be followed is an error.

To parse all files of a checkout takes a second, which every command would wait for. So what was read of a file is
remembered beside Python's own bytecode, for as long as the file's content and this reader's are the same.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any, TypeGuard

from provenance import execution
from provenance.execution import executed, normalised
from provenance.receipts import write_whole

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


def read_module(path: Path, root: Path, known: Module | None) -> Module:
    """Read a file of the checkout at `root`, or take what is `known` of it if its content is still the same.

    Raises IdentityError.
    """
    where = path.relative_to(root).as_posix()
    try:
        text = path.read_bytes()
        raw = hashlib.sha256(text).hexdigest()
        if known and known.raw == raw:
            return known
        tree = executed(text, where)
    except (OSError, SyntaxError) as error:
        raise IdentityError(f"{where}: {error}") from error
    reader = _Reader(path.parent.relative_to(root / "scripts").parts, where)
    reader.visit(tree)
    return Module(normalised(tree), raw, tuple(reader.found))


def remembered(root: Path) -> dict[str, Module]:
    """Read what is remembered of each file; nothing if it was read by another reader, or can't be understood."""
    with suppress(OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        content = json.loads(_memory(root).read_text())
        if content["reader"] == _reader():
            return {name: Module.from_json(module) for name, module in content["files"].items()}
    return {}


def remember(root: Path, modules: Mapping[str, Module]) -> None:
    """Keep what was read of each file; a folder that can't be written is no reason to stop."""
    files = {name: asdict(module) for name, module in modules.items()}
    with suppress(OSError):
        write_whole(_memory(root), json.dumps({"reader": _reader(), "files": files}))


def _memory(root: Path) -> Path:
    """Name the file of what is remembered, which goes where Python's bytecode goes."""
    return Path(cache_from_source(str(root / "scripts/modules.py"))).with_suffix(".json")


@cache
def _reader() -> str:
    """Digest what reads files here: this module, and what it leaves out of them."""
    return hashlib.sha256(b"".join(Path(file).read_bytes() for file in (__file__, execution.__file__))).hexdigest()


class _Reader(ast.NodeVisitor):
    """Collects the imports of a file; raises IdentityError for what cannot be followed."""

    def __init__(self, package: Sequence[str], where: str):
        self.found: list[Import] = []
        self._package = list(package)
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
