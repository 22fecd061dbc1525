"""Coin: how often does it show heads? The plainest learning curve of all, a control whose law is known exactly.

Of N tosses k show heads, and k/N misses the true share p by E|k/N − p| = 2 ν (1 − p) P(k = ν) / N on average, with
ν = ⌊Np⌋ + 1 (de Moivre 1730; Diaconis & Zabell 1991), which goes to √(2p(1 − p) / (πN)).
"""

from math import exp, floor, lgamma, log
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from scaling.domains import Domain as BaseDomain
from scaling.domains import Draw, KnownLaw
from scaling.randomness import generator
from scaling.settings import Count
from scaling.tasks.estimation import Estimation, Examples


class Domain(BaseDomain):
    """Estimation of the share of heads. An example is a toss: no input to speak of, and one for heads or zero."""

    kind: Literal["coin"]
    validation_size: Literal[1] = 1
    """There is one truth to know, so nothing is to be set aside."""
    heads: Annotated[float, Field(gt=0, lt=1)]
    """The true share, best other than a half, which is the best guess."""
    coins: Count
    """How many such coins are tossed together, each estimated on its own: their mean error scatters the less."""

    title: ClassVar[str] = "Coin"
    description: ClassVar[str] = (
        r"The \emph{coin} is a control, whose law is known: how often it shows heads is to be estimated from $N$ "
        r"tosses. The mean distance of a frequency from the truth $p$ goes to $\sqrt{2p(1-p)/(\pi N)}$, with "
        r"exponent $-1/2$, and is known for every $N$ \cite{diaconis1991}. Many such coins are tossed together, each "
        r"estimated on its own, so that their mean error scatters little."
    )
    unit: ClassVar[str] = "tosses"

    @property
    def task(self) -> Estimation:
        """A number for each coin; who has seen no toss says a half."""
        return Estimation(inputs=1, outputs=self.coins, distance="absolute", blind=abs(self.heads - 1 / 2))

    @property
    def known(self) -> KnownLaw:
        """The law of an average."""
        return KnownLaw({"kind": "lookup"}, -1 / 2, self._error, r"\cite{diaconis1991}")

    def _error(self, N: int) -> float:
        p, v = self.heads, floor(N * self.heads) + 1
        if v > N:  # nothing lies above N p
            return 2 * (1 - p) * p**N
        chances = lgamma(N + 1) - lgamma(v + 1) - lgamma(N - v + 1) + v * log(p) + (N - v) * log(1 - p)
        return 2 * v * (1 - p) * exp(chances) / N

    def draw(self, name: str, N: int, seed: int, data: Path | None) -> Draw:
        """Toss all coins N times."""
        tosses = generator(name, "train", N, seed).random((N, self.coins), dtype=np.float32) < self.heads
        truth = Examples(np.zeros((1, 1)), np.full((1, self.coins), self.heads))
        return Draw(
            train=Examples(np.zeros((N, 1)), tosses.astype(np.float64)), validation=truth, test={self.metric: truth}
        )
