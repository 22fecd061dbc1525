"""What theory says of nearest neighbours in the plane: their errors along a smooth border, and under wrong labels.

Take two classes without label noise, a smooth border between them, and N points of density ρ: so many that near the
border ρ is even and the border straight. Then k-NN errs with a probability that depends on the distance from the
border alone, counted in mean spacings 1/√(Nρ). Integrated over both sides that gives an error of
C_k · N^(−1/2) · ∫ √ρ dl, the integral along the border.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray
from scipy import integrate, special, stats

from scaling.domains import spiral
from scaling.domains.spiral import HALF_WIDTH, PHI_MAX, RADIUS_START, centre_line, half_width

CELLS = 1_000
"""Side of the grid over which densities are integrated."""
AREA = 4.0
"""Of the square."""


def outvoted(k: int, p: float, voters: int, sure: int = 0) -> float:
    """Probability that most of k votes are wrong: `sure` of them, and each of `voters` with probability `p`.

    An even split counts half: it always goes to the same class, so it is wrong on one side of the border.
    """
    needed = k / 2 - sure
    return float(stats.binom.sf(needed, voters, p) + stats.binom.pmf(needed, voters, p) / 2)


def noise_floor(k: int, noise: float) -> float:
    """What the error of k-NN tends to when a share of the labels that it stores is wrong, but none it is tested on."""
    return outvoted(k, noise, k)


@functools.cache
def constant(k: int) -> float:
    """C_k = 2 ∫₀^∞ P ds: P that, of unit-rate Poisson points, most of the k nearest lie beyond a line at distance s.

    Given the distance r of the k-th point, of which πr² ~ Gamma(k), it lies on the circle of that radius and the others
    in its disc, all uniform. Beyond the line is of the circle the share arccos(t)/π, with t = s/r, and of the disc
    (arccos t − t√(1−t²))/π. So the integral is E[r] times one over t from 0 to 1.
    """
    mean_distance = special.gamma(k + 0.5) / (special.gamma(k) * np.sqrt(np.pi))

    def probability(t: float) -> float:
        of_circle = np.arccos(t) / np.pi
        of_disc = of_circle - t * np.sqrt(1 - t**2) / np.pi
        return float(of_circle * outvoted(k, of_disc, k - 1, sure=1) + (1 - of_circle) * outvoted(k, of_disc, k - 1))

    integral, _ = integrate.quad(probability, 0, 1)
    return float(2 * mean_distance * integral)


@functools.cache
def border(steps: int = 20_000) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cut the band's border into straight pieces: their middles (n, 2) and lengths (n,).

    The border is both edges, `steps` pieces each, from the blunt start to the tip where they meet, and the start
    itself, straight along the x axis. No turn touches another.
    """
    phi = np.linspace(0, PHI_MAX, steps + 1)
    cap = np.linspace(-HALF_WIDTH, HALF_WIDTH, steps // 100 + 1)
    lines = [(phi, centre_line(phi) + side * half_width(phi)) for side in (-1, 1)]
    lines.append((np.zeros(len(cap)), RADIUS_START + cap))
    corners = [np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]) for angle, radius in lines]
    middles = np.concatenate([(line[1:] + line[:-1]) / 2 for line in corners])
    lengths = np.concatenate([np.hypot(*np.diff(line, axis=0).T) for line in corners])
    return middles, lengths


def border_integral() -> float:
    """∫ √ρ dl along the border of the spiral's band, ρ the sampling density on the square."""
    middles, lengths = border()
    mass = AREA * spiral.density(spiral.grid(CELLS)).mean()
    return float((np.sqrt(spiral.density(middles) / mass) * lengths).sum())


@functools.cache
def tip_shares() -> tuple[float, float]:
    """Shares of the samples in the spiral's tip region and around its tip."""
    points = spiral.grid(CELLS)
    density = spiral.density(points)
    shares = [
        density[found].sum() / density.sum() for found in (spiral.in_region(points, "tip"), spiral.around_tip(points))
    ]
    return float(shares[0]), float(shares[1])
