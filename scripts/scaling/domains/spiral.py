"""Spiral: points in the plane, inside or outside a band that winds around the origin.

The labels are noise-free and the sampling density does not follow the band, so some of the boundary is
almost never seen (Dzekman 2024). Error is the misclassified fraction under the sampling density; `tip` is the
same under a uniform density over the corner where the band ends, which holds about 1 % of the samples.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from scaling.domains import Domain as BaseDomain
from scaling.domains import Draw
from scaling.randomness import generator
from scaling.settings import Count
from scaling.tasks.classification import Classification, Examples

PHI_MAX = 4 * np.pi + 2.2
"""Angle at which the band ends: two turns and 126 degrees, so its tip lies top left."""
RADIUS_START, RADIUS_GROWTH = 0.10, 0.85
HALF_WIDTH, TAPER = 0.062, 0.12
"""The band is 2 × 0.062 wide and narrows to nothing over the last 12 % of its angle."""
BLOBS = (
    # weight, centre, standard deviation
    (0.45, (0.30, -0.35), 0.38),
    (0.25, (-0.35, -0.45), 0.30),
    (0.295, (0.35, 0.40), 0.33),
)
"""The sampling density: three Gaussians and, for the rest of the weight, the uniform density on the square."""
TIP_X, TIP_Y = -0.25, 0.25
"""The tip region is {x < TIP_X, y > TIP_Y}."""


def centre_line(phi: NDArray[np.float64]) -> NDArray[np.float64]:
    """Radius of the band's middle at angle `phi` in [0, PHI_MAX]."""
    return RADIUS_START + RADIUS_GROWTH * phi / PHI_MAX


def half_width(phi: NDArray[np.float64]) -> NDArray[np.float64]:
    """Half the band's width, measured along the radius, at angle `phi`."""
    return HALF_WIDTH * np.minimum(1.0, (1 - phi / PHI_MAX) / TAPER)


def inside(points: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Tell which `points`, of shape (n, 2), lie in the band on any of its turns."""
    x, y = points[:, 0].astype(np.float64), points[:, 1].astype(np.float64)
    radius, angle = np.hypot(x, y), np.arctan2(y, x) % (2 * np.pi)
    found = np.zeros(len(points), dtype=bool)
    for turn in range(int(PHI_MAX // (2 * np.pi)) + 1):
        phi = angle + 2 * np.pi * turn
        found |= (phi <= PHI_MAX) & (np.abs(radius - centre_line(phi)) < half_width(phi))
    return found


def density(points: NDArray[np.floating]) -> NDArray[np.float64]:
    """Sampling density at `points` of shape (n, 2), up to the constant that truncation to the square brings."""
    total = np.full(len(points), (1 - sum(weight for weight, _, _ in BLOBS)) / 4)
    for weight, centre, spread in BLOBS:
        squared = ((points - np.array(centre)) ** 2).sum(axis=1)
        total += weight * np.exp(-squared / (2 * spread**2)) / (2 * np.pi * spread**2)
    return total


def sample(n: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw `n` points of the sampling density, by rejection of what falls outside the square [-1, 1]²."""
    weights = np.array([weight for weight, _, _ in BLOBS])
    accepted: list[NDArray[np.float32]] = []
    missing = n
    while missing > 0:
        tries = int(1.3 * missing) + 64
        part = rng.choice(len(BLOBS) + 1, size=tries, p=[*weights, 1 - weights.sum()])
        points = rng.uniform(-1, 1, size=(tries, 2))
        for blob, (_, centre, spread) in enumerate(BLOBS):
            chosen = part == blob
            points[chosen] = np.array(centre) + spread * rng.standard_normal((int(chosen.sum()), 2))
        kept = points[(np.abs(points) < 1).all(axis=1)][:missing].astype(np.float32)
        accepted.append(kept)
        missing -= len(kept)
    return np.concatenate(accepted)


def grid(size: int) -> NDArray[np.float32]:
    """Centres of a `size` × `size` grid of cells on the square, row by row from the top left."""
    ticks = (np.arange(size) + 0.5) / size * 2 - 1
    x, y = np.meshgrid(ticks, -ticks)
    return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)


def label(points: NDArray[np.float32]) -> Examples:
    """Pair `points` with their labels: 1 inside the band, 0 outside."""
    return Examples(points, inside(points).astype(np.int64))


class Domain(BaseDomain):
    """Noise-free classification of points in the plane, with fresh samples for every run."""

    kind: Literal["spiral"]
    test_size: Count
    """Test points per seed, drawn from the sampling density."""
    tip_test_size: Count
    """Test points per seed, drawn uniformly from the tip region."""
    map_size: Count
    """Side, in cells, of the grid on which every run keeps its decision map."""

    title: ClassVar[str] = "Spiral"
    description: ClassVar[str] = (
        r"The \emph{spiral} is synthetic: points of the square $[-1,1]^2$, labelled by whether they lie inside a "
        r"band that winds two and a third times around the origin and tapers off at its outer end. The labels "
        r"carry no noise. The sampling density, a mixture of three Gaussians and a thin uniform floor, "
        r"does not follow the band, so parts of the boundary are hardly ever seen; the rarest is the \emph{tip}, the "
        r"corner at the top left where the band ends. Every run draws fresh "
        r"training points, and every seed fresh validation and test points, so shards are independent at "
        r"any size. The setting is that of \cite{dzekman2024}; the geometry is our own."
    )
    regions: ClassVar[Mapping[str, str]] = {"tip": "the sparse corner where the band ends"}
    unit: ClassVar[str] = "points"

    @property
    def task(self) -> Classification:
        """Inside or outside."""
        return Classification(shape=(2,), classes=2)

    @property
    def guess(self) -> float:
        """Error of answering `outside` everywhere: the band's share of the samples, from a fixed large draw."""
        return float(inside(sample(200_000, generator("spiral", "guess"))).mean())

    def draw(self, name: str, N: int, seed: int, data: Path | None) -> Draw:
        """Draw fresh points; validation and test sets depend on the seed alone, so models compare in pairs."""
        tip = generator(name, "tip", seed).uniform((-1, TIP_Y), (TIP_X, 1), size=(self.tip_test_size, 2))
        return Draw(
            train=label(sample(N, generator(name, "train", N, seed))),
            validation=label(sample(self.validation_size, generator(name, "validation", seed))),
            test={
                self.metric: label(sample(self.test_size, generator(name, "test", seed))),
                "tip": label(tip.astype(np.float32)),
            },
            probe=label(grid(self.map_size)),
        )
