"""Execution: what of a file is executed, and what this process has loaded."""

from __future__ import annotations

import ast
import hashlib
import platform
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import cast


def executed(text: bytes, name: str) -> ast.Module:
    """Parse a file and leave out what is not executed."""
    tree = ast.parse(text, name)
    keeps_docstrings = any(map(_reads_docstrings, ast.walk(tree)))  # so they are code
    keeps_typing = (
        re.search(rb"^\s*TYPE_CHECKING\s*[:=]", text, re.MULTILINE) is not None
    )  # it says itself what that is
    return cast(ast.Module, _Executed(keeps_docstrings, keeps_typing).visit(tree))


def _reads_docstrings(node: ast.AST) -> bool:
    """See whether code asks for a docstring, as an attribute, a name, or by getattr."""
    said = node.value if isinstance(node, ast.Constant) else getattr(node, "id", getattr(node, "attr", ""))
    # As bytes, or this very file would seem to ask.
    return isinstance(said, str) and said.encode(errors="replace") in (b"__doc__", b"getdoc")


class _Executed(ast.NodeTransformer):
    """Drops what only readers and type checkers see."""

    def __init__(self, keeps_docstrings: bool, keeps_typing: bool):
        self.keeps_docstrings, self.keeps_typing = keeps_docstrings, keeps_typing

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        """Drop bare strings: docstrings of modules, classes, functions and attributes."""
        if not self.keeps_docstrings and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return None
        return self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        """Drop `if TYPE_CHECKING:`, which is false whenever code runs."""
        test = node.test
        name = test.id if isinstance(test, ast.Name) else test.attr if isinstance(test, ast.Attribute) else ""
        if name != "TYPE_CHECKING" or self.keeps_typing:
            return self.generic_visit(node)
        return [kept for statement in node.orelse if (kept := self.visit(statement))]

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        """Forget the u of u"text"."""
        node.kind = None
        return node


def normalised(tree: ast.Module) -> str:
    """Digest what `executed` gives."""
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def changed_files(raw: Mapping[str, str], files: Mapping[str, str], root: Path) -> list[str]:
    """List the files whose executed code is no longer what `files` (digests) says; `raw` spares most the parsing."""
    changed = []
    for name in raw:
        try:
            text = (root / name).read_bytes()
            if hashlib.sha256(text).hexdigest() != raw[name] and normalised(executed(text, name)) != files[name]:
                changed.append(name)
        except (OSError, SyntaxError):
            changed.append(name)
    return changed


def undeclared(files: Iterable[str], root: Path) -> list[str]:
    """List the modules of this checkout that this process has loaded though `files` do not hold them."""
    packages = f"{root.resolve()}/scripts/"
    known = {f"{root.resolve()}/{name}" for name in files}
    loaded = {getattr(module, "__file__", None) or "" for module in list(sys.modules.values())}
    # By text, because to resolve the path of each of hundreds of modules takes longer than many a job.
    ours = {path for path in loaded if path.startswith(packages)} - known
    return sorted(path.removeprefix(f"{root.resolve()}/") for path in ours)


def versions_now(names: Iterable[str]) -> dict[str, str]:
    """Give the versions installed here, of `python` and of distributions; `none` for one that is not installed."""
    return {name: platform.python_version() if name == "python" else _version(name) for name in names}


def _version(name: str) -> str:
    import importlib.metadata  # a seventh of what starting a job's process costs, which need not ask

    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "none"
