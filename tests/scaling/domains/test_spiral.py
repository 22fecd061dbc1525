"""The spiral: its band, its sampling density, and which draws share what."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from scaling.domains import spiral
from scaling.domains.spiral import PHI_MAX, Domain, centre_line, density, grid, half_width, inside, label, sample
from scaling.randomness import generator

DOMAIN = Domain(kind="spiral", validation_size=1_000, test_size=1_000, tip_test_size=300, map_size=10)
SAMPLE = sample(400_000, generator("test"))


def at(radius, angle):
    return np.array([[radius * np.cos(angle), radius * np.sin(angle)]])


def draw(N=200, seed=0, name="spiral"):
    return DOMAIN.draw(name, N, seed, None)


def rows(examples):
    return {row.tobytes() for row in examples.x}


def test_a_point_is_inside_if_it_is_nearer_to_the_centre_line_than_half_the_width():
    u, away = np.random.default_rng(0).uniform((0, -0.09), (1, 0.15), size=(50_000, 2)).T
    phi, width = (4 * np.pi + 2.2) * u, 0.062 * np.minimum(1, (1 - u) / 0.12)
    radius = 0.10 + 0.85 * u + away
    # Two turns lie .36 apart, so within .15 of the centre line no other turn of the band is near.
    points = np.column_stack([radius * np.cos(phi), radius * np.sin(phi)])
    assert (inside(points) == (np.abs(away) < width)).all()


@given(st.floats(0, PHI_MAX - 2 * np.pi))
def test_midway_between_two_turns_is_outside(phi):
    assert not inside(at((centre_line(phi) + centre_line(phi + 2 * np.pi)) / 2, phi))[0]


@given(st.floats(PHI_MAX + 1e-6, PHI_MAX + 1))
def test_the_band_ends(phi):
    assert not inside(at(centre_line(phi), phi))[0]


def test_the_origin_and_the_corners_are_outside():
    assert not inside(np.array([[0, 0], [1, 1], [-1, 1], [1, -1], [-1, -1]], dtype=np.float32)).any()


def test_the_band_starts_at_its_full_width_and_narrows_to_nothing():
    phi = np.linspace(0, PHI_MAX, 101)
    assert half_width(phi[0]) == pytest.approx(0.062)
    assert (np.diff(half_width(phi)) <= 0).all()
    assert half_width(phi[-1]) == pytest.approx(0)


def test_the_band_ends_in_the_tip_region():
    x, y = at(centre_line(PHI_MAX), PHI_MAX)[0]
    assert x < spiral.TIP_X
    assert y > spiral.TIP_Y


def test_the_density_is_that_of_the_recipe():
    points = np.random.default_rng(0).uniform(-1, 1, size=(1_000, 2))
    expected = 0.005 / 4 + sum(
        weight * multivariate_normal(centre, spread**2 * np.eye(2)).pdf(points)
        for weight, centre, spread in (
            (0.45, (0.30, -0.35), 0.38),
            (0.25, (-0.35, -0.45), 0.30),
            (0.295, (0.35, 0.40), 0.33),
        )
    )
    assert density(points) == pytest.approx(expected)


def test_samples_follow_the_density():
    side, fine = 8, 50
    p = density(grid(side * fine)).reshape(side, fine, side, fine).sum((1, 3))
    p /= p.sum()
    # Histogram rows are x; the grid's rows run from the top down.
    counts = np.histogram2d(*SAMPLE.T, bins=side, range=[[-1, 1], [-1, 1]])[0].T[::-1]
    z = (counts - len(SAMPLE) * p) / np.sqrt(len(SAMPLE) * p)
    assert np.square(z).sum() < 110  # chi-square on 63 degrees of freedom: one in five thousand is above 110
    assert np.abs(z).max() < 5


def test_samples_lie_in_the_square_and_are_float32():
    assert SAMPLE.dtype == np.float32
    assert SAMPLE.shape == (400_000, 2)
    assert np.abs(SAMPLE).max() <= 1


def test_the_tip_holds_about_one_sample_in_a_hundred():
    points = grid(400)
    p = density(points)
    tip = (points[:, 0] < -0.25) & (points[:, 1] > 0.25)
    assert p[tip].sum() / p.sum() == pytest.approx(0.011, abs=0.001)
    assert ((SAMPLE[:, 0] < -0.25) & (SAMPLE[:, 1] > 0.25)).mean() == pytest.approx(0.011, abs=0.001)


def test_best_guess_is_the_share_of_the_band():
    assert DOMAIN.guess == pytest.approx(inside(SAMPLE).mean(), abs=0.005)
    assert DOMAIN.guess < 0.5


def test_a_label_is_one_inside_the_band():
    examples = label(SAMPLE[:1000])
    assert (examples.y == inside(SAMPLE[:1000])).all()
    assert set(examples.y) == {0, 1}


def test_a_draw_has_the_sizes_and_types_asked_for():
    drawn = draw(200)
    sizes = {"train": 200, "validation": 1_000, "error": 1_000, "tip": 300}
    for name, examples in {"train": drawn.train, "validation": drawn.validation, **drawn.test}.items():
        assert examples.x.shape == (sizes[name], 2)
        assert examples.y.shape == (sizes[name],)
        assert (examples.x.dtype, examples.y.dtype) == (np.float32, np.int64)
        assert (examples.y == inside(examples.x)).all()
    assert set(drawn.test) == {"error", *DOMAIN.regions}


def test_the_test_set_of_the_tip_covers_the_tip_evenly():
    tip = draw().test["tip"].x
    assert (tip >= [-1, 0.25]).all()
    assert (tip <= [-0.25, 1]).all()
    assert tip.mean(axis=0) == pytest.approx([-0.625, 0.625], abs=0.05)
    assert tip.std(axis=0) == pytest.approx([0.75 / np.sqrt(12)] * 2, abs=0.02)


def test_a_draw_is_the_same_each_time():
    one, other = draw(), draw()
    assert (one.train.x == other.train.x).all()
    assert (one.test["error"].x == other.test["error"].x).all()
    assert (one.test["tip"].x == other.test["tip"].x).all()


def test_shards_of_different_size_or_seed_share_no_point():
    shards = [rows(draw(N, seed).train) for N in (200, 4_000, *range(4_001, 4_011)) for seed in (0, 1)]
    assert len(set().union(*shards)) == sum(map(len, shards))


def test_shard_validation_and_test_share_no_point():
    drawn = draw(1_000)
    parts = [rows(examples) for examples in (drawn.train, drawn.validation, *drawn.test.values())]
    assert len(set().union(*parts)) == sum(map(len, parts))


def test_validation_and_test_depend_on_the_seed_alone():
    for part in (lambda d: d.validation, lambda d: d.test["error"], lambda d: d.test["tip"]):
        assert rows(part(draw(200, 0))) == rows(part(draw(999, 0)))
        assert not rows(part(draw(200, 0))) & rows(part(draw(200, 1)))


def test_two_domains_of_this_kind_have_different_points():
    assert not rows(draw(name="spiral").train) & rows(draw(name="other").train)


def test_the_probe_goes_row_by_row_from_the_top_left():
    assert grid(2).tolist() == [[-0.5, 0.5], [0.5, 0.5], [-0.5, -0.5], [0.5, -0.5]]
    assert (draw().probe.x == grid(10)).all()


def test_there_is_no_end_of_points_and_nothing_to_prepare(tmp_path):
    assert DOMAIN.pool is None
    with pytest.raises(TypeError, match="nothing to prepare"):
        DOMAIN.prepare(tmp_path)
