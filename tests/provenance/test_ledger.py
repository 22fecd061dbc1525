"""The ledger: keys that are good and new, and printed forms that TeX takes as they are meant."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.ledger import Ledger, LedgerError, tex, tex_macros


def number(printed, interval=""):
    return {"value": 1.0, "printed": printed, "printed_interval": interval}


def test_an_entry_keeps_the_number_and_says_where_it_was_read():
    ledger = Ledger()
    ledger.add("law.spiral.knn-1.beta", number("−0.5"), source="laws/spiral/knn-1.json", pointer="/law/beta/value")
    entry = ledger.entries["law.spiral.knn-1.beta"]
    assert entry["printed"] == "−0.5"
    assert entry["source"] == "laws/spiral/knn-1.json"
    assert entry["pointer"] == "/law/beta/value"


@pytest.mark.parametrize("key", ["", "a b", "a_b", "a..b", ".a", "a-", "a{b}", "ä", "a\n"])
def test_a_key_that_tex_could_not_spell_is_refused(key):
    with pytest.raises(LedgerError, match="letters and digits, joined by single dots or hyphens"):
        Ledger().add(key, number("1"), source="s", pointer="/")


def test_a_key_is_entered_once_and_the_message_names_both_sources():
    ledger = Ledger()
    ledger.add("a.b", number("1"), source="first.json", pointer="/")
    with pytest.raises(LedgerError, match=r"'a\.b' is entered twice: first.json and second.json"):
        ledger.add("a.b", number("2"), source="second.json", pointer="/")


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("undecided", "undecided"),
        ("1,000", "1{,}000"),
        ("−0.513", r"\ensuremath{-}0.513"),
        ("25.8 %", r"25.8\,\%"),
        ("[−0.52, 0.10]", r"[\ensuremath{-}0.52,\penalty500\ 0.10]"),
        ("[…, 0.10]", r"[\ldots{},\penalty500\ 0.10]"),
        ("2.0 × 10¹⁰", r"2.0~\ensuremath{\times}~10\ensuremath{^{10}}"),
        ("3 × 10⁻⁴", r"3~\ensuremath{\times}~10\ensuremath{^{-4}}"),
        ("a_b & #1 {x} ^ ~ \\", r"a\_b~\&~\#1~\{x\}~\textasciicircum{}~\textasciitilde{}~\textbackslash{}"),
    ],
)
def test_printed_text_in_tex(printed, expected):
    assert tex(printed) == expected


@given(st.text(alphabet="abc01.,%_&#${}~^\\ −×…⁻⁴", max_size=30))
def test_nothing_printed_can_be_a_command_or_end_a_group(printed):
    plain = re.sub(
        r"\\(ensuremath|times|ldots|penalty500|textbackslash|textasciitilde|textasciicircum)", "", tex(printed)
    )
    plain = re.sub(r"\\[,%_&#${} ]", "", plain)
    assert not set(plain) & set("\\%_&#$")
    depth = 0
    for character in plain:
        depth += (character == "{") - (character == "}")
        assert depth >= 0
    assert depth == 0


def test_macros_are_in_one_order_whatever_the_ledgers():
    entries = {"b": number("2"), "a": number("1", "[0, 2]")}
    assert tex_macros(entries) == tex_macros(dict(reversed(entries.items())))


def test_a_number_without_interval_gets_no_interval_macro():
    macros = tex_macros({"a": number("1")})
    assert r"\ledger@enter{number}{a}{1}{1}" in macros
    assert r"\ledger@enter{interval}" not in macros
