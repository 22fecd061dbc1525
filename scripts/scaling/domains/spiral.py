"""Spiral: points in the plane, inside or outside a band that winds around the origin.

The labels are noise-free and the sampling density does not follow the band, so some of the boundary is
almost never seen (Dzekman 2024). Error is the misclassified fraction under the sampling density. Two regions have
errors of their own, under uniform densities: the `tail`, the band's outer turn, and the `tip`, its end at the top left,
where one sample in nine hundred falls. Either reaches as far to both sides of the band as makes half of it inside.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from scaling.domains import Domain as BaseDomain
from scaling.domains import Draw
from scaling.randomness import generator
from scaling.settings import Count, Name
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
TIP_PHI = 4.5 * np.pi
"""From this angle on, where the band crosses the y axis for the last time, it is the tip."""
REGIONS = {"tail": (PHI_MAX - 2 * np.pi, TIP_PHI), "tip": (TIP_PHI, PHI_MAX)}
"""Angles of the band between which each region lies. The outer turn up to the tip is the tail."""
SQUARE = (-1.0, 1.0, -1.0, 1.0)
"""Left, right, bottom and top."""
AT_THE_TIP = (-0.75, 0.15, 0.45, 1.0)
"""The same, of the window around the tip in which it is looked at more closely."""
REACH = 2
"""A region reaches so many times as far from the centre line as the band does, so that half of it is inside."""
TIP_RADIUS, TIP_EDGE = 0.75, 0.15
"""What lies farther out than midway between the last two turns, and left of x = .15, is around the tip: all that is
nearer to it than .1, so that no sample from elsewhere says much of it."""
TESTS_AN_EXAMPLE, FEWEST_TESTS = 10, 2_000
"""Test points for each training example, as far as there are so many. Where errors are a tenth and more, a million
would cost more than the training; so many leave test noise below a tenth of any error here."""


def centre_line(phi: NDArray[np.float64]) -> NDArray[np.float64]:
    """Radius of the band's middle at angle `phi` in [0, PHI_MAX]."""
    return RADIUS_START + RADIUS_GROWTH * phi / PHI_MAX


def half_width(phi: NDArray[np.float64]) -> NDArray[np.float64]:
    """Half the band's width, measured along the radius, at angle `phi`."""
    return HALF_WIDTH * np.minimum(1.0, (1 - phi / PHI_MAX) / TAPER)


