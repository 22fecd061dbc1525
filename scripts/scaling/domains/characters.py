"""Characters: leads of English Wikipedia articles, predicted letter by letter.

The alphabet is printable ASCII: 95 characters, the separator between articles, and one token for all else, which is
.03 % of the text. It is fixed by definition, so the event space depends on no shard. Error is the mean surprise, in
nats.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from scaling.corpora import LEADS, SPLIT, Leads, Parts
from scaling.domains import Published
from scaling.tasks.language import UNKNOWN

FIRST, LAST = ord(" "), ord("~")
"""The ends of printable ASCII."""
HELD = {"test": 247_859, "validation": 46_559, "pool": 3_587_794}
"""Characters of the parts, with a separator an article."""


class Domain(Leads):
    """Language modelling by characters."""

    kind: Literal["characters"]
    validation_size: Annotated[int, Field(gt=0, le=HELD["validation"])]
    """Characters of the validation set, from the first on."""
    test_size: Annotated[int, Field(gt=0, le=HELD["test"])]
    """Characters of the test set, from the first on."""

    title: ClassVar[str] = "Characters"
    description: ClassVar[str] = (
        rf"The \emph{{characters}} are those of {LEADS}. Accents and typography are folded into printable ASCII, the "
        r"alphabet; what it lacks, .03\,\% of the text, is one further symbol, and so is the end of an article. An "
        rf"article is some 490 characters long. {SPLIT} Where the further symbol comes, any answer counts as wrong."
    )
    unit: ClassVar[str] = "characters"
    published: ClassVar[Published | None] = Published(
        task="character language models, cross-entropy", slope=-0.092, growth=0.89, source="hestness2019"
    )
    token: ClassVar[str] = "character"
    held: ClassVar[Mapping[str, int]] = HELD

    @property
    def symbols(self) -> int:
        """Separator, unknown and printable ASCII."""
        return UNKNOWN + 1 + LAST - FIRST + 1

    def encode(self, parts: Parts) -> Mapping[str, list[NDArray[np.int64]]]:
        """Number the characters in the order of ASCII."""
        return {part: [_tokens(article) for article in getattr(parts, part)] for part in self.held}


def _tokens(article: str) -> NDArray[np.int64]:
    codes = np.frombuffer(article.encode("utf-32-le"), dtype="<u4").astype(np.int64)
    return np.where((codes >= FIRST) & (codes <= LAST), codes - FIRST + UNKNOWN + 1, UNKNOWN)
