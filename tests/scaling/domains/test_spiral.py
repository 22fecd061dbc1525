"""The spiral: its band, its sampling density, and which draws share what."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from scaling.domains.spiral import (
    AT_THE_TIP,
    PHI_MAX,
    REACH,
    REGIONS,
    Domain,
    around_tip,
    centre_line,
    density,
    grid,
    half_width,
    in_region,
    inside,
    label,
    sample,
    uniform,
)
from scaling.randomness import generator

DOMAIN = Domain(
    kind="spiral", validation_size=1_000, test_size=1_000, region_size=300, map_size=10, map_seeds={200: 1, 1_000: 3}
)
SAMPLE = sample(400_000, generator("test"))


def at(radius, angle):
    return np.array([[radius * np.cos(angle), radius * np.sin(angle)]])


def draw(N=200, seed=0, name="spiral", **changes):
    return DOMAIN.model_copy(update=changes).draw(name, N, seed, None)


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


def test_the_band_ends_in_the_tip_top_left():
    x, y = at(centre_line(PHI_MAX), PHI_MAX)[0]
    assert x < 0 < y
    phi = PHI_MAX - 0.01
    assert in_region(at(centre_line(phi), phi), "tip")[0]
    assert around_tip(np.array([[x, y]]))[0]


@given(st.sampled_from(sorted(REGIONS)), st.floats(0.01, 0.99), st.floats(-0.9, 0.9))
def test_a_region_reaches_twice_as_far_as_the_band_between_its_angles(region, part, away):
    first, last = REGIONS[region]
    phi = first + part * (last - first)
    width = half_width(phi)
    assert in_region(at(centre_line(phi) + REACH * away * width, phi), region)[0]
    assert not in_region(at(centre_line(phi) + REACH * (1.05 + abs(away)) * width + 1e-6, phi), region)[0]
    others = [other for other in REGIONS if other != region]
    assert not any(in_region(at(centre_line(phi), phi), other)[0] for other in others)


@given(st.floats(0, REGIONS["tail"][0] - 1e-6))
def test_inner_turns_are_in_no_region(phi):
    assert not any(in_region(at(centre_line(phi), phi), region)[0] for region in REGIONS)


@pytest.mark.parametrize("region", REGIONS)
def test_points_of_a_region_lie_evenly_in_it_and_half_of_them_inside_the_band(region):
    points = uniform(region, 40_000, np.random.default_rng(0))
    assert points.shape == (40_000, 2)
    assert points.dtype == np.float32
    assert in_region(points.astype(np.float64) * (1 - 1e-7), region).mean() > 0.999
    # The band's part of a tube of twice its width is a half, as both are cut at the same angles.
    assert inside(points).mean() == pytest.approx(0.5, abs=0.01)
    # Even: as many in any box as its area in the region says, counted on a fine grid.
    cells = grid(1_000)
    cells = cells[in_region(cells, region)]
    for low, high in (((-1, -1), (0, 1)), ((-1, 0), (1, 1)), ((-0.4, 0.5), (0.3, 1))):
        share = [((some >= low) & (some < high)).all(axis=1).mean() for some in (points, cells)]
        assert share[0] == pytest.approx(share[1], abs=0.02)


def test_what_lies_around_the_tip_holds_the_tip_and_no_other_turn():
    tip = uniform("tip", 5_000, np.random.default_rng(0))
    assert around_tip(tip).all()
    away = grid(400)[~around_tip(grid(400))]
    nearest = np.sqrt(((tip[::50, None] - away[None]) ** 2).sum(axis=2).min(axis=1))
    assert nearest.min() > 0.1, "no sample from elsewhere is near"
    band = np.linspace(0, PHI_MAX - 2 * np.pi, 500)
    points = np.column_stack([centre_line(band) * np.cos(band), centre_line(band) * np.sin(band)])
    assert not around_tip(points).any()


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


def test_about_one_sample_in_nine_hundred_is_in_the_tip_and_some_in_a_hundred_around_it():
    cells = grid(1_500)
    p = density(cells)
    for chosen, share in ((lambda x: in_region(x, "tip"), 0.0011), (around_tip, 0.0141)):
        assert p[chosen(cells)].sum() / p.sum() == pytest.approx(share, rel=0.05)
        assert chosen(SAMPLE).mean() == pytest.approx(share, rel=0.1)


def test_best_guess_is_the_share_of_the_band():
    assert DOMAIN.guess == pytest.approx(inside(SAMPLE).mean(), abs=0.005)
    assert DOMAIN.guess < 0.5


def test_a_label_is_one_inside_the_band():
    examples = label(SAMPLE[:1000])
    assert (examples.y == inside(SAMPLE[:1000])).all()
    assert set(examples.y) == {0, 1}


def test_a_draw_has_the_sizes_and_types_asked_for():
    drawn = draw(200)
    sizes = {"train": 200, "validation": 1_000, "error": 1_000, "tail": 300, "tip": 300}
    for name, examples in {"train": drawn.train, "validation": drawn.validation, **drawn.test}.items():
        assert examples.x.shape == (sizes[name], 2)
        assert examples.y.shape == (sizes[name],)
        assert (examples.x.dtype, examples.y.dtype) == (np.float32, np.int64)
        assert (examples.y == inside(examples.x)).all()
    assert set(drawn.test) == {"error", *DOMAIN.regions}


@given(st.integers(1, 600))
def test_small_shards_are_tested_on_fewer_points(N):
    large = DOMAIN.model_copy(update={"test_size": 5_000})
    sizes = {name: len(examples.y) for name, examples in large.draw("spiral", N, 0, None).test.items()}
    tests = max(2_000, 10 * N)
    assert sizes == {"error": min(5_000, tests), "tail": min(300, tests), "tip": min(300, tests)}


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


def test_a_domain_on_the_stream_of_another_has_its_points():
    one, other = draw(name="spiral"), draw(name="other", stream="spiral")
    for of in (lambda d: d.train, lambda d: d.validation, lambda d: d.test["tip"]):
        assert (of(one).x == of(other).x).all()


def test_two_domains_of_this_kind_have_different_points():
    assert not rows(draw(name="spiral").train) & rows(draw(name="other").train)


def test_the_probe_goes_row_by_row_from_the_top_left():
    assert grid(2).tolist() == [[-0.5, 0.5], [0.5, 0.5], [-0.5, -0.5], [0.5, -0.5]]
    assert grid(2, (0, 1, 2, 4)).tolist() == [[0.25, 3.5], [0.75, 3.5], [0.25, 2.5], [0.75, 2.5]]
    assert (draw().probe.x == np.concatenate([grid(10), grid(10, AT_THE_TIP)])).all()


def test_maps_are_asked_for_at_the_seeds_and_shards_that_the_settings_name():
    kept = {(N, seed) for N in (100, 200, 1_000) for seed in range(5) if draw(N, seed).probe is not None}
    assert kept == {(200, 0), (1_000, 0), (1_000, 1), (1_000, 2)}


def test_label_noise_turns_its_share_of_training_and_validation_labels_and_no_test_label():
    clean, noisy = draw(5_000), draw(5_000, label_noise=0.1)
    for of in (lambda d: d.train, lambda d: d.validation):
        assert (of(clean).x == of(noisy).x).all()
        assert (of(clean).y != of(noisy).y).mean() == pytest.approx(0.1, abs=0.02)
    for name, test in noisy.test.items():
        assert (test.y == inside(test.x)).all(), name


@given(st.integers(500, 3_000), st.integers(0, 5))
def test_samples_around_the_tip_stay_those_of_a_smaller_shard(N, seed):
    seen = draw(500, seed).train.x
    points = draw(N, seed, tip_from=500).train.x
    assert len(points) == N
    assert {p.tobytes() for p in points[around_tip(points)]} == {p.tobytes() for p in seen[around_tip(seen)]}
    own = draw(N, seed).train.x
    elsewhere = {p.tobytes() for p in points[~around_tip(points)]}
    assert len({p.tobytes() for p in own[~around_tip(own)]} - elsewhere) <= around_tip(seen).sum()


def test_there_is_no_end_of_points_and_nothing_to_prepare(tmp_path):
    assert DOMAIN.pool is None
    with pytest.raises(TypeError, match="nothing to prepare"):
        DOMAIN.prepare(tmp_path)
