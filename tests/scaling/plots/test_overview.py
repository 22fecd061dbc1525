"""All domains in one figure: a line for each that has a curve, a row for every slope."""

import matplotlib.pyplot as plt
import pytest

from scaling.curves import fit_curve, gather
from scaling.plots import style
from scaling.plots.overview import Shown, overview

SIZES = (100, 300, 1_000, 3_000, 10_000, 30_000)
SLOPES = {"pictures": {"knn": -0.2, "cnn": -0.3}, "texts": {"lstm": -0.08}}
SHOWN = {
    "pictures": Shown("Pictures", {"knn": "k-NN", "cnn": "CNN"}, SIZES[-1], -0.309),
    "texts": Shown("Texts", {"lstm": "LSTM"}, SIZES[-1], None),
}


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.fixture
def curves(records):
    def make(sizes=SIZES):
        found = []
        for domain, families in SLOPES.items():
            for name, slope in families.items():
                made = records(name, lambda N, slope=slope: 0.5 * (N / 100) ** slope, sizes)
                table = gather([record.model_copy(update={"domain": domain}) for record in made])
                found.append(fit_curve(table, name))
        return tuple(found)

    return make


def test_every_domain_has_a_line_for_its_best_family_that_begins_at_one(curves):
    figure = overview(curves(), SHOWN)
    left, _ = figure.axes
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["Pictures: CNN", "Texts: LSTM"]
    for line in left.lines[:2]:
        assert line.get_xydata()[0] == pytest.approx([1, 1])
        assert line.get_xdata()[-1] == 300


def test_every_law_has_a_row_with_its_slope_and_what_is_published_stands_beside_the_domain(curves):
    _, right = overview(curves(), SHOWN).axes
    rows = [label.get_text().strip() for label in right.get_yticklabels()]
    assert rows == ["Pictures", "k-NN", "CNN", "Texts", "LSTM"]
    points = {rows[int(line.get_ydata()[0])]: line.get_xdata()[0] for line in right.lines if len(line.get_xdata()) == 1}
    assert points.pop("Pictures") == -0.309
    assert points == pytest.approx({"k-NN": -0.2, "CNN": -0.3, "LSTM": -0.08}, abs=0.01)


def test_without_laws_the_domains_are_named_and_drawn_nevertheless(curves, tmp_path):
    figure = overview(curves(SIZES[:2]), SHOWN)
    assert [label.get_text() for label in figure.axes[1].get_yticklabels()] == ["Pictures", "Texts"]
    style.save(figure, tmp_path / "overview.pdf")


def test_the_same_curves_make_the_same_bytes(curves, tmp_path):
    for name in ("one.pdf", "other.pdf"):
        style.save(overview(curves(), SHOWN), tmp_path / name)
    assert (tmp_path / "one.pdf").read_bytes() == (tmp_path / "other.pdf").read_bytes()
