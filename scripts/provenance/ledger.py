"""The ledger: every number that the paper prints, by key, and the TeX macros that print it.

In TeX, `\\val{key}` prints a number and `\\interval{key}` its interval; a key that is not in the ledger stops
the compilation, so no number can be printed that no job has made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

KEY = re.compile(r"[A-Za-z0-9]+([.-][A-Za-z0-9]+)*")
SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{character: "\\" + character for character in "%_&#${}"},
}
"""Characters that TeX would take for commands, as a PDF string spells them."""
TEX = {
    **SPECIAL,
    "\N{MINUS SIGN}": r"\ensuremath{-}",
    "\N{MULTIPLICATION SIGN}": r"\ensuremath{\times}",
    "\N{HORIZONTAL ELLIPSIS}": r"\ldots{}",
    # A number and its unit or factor stay on one line; a per cent sign is set close.
    " ": "~",
    " %": r"\,\%",
    # Only an interval may break, and that unwillingly.
    ", ": r",\penalty500\ ",
    # Else math would put a space behind the comma of 1,000.
    ",": "{,}",
}
PART = re.compile("([⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+| %|, |.)")
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")


class LedgerError(ValueError):
    """An entry that the ledger can't take: a bad key, or one that is taken."""


class Ledger:
    """All numbers of a paper."""

    def __init__(self) -> None:
        self.entries: dict[str, dict[str, Any]] = {}

    def add(self, key: str, number: Mapping[str, Any], *, source: str, pointer: str) -> None:
        """Enter a number: `number` has at least `value` and `printed`; `source` and `pointer` say where it was read.

        Raises LedgerError if the key is taken or is not words of letters and digits joined by dots and hyphens.
        """
        if not KEY.fullmatch(key):
            raise LedgerError(f"ledger key {key!r}: expected letters and digits, joined by single dots or hyphens")
        if key in self.entries:
            raise LedgerError(f"ledger key {key!r} is entered twice: {self.entries[key]['source']} and {source}")
        self.entries[key] = {**number, "source": source, "pointer": pointer}


def tex_macros(entries: Mapping[str, Mapping[str, Any]]) -> str:
    r"""Define \val{key} and \interval{key} for every entry of a ledger.

    They hold in text, math, tables, captions and headings; a bookmark, which knows no TeX, gets the plain form.
    """
    lines = [
        r"\makeatletter",
        r"\providecommand\texorpdfstring[2]{#1}% where hyperref is not loaded",
        # The one place that says how a number of the paper is set.
        r"\newcommand\ledger@enter[4]{\@namedef{ledger@#1@#2}{\texorpdfstring{#3}{#4}}}",
        r"\newcommand\ledger@print[2]{\ifcsname ledger@#1@#2\endcsname\csname ledger@#1@#2\endcsname"
        r"\else\ledger@unknown{#1}{#2}\fi}",
        r"\newcommand\ledger@unknown[2]{\PackageError{ledger}{no #1 '#2' in the ledger}"
        r"{Every number of the paper is made by a job: correct the key, or add the finding.}}",
        # Robust, so that a number survives headings, captions and the table of contents.
        r"\DeclareRobustCommand\val[1]{\ledger@print{number}{#1}}",
        r"\DeclareRobustCommand\interval[1]{\ledger@print{interval}{#1}}",
    ]
    for key, entry in sorted(entries.items()):
        for kind, shown in (("number", entry["printed"]), ("interval", entry.get("printed_interval"))):
            if shown:
                lines.append(rf"\ledger@enter{{{kind}}}{{{key}}}{{{tex(shown)}}}{{{_bookmark(shown)}}}")
    return "\n".join((*lines, r"\makeatother", ""))


def tex(printed: str) -> str:
    """Write plain printed text in TeX, valid in text and in math."""
    return "".join(_tex(part) for part in PART.findall(printed))


def _tex(part: str) -> str:
    exponent = part.translate(SUPERSCRIPTS)
    return TEX.get(part, part) if exponent == part else rf"\ensuremath{{^{{{exponent}}}}}"


def _bookmark(printed: str) -> str:
    return "".join(SPECIAL.get(character, character) for character in printed)
