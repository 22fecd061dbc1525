"""Linear: least squares on Gaussian inputs, a control whose law is known exactly.

With d inputs, noise of variance σ² and N > d + 1 examples the squared distance of the estimates from the truth is
σ² d / (N − d − 1) on average, by the mean of the inverse Wishart distribution (Breiman & Freedman 1983). Below d − 1
examples, that of the solution of least norm is (1 − N/d) |w|² + σ² N / (d − N − 1), w being the weights; in between
there is no mean (Belkin, Hsu & Xu 2020).
"""

from math import inf
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
    """Estimation of linear functions w·x with |w| = 1, from examples with noise."""

    kind: Literal["linear"]
    dimensions: Count
    """Inputs d, independent and standard normal. Shards should hold several times as many examples."""
    noise: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    """Standard deviation σ of the noise on what a shard says of a function."""
    functions: Count
    """How many functions of the same inputs are estimated, each with noise of its own, to have their mean error."""
    test_size: Count
    """Test inputs per seed."""

    title: ClassVar[str] = "Linear"
    description: ClassVar[str] = (
        r"The \emph{linear} domain is a control, whose law is known: linear functions of $d$ independent normal "
        r"inputs, seen with noise of variance $\sigma^2$. Least squares miss the truth by a mean squared distance of "
        r"$\sigma^2d/(N-d-1)$ \cite{breiman1983,belkin2020}, whose exponent is $-1$. Many functions "
        r"of the same inputs are estimated, so that their mean error scatters little."
    )

    @property
    def task(self) -> Estimation:
        """A number for each function; the best constant is zero, off by |w|² = 1."""
        return Estimation(inputs=self.dimensions, outputs=self.functions, distance="squared", blind=1.0)

    @property
    def known(self) -> KnownLaw:
        """The law of least squares."""
        return KnownLaw({"kind": "ols"}, -1.0, self._error, r"\cite{breiman1983}")

    def _error(self, N: int) -> float:
        d = self.dimensions
        spare = N - d
        if abs(spare) < 2:
            return inf
        return self.noise**2 * min(N, d) / (abs(spare) - 1) + max(0, -spare) / d

    def draw(self, name: str, N: int, seed: int, data: Path | None) -> Draw:
        """Draw inputs for each set on its own; the functions, which belong to the seed, are the same for all three."""
        weights = generator(name, "weights", seed).normal(size=(self.dimensions, self.functions))
        weights /= np.linalg.norm(weights, axis=0)

        def truth(n: int, *purpose: str | int) -> Examples:
            x = generator(name, *purpose).normal(size=(n, self.dimensions))
            return Examples(x, x @ weights)

        shard = truth(N, "train", N, seed)
        noise = self.noise * generator(name, "noise", N, seed).normal(size=shard.y.shape)
        return Draw(
            train=Examples(shard.x, shard.y + noise),
            validation=truth(self.validation_size, "validation", seed),
            test={self.metric: truth(self.test_size, "test", seed)},
        )
