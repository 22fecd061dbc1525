"""Torus: a smooth function without noise, for nearest neighbours, a control whose law is known all but exactly.

The nearest of N points in d dimensions lies at a distance r with E r² ∝ N^−2/d, and so far, squared, its value is off.
On a torus no border is in the way: a ball of radius r < 1/2 holds a share V r^d of all points, V being that of the unit
ball, so E r^2j = V^−2j/d Γ(1 + 2j/d) Γ(N + 1) / Γ(N + 1 + 2j/d) (Biau & Devroye 2015, chapter 2), and for f(x) = √(2/d)
Σ sin 2πx_i the mean of (f(x + r) − f(x))² over all x and all directions of r is 2 − 2 ₀F₁(d/2; −π²r²), a series in r².
That no point is nearer than 1/2 has probability (1 − V/2^d)^N, which is nothing for all but tiny shards.
"""

from math import exp, lgamma, log, pi
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from scaling.domains import Domain as BaseDomain
from scaling.domains import Draw, KnownLaw
from scaling.randomness import generator
from scaling.settings import Count
from scaling.tasks.estimation import Estimation, Examples

TERMS = 60
"""Of the series, whose terms fall as those of a Bessel function at no more than a turn."""


class Domain(BaseDomain):
    """Estimation of a sum of sines on the torus of circumference one."""

    kind: Literal["torus"]
    dimensions: Annotated[int, Field(ge=1, le=8)]
    """Dimensions d. From six on, shards below some hundreds are too small for the law."""
    test_size: Count
    """Test points per seed."""

    title: ClassVar[str] = "Torus"
    description: ClassVar[str] = (
        r"The \emph{torus} is a control, whose law is known: points of a torus in $d$ dimensions, which has no border, "
        r"and a smooth function of them, $\sqrt{2/d}\sum_i\sin2\pi x_i$, without noise. The error of the nearest "
        r"neighbour follows its squared distance, whose exponent is $-2/d$ \cite{biau2015}."
    )
    unit: ClassVar[str] = "points"

    @property
    def task(self) -> Estimation:
        """The function's value, which has mean zero and variance one."""
        return Estimation(inputs=self.dimensions, outputs=1, distance="squared", blind=1.0, period=1.0)

    @property
    def known(self) -> KnownLaw:
        """The law of the nearest neighbour."""
        return KnownLaw({"kind": "knn", "k": 1}, -2 / self.dimensions, self._error, r"\cite{biau2015}")

    def _error(self, N: int) -> float:
        half = self.dimensions / 2
        ball = half * log(pi) - lgamma(half + 1)

        def term(j: int) -> float:
            distance = lgamma(1 + j / half) + lgamma(N + 1) - lgamma(N + 1 + j / half) - j / half * ball
            sign = -1 if j % 2 else 1
            return sign * exp(2 * j * log(pi) + distance - lgamma(half + j) + lgamma(half) - lgamma(j + 1))

        return -2 * sum(map(term, range(1, TERMS)))

    def draw(self, name: str, N: int, seed: int, data: Path | None) -> Draw:
        """Draw points, evenly, for each set on its own."""

        def examples(n: int, *purpose: str | int) -> Examples:
            x = generator(name, *purpose).random((n, self.dimensions))
            return Examples(x, np.sqrt(2 / self.dimensions) * np.sin(2 * np.pi * x).sum(axis=1, keepdims=True))

        return Draw(
            train=examples(N, "train", N, seed),
            validation=examples(self.validation_size, "validation", seed),
            test={self.metric: examples(self.test_size, "test", seed)},
        )
