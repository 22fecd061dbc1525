"""The finished PDF: every number leads to its line and back, and whatever reads otherwise than the ledger is found."""

import copy
import struct
import zlib
from collections import Counter

import pytest
from pdfminer.pdfdocument import PDFDocument
from pdfminer.pdfpage import PDFPage
from pdfminer.pdfparser import PDFParser
from pdfminer.pdftypes import resolve1

from provenance.pdf import Printed, compare, linked_texts, normal
from provenance.tex import tex_macros
from scaling.latex import PaperError, compile_pdf

DOCUMENT = r"""\documentclass[twocolumn]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{lmodern}
\usepackage{graphicx}
\usepackage{amsmath}
\usepackage{tabularx}
\usepackage[unicode, colorlinks]{hyperref}
\pdfinfoomitdate=1 \pdfsuppressptexinfo=-1 \pdftrailerid{}
\input{numbers}
\begin{document}
%s
\cite{known}
\bibliographystyle{unsrt}
\bibliography{references}
%s
\end{document}
"""
BIB = "@misc{known, author = {A. Author}, title = {A title}, year = {2020}}"


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


PIXEL = (
    b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    + chunk(b"IDAT", zlib.compress(b"\0\0"))
    + chunk(b"IEND", b"")
)


def entry(value, printed, interval="", low=None, high=None, **fields):
    return {
        "kind": "number",
        "value": value,
        "printed": printed,
        "unit": "",
        "low": low,
        "high": high,
        "level": 0.95 if interval else None,
        "how": "profile" if interval else "",
        "printed_interval": interval,
        "source": "laws/a_b/c-1.json",
        "pointer": "/law/slope",
        "rule": "law",
        "seeds": [0, 1, 2],
        "code": "ab" * 32,
        "lineage": "cd" * 32,
        **fields,
    }


LEDGER = {
    "root": "0123456789abcdef" * 4,
    "code": "fedcba9876543210" * 4,
    "exceptions": [],
    "entries": {
        "runs": entry(1234, "1,234"),
        "law.a-1.slope": entry(-0.2512345678901234, "−0.25", "[−0.31, −0.19]", -0.3123456789012345, -0.19),
        "flops": entry(1.98e17, "2.0 × 10¹⁷", unit="FLOP"),
        "share": entry(0.125, "12.5 %", "[…, 19.5] %", None, 0.195),
        "sizes": entry("8, 16, 32", "8, 16, 32"),
        "verdict": entry("undecided", "undecided"),
        "unused": entry(7, "7"),
        "figure.a.dot": entry("ef" * 32, "", kind="figure", source="figures/a.dot.png"),
    },
}
EVERYWHERE = r"""\rootnote
\tableofcontents
\section{Of \val{runs} runs, \val{flops} and \interval{share}}
Text \val{law.a-1.slope} \interval{law.a-1.slope}, math $N=\val{runs}$, $2^{\val{law.a-1.slope}}$ and
\[\frac{\val{runs}}{\val{flops}}\] Note.\footnote{\val{share} \interval{share}, \val{verdict}}
\begin{align} a &= \val{law.a-1.slope} \\ b &\in \interval{law.a-1.slope} \end{align}
\begin{figure}\figurefile[width=1cm]{a.dot}
\caption{Of \val{runs}, and this caption is so long that it takes two lines in its column: \val{law.a-1.slope}.}
\end{figure}
\begin{table}\begin{tabularx}{\columnwidth}{rX}\val{runs} & \interval{law.a-1.slope} and \val{sizes} \\ \end{tabularx}
\end{table}
\clearpage \val{share}, again \val{runs}
"""


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    """Compile a body to a PDF that prints a ledger; the same one twice costs once."""
    made = {}

    def make(body=EVERYWHERE, ledger=LEDGER, end=r"\appendix\section{Provenance}\provenance"):
        numbers = tex_macros(ledger)
        if (body, numbers, end) not in made:
            folder = tmp_path_factory.mktemp("paper")
            (folder / "a.dot.png").write_bytes(PIXEL)
            document = DOCUMENT % (body, end)
            files = {"main.tex": document, "numbers.tex": numbers, "references.bib": BIB}
            compile_pdf(files, [folder / "a.dot.png"], "tinytex", folder / "paper.pdf")
            made[body, numbers, end] = folder / "paper.pdf"
        return made[body, numbers, end]

    return make


def changed(ledger, *path, to):
    """A ledger with one thing changed."""
    ledger = copy.deepcopy(ledger)
    place = ledger
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return ledger


