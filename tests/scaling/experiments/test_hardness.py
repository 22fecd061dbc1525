"""Hard points, on maps whose mistakes are put in by hand."""

import numpy as np

from scaling.domains.spiral import grid, inside
from scaling.experiments.hardness import NEAR, around, hard_cells, judge, read_maps

SIDE = 40
TRUTH = inside(grid(SIDE)).reshape(SIDE, SIDE)


def wrong(*cells):
    """A map that is right but in these cells."""
    found = TRUTH.copy()
    for cell in cells:
        found[cell] = ~found[cell]
    return found


A, B, C = (5, 5), (20, 20), (30, 8)
JUDGES = {0: wrong(A, B), 1: wrong(A, B), 2: wrong(A, C), 3: wrong(A, B)}


def test_hard_is_what_most_runs_get_wrong():
    assert set(zip(*np.nonzero(hard_cells(JUDGES)), strict=True)) == {A, B}
    even = {0: wrong(A), 1: wrong()}
    assert not hard_cells(even).any(), "half of the runs are not most of them"


def test_what_lies_around_is_near():
    cells = np.zeros((SIDE, SIDE), dtype=bool)
    assert not around(cells).any()
    cells[A] = True
    rows, columns = np.nonzero(around(cells))
    distances = np.hypot(rows - A[0], columns - A[1]) * 2 / SIDE
    assert distances.max() <= NEAR
    assert len(rows) == 5, "the cell and its four neighbours, 0.05 from it"


def test_runs_are_scored_on_hard_cells_and_two_by_two_around_them():
    nets = {0: wrong(A), 4: wrong(), 5: wrong(B, C), 7: wrong(A), 9: wrong()}
    maps = {("spiral", "knn-5", 100): JUDGES, ("spiral-focal", "net-4", 100): nets}
    hardness, rows = judge("spiral", "knn-5", 100, maps)
    assert (hardness.judges, hardness.N, hardness.runs) == ("knn-5", 100, 4)
    assert hardness.share == 2 / SIDE**2
    found = {(row.domain, row.model, row.seed): row for row in rows}
    assert [found["spiral-focal", "net-4", seed].error for seed in sorted(nets)] == [0.5, 0, 0.5, 0.5, 0]
    assert found["spiral", "knn-5", 2].error == 0.5
    # Ten cells are on or around hard ones; C is not. Pairs are those of all seeds: the run of seed 1 is missing here.
    assert [found["spiral-focal", "net-4", seed].disagreement for seed in sorted(nets)] == [None, 0.1, None, 0.1, None]


def test_what_too_few_seeds_mapped_is_not_compared():
    few = {0: wrong(A), 1: wrong(), 2: wrong()}
    maps = {("spiral", "knn-5", 100): JUDGES, ("spiral", "net-4", 100): few, ("spiral", "knn-5", 200): JUDGES}
    _, rows = judge("spiral", "knn-5", 100, maps)
    assert {(row.model, row.N) for row in rows} == {("knn-5", 100)}
    assert judge("spiral", "net-4", 100, maps) == (None, ())
    assert judge("spiral", None, 100, maps) == (None, ())


def test_where_nothing_is_hard_nobody_is_scored():
    right = dict.fromkeys(range(4), TRUTH)
    hardness, rows = judge("spiral", "knn-5", 100, {("spiral", "knn-5", 100): right})
    assert (hardness.share, rows) == (0, ())


def test_maps_are_read_by_where_they_lie_and_a_diverged_run_has_none(tmp_path):
    for seed, kept in ((0, {"probe": np.stack([TRUTH, ~TRUTH]).ravel().astype(np.uint8)}), (11, {})):
        path = tmp_path / f"runs/spiral-focal/net-4/n100/seed{seed}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **kept)
    maps = read_maps(sorted(map(str, tmp_path.rglob("*.npz"))))
    assert list(maps) == [("spiral-focal", "net-4", 100)]
    assert list(maps["spiral-focal", "net-4", 100]) == [0]
    assert (maps["spiral-focal", "net-4", 100][0] == TRUTH).all()
