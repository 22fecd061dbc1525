"""All figures of the experiment `bias`: those that a study has the runs for, from maps, tables and its outcome."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from scaling.curves import gather
from scaling.domains.spiral import Domain
from scaling.experiments.bias_pictures import Pictured, Shown
from scaling.plots.bias_figures import figures, floors_of, theory_of

OUTCOME = {
    "theory": [{"family": "knn-1", "k": 1, "constant": 0.5, "expected": 2.5}],
    "noisy": [{"table": "spiral-noisy", "noise": 0.1, "floors": [{"family": "knn-1", "k": 1, "floor": 0.1}]}],
}
DOMAIN = Domain(kind="spiral", validation_size=10, test_size=10, region_size=10, map_size=20, map_seeds={})


@pytest.fixture
def drawn(records, tmp_path):
    """Draw the figures of a study, by name."""
    np.savez(tmp_path / "run.npz", probe=np.zeros(2 * 400, dtype=np.uint8))
    knn = records("knn-1", lambda N: 2 / N**0.5, (100, 1_000, 10_000), tip=0.4)
    network = records("mlp", lambda N: 0.02 + 2 / N, (100, 1_000, 10_000), size=8, tip=0.4)
    tables = {
        "spiral": gather([*knn, *network]),
        "spiral-noisy": gather(knn),
        "spiral-brief": gather([record.model_copy(update={"steps": 15}) for record in network]),
        "spiral-neighbours": gather(records("knn-3", lambda N: 1 / N**0.5, (1_000, 10_000))),
    }

    def draw(**changes):
        shown = {
            "domain": "spiral",
            "data": DOMAIN.model_dump(mode="json"),
            "N": 100,
            "seed": 0,
            "panels": (Shown(title="1-NN", model="knn-1", N=100), Shown(title="more", model="knn-1", N=1_000)),
            "labels": {"knn-1": "1-NN", "mlp": "MLP"},
            "regions": ("tip",),
            "crafted": "mlp",
            "budgets": ("spiral-brief",),
            "neighbours": {"knn-1": 1, "knn-3": 3, "knn-9": 9},
            "clean": ("spiral", "spiral-brief", "spiral-neighbours"),
            "noisy": {"spiral-noisy": 0.1},
        }
        return dict(figures(Pictured(**shown | changes), 2 * [tmp_path / "run.npz"], tables, OUTCOME))

    yield draw
    plt.close("all")


def legend_of(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_every_figure_is_drawn_under_its_name(drawn):
    made = drawn()
    assert [*made] == ["manifold", "density", "sample", "maps", "zoom", "regions", "crossing", "neighbours"]
    assert [axis.get_title() for axis in made["zoom"].axes] == ["1-NN", "more"]
    few, many = (
        sum(len(line.get_xdata()) for line in axis.lines if line.get_marker() in "os") for axis in made["zoom"].axes
    )
    assert few < many, "each panel has the points of its own shard"
    assert {"15 steps", "30 steps"} <= {*legend_of(made["crossing"])}
    assert legend_of(made["neighbours"]) == ["1-NN", "3-NN", "theory", "floor"]
    assert len(made["neighbours"].axes) == 2


def test_without_a_crafted_network_or_neighbours_their_figures_are_left_out(drawn):
    assert [*drawn(crafted=None, neighbours={})] == ["manifold", "density", "sample", "maps", "zoom", "regions"]


def test_what_the_experiment_counted_is_read_by_k():
    assert theory_of(OUTCOME) == {1: 2.5}
    assert floors_of(OUTCOME) == {0.1: {1: 0.1}}