def places(pdf):
    """Page, from 1, and height of every destination."""
    with pdf.open("rb") as file:
        document = PDFDocument(PDFParser(file))
        pages = {page.pageid: number for number, page in enumerate(PDFPage.create_pages(document), start=1)}

        def place(name):
            target = resolve1(document.get_dest(name.encode()))
            page, _, _, height, *_ = resolve1(target["D"] if isinstance(target, dict) else target)
            return pages[page.objid], float(height)

        found = {name: place(name) for name in linked_texts(pdf)}
        rectangles = [
            (resolve1(link["A"])["D"].decode(), number, *map(float, link["Rect"]))
            for number, page in enumerate(PDFPage.create_pages(document), start=1)
            for link in map(resolve1, resolve1(page.annots) or ())
            if isinstance(resolve1(link["A"]).get("D"), bytes)
        ]
    return found, rectangles


def test_a_number_reads_as_the_ledger_has_it_wherever_it_stands(paper):
    pdf = paper()
    assert compare(pdf, LEDGER) == []
    found = linked_texts(pdf)
    assert Counter(page for _, page in found["number.runs"]) == {1: 6, 2: 1}
    assert [normal(text) for text, _ in found["number.law.a-1.slope"]] == ["-0.25"] * 4
    assert [normal(text) for text, _ in found["interval.law.a-1.slope"]] == ["[-0.31,-0.19]"] * 3
    assert {normal(text) for text, _ in found["number.flops"]} == {"2.0×1017"}
    assert [normal(text) for text, _ in found["number.verdict"]] == ["undecided"]
    assert [normal(text) for text, _ in found["number.sizes"]] == ["8,16,32"]
    assert found["exact.number.law.a-1.slope"][0].text == "-0.2512345678901234"
    assert found["exact.interval.law.a-1.slope"][0].text == "[-0.3123456789012345, -0.19]"
    assert found["exact.figure.figure.a.dot"][0].text == "ef" * 32
    assert found["root"] == [Printed(LEDGER["root"], 1)]
    assert found["code"] == [Printed(LEDGER["code"], 1)]


def test_the_appendix_lists_what_is_printed_and_nothing_else(paper):
    listed = [name for name in linked_texts(paper()) if name.startswith("printed.")]
    assert listed == [f"printed.{key}" for key in sorted(LEDGER["entries"]) if key != "unused"]


def test_a_number_leads_to_its_line_and_the_line_back_to_where_it_is_first_printed(paper):
    pdf = paper()
    goals, rectangles = places(pdf)
    boxes = {}
    for name, page, _, bottom, _, top in rectangles:
        boxes.setdefault(name, []).append((page, bottom, top))
    printed = [name for name in boxes if f"exact.{name}" in boxes]
    assert len(printed) == 2 + 6 + 2 + 1, "root and code, numbers, intervals, a figure"
    for name in printed:
        page, bottom, top = boxes[f"exact.{name}"][0]
        goal_page, goal = goals[name]
        assert goal_page == page
        assert bottom < goal < top + 30, "the line is in sight, below what the number leads to"
        back_page, back = goals[f"exact.{name}"]
        assert back_page == min(page for page, *_ in boxes[name])
        assert any(page == back_page and bottom < back < top + 20 for page, bottom, top in boxes[name])
    for name, texts in linked_texts(pdf).items():
        if name.startswith("printed."):
            assert [text.text for text in texts] == [f"p.{goals[name][0]}"]


def test_what_is_set_but_not_printed_is_not_listed(paper):
    pdf = paper(r"\rootnote\setbox0=\hbox{\val{runs}} \val{share}")
    assert "exact.number.share" in linked_texts(pdf)
    assert "exact.number.runs" not in linked_texts(pdf)
    assert compare(pdf, LEDGER) == []


ALTERED = [
    (("entries", "runs", "printed"), "1,235", "runs", "number"),
    (("entries", "flops", "printed"), "2.0 × 10¹⁸", "flops", "number"),
    (("entries", "share", "printed"), "12.6 %", "share", "number"),
    (("entries", "law.a-1.slope", "printed"), "0.25", "law.a-1.slope", "number"),
    (("entries", "law.a-1.slope", "printed_interval"), "[−0.31, −0.18]", "law.a-1.slope", "interval"),
    (("entries", "share", "printed_interval"), "[0.1, 19.5] %", "share", "interval"),
    (("entries", "law.a-1.slope", "value"), -0.2512345678901235, "law.a-1.slope", "exact number"),
    (("entries", "law.a-1.slope", "low"), -0.3123456789012346, "law.a-1.slope", "exact interval"),
    (("entries", "figure.a.dot", "value"), "ef" * 31 + "ff", "figure.a.dot", "exact figure"),
    (("root",), "1" + LEDGER["root"][1:], "root", "root"),
    (("code",), LEDGER["code"][:-1] + "1", "code", "code"),
]


