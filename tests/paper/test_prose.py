"""No result is typed: whatever reads like one in the prose is a number of the ledger, or stands below with a reason."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEMPLATES = [ROOT / "paper" / "main.tex", *sorted((ROOT / "paper" / "sections").glob("*.tex"))]
LIBRARY = ROOT / "scripts" / "scaling"
MODULES = [
    *sorted((LIBRARY / "domains").glob("*.py")),
    *sorted((LIBRARY / "models").glob("*.py")),
    *sorted((LIBRARY / "claims").rglob("*.py")),
]

LITERATURE = "what the literature reports, not this study"
QUESTION = "the factor that the paper asks about: its effect is the result"
DOUBLED = "how the compute check is made"
METHOD = "how the method is defined, in the code"
FORMULA = "part of a formula"
NAME = "a name, not a number"
ALLOWED = {
    "In 2017 Hestness and colleagues": LITERATURE,
    "between $-0.07$ and $-0.35$, where theory had led one to expect $-0.5$ or $-1$": LITERATURE,
    "between $-0.07$ and $-0.35$, not at $-0.5$ or $-1$": LITERATURE,
    "helps much with a thousand examples": LITERATURE,
    "Five neighbours are a bad prior": LITERATURE,
    r"within $1\pm $": FORMULA,
    "$[1/ , ]$": FORMULA,
    "the ratio of errors, with all three to without": "focal loss, weight decay and layer norm",
    "the network with all three errs": "the same",
    "ten times the data": QUESTION,
    "the factor $10^s$": QUESTION,
    "the error by $10^s$": QUESTION,
    "Slope $s$ & $10^s$": QUESTION,
    "twice the training budget": DOUBLED,
    "with twice the budget": DOUBLED,
    "Trained twice as long": DOUBLED,
    "for twice as many steps": DOUBLED,
    "lie more than a factor of two apart": METHOD,
    "the three largest shards": METHOD,
    "its three largest shards": METHOD,
    "halves that error": METHOD,
    "a lower bound reaches 1.": METHOD,
    "two rivals": METHOD,
    "a multiply-add as two": METHOD,
    "shards less three degrees of freedom": METHOD,
    "with two parameters": METHOD,
    "if any were dropped, two more": METHOD,
    "would be half of the law's": QUESTION,
    r"$N$ for half of $\varepsilon$": QUESTION,
    r"\gamma\ge 0>\beta": FORMULA,
    r"\tau^2 I": FORMULA,
    "(1+(N/N )^k)": FORMULA,
    "The two trade off": "floor and exponent",
    "the other two parameters": "scale and floor",
    "double dagger": "a sign",
    "dotted: two slopes to compare with": METHOD,
    "ImageNet, top-1 error": NAME,
    "spectra (1, time, bands)": NAME,
    "trained twice as long": DOUBLED,
    "at most twice its operations": DOUBLED,
}
"""Numbers that are no results, with the words around them, and why they may be typed."""

NAMES = (
    r"\\(?:val|interval|figurefile|label|ref|eqref|cite|input|bibliography|bibliographystyle)(?:\[[^]]*\])?\{[^{}]*\}?"
)
LENGTHS = r"-?\d*\.?\d+(?:pt|in|em|ex|mm|cm)\b"
NUMBERS = r"(?<![A-Za-z\d])[-−]?\d+(?:[.,]\d+)*"
WORDS = (
    r"\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen"
    r"|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|hundreds?|thousands?|millions?|billions?|dozens?|hal(?:f|ves)|thirds?"
    r"|quarters?|(?:fif|six|seven|eigh|nin|ten)ths?|twice|thrice|doubl(?:e|es|ed|ing)|per ?cent|\w+fold)\b"
)


def typed(prose: str) -> list[str]:
    """What reads like a result: numbers in digits or words, each with what stands around it."""
    prose = _without_names(prose)
    for phrase in ALLOWED:
        prose = prose.replace(phrase, "…")
    found = re.finditer(rf"{NUMBERS}|{WORDS}", prose, re.IGNORECASE)
    return [prose[max(0, match.start() - 30) : match.end() + 30] for match in found]


def _without_names(prose: str) -> str:
    """Prose on one line, without comments, names, lengths and indices."""
    prose = re.sub(r"(?<!\\)%.*", "", prose)
    prose = re.sub(rf"{NAMES}|{LENGTHS}|\\multicolumn\{{[^}}]*\}}|_\{{?\d\}}?", " ", prose)
    return " ".join(prose.split())


def template_prose(template: str) -> str:
    """The text of a template, with whatever its tags may print."""
    template = re.sub(r"<#.*?#>", " ", template, flags=re.DOTALL)
    return re.sub(r"<[<%](.*?)[%>]>", lambda tag: f" {' '.join(_spoken(tag[1]))} ", template, flags=re.DOTALL)


def _spoken(tag: str) -> Iterator[str]:
    """What a tag may print as it stands there: its strings, but for names of things, and its numbers."""
    strings = r"'((?:\\.|[^'\\])*)'"
    for text in re.findall(strings, tag):
        if not re.fullmatch(r"[A-Za-z][\w.-]*", text):
            yield text.replace("\\\\", "\\")
    bare = re.sub(strings, " ", tag)
    yield from re.findall(r"\d+\.\d+", bare)
    yield from re.findall(r"(?:^-?|\belse\b)\s*(\d+)\b(?!\.)", bare)


def module_prose(source: str) -> Iterator[str]:
    """The sentences among a module's strings; neither docstrings nor errors, nor what a domain or a learner is made of.

    That is said in its `description`, before any run, so that a new one takes no line here.
    """
    tree = ast.parse(source)
    silent = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    silent |= {id(part) for node in ast.walk(tree) if isinstance(node, ast.Raise) for part in ast.walk(node)}
    silent |= {id(part) for node in ast.walk(tree) if _describes(node) for part in ast.walk(node)}
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if id(node) in silent | parts:
            continue
        if isinstance(node, ast.JoinedStr):
            text = "".join(part.value if isinstance(part, ast.Constant) else " " for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        else:
            continue
        if " " in text.strip():
            yield text


def _describes(node: ast.AST) -> bool:
    return isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "description"


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_no_result_is_typed_into_a_template(path):
    assert typed(template_prose(path.read_text())) == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_no_result_is_typed_into_what_the_library_says(path):
    assert [found for text in module_prose(path.read_text()) for found in typed(text)] == []


def test_what_may_be_typed_is_typed_somewhere():
    prose = [template_prose(path.read_text()) for path in TEMPLATES]
    prose += [text for path in MODULES for text in module_prose(path.read_text())]
    everything = "\n".join(_without_names(text) for text in prose)
    assert [phrase for phrase in ALLOWED if phrase not in everything] == []


@pytest.mark.parametrize(
    "prose",
    [
        "The error falls to 0.32.",
        "It errs on 8.65\\,\\% of the images.",
        "With 1,234 images it errs least.",
        "At $N=1000$ the MLP wins.",
        "The slope is $-0.35$, so it is steep.",
        "That took $5.3\\times10^{13}$ operations.",
        "It takes 3 seeds.",
        "The error is 0.32 in the tip.",
        "The interval is [\\val{low}, 0.4].",
        "A third of the curves are limited.",
        "It errs ten times as often.",
        "The 1-NN errs half as often, the CNN seventeen per cent.",
        "The gain is threefold.",
        "<% if claims %>It is 0.7.<% endif %>",
        "<< 'errs on 0.7 of the points' if many >>",
        "<< '0.7' if many else '0.8' >>",
        "<< 0.7 >>",
        "<< 7 if many else 8 >>",
        "<< listed(families) >> and <<- 7 >>",
        "<% set best = 'it errs on 7 points' %>",
        "<< 'curve \\val{' ~ key ~ '} of 7 curves' >>",
    ],
)
def test_a_typed_result_is_found(prose):
    assert typed(template_prose(prose))


@pytest.mark.parametrize(
    "prose",
    [
        r"The error falls to \val{curve.images.cnn.n55000} \interval{law.spiral.knn-1.beta}.",
        r"See Table~\ref{tab:7}, \cite{hestness2017,hoffmann2022} and \label{sec:12}.",
        r"\figurefile[width=0.5\textwidth]{learning-curves-2}",
        r"\begin{tabular}{@{}L{1.75in}rr@{}} \\[-2pt] \multicolumn{3}{c}{Shards} \vspace{16pt plus 4pt}",
        "Fine. % 0.7, says a comment",
        "<# 0.7, says a comment #>Fine.",
        "<% if families | length == 12 and claims.D2 %>H1 and D5<% endif %>",
        r"<< '\\val{claim.' ~ name ~ '.n55000}' if ranking[0] else 'none' >>",
        "<% for form in ('law-7', 'exponential') %><% endfor %>",
        "A budget between $b_0$ and $b_1$, and $N_{0}$.",
        "For one curve and the other, both or none.",
        "In ten times the data there is a result, in it there is none.",
    ],
)
def test_what_is_no_result_is_left_alone(prose):
    assert typed(template_prose(prose)) == []


def test_a_result_typed_into_the_library_is_found():
    source = "\n".join(
        (
            '"""A docstring of 7 words."""',
            "class Domain:",
            '    """A docstring of 7 words."""',
            "    size = 7",
            '    """A docstring of 7 words."""',
            '    file = "train-7.gz"',
            '    description = r"The images are hard: " r"every network errs on 12\\,\\% of them."',
            "    def describe(self):",
            "        if self.size > 7:",
            '            raise ValueError(f"{self.size} is more than 7")',
            '        return f"supported if {self.size} of 9 curves pass"',
        )
    )
    found = [literal for text in module_prose(source) for literal in typed(text)]
    assert len(found) == 2
    assert "12" in found[0]
    assert "of 9 curves" in found[1]
