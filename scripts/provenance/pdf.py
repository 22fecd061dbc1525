"""A finished PDF against the ledger: what its links read, and what they should read."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pdfminer.pdfcolor import PDFColorSpace
from pdfminer.pdfdevice import PDFTextDevice
from pdfminer.pdfdocument import PDFDocument
from pdfminer.pdffont import PDFFont, PDFUnicodeNotDefined
from pdfminer.pdfinterp import PDFGraphicState, PDFPageInterpreter, PDFResourceManager, PDFStackT
from pdfminer.pdfpage import PDFPage
from pdfminer.pdfparser import PDFParser
from pdfminer.pdftypes import PDFStream, resolve1
from pdfminer.psparser import literal_name
from pdfminer.utils import MATRIX_IDENTITY, Matrix, Rect, apply_matrix_pt, apply_matrix_rect, mult_matrix

from provenance.tex import linked

OURS = re.compile(r"(?P<exact>exact\.)?(?P<kind>root|code|number|interval|figure(?=\.figure\.))(?:\.(?P<key>.+))?")
"""The destinations of `provenance.tex`; a document has others, such as figure.1."""
HYPHENS = str.maketrans(dict.fromkeys("\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{EN DASH}\N{MINUS SIGN}", "-"))


class Printed(NamedTuple):
    """What a link reads, and on which page, from 1."""

    text: str
    page: int


@dataclass(frozen=True)
class Mismatch:
    """One place where a PDF does not say what the ledger says."""

    key: str
    """Key in the ledger; `root` and `code` are the digests on the first page."""
    printed: str
    """What the PDF prints; empty where it prints nothing."""
    expected: str
    """What the ledger says; empty where it has no such entry."""
    page: int
    what: str
    """Which text: number, interval, figure, root or code; or exact number and so on, in the appendix."""

    def __str__(self) -> str:
        printed, expected = self.printed or "nothing", self.expected or "nothing"
        return f"page {self.page}: {self.key} ({self.what}) reads {printed}, but the ledger says {expected}"


def compare(pdf: Path, ledger: Mapping[str, Any]) -> list[Mismatch]:
    """Compare every link of a PDF with the ledger, in the order of its pages.

    Besides what reads otherwise, finds what the ledger lacks, root and code where the first page lacks them, and lines
    of the appendix that are missing, or that belong to nothing printed.
    """
    found, expected = linked_texts(pdf), linked(ledger)
    mismatches = [*_wrong(found, expected, ledger), *_unsealed(found, expected), *_unlisted(found, expected)]
    return sorted(mismatches, key=lambda mismatch: mismatch.page)


def linked_texts(pdf: Path) -> dict[str, list[Printed]]:
    """Read what is printed inside each link, by destination, in reading order.

    What is set in several pieces is joined: one that ends in a comma goes on in the next to the same destination.
    """
    found: dict[str, list[Printed]] = {}
    for destination, text, page in _pieces(pdf):
        texts = found.setdefault(destination, [])
        if texts and texts[-1].text.endswith(","):
            texts[-1] = Printed(f"{texts[-1].text} {text}", texts[-1].page)
        else:
            texts.append(Printed(text, page))
    return found


def _wrong(
    found: Mapping[str, list[Printed]], expected: Mapping[str, str], ledger: Mapping[str, Any]
) -> Iterator[Mismatch]:
    """Find links that read otherwise, or whose entry the ledger lacks."""
    for destination, texts in found.items():
        if match := OURS.fullmatch(destination):
            if _is_picture(destination) and match["key"] in ledger["entries"]:
                continue
            meant = expected.get(destination, "")
            for text, page in texts:
                if not meant or normal(text) != normal(meant):
                    yield _mismatch(destination, text, meant, page)


def _unsealed(found: Mapping[str, list[Printed]], expected: Mapping[str, str]) -> Iterator[Mismatch]:
    """Find that root or code are missing on the first page."""
    for name in ("root", "code"):
        if not any(page == 1 for _, page in found.get(name, ())):
            yield _mismatch(name, "", expected[name], 1)


def _unlisted(found: Mapping[str, list[Printed]], expected: Mapping[str, str]) -> Iterator[Mismatch]:
    """Find what is printed without its line in the appendix, and lines of what is nowhere printed."""
    matches = [match for match in map(OURS.fullmatch, found) if match and match["key"]]
    printed = {match["key"]: found[match[0]][0].page for match in reversed(matches) if not match["exact"]}
    for destination, text in expected.items():
        match = OURS.fullmatch(destination)
        if match is None or not match["exact"]:
            continue
        key = match["key"]
        if key in printed and destination not in found:
            yield _mismatch(destination, "", text, printed[key])
        elif key and key not in printed and destination in found:
            yield _mismatch(destination.removeprefix("exact."), "", text, found[destination][0].page)


def _mismatch(destination: str, printed: str, expected: str, page: int) -> Mismatch:
    match = OURS.fullmatch(destination)
    assert match is not None
    what = f"exact {match['kind']}" if match["exact"] else match["kind"]
    return Mismatch(match["key"] or match["kind"], printed, expected, page, what)


def normal(text: str) -> str:
    """Write text as it can be compared: without spaces, raised digits and ligatures plain, one kind of minus."""
    return "".join(unicodedata.normalize("NFKC", text).translate(HYPHENS).split())


def _pieces(pdf: Path) -> Iterator[tuple[str, str, int]]:
    """Give destination, text and page of every link, in the order in which they were set."""
    with pdf.open("rb") as file:
        resources = PDFResourceManager()
        device = _Characters(resources)
        interpreter = _Interpreter(resources, device)
        for number, page in enumerate(PDFPage.create_pages(PDFDocument(PDFParser(file))), start=1):
            links = list(_links(page))
            if not links:
                continue
            device.found, device.places = [], [place for destination, place in links if not _is_picture(destination)]
            interpreter.process_page(page)
            for destination, place in links:
                yield destination, _inside(place, device.found), number


def _links(page: PDFPage) -> Iterator[tuple[str, Rect]]:
    """Give destination and rectangle of a page's links within the document, seen from its lower left corner."""
    for reference in resolve1(page.annots) or ():
        annotation = resolve1(reference)
        action = resolve1(annotation.get("A")) or {}
        destination = resolve1(annotation.get("Dest", action.get("D")))
        if isinstance(destination, bytes):
            x0, y0, x1, y1 = (float(resolve1(edge)) for edge in resolve1(annotation["Rect"]))
            left, bottom = page.mediabox[:2]
            place = (min(x0, x1) - left, min(y0, y1) - bottom, max(x0, x1) - left, max(y0, y1) - bottom)
            yield destination.decode("latin-1"), place