def inside(points: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Tell which `points`, of shape (n, 2), lie in the band on any of its turns."""
    radius, angle = _polar(points)
    found = np.zeros(len(points), dtype=bool)
    for turn in range(int(PHI_MAX // (2 * np.pi)) + 1):
        phi = angle + 2 * np.pi * turn
        found |= (phi <= PHI_MAX) & (np.abs(radius - centre_line(phi)) < half_width(phi))
    return found


def in_region(points: NDArray[np.floating], region: str) -> NDArray[np.bool_]:
    """Tell which `points`, of shape (n, 2), lie in a region."""
    first, last = REGIONS[region]
    radius, angle = _polar(points)
    # Both regions lie on the outer turn: one angle of the band for each direction.
    phi = first + (angle - first) % (2 * np.pi)
    return (phi <= last) & (np.abs(radius - centre_line(phi)) < REACH * half_width(phi))


def around_tip(points: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Tell which `points`, of shape (n, 2), are samples that the tip could be learned from."""
    radius, _ = _polar(points)
    return (points[:, 0] < TIP_EDGE) & (points[:, 1] > 0) & (radius > TIP_RADIUS)


def uniform(region: str, n: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw `n` points uniformly from a region, by rejection."""
    first, last = REGIONS[region]
    widest = REACH * float(half_width(np.array(first)))
    farthest = float(centre_line(np.array(last))) + widest
    accepted: list[NDArray[np.float32]] = []
    missing = n
    while missing > 0:
        phi = rng.uniform(first, last, size=4 * missing + 64)
        away = rng.uniform(-widest, widest, size=len(phi))
        radius = centre_line(phi) + away
        # The area at a radius grows with it.
        kept = (np.abs(away) < REACH * half_width(phi)) & (rng.uniform(0, farthest, size=len(phi)) < radius)
        points = np.column_stack([radius * np.cos(phi), radius * np.sin(phi)])[kept][:missing]
        accepted.append(points.astype(np.float32))
        missing -= len(points)
    return np.concatenate(accepted)


def _polar(points: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, y = points[:, 0].astype(np.float64), points[:, 1].astype(np.float64)
    return np.hypot(x, y), np.arctan2(y, x) % (2 * np.pi)


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


def grid(size: int, window: tuple[float, float, float, float] = SQUARE) -> NDArray[np.float32]:
    """Centres of a `size` × `size` grid of cells on a window of the plane, row by row from the top left."""
    left, right, bottom, top = window
    ticks = (np.arange(size) + 0.5) / size
    x, y = np.meshgrid(left + ticks * (right - left), top - ticks * (top - bottom))
    return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)


def label(points: NDArray[np.float32]) -> Examples:
    """Pair `points` with their labels: 1 inside the band, 0 outside."""
    return Examples(points, inside(points).astype(np.int64))


class Domain(BaseDomain):
    """Classification of points in the plane, with fresh samples for every run, noise-free unless told otherwise."""

    kind: Literal["spiral"]
    test_size: Count
    """Test points per seed, drawn from the sampling density: at most so many, and ten times N or 2,000."""
    region_size: Count
    """Test points per seed and region, likewise."""
    map_size: Count
    """Side, in cells, of the grid of a decision map, and of that of a closer one at the tip."""
    map_seeds: Mapping[Annotated[int, Field(gt=0)], Annotated[int, Field(ge=0)]]
    """For each N whose runs keep their decision maps: seeds below this one do."""
    label_noise: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    """Share of wrong labels among training and validation points. Test labels are right, always."""
    tip_from: Count | None = None
    """Whatever N is, the samples around the tip are those of the shard of so many points; null for its own."""
    stream: Name | None = None
    """Name of the domain whose random draws these are; null for its own."""

    title: ClassVar[str] = "Spiral"
    description: ClassVar[str] = (
        r"The \emph{spiral} is synthetic: points of the square $[-1,1]^2$, labelled by whether they lie inside a "
        r"band that winds two and a third times around the origin and tapers off at its outer end. The labels "
        r"carry no noise. The sampling density, a mixture of three Gaussians and a thin uniform floor, "
        r"does not follow the band, so parts of the boundary are hardly ever seen; the rarest is the \emph{tip}, the "
        r"band's end at the top left. Every run draws fresh "
        r"training points, and every seed fresh validation and test points, so shards are independent at "
        r"any size. The setting is that of \cite{dzekman2024}; the geometry is our own."
    )
    regions: ClassVar[Mapping[str, str]] = {"tail": "the band's outer turn", "tip": "the band's sparse end"}
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
        """Draw fresh points; validation and test sets depend on the seed, their size on N, and on no model."""
        name = self.stream or name
        enough = max(FEWEST_TESTS, TESTS_AN_EXAMPLE * N)
        tests, of_region = min(self.test_size, enough), min(self.region_size, enough)
        return Draw(
            train=self._noisy(self._shard(name, N, seed), generator(name, "noise", N, seed)),
            validation=self._noisy(
                sample(self.validation_size, generator(name, "validation", seed)),
                generator(name, "validation noise", seed),
            ),
            test={
                self.metric: label(sample(tests, generator(name, "test", seed))),
                **{region: label(uniform(region, of_region, generator(name, region, seed))) for region in self.regions},
            },
            probe=label(self._maps()) if seed < self.map_seeds.get(N, 0) else None,
        )

    def _maps(self) -> NDArray[np.float32]:
        """Give the cells of the decision map, then those of the one at the tip."""
        return np.concatenate([grid(self.map_size), grid(self.map_size, AT_THE_TIP)])

    def _shard(self, name: str, N: int, seed: int) -> NDArray[np.float32]:
        points = sample(N, generator(name, "train", N, seed))
        if self.tip_from is None:
            return points
        seen = sample(self.tip_from, generator(name, "train", self.tip_from, seed))
        points = np.concatenate([seen[around_tip(seen)], points[~around_tip(points)]])
        # A little short, or long, of N without the samples around the tip that were replaced.
        spare = sample(N, generator(name, "spare", N, seed))
        return np.concatenate([points, spare[~around_tip(spare)]])[:N]

    def _noisy(self, points: NDArray[np.float32], rng: np.random.Generator) -> Examples:
        x, y = label(points)
        return Examples(x, np.where(rng.random(len(y)) < self.label_noise, 1 - y, y))
