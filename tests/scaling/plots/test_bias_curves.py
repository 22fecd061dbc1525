"""The spiral's curves: every family in every region, the crossings, and k-NN beside its theory."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from scaling.comparisons import crossing, ratios_by_size
from scaling.curves import gather
from scaling.plots import style
from scaling.plots.bias_curves import crossing as crossing_figure
from scaling.plots.bias_curves import neighbours, regions

SIZES = (100, 1_000, 10_000, 100_000)
LABELS = {"knn-1": "1-NN", "mlp": "polar MLP"}


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.fixture
def of_budget(records):
    """Make the runs of a network of three sizes under a budget."""

    def make(steps, sizes=SIZES, floor=0.01, scale=1):
        made = [
            record.model_copy(update={"steps": steps, "flops": steps * size})
            for size in (8, 16, 32)
            for record in records("mlp", lambda N, size=size: floor * 32 / size + 5 / N, sizes, size=size)
        ]
        return [record.model_copy(update={"budget_scale": scale}) for record in made]

    return make


@pytest.fixture
def table(records, of_budget):
    """Make that of a domain: neighbours, and a network whose largest shard is trained twice as long as well."""
    return gather(
        [
            *records("knn-1", lambda N: 2 / N**0.5, SIZES, tip=0.3),
            *of_budget(200),
            *of_budget(400, SIZES[-1:], floor=0.007, scale=2),
        ]
    )


def lines_of(axis):
    """The lines that the legend names, by their names."""
    handles, labels = axis.get_legend_handles_labels()
    return {label: getattr(handle, "lines", [handle])[0] for handle, label in zip(handles, labels, strict=True)}


def named(figure):
    (legend,) = figure.legends
    return [text.get_text() for text in legend.get_texts()]


def test_every_family_has_a_line_of_medians_on_the_whole_plane_and_in_every_region(table):
    figure = regions(table, LABELS, ["tip"])
    plane, tip = figure.axes
    assert [axis.get_title() for axis in figure.axes] == ["under the sampling density", "tip"]
    assert named(figure) == list(LABELS.values())
    knn = table[table.family == "knn-1"].groupby("N")
    assert lines_of(plane)["1-NN"].get_xydata() == pytest.approx(knn.error.median().reset_index().to_numpy())
    assert lines_of(tip)["1-NN"].get_ydata() == pytest.approx(len(SIZES) * [0.3])
    single = table[table.chosen & (table.budget_scale == 1)]
    chosen = single[single.family == "mlp"].groupby("N").error.median()
    assert lines_of(plane)["polar MLP"].get_ydata() == pytest.approx(chosen.to_numpy())


def test_bars_hold_the_middle_half_of_the_seeds(records):
    table = gather(records("knn-1", lambda N: 2 / N**0.5, SIZES, seeds=5))
    (bars,) = regions(table, {"knn-1": "1-NN"}, []).axes[0].collections
    for N, segment in zip(SIZES, bars.get_segments(), strict=True):
        assert segment[:, 1] == pytest.approx(table[table.N == N].error.quantile([0.25, 0.75]).to_numpy())


def test_what_has_no_error_and_what_diverged_is_left_out(records, record):
    lost = [record("knn-1", 100, seed, None) for seed in range(3)]
    none = [record("knn-1", 1_000, seed, 0.0) for seed in range(3)]
    table = gather([*lost, *none, *records("knn-1", lambda N: 0.1, SIZES[2:])])
    line = lines_of(regions(table, {"knn-1": "1-NN"}, []).axes[0])["1-NN"]
    assert list(line.get_xdata()) == list(SIZES[2:])


def test_the_crossing_is_marked_for_every_size_and_budget(table, of_budget):
    arm = gather(of_budget(100, floor=0.03))
    left, center, _ = crossing_figure(table, "knn-1", "mlp", LABELS, [arm]).axes
    single = table[table.budget_scale == 1]
    for axis, networks in (
        (left, [single[single["size"] == size] for size in (8, 16, 32)]),
        (center, [arm[arm["size"] == 16], single[single["size"] == 16]]),
    ):
        marked = [line.get_xdata()[0] for line in axis.lines if line.get_ydata()[0] == 0 and len(line.get_xdata()) == 2]
        found = [crossing(ratios_by_size(single, "knn-1", runs)) for runs in networks]
        assert all(found)
        assert marked == pytest.approx([N.value for N in found])


def test_budgets_are_named_by_their_steps_and_only_the_middle_size_has_all(table, of_budget):
    figure = crossing_figure(table, "knn-1", "mlp", LABELS, [gather(of_budget(1_600, SIZES[2:]))])
    left, center, right = figure.axes
    assert list(lines_of(left)) == ["1-NN", "polar MLP, size 8", "polar MLP, size 16", "polar MLP, size 32"]
    assert list(lines_of(center)) == ["1-NN", "200 steps", "400 steps", "1,600 steps"]
    assert center.get_title() == "polar MLP, size 16"
    assert list(lines_of(center)["400 steps"].get_xdata()) == [SIZES[-1]]
    assert left.get_ylim() == center.get_ylim()
    assert right.get_title() == "N = 100,000"
    assert len(set(named(figure))) == len(named(figure))


def test_training_is_weighed_against_error_at_the_largest_shard(table, of_budget):
    arm = gather(of_budget(1_600, SIZES[1:]))
    right = crossing_figure(table, "knn-1", "mlp", LABELS, [arm]).axes[2]
    joined = [line.get_xydata() for line in right.lines if len(line.get_xdata()) == 3]
    assert [[x for x, _ in line] for line in joined] == [
        [steps * size for steps in (200, 400, 1_600)] for size in (8, 16, 32)
    ]
    assert [text.get_text() for text in right.texts] == ["8", "16", "32"]
    without = lines_of(right)["1-NN, no training"].get_ydata()[0]
    assert without == pytest.approx(2 / SIZES[-1] ** 0.5)


def test_a_size_all_of_whose_runs_diverged_has_no_costs(table, record):
    lost = [record("mlp", SIZES[-1], seed, None, size=64) for seed in range(3)]
    right = crossing_figure(pd.concat([table, gather(lost)]).astype({"error": float}), "knn-1", "mlp", LABELS).axes[2]
    assert [text.get_text() for text in right.texts] == ["8", "16", "32"]


def test_a_network_of_one_size_under_one_budget_can_be_drawn(records, tmp_path):
    table = gather([*records("knn-1", lambda N: 2 / N**0.5, SIZES), *records("mlp", lambda N: 5 / N, SIZES)])
    figure = crossing_figure(table, "knn-1", "mlp", LABELS)
    assert figure.axes[1].get_title() == "polar MLP"
    style.save(figure, tmp_path / "crossing.pdf")


@pytest.fixture
def by_k(records):
    def make(floor=0.0):
        return {k: gather(records(f"knn-{k}", lambda N, k=k: floor + k / N**0.5, SIZES)) for k in (3, 1, 15)}

    return make


def test_errors_of_neighbours_stand_beside_theory_and_floors(by_k):
    figure = neighbours(by_k(), {1: 1.0, 3: 2.9}, {0.1: by_k(0.1)}, {0.1: {1: 0.1, 3: 0.028, 15: 1e-6}})
    left, right = figure.axes
    assert lines_of(left)["3-NN"].get_ydata() == pytest.approx(len(SIZES) * [3])
    assert named(figure) == ["1-NN", "3-NN", "15-NN", "theory", "floor"]
    level = {line.get_linestyle(): [] for line in (*left.lines, *right.lines)}
    for line in (*left.lines, *right.lines):
        if len(line.get_xdata()) == 2 and line.get_ydata()[0] == line.get_ydata()[1]:
            level[line.get_linestyle()].append(line.get_ydata()[0])
    assert level["--"] == [1.0, 2.9]
    assert 0.1 in level[":"]
    assert 1e-6 not in level[":"], "it would press all else together"
    assert right.get_title() == "10 % of labels wrong"


def test_without_theory_or_noise_there_is_one_panel_and_no_word_of_them(by_k):
    figure = neighbours(by_k(), {}, {}, {})
    assert len(figure.axes) == 1
    assert named(figure) == ["1-NN", "3-NN", "15-NN"]


def test_equal_tables_make_equal_bytes(table, by_k, tmp_path):
    for name, draw in {
        "regions": lambda: regions(table, LABELS, ["tip"]),
        "crossing": lambda: crossing_figure(table, "knn-1", "mlp", LABELS),
        "neighbours": lambda: neighbours(by_k(), {1: 1.0}, {0.1: by_k(0.1)}, {}),
    }.items():
        for copy in "ab":
            style.save(draw(), tmp_path / f"{name}-{copy}.pdf")
        assert (tmp_path / f"{name}-a.pdf").read_bytes() == (tmp_path / f"{name}-b.pdf").read_bytes()


def test_no_label_of_a_legend_touches_another_or_leaves_the_figure(table, of_budget):
    labels = LABELS | {"mlp": "polar MLP, focal loss, layer norm, weight decay 0.1"}
    for figure in (
        regions(table, labels, ["tip"]),
        crossing_figure(table, "knn-1", "mlp", LABELS, [gather(of_budget(100)), gather(of_budget(800))]),
    ):
        figure.canvas.draw()
        boxes = [text.get_window_extent() for text in figure.legends[0].get_texts()]
        assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])
        assert all(np.all(box.p0 >= 0) and np.all(box.p1 <= figure.bbox.p1) for box in boxes)
