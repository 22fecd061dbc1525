"""Quanta: things that come up by Zipf's law and must be seen once to be known, a control whose law is known exactly.

Thing k comes up with probability p_k = c k^−(1 + a), k = 1, 2, …, so after N examples a share Σ p_k (1 − p_k)^N of what
comes up is new, which goes to c^(1/(1 + a)) / (1 + a) · Γ(a/(1 + a)) · N^−a/(1 + a) (Hutter 2021, Michaud et al. 2023).
"""

from math import ceil
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from scaling.domains import Domain as BaseDomain
from scaling.domains import Draw, KnownLaw
from scaling.randomness import generator
from scaling.settings import Count
from scaling.tasks.estimation import Estimation, Examples

TERMS = 30
"""Of the series by which improbable things are summed; the probable ones are summed one by one."""


class Domain(BaseDomain):
    """Estimation of a fixed sign that each thing has, plus or minus one, as if thrown for it."""

    kind: Literal["quanta"]
    tail: Annotated[float, Field(gt=0.1, le=3)]
    """The a of Zipf's law: the less, the more of what comes up is rare. A tenth is what 64 bits can number."""
    test_size: Count
    """Test examples per seed."""

    title: ClassVar[str] = "Quanta"
    description: ClassVar[str] = (
        r"The \emph{quanta} are a control, whose law is known: things that come up by Zipf's law, the $k$-th with "
        r"probability $p_k\propto k^{-(1+a)}$, each with a sign that must be seen once to be known and can't be "
        r"guessed. So the error is the share of what comes up that is new, $\sum_k p_k(1-p_k)^N$, whose exponent is "
        r"$-a/(1+a)$ \cite{hutter2021,michaud2023}."
    )

    @property
    def task(self) -> Estimation:
        """A sign from a thing's number; the answer to what is new is zero, one off."""
        return Estimation(inputs=1, outputs=1, distance="squared", blind=1.0)

    @property
    def known(self) -> KnownLaw:
        """The law of who knows what was seen."""
        a = self.tail
        return KnownLaw({"kind": "lookup"}, -a / (1 + a), self._error, r"\cite{hutter2021,michaud2023}")

    def _error(self, N: int) -> float:
        """Sum p (1 − p)^N one by one while N p is above one, and from there by powers of p: Hurwitz's zeta."""
        from scipy.special import zeta

        s = 1 + self.tail
        c = 1 / float(zeta(s))
        head = ceil((N * c) ** (1 / s))
        p = c * np.arange(1, head + 1) ** -s
        error, sign_and_choices = float((p * (1 - p) ** N).sum()), 1.0
        for j in range(min(N, TERMS) + 1):
            error += sign_and_choices * c ** (1 + j) * float(zeta(s * (1 + j), head + 1))
            sign_and_choices *= -(N - j) / (j + 1)
        return error

    def draw(self, name: str, N: int, seed: int, data: Path | None) -> Draw:
        """Draw what comes up, for each set on its own."""

        def examples(n: int, *purpose: str | int) -> Examples:
            things = generator(name, *purpose).zipf(1 + self.tail, n)
            return Examples(things[:, None].astype(np.float64), _signs(things)[:, None])

        return Draw(
            train=examples(N, "train", N, seed),
            validation=examples(self.validation_size, "validation", seed),
            test={self.metric: examples(self.test_size, "test", seed)},
        )


def _signs(things: NDArray[np.int64]) -> NDArray[np.float64]:
    """Give each thing its sign: the highest bit of its product with 2^64 over the golden ratio (Fibonacci hashing)."""
    return np.where((things.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(63), 1.0, -1.0)