@pytest.mark.parametrize(("path", "to", "key", "what"), ALTERED)
def test_one_digit_that_differs_is_found_with_its_key_and_its_page(paper, path, to, key, what):
    found = compare(paper(), changed(LEDGER, *path, to=to))
    assert {(mismatch.key, mismatch.what) for mismatch in found} == {(key, what), *EXACT.get((key, what), ())}
    first = next(mismatch for mismatch in found if mismatch.what == what)
    assert normal(str(to)) in normal(first.expected)
    assert first.page == (2 if what.startswith("exact") else 1)
    assert str(first).startswith(f"page {first.page}: {key} ({what}) reads {first.printed}, but the ledger says ")


EXACT = {(name, name): [(name, f"exact {name}")] for name in ("root", "code")}
"""What the appendix says again."""


def test_a_paper_made_with_other_numbers_is_found_to_print_them(paper):
    false = LEDGER
    for path, to, _, _ in ALTERED:
        false = changed(false, *path, to=to)
    found = {(mismatch.key, mismatch.what): mismatch for mismatch in compare(paper(ledger=false), LEDGER)}
    assert set(found) == {(key, what) for *_, key, what in ALTERED}.union(*EXACT.values())
    for _, to, key, what in ALTERED:
        assert normal(str(to)) in normal(found[key, what].printed)


def test_a_digit_altered_in_the_finished_file_is_found(paper, tmp_path):
    plain = r"\pdfcompresslevel=0 \pdfobjcompresslevel=0 "
    pdf = paper(plain + r"\rootnote Measured: \val{runs} and \val{share}.")
    content = pdf.read_bytes()
    assert compare(pdf, LEDGER) == []
    for old, new, key in ((b"(1,234)", b"(1,934)", "runs"), (b"(0.125)", b"(0.126)", "share")):
        assert content.count(old) == 1
        (tmp_path / "altered.pdf").write_bytes(content.replace(old, new))
        assert [mismatch.key for mismatch in compare(tmp_path / "altered.pdf", LEDGER)] == [key]


@pytest.mark.parametrize(
    "over",
    [
        r"7",
        r"\setbox0=\hbox{7}\immediate\pdfxform0 \pdfrefxform\pdflastxform",
        r"\setbox0=\hbox{7}\immediate\pdfxform0 \setbox0=\hbox{\pdfrefxform\pdflastxform}\immediate\pdfxform0 "
        r"\pdfrefxform\pdflastxform",
    ],
    ids=["text", "form", "form in a form"],
)
def test_what_is_laid_over_a_number_reads_with_it(paper, over):
    (found,) = compare(paper(rf"\rootnote Text \rlap{{\val{{runs}}}}{over}\par"), LEDGER)
    assert (found.key, found.expected) == ("runs", "1,234")
    assert sorted(found.printed) == sorted("1,2347")


def test_a_number_that_the_ledger_lacks_or_that_is_empty_is_found(paper):
    pdf = paper(r"\rootnote \val{runs} and \val{share}")
    ledger = copy.deepcopy(LEDGER)
    del ledger["entries"]["runs"]
    assert [(found.key, found.printed, found.expected) for found in compare(pdf, ledger)] == [
        ("runs", "1,234", ""),
        ("runs", "1234", ""),
    ]
    empty = paper(r"\makeatletter\rootnote\ledger@show{number}{runs}{\ledger@piece{}}")
    assert [(found.key, found.printed) for found in compare(empty, LEDGER)] == [("runs", "")]


def test_a_paper_without_root_or_without_its_appendix_is_found(paper):
    without_root = compare(paper(r"\val{runs}"), LEDGER)
    assert [(found.key, found.page) for found in without_root] == [("root", 1), ("code", 1)]
    late = compare(paper(r"\val{runs} \clearpage Text.\rootnote"), LEDGER)
    assert [(found.key, found.page) for found in late] == [("root", 1), ("code", 1)]
    unlisted = compare(paper(r"\rootnote \val{runs} \interval{share} \figurefile{a.dot}", end=""), LEDGER)
    assert {(found.key, found.what) for found in unlisted} == {
        ("runs", "exact number"),
        ("share", "exact number"),
        ("share", "exact interval"),
        ("figure.a.dot", "exact figure"),
    }


