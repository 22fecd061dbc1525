"""The style: colours that differ, files without times."""

import matplotlib.pyplot as plt
import pytest
from matplotlib.colors import to_rgb

from scaling.plots import style


def test_seven_families_have_seven_colours_and_an_eighth_has_one_too():
    colours = [style.colour(index) for index in range(8)]
    assert len(set(colours[:7])) == 7
    assert all(to_rgb(colour) for colour in colours)


def test_colours_differ_in_lightness_too():
    """So that they are told apart in print without colour."""
    lightness = sorted(
        sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), to_rgb(p), strict=True)) for p in style.PALETTE
    )
    assert lightness[-1] - lightness[0] > 0.5


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 3), (2, 2)])
def test_a_canvas_gives_its_axes_as_one_list(rows, columns):
    figure, axes = style.canvas(rows, columns, (2, 1))
    assert len(axes) == rows * columns
    assert tuple(figure.get_size_inches()) == (2, 1)
    plt.close(figure)


def test_a_saved_figure_is_a_pdf_without_time_or_program_and_is_closed(tmp_path):
    figure, (axis,) = style.canvas(1, 1, (2, 1))
    axis.plot([1, 2])
    style.save(figure, tmp_path / "a.pdf")
    content = (tmp_path / "a.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    for word in (b"CreationDate", b"Producer", b"Creator", b"atplotlib"):
        assert word not in content
    assert not plt.fignum_exists(figure.number)
