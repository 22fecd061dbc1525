"""The spiral in pictures: the right way up, a panel per map, the same bytes each time."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.path import Path

from scaling.domains import spiral
from scaling.plots import bias, style
from scaling.randomness import generator

SHARD = spiral.label(spiral.sample(300, generator("picture")))
TRUTH, CLOSER = (
    spiral.inside(spiral.grid(60, window)).reshape(60, 60).astype(np.uint8)
    for window in (spiral.SQUARE, spiral.AT_THE_TIP)
)
PICTURES = {
    "manifold": bias.manifold,
    "density": bias.density,
    "sample": lambda: bias.sample(SHARD),
    "maps": lambda: bias.maps(panels(2)),
    "zoom": lambda: bias.zoom(panels(2)),
}


def panels(n):
    return [bias.Panel(f"family {index}", TRUTH, CLOSER, SHARD) for index in range(n)]


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def points_of(axis, classes=(style.OUTSIDE, style.INSIDE)):
    """The points that are drawn, by the colour of their class."""
    shown = {line.get_color(): line for line in axis.lines if line.get_marker() in (".", "o", "s")}
    return [np.column_stack(shown[colour].get_data()) for colour in classes]


def dashed(axis):
    return [line.get_xydata() for line in axis.lines if line.is_dashed()]


@pytest.mark.parametrize("name", PICTURES)
def test_equal_input_gives_equal_bytes_of_a_pdf(name, tmp_path):
    for copy in "ab":
        style.save(PICTURES[name](), tmp_path / f"{copy}.pdf")
    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")


def holds(line, points):
    """Which points lie within a closed line?"""
    return Path(line).contains_points(points)


def test_the_outline_of_the_band_and_of_its_regions_hold_what_belongs_to_them():
    points = spiral.sample(20_000, generator("outline"))
    assert (holds(bias.outline(), points) != spiral.inside(points)).mean() < 1e-3, "but for its straight pieces"
    for region, angles in spiral.REGIONS.items():
        line = bias.outline(*angles, reach=spiral.REACH)
        assert (line[0] == line[-1]).all()
        assert (holds(line, points) != spiral.in_region(points, region)).mean() < 1e-3


def test_the_manifold_shows_the_band_in_the_colour_of_its_class_and_names_its_regions():
    axis = bias.manifold().axes[0]
    (band,) = axis.patches
    assert {*map(tuple, band.get_xy())} == {*map(tuple, bias.outline())}
    assert to_hex(band.get_facecolor()).upper() == style.INSIDE
    assert to_hex(axis.get_facecolor()).upper() == style.OUTSIDE
    assert len(dashed(axis)) == len(spiral.REGIONS)
    for text in axis.texts:
        assert not spiral.inside(np.array([text.get_position()]))
    assert [text.get_text() for text in axis.texts] == list(spiral.REGIONS)


def test_the_density_is_the_right_way_up():
    (image,) = bias.density().axes[0].images
    picture = image.get_array()
    row, column = np.unravel_index(picture.argmax(), picture.shape)
    x, y = (column + 0.5) / len(picture) * 2 - 1, 1 - (row + 0.5) / len(picture) * 2
    assert spiral.density(np.array([[x, y]]))[0] == pytest.approx(picture.max())
    assert image.origin == "upper"


def test_every_point_of_a_sample_is_drawn_in_the_colour_of_its_class():
    outside, inside = points_of(bias.sample(SHARD).axes[0])
    assert spiral.inside(inside).all()
    assert not spiral.inside(outside).any()
    assert len(inside) + len(outside) == len(SHARD.y)


def test_a_wrong_label_shows():
    outside, inside = points_of(bias.sample(SHARD._replace(y=1 - SHARD.y)).axes[0])
    assert spiral.inside(outside).all()
    assert not spiral.inside(inside).any()


@pytest.mark.parametrize(
    ("draw", "window", "picture"), [(bias.maps, spiral.SQUARE, TRUTH), (bias.zoom, spiral.AT_THE_TIP, CLOSER)]
)
@pytest.mark.parametrize("n", [1, 5, 8])
def test_every_map_has_a_panel_with_its_title(draw, window, picture, n, tmp_path):
    figure = draw(panels(n))
    assert [axis.get_title() for axis in figure.axes] == [panel.title for panel in panels(n)]
    for axis in figure.axes:
        (image,) = axis.images
        assert image.origin == "upper"
        assert tuple(image.get_extent()) == window
        assert (image.get_array() == picture).all()
        border = axis.lines[0]
        assert border.get_color() == "black"
        assert (border.get_xydata() == bias.outline()).all()
    style.save(figure, tmp_path / "maps.pdf")


def test_titles_are_broken_before_they_meet():
    long = [panel._replace(title="polar MLP, focal loss, layer norm, weight decay 0.1") for panel in panels(8)]
    figure = bias.maps(long)
    figure.canvas.draw()
    boxes = [axis.title.get_window_extent() for axis in figure.axes]
    assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])


def test_around_the_tip_the_points_of_the_shard_in_the_window_are_drawn():
    axis = bias.zoom(panels(1)).axes[0]
    left, right, bottom, top = spiral.AT_THE_TIP
    assert axis.get_xlim() == (left, right)
    assert axis.get_ylim() == (bottom, top)
    x, y = SHARD.x.T
    near = SHARD.x[(left < x) & (x < right) & (bottom < y) & (y < top)]
    drawn = np.concatenate(points_of(axis))
    assert len(near)
    assert {*map(tuple, drawn)} == {*map(tuple, near)}
    (tip,) = dashed(axis)
    assert (tip == bias.outline(*spiral.REGIONS["tip"], reach=spiral.REACH)).all()
    assert ((tip > [left, bottom]) & (tip < [right, top])).all(), "the window holds all of the tip"
