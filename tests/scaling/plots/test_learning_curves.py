"""Learning curves as drawn: for any number of families, with a law or without, the same bytes each time."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from scaling import plots
from scaling.curves import fit_curve, gather
from scaling.plots import style
from scaling.plots.learning_curves import learning_curves

SIZES = (100, 300, 1_000, 3_000, 10_000, 30_000)
NAMES = ("knn", "mlp", "cnn", "logistic", "lstm")

IN_ANOTHER_PROCESS = """
import pickle, sys
from pathlib import Path
from scaling.plots import style
from scaling.plots.learning_curves import learning_curves
style.save(learning_curves(*pickle.load(open(sys.argv[1], "rb"))), Path(sys.argv[2]))
"""


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.fixture
def drawn(records):
    """What is drawn of the first `n` families."""

    def make(n, sizes=SIZES, errors=None, **fields):
        found = [
            record
            for place, name in enumerate(NAMES[:n])
            for record in records(
                name, errors or (lambda N, p=place: 0.3 * (N / 100) ** (-0.1 * (p + 1))), sizes, **fields
            )
        ]
        table = gather(found)
        labels = {name: f"the {name}" for name in NAMES}
        return table, tuple(fit_curve(table, name) for name in NAMES[:n]), labels, "points"

    return make


def texts(axis):
    return " ".join(text.get_text() for text in axis.texts)


@pytest.mark.parametrize("n", [1, 2, 4, 5])
def test_every_family_has_a_panel_with_its_name(drawn, n, tmp_path):
    figure = learning_curves(*drawn(n))
    assert [axis.get_title(loc="left") for axis in figure.axes] == [f"the {name}" for name in NAMES[:n]]
    assert "points" in figure._supxlabel.get_text()
    assert figure.axes[0].get_ylabel() == "test error"
    style.save(figure, tmp_path / "a.pdf")
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")


def test_every_seed_is_drawn(drawn):
    table, *rest = drawn(1)
    axis = learning_curves(table, *rest).axes[0]
    assert any(list(line.get_xdata()) == table.N.tolist() for line in axis.lines)
    assert any(list(line.get_ydata()) == table.error.tolist() for line in axis.lines)


def test_the_law_is_drawn_with_its_slope(drawn):
    assert "slope −0.10" in texts(learning_curves(*drawn(1)).axes[0])


def test_a_curve_without_a_law_says_so(drawn, tmp_path):
    figure = learning_curves(*drawn(2, SIZES[:4]))
    assert "too few shards" in texts(figure.axes[0])
    style.save(figure, tmp_path / "a.pdf")


def test_a_curve_limited_by_compute_says_so(drawn):
    table, curves, *rest = drawn(1)
    limited = [curve.model_copy(update={"budget_gain": 0.1}) for curve in curves]
    assert "compute-limited" in texts(learning_curves(table, limited, *rest).axes[0])
    assert "compute-limited" not in texts(learning_curves(table, curves, *rest).axes[0])


def test_runs_without_errors_are_no_obstacle_to_a_log_scale(drawn, tmp_path):
    for errors in (lambda N: 0.0, lambda N: 0.0 if N > 1_000 else 0.1):
        style.save(learning_curves(*drawn(2, errors=errors)), tmp_path / "a.pdf")


def test_a_family_whose_runs_all_diverged_is_no_obstacle(drawn, record, tmp_path):
    lost = gather([record("knn", N, 0, None) for N in SIZES])
    style.save(learning_curves(lost, [fit_curve(lost, "knn")], {"knn": "k"}, "points"), tmp_path / "a.pdf")


def test_equal_input_gives_equal_bytes_in_any_process(drawn, tmp_path):
    given = drawn(2)
    for name in "ab":
        style.save(learning_curves(*given), tmp_path / f"{name}.pdf")
    (tmp_path / "given").write_bytes(pickle.dumps(given))
    environment = os.environ | {"PYTHONPATH": str(Path(plots.__file__).parents[2]), "PYTHONHASHSEED": "7"}
    command = [sys.executable, "-c", IN_ANOTHER_PROCESS, str(tmp_path / "given"), str(tmp_path / "c.pdf")]
    subprocess.run(command, env=environment, check=True)
    a, b, c = ((tmp_path / f"{name}.pdf").read_bytes() for name in "abc")
    assert a == b == c


def test_other_input_gives_other_bytes(drawn, tmp_path):
    for name, errors in (("a", lambda N: 0.3), ("b", lambda N: 0.2)):
        style.save(learning_curves(*drawn(1, errors=errors)), tmp_path / f"{name}.pdf")
    assert (tmp_path / "a.pdf").read_bytes() != (tmp_path / "b.pdf").read_bytes()


def test_errors_with_a_metric_are_drawn_as_they_are_and_others_in_per_cent(drawn):
    for metric, label, percent in (("nats per token", "test error (nats per token)", False), ("", "test error", True)):
        figure = learning_curves(*drawn(1), metric)
        figure.canvas.draw()
        axis = figure.axes[0]
        shown = [tick.get_text() for tick in axis.get_yticklabels(which="both") if tick.get_text()]
        assert axis.get_ylabel() == label
        assert shown
        assert all(text.endswith("%") == percent for text in shown)
