"""The spiral in pictures: the right way up, a panel per family, the same bytes each time."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from scaling.domains import spiral
from scaling.plots import bias, style
from scaling.randomness import generator

POINTS = spiral.sample(200, generator("picture"))
PICTURES = {
    "manifold": bias.manifold,
    "density": bias.density,
    "sample": lambda: bias.sample(POINTS),
    "maps": lambda: bias.maps(predictions(2)),
}


def predictions(n):
    truth = spiral.inside(spiral.grid(60)).reshape(60, 60).astype(np.uint8)
    return {f"family {index}": truth for index in range(n)}


@pytest.fixture(autouse=True)
def _coarse_and_closed(monkeypatch):
    monkeypatch.setattr(bias, "RESOLUTION", 90)
    yield
    plt.close("all")


def is_band_up_to_its_edge(picture):
    """Does an image, as drawn with the first row at the top, show the band? Its cells may straddle the edge."""
    side = len(picture)
    ticks = (np.arange(side) + 0.5) / side * 2 - 1
    points = np.array([(x, -y) for y in ticks for x in ticks])
    return (spiral.inside(points).reshape(side, side) == picture).all()


@pytest.mark.parametrize("name", PICTURES)
def test_equal_input_gives_equal_bytes_of_a_pdf(name, tmp_path):
    for copy in "ab":
        style.save(PICTURES[name](), tmp_path / f"{copy}.pdf")
    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")


def test_the_manifold_is_the_right_way_up():
    (image,) = bias.manifold().axes[0].images
    assert image.origin == "upper"
    assert image.get_extent() == [-1, 1, -1, 1]
    assert is_band_up_to_its_edge(image.get_array())


def test_the_density_is_the_right_way_up():
    (image,) = bias.density().axes[0].images
    picture = image.get_array()
    row, column = np.unravel_index(picture.argmax(), picture.shape)
    x, y = (column + 0.5) / len(picture) * 2 - 1, 1 - (row + 0.5) / len(picture) * 2
    assert spiral.density(np.array([[x, y]]))[0] == pytest.approx(picture.max())
    assert image.origin == "upper"


def test_every_point_of_a_sample_is_drawn_in_the_colour_of_its_class():
    axis = bias.sample(POINTS).axes[0]
    shown = {line.get_color(): np.column_stack(line.get_data()) for line in axis.lines}
    assert spiral.inside(shown[style.INSIDE]).all()
    assert not spiral.inside(shown[style.OUTSIDE]).any()
    assert len(shown[style.INSIDE]) + len(shown[style.OUTSIDE]) == len(POINTS)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_every_family_has_a_map_with_its_title(n, tmp_path):
    figure = bias.maps(predictions(n))
    assert [axis.get_title() for axis in figure.axes] == list(predictions(n))
    for axis in figure.axes:
        assert is_band_up_to_its_edge(axis.images[0].get_array())
    style.save(figure, tmp_path / "maps.pdf")
