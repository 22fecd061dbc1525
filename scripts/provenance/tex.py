r"""The ledger in TeX: macros that print its numbers, link each to its line in an appendix, and print that appendix.

`\val{key}` prints a number, `\interval{key}` its interval, `\figurefile[options]{name}` the figure with the key
figure.<name> from the folder figures, `\rootnote` the root and the digest of the code, and `\provenance` the appendix,
with a line for whatever the paper prints. A key that is not in the ledger stops the compilation, so nothing can be
printed that no job made.

A link is known by its destination, so that an audit finds in the finished PDF what each one must read (`linked`):
number.<key>, interval.<key> and figure.<key> lead from the text to the line, exact.… from the line's value at full
precision to the text; `root` and `code` from the first page to the head of the appendix, exact.… back.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import PurePosixPath
from typing import Any

from provenance.findings import MEANING

SHORT = 10
"""Hexadecimal digits of a digest in the lines of the appendix."""
BREAK = ", "
"""Only here may what is printed break over two lines; it is set, and linked, in pieces."""
SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{character: "\\" + character for character in "%_&#${}"},
}
"""Characters that TeX would take for commands, as a PDF string spells them."""
SIGNS = {
    "\N{MINUS SIGN}": r"\ensuremath{-}",
    "\N{MULTIPLICATION SIGN}": r"\ensuremath{{\times}}",  # no operator, to which math would add spaces
    "\N{HORIZONTAL ELLIPSIS}": r"\ldots{}",
}
PRINTED = {
    **SPECIAL,
    **SIGNS,
    # A number and its unit or factor stay on one line; a per cent sign is set close.
    " ": "~",
    " %": r"\,\%",
    # Else math would put a space behind the comma of 1,000.
    ",": "{,}",
}
PLAIN = {
    **SPECIAL,
    **SIGNS,
    # Else these would join to dashes, other quotation marks or other letters.
    **{character: character + "{}" for character in "-`'<>?!,"},
    '"': r"\textquotedbl{}",
    "\N{EN DASH}": r"\textendash{}",
    "\N{EM DASH}": r"\textemdash{}",
    "\N{RIGHT SINGLE QUOTATION MARK}": r"\textquoteright{}",
    # Where a long name may break.
    "/": r"/\ledger@crease{}",
    ".": r".\ledger@crease{}",
}
PART = re.compile("([⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+| %|.)")
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")

MACROS = r"""\makeatletter
\providecommand\texorpdfstring[2]{#1}% where hyperref is not loaded
% With a margin, a link would reach over its neighbours.
\pdflinkmargin=0pt
% A destination stands where its number is printed first.
\pdfsuppresswarningdupdest=1

% The one place that says how a number is set: {kind}{key}{TeX}{for a bookmark, which knows no TeX}.
\newcommand\ledger@enter[4]{\@namedef{ledger@#1@#2}{\texorpdfstring{\ledger@show{#1}{#2}{#3}}{#4}}}
\newcommand\ledger@print[2]{\ifcsname ledger@#1@#2\endcsname\csname ledger@#1@#2\endcsname
  \else\ledger@unknown{#1}{#2}\fi}
\newcommand\ledger@unknown[2]{\PackageError{ledger}{no #1 '#2' in the ledger}%
  {Every number of the paper is made by a job: correct the key, or add the finding.}}
% Robust, so that a number survives headings, captions and the table of contents.
\DeclareRobustCommand\val[1]{\ledger@print{number}{#1}}
\DeclareRobustCommand\interval[1]{\ledger@print{interval}{#1}}
\DeclareRobustCommand\figurefile[2][]{\ifcsname ledger@figure@figure.#2\endcsname
  \ledger@figure{#1}{#2}\else\ledger@unknown{figure}{figure.#2}\fi}

\newcommand\ledger@show[3]{\leavevmode{\def\ledger@to{#1.#2}#3\ledger@mark{#1}{#2}{\baselineskip}}}
% A piece is never broken, so that its link is one rectangle, about as high as a line.
\newcommand\ledger@piece[1]{\ifmmode{\ledger@link{#1}}\else\hbox{\ledger@link{#1}}\fi}
\newcommand\ledger@break{\penalty500\ }
\newcommand\ledger@link[1]{\ledger@start{height 1.8ex depth .6ex }#1\pdfendlink}
\newcommand\ledger@start[1]{\pdfstartlink #1attr{/Border[0 0 0]}goto name{\ledger@to}\relax}
\newcommand\ledger@figure[2]{\leavevmode{\edef\ledger@file{figures/\csname ledger@figure@figure.#2\endcsname}%
  \setbox\z@\hbox{\includegraphics[#1]{\ledger@file}}%
  \ledger@mark{figure}{figure.#2}{\ht\z@}%
  \def\ledger@to{figure.figure.#2}\hbox{\ledger@start{}\box\z@\pdfendlink}}}

% Where something is printed. This acts when the page is shipped out, so what is only measured does not count.
\newcommand\ledger@mark[3]{\write\@auxout{\string\ledger@used{#2}{\thepage}}%
  \ledger@dests{#3}{\ledger@dest{printed.#2}\ledger@dest{exact.#1.#2}}}
\newcommand\ledger@used[2]{\ifcsname ledger@page@#1\endcsname\else\global\@namedef{ledger@page@#1}{#2}\fi}
\newcommand\ledger@dest[1]{\pdfdest name{#1}xyz\relax}
% Destinations that much higher than here, and without height: a viewer shows what is below one.
\newcommand\ledger@dests[2]{\vbox to\z@{\kern-#1\relax#2\vss}}

% A digest in full: {what it is}{where it leads}{what leads here}{the digest}.
\newcommand\ledger@seal[4]{{\leavevmode\ledger@dests\baselineskip{\ledger@dest{#3}}#1\enspace
  \def\ledger@to{#2}\hbox{\ttfamily\ledger@link{#4}}}}
\newcommand\ledger@fine{\fontsize{6}{7.5}\selectfont}
\newcommand\rootnote{{\let\thefootnote\@empty\long\def\@makefntext##1{\parindent\z@\noindent##1}%
  \footnotetext{\ledger@fine\ledger@seal{Root}{root}{exact.root}\ledger@root\newline
    \ledger@seal{Code}{code}{exact.code}\ledger@code}}}

\providecommand\ledgerlink[1]{#1}% how a link looks that shall be seen as one
\providecommand\ledgerfaint{}% how the last line of an entry looks
\newcommand\provenance{\par{\scriptsize\parindent\z@\parskip 2pt plus 1pt\relax
  \rightskip\z@ plus 5em\spaceskip.35em\xspaceskip\spaceskip\hyphenpenalty\@M\interlinepenalty\@M
  \addvspace{4pt}{\ledger@fine\ledger@seal{Root}{exact.root}{root}\ledger@root\newline
  \ledger@seal{Code}{exact.code}{code}\ledger@code\par}\nobreak
  \ledger@exceptions\ledger@lines\par}}
% A heading and a gap wait for a line below them: most keys of a ledger are not printed.
\newcommand\ledger@heading[1]{\def\ledger@before{\par\addvspace{7pt plus 2pt}%
  {\footnotesize\bfseries#1\par}\nobreak\ledger@begin}}
\newcommand\ledger@gap{\ifx\ledger@before\relax
  \def\ledger@before{\par\addvspace{5pt plus 2pt}\ledger@begin}\fi}
\newcommand\ledger@begin{\let\ledger@before\relax\let\ledger@made\relax}
% {key}{the same, to be printed}{what leads here}{value and interval}{place}{making: left out if as of the line above}
\newcommand\ledger@line[6]{\ifcsname ledger@page@#1\endcsname\ledger@before
  \par\hangindent 2.2em\leavevmode\ledger@dests\baselineskip{#3}%
  \hbox to 2.2em{\ledger@back{#1}\hss}{\ttfamily#2} = #4\hfil\break#5\def\ledger@making{#6}%
  \ifx\ledger@making\ledger@made\par\else\hfil\break{\ledgerfaint#6\par}\let\ledger@made\ledger@making\fi\fi}
\newcommand\ledger@back[1]{{\def\ledger@to{printed.#1}%
  \ledger@link{\ledgerlink{p.\,\csname ledger@page@#1\endcsname}}}}
\newcommand\ledger@exact[2]{{\ttfamily\def\ledger@to{exact.#1}#2}}
\newcommand\ledger@crease{\penalty200\relax}
"""


def tex_macros(ledger: Mapping[str, Any]) -> str:
    """Define what prints a ledger's numbers, figures, root and appendix.

    Numbers hold in text, math, tables, captions and headings; a bookmark, which knows no TeX, gets the plain form.
    """
    entries = sorted(ledger["entries"].items(), key=lambda item: item[0].split("."))
    lines = [MACROS, *(rf"\newcommand\ledger@{name}{{{ledger[name]}}}" for name in ("root", "code"))]
    for key, entry in entries:
        lines += _entered(key, entry)
    lines += [
        rf"\newcommand\ledger@exceptions{{{_exceptions(ledger['exceptions'])}}}",
        r"\newcommand\ledger@lines{%",
        *_appendix(entries),
        r"}\makeatother",
        "",
    ]
    return "\n".join(lines)


def linked(ledger: Mapping[str, Any]) -> dict[str, str]:
    """Say what each link of a paper reads, as plain text by destination; a figure's link has no text to compare."""
    found = {f"{way}{name}": str(ledger[name]) for name in ("root", "code") for way in ("", "exact.")}
    for key, entry in ledger["entries"].items():
        found |= {f"{kind}.{key}": text for kind, text in _printed(entry)}
        found |= {f"exact.{kind}.{key}": text for kind, text in _exact(entry)}
    return found


def tex(printed: str) -> str:
    """Write plain printed text in TeX, valid in text and in math; each piece is a link."""
    return _pieces(printed, _tex)


def _pieces(text: str, write: Callable[[str], str]) -> str:
    *head, last = text.split(BREAK)
    return r"\ledger@break".join(
        rf"\ledger@piece{{{write(piece)}}}" for piece in (*(f"{part}," for part in head), last)
    )


def _tex(piece: str) -> str:
    return "".join(_part(part) for part in PART.findall(piece))


def _part(part: str) -> str:
    exponent = part.translate(SUPERSCRIPTS)
    return PRINTED.get(part, part) if exponent == part else rf"\ensuremath{{^{{{exponent}}}}}"


def _plain(text: str) -> str:
    """Write any text in TeX; what the paper's fonts may lack is named by its number in Unicode."""
    written = "".join(PLAIN.get(character) or _letter(character) for character in " ".join(text.split()))
    return written.replace(r" \%", r"\,\%")


def _letter(character: str) -> str:
    accented = unicodedata.decomposition(character)[:1].isalnum()
    known = character.isprintable() and (character < "\u0100" or (character < "\u017f" and accented))
    return character if known or character in "ŁłŒœĐđı" else f"U+{ord(character):04X}"


def _bookmark(printed: str) -> str:
    return "".join(SPECIAL.get(character, character) for character in printed)


def _printed(entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give kind and text of what the paper may print of an entry."""
    for kind, shown in (("number", entry["printed"]), ("interval", entry.get("printed_interval"))):
        if shown:
            yield kind, shown


def _exact(entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give kind and text of an entry at full precision, as Python writes it."""
    yield entry["kind"], str(entry["value"])
    if entry.get("printed_interval"):
        yield "interval", f"[{BREAK.join('…' if entry[end] is None else str(entry[end]) for end in ('low', 'high'))}]"


def _entered(key: str, entry: Mapping[str, Any]) -> Iterator[str]:
    if entry["kind"] == "figure":
        yield rf"\@namedef{{ledger@figure@{key}}}{{{PurePosixPath(entry['source']).name}}}"
    for kind, shown in _printed(entry):
        yield rf"\ledger@enter{{{kind}}}{{{key}}}{{{tex(shown)}}}{{{_bookmark(shown)}}}"


def _appendix(entries: Iterable[tuple[str, Mapping[str, Any]]]) -> Iterator[str]:
    """Give the lines of the appendix: a heading for each first word of the keys, a gap where the subject changes."""
    for word, group in groupby(entries, key=lambda item: item[0].split(".")[0]):
        yield rf"\ledger@heading{{{_plain(word)}}}%"
        for _, members in groupby(group, key=lambda item: item[0].split(".")[:-1][:3]):
            yield r"\ledger@gap"
            yield from (_line(key, entry) for key, entry in members)


def _line(key: str, entry: Mapping[str, Any]) -> str:
    dests, values = "", []
    for kind, text in _exact(entry):
        # What the paper itself does not print is led back to where it stands.
        dests += rf"\ledger@dest{{{kind}.{key}}}\ledger@dest{{exact.{kind}.{key}}}"
        smaller = r"\ledger@fine " if kind == "figure" else ""
        values.append(rf"\ledger@exact{{{kind}.{key}}}{{{smaller}{_pieces(text, _plain)}}}")
    if unit := entry.get("unit"):
        values.insert(1, _plain(unit))
    if sureness := _sureness(entry):
        values.append(_plain(f"({sureness})"))
    place, making = map(_plain, _origin(entry))
    return rf"\ledger@line{{{key}}}{{{_plain(key)}}}{{{dests}}}{{{' '.join(values)}}}{{{place}}}{{{making}}}%"


def _sureness(entry: Mapping[str, Any]) -> str:
    """Say how sure an interval is, and how it was made."""
    level = entry.get("level")
    return BREAK.join(filter(None, (None if level is None else f"{100 * level:g} %", entry.get("how"))))


def _origin(entry: Mapping[str, Any]) -> tuple[str, str]:
    """Say where an entry is from: file and place; and what made the file, of which seeds and with which code."""
    source, pointer = entry["source"], entry["pointer"]
    facts = {
        "rule": "" if entry["rule"] == source else entry["rule"],
        "seeds": _ranges(entry["seeds"]),
        "code": entry["code"][:SHORT],
        "lineage": entry["lineage"][:SHORT],
    }
    making = BREAK.join(f"{name} {fact}" for name, fact in facts.items() if fact)
    return f"{source}#{pointer}" if pointer else source, making


def _ranges(seeds: Iterable[int]) -> str:
    """Write 0, 1, 2, 5 as 0–2, 5."""
    found: list[str] = []
    # Neighbours keep their distance to their places in the list.
    for _, members in groupby(enumerate(sorted(seeds)), key=lambda item: item[1] - item[0]):
        first, *rest = (seed for _, seed in members)
        found += [f"{first}–{rest[-1]}"] if len(rest) > 1 else map(str, (first, *rest))
    return BREAK.join(found)


def _exceptions(records: Iterable[Mapping[str, Any]]) -> str:
    """State what was accepted as it is."""
    told = [
        rf"\par\hangindent 2.2em\leavevmode\hbox to 2.2em{{\hss--\enspace}}{_plain(_told(item))}" for item in records
    ]
    if not told:
        return r"\textbf{Exceptions:} none; every file below is as its job wrote it.\par"
    return rf"\textbf{{Exceptions.}} These lines rest on files that were accepted as they are:{''.join(told)}\par"


def _told(record: Mapping[str, Any]) -> str:
    found, expected = (record[side][:SHORT] or "nothing" for side in ("found", "expected"))
    what = f"{record['file']} {MEANING.get(record['kind'], record['kind'])} (found {found}, expected {expected})"
    return f"{what}. Accepted by {record['who']}, {record['when']}: {record['why']}"
