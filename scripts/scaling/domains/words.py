"""Words: leads of English Wikipedia articles, predicted word by word.

A word is a run of letters and digits in lower case, or a punctuation mark. The vocabulary are the commonest words of
2,000 articles outside all shards, so it depends on no N. The other words are one token, unknown: with 10,000 known
words a tenth of the text. Their surprise is that one of them comes and not which, for all models alike, and any answer
in their place counts as wrong. Error is the mean surprise in nats.
"""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from scaling.corpora import LEADS, SPLIT, Leads, Parts
from scaling.domains import Published
from scaling.tasks.language import UNKNOWN

WORD = re.compile(r"[a-z0-9]+|[^\sa-z0-9]")
DISTINCT = 19_000
"""The slice has about as many words."""
HELD = {"test": 46_884, "validation": 8_901, "pool": 681_591}
"""Words of the parts, with a separator an article."""


class Domain(Leads):
    """Language modelling by words."""

    kind: Literal["words"]
    validation_size: Annotated[int, Field(gt=0, le=HELD["validation"])]
    """Words of the validation set, from the first on."""
    test_size: Annotated[int, Field(gt=0, le=HELD["test"])]
    """Words of the test set, from the first on."""
    vocabulary: Annotated[int, Field(gt=0, le=DISTINCT)]
    """How many words are known."""

    title: ClassVar[str] = "Words"
    description: ClassVar[str] = (
        rf"The \emph{{words}} are those of {LEADS}, folded to ASCII and to lower case and cut into runs of letters and "
        rf"digits and single punctuation marks, some 92 an article. {SPLIT} The vocabulary are the commonest words of "
        r"those 2,000. All other words are one symbol, a tenth of the text if 10,000 are known: its surprise is that "
        r"some unknown word comes and not which, for all models alike, and any answer in its place counts as wrong."
    )
    unit: ClassVar[str] = "words"
    published: ClassVar[Published | None] = Published(
        task="word language models, cross-entropy", slope=-0.066, growth=0.68, source="hestness2019"
    )
    token: ClassVar[str] = "word"
    held: ClassVar[Mapping[str, int]] = HELD

    @property
    def symbols(self) -> int:
        """Separator, unknown and the known words."""
        return UNKNOWN + 1 + self.vocabulary

    def encode(self, parts: Parts) -> Mapping[str, list[NDArray[np.int64]]]:
        """Number the words, the commonest first."""
        found = Counter(word for article in parts.vocabulary for word in words(article))
        # Ties in the order of the alphabet.
        ranked = sorted(found, key=lambda word: (-found[word], word))[: self.vocabulary]
        numbers = {word: number for number, word in enumerate(ranked, start=UNKNOWN + 1)}
        return {part: [_tokens(article, numbers) for article in getattr(parts, part)] for part in self.held}


def words(article: str) -> list[str]:
    """Cut an article into words."""
    return WORD.findall(article.lower())


def _tokens(article: str, numbers: Mapping[str, int]) -> NDArray[np.int64]:
    return np.array([numbers.get(word, UNKNOWN) for word in words(article)], dtype=np.int64)
