"""Theory of nearest neighbours: its constants against draws of points, and the whole against a simulation."""

import numpy as np
import pytest

from scaling.domains import spiral
from scaling.experiments.neighbours import border, border_integral, constant, noise_floor, outvoted, tip_shares
from scaling.models.knn import Family

TRIALS = 100_000


def drawn_constant(k, rng):
    """Draw the k nearest of unit-rate Poisson points, and how far beyond the middle a line may lie for most to be lost.

    Most of them lie beyond a line at distance s if the middle one of their coordinates across it is above s: the
    integral over s of that chance is the mean of the coordinate where it is positive.
    """
    squared = np.cumsum(rng.exponential(size=(TRIALS, k)), axis=1) / np.pi
    across = np.sqrt(squared) * np.cos(rng.uniform(0, 2 * np.pi, size=(TRIALS, k)))
    return 2 * np.median(across, axis=1).clip(min=0).mean()


@pytest.mark.parametrize("k", [1, 3, 5, 15])
def test_the_constant_is_that_of_drawn_points(k):
    assert constant(k) == pytest.approx(drawn_constant(k, np.random.default_rng(k)), rel=0.015)


def test_the_constant_of_one_neighbour_is_known():
    assert constant(1) == pytest.approx(1 / np.pi)


def test_an_even_number_of_neighbours_loses_by_half_of_the_even_splits():
    assert outvoted(2, 0.3, 2) == pytest.approx(0.3**2 + 0.3 * 0.7)
    assert constant(2) > constant(3), "two neighbours err as often as one of them alone, but the second is farther off"


@pytest.mark.parametrize(("k", "expected"), [(1, 0.1), (3, 3 * 0.01 * 0.9 + 0.001), (5, 0.00856)])
def test_wrong_labels_win_a_majority_as_often_as_a_binomial_says(k, expected):
    assert noise_floor(k, 0.1) == pytest.approx(expected)


def test_the_border_is_as_long_as_its_parts():
    middles, lengths = border()
    # A spiral r = a + bφ has the arc length ∫ √(r² + b²) dφ; tapering changes either edge by far less than 1 %.
    phi = np.linspace(0, spiral.PHI_MAX, 100_001)
    slope = spiral.RADIUS_GROWTH / spiral.PHI_MAX
    arc = np.trapezoid(np.sqrt(spiral.centre_line(phi) ** 2 + slope**2), phi)
    assert lengths.sum() == pytest.approx(2 * arc + 2 * spiral.HALF_WIDTH, rel=0.01)
    assert border(2_000)[1].sum() == pytest.approx(lengths.sum(), rel=1e-4)
    # On either side of every piece lies another class.
    radius, step = np.hypot(*middles.T), 1e-3
    edges = slice(0, 2 * 20_000 * 9 // 10)
    out, into = ((middles * ((radius + side) / radius)[:, None])[edges] for side in (step, -step))
    assert (spiral.inside(out) != spiral.inside(into)).mean() > 0.99
    start = middles[-200:]
    assert (spiral.inside(start + np.array([0, step])) & ~spiral.inside(start - np.array([0, step]))).mean() > 0.98


def test_the_whole_is_what_neighbours_do_on_many_points():
    rng = np.random.default_rng(0)
    shard, test = (spiral.label(spiral.sample(n, rng)) for n in (100_000, 200_000))
    task = spiral.Domain(kind="spiral", validation_size=1, test_size=1, region_size=1, map_size=1, map_seeds={}).task
    for k in (1, 5):
        answers = Family(kind="knn", k=k).memorise(shard, task)(test)
        found = (answers != test.y).mean() * np.sqrt(len(shard.y))
        assert found == pytest.approx(constant(k) * border_integral(), rel=0.1)


def test_the_tip_has_the_shares_of_a_large_draw():
    points = spiral.sample(1_000_000, np.random.default_rng(1))
    drawn = spiral.in_region(points, "tip").mean(), spiral.around_tip(points).mean()
    assert tip_shares() == pytest.approx(drawn, rel=0.1)