def _is_picture(destination: str) -> bool:
    """Does this link surround a figure? What stands in it is its own."""
    match = OURS.fullmatch(destination)
    return match is not None and match["kind"] == "figure" and not match["exact"]


def _inside(place: Rect, characters: Iterable[_Character]) -> str:
    x0, y0, x1, y1 = place
    inside = [character for character in characters if x0 <= character.x <= x1 and y0 <= character.y <= y1]
    return "".join(character.text for character in sorted(inside, key=lambda character: character.x))


class _Character(NamedTuple):
    """A printed character and its middle."""

    x: float
    y: float
    text: str


class _Characters(PDFTextDevice):
    """Collects the characters of a page."""

    def __init__(self, resources: PDFResourceManager):
        super().__init__(resources)
        self.found: list[_Character] = []
        self.places: list[Rect] = []
        """Where they are needed."""

    def render_char(
        self,
        matrix: Matrix,
        font: PDFFont,
        fontsize: float,
        scaling: float,
        rise: float,
        cid: int,
        ncs: PDFColorSpace,
        graphicstate: PDFGraphicState,
    ) -> float:
        """Note one character; gives how far it advances."""
        try:
            text = font.to_unichr(cid)
        except PDFUnicodeNotDefined:
            text = "\N{REPLACEMENT CHARACTER}"
        advance = font.char_width(cid) * fontsize * scaling
        # What fonts say of their heights differs too much; a quarter of the size lies inside a letter of any.
        x, y = apply_matrix_pt(matrix, (advance / 2, rise + fontsize / 4))
        self.found.append(_Character(x, y, text))
        return advance


class _Interpreter(PDFPageInterpreter):
    """Leaves out figures, which cost most of the time, but not what is laid over a link: that reads with it."""

    def do_Do(self, xobjid_arg: PDFStackT) -> None:
        """Draw a form or an image."""
        form = resolve1(self.xobjmap.get(literal_name(xobjid_arg)))
        box = resolve1(form.get("BBox")) if isinstance(form, PDFStream) else None
        if box is None:  # an image has no characters
            return
        matrix = mult_matrix(resolve1(form.get("Matrix", MATRIX_IDENTITY)), self.ctm)
        x0, y0, x1, y1 = apply_matrix_rect(matrix, box)
        assert isinstance(self.device, _Characters)
        if any(
            x0 < right and left < x1 and y0 < top and bottom < y1 for left, bottom, right, top in self.device.places
        ):
            super().do_Do(xobjid_arg)