def test_a_line_of_what_is_nowhere_printed_is_found(paper):
    pdf = paper(r"\makeatletter\rootnote\val{runs}\immediate\write\@auxout{\string\ledger@used{verdict}{1}}")
    assert [(found.key, found.what, found.printed) for found in compare(pdf, LEDGER)] == [("verdict", "number", "")]


def test_an_interval_that_breaks_reads_as_one(paper):
    boxes = "".join(
        rf"\parbox{{{width}pt}}{{\raggedright Of \interval{{law.a-1.slope}} or \val{{sizes}}, $\val{{sizes}}$.}}\par "
        for width in range(40, 240, 8)
    )
    pdf = paper(r"\rootnote " + boxes)
    assert compare(pdf, LEDGER) == []
    _, rectangles = places(pdf)
    heights = {bottom for name, _, _, bottom, *_ in rectangles if name == "interval.law.a-1.slope"}
    assert len(heights) > 25, "some are broken"
    assert len(linked_texts(pdf)["interval.law.a-1.slope"]) == 25


def test_links_are_not_to_be_seen_in_print(paper):
    import pdfplumber

    with pdfplumber.open(paper(r"\rootnote Text \val{runs} text.")) as document:
        page = document.pages[0]
        (link,) = (link for link in page.annots if link["data"]["A"]["D"] == b"number.runs")
        assert link["data"]["Border"] == [0, 0, 0]
        characters = [character for character in page.chars if character["text"] in "Text1,234"]
        assert {tuple(character["non_stroking_color"]) for character in characters[:9]} == {(0,)}
        first = page.extract_words()[:3]
    assert [word["text"] for word in first] == ["Text", "1,234", "text."]


def test_exceptions_are_stated_whatever_people_write(paper):
    import pdfplumber

    why = "50 % of #1_{x} & $y ~ \\foo ^2 <<a>> --- ``b'' \"c\" ∮ 漢 \n\t" + "".join(map(chr, range(0x20, 0x180)))
    record = {
        "file": "laws/a_b.json",
        "kind": "damaged",
        "found": "a" * 64,
        "expected": "b" * 64,
        "who": "Jörg Żółć",
        "when": "2026-11-24",
        "why": why,
    }
    found = changed(LEDGER, "exceptions", to=[record, record | {"kind": "stale", "found": "", "why": "Seen."}])
    with pdfplumber.open(paper(r"\rootnote\val{runs}", ledger=found)) as document:
        text = normal("".join(page.extract_text() for page in document.pages))
    assert "aaaaaaaaaa,expectedbbbbbbbbbb).AcceptedbyJörg" in text
    assert "laws/a_b.jsonisstale(foundnothing,expectedbbbbbbbbbb)" in text
    assert "2026-11-24:50%of#1_{x}&$y" in text
    assert "U+222E" in text
    with pdfplumber.open(paper(r"\rootnote\val{runs}")) as document:
        assert "Exceptions:none" in normal("".join(page.extract_text() for page in document.pages))


@pytest.mark.parametrize("macro", [r"\val{no.such-key}", r"\interval{runs}", r"\figurefile{no-such-figure}"])
def test_what_the_ledger_lacks_stops_the_compilation(paper, macro):
    with pytest.raises(PaperError, match=r"no (number 'no\.such-key'|interval 'runs'|figure 'figure\.no-such-figure')"):
        paper(macro)


@pytest.mark.parametrize(
    ("printed", "set_as"),
    [
        ("−0.25", "-0.25"),
        ("2.0 × 10⁻⁴", "2.0 × 10−4"),
        ("[…, 19.5] %", "[. . . ,\n19.5]%"),
        ("first", "ﬁrst"),
        ("1,234", "1,234"),
    ],
)
def test_text_is_compared_however_it_is_set(printed, set_as):
    assert normal(printed) == normal(set_as)


@pytest.mark.parametrize(
    ("one", "other"), [("−0.25", "0.25"), ("1,234", "1,235"), ("2 × 10⁴", "2 × 10⁵"), ("1 %", "1")]
)
def test_different_numbers_stay_different(one, other):
    assert normal(one) != normal(other)
