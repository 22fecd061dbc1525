"""The ledger in TeX: printed forms that TeX takes as they are meant, and an appendix of what is printed, no more."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.tex import linked, tex, tex_macros


def number(printed="1", interval="", **fields):
    bounds = {"low": None, "high": None, "level": None, "how": ""}
    origin = {"source": "laws/a.json", "pointer": "/a", "rule": "law", "seeds": [0, 1, 2], "code": "c" * 64}
    entry = {"kind": "number", "value": 1.0, "printed": printed, "unit": "", "printed_interval": interval}
    return entry | bounds | origin | {"lineage": "e" * 64} | fields


def macros(entries, exceptions=()):
    return tex_macros({"root": "0" * 64, "code": "1" * 64, "exceptions": exceptions, "entries": entries})


def line(key="a", **fields):
    """What the appendix has on a number."""
    return next(line for line in macros({key: number(**fields)}).splitlines() if line.startswith(r"\ledger@line{"))


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("undecided", ["undecided"]),
        ("1,000", ["1{,}000"]),
        ("−0.513", [r"\ensuremath{-}0.513"]),
        ("25.8 %", [r"25.8\,\%"]),
        ("[−0.52, 0.10]", [r"[\ensuremath{-}0.52{,}", "0.10]"]),
        ("[…, 0.10]", [r"[\ldots{}{,}", "0.10]"]),
        ("8, 16, 32", ["8{,}", "16{,}", "32"]),
        ("2.0 × 10¹⁰", [r"2.0~\ensuremath{{\times}}~10\ensuremath{^{10}}"]),
        ("3 × 10⁻⁴", [r"3~\ensuremath{{\times}}~10\ensuremath{^{-4}}"]),
        ("a_b & #1 {x} ^ ~ \\", [r"a\_b~\&~\#1~\{x\}~\textasciicircum{}~\textasciitilde{}~\textbackslash{}"]),
    ],
)
def test_printed_text_in_tex(printed, expected):
    assert tex(printed) == r"\ledger@break".join(rf"\ledger@piece{{{piece}}}" for piece in expected)


def assert_harmless(written, commands):
    """No command but these, no special character, and every group closed."""
    plain = re.sub(rf"\\({commands})(?![a-zA-Z])", "", written)
    plain = re.sub(r"\\[,%_&#${}]", "", plain)
    assert not set(plain) & set("\\%_&#$")
    depth = 0
    for character in plain:
        depth += (character == "{") - (character == "}")
        assert depth >= 0
    assert depth == 0


NAMES = "ensuremath|times|ldots|textbackslash|textasciitilde|textasciicircum|ledger@piece|ledger@break"


@given(st.text(alphabet="abc01.,%_&#${}~^\\ −×…⁻⁴", max_size=30))
def test_nothing_printed_can_be_a_command_or_end_a_group(printed):
    assert_harmless(tex(printed), NAMES)


@given(st.text(max_size=30))
def test_nothing_said_of_a_number_can_be_a_command_or_end_a_group(text):
    said = line(how=text, source=text + "x", pointer=text, value=text, unit=text)
    more = r"|ledger@(line|dest|exact|crease)|text(quotedbl|quoteright|endash|emdash)"
    assert_harmless(said.removesuffix("%"), NAMES + more)


def test_macros_are_in_one_order_whatever_the_ledgers():
    entries = {"b": number("2"), "a": number("1", "[0, 2]")}
    assert macros(entries) == macros(dict(reversed(entries.items())))


def test_a_number_without_interval_gets_no_interval_macro():
    written = macros({"a": number("1")})
    assert r"\ledger@enter{number}{a}{\ledger@piece{1}}{1}" in written
    assert r"\ledger@enter{interval}" not in written


def test_a_line_says_all_of_a_number():
    said = line(
        "law.a.beta",
        interval="[−0.1, …]",
        value=-0.30000000000000004,
        unit="fraction",
        low=-0.1,
        level=0.95,
        how="by profile",
        seeds=[4, 0, 2, 1, 7],
        lineage="0123456789abcdef" * 4,
    )
    said = said.replace(r"\ledger@crease{}", "").replace("{}", "")
    assert r"\ledger@exact{number.law.a.beta}{\ledger@piece{-0.30000000000000004}} fraction" in said
    assert r"{\ledger@piece{[-0.1,}\ledger@break\ledger@piece{\ldots]}} (95\,\%, by profile)" in said
    assert r"{laws/a.json\#/a}" in said
    assert r"{rule law, seeds 0\textendash2, 4, 7, code cccccccccc, lineage 0123456789}" in said


def test_a_line_does_not_speak_of_what_there_is_not():
    said = line(source="config", rule="config", seeds=[], code="", pointer="")
    assert said.endswith(r"{config}{lineage eeeeeeeeee}%")
    assert "(" not in said


def test_links_read_what_is_printed_and_what_python_has():
    texts = linked(
        {
            "root": "r",
            "code": "c",
            "exceptions": [],
            "entries": {
                "a.b": number("−0.5", "[…, 0.1]", value=-0.5000000000000001, high=0.1),
                "n": number("1,000", value=1000),
                "verdict": number("undecided", value="undecided"),
                "figure.a": {"kind": "figure", "value": "f" * 64, "printed": "", "source": "figures/a.pdf"},
            },
        }
    )
    assert texts == {
        "root": "r",
        "exact.root": "r",
        "code": "c",
        "exact.code": "c",
        "number.a.b": "−0.5",
        "interval.a.b": "[…, 0.1]",
        "exact.number.a.b": "-0.5000000000000001",
        "exact.interval.a.b": "[…, 0.1]",
        "number.n": "1,000",
        "exact.number.n": "1000",
        "number.verdict": "undecided",
        "exact.number.verdict": "undecided",
        "exact.figure.figure.a": "f" * 64,
    }


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_value_is_written_so_that_it_can_be_read_back_unchanged(value):
    ledger = {"root": "", "code": "", "exceptions": [], "entries": {"a": number(value=value)}}
    assert float(linked(ledger)["exact.number.a"]) == value
