"""Hard points: where most of a model's runs err, and what other runs make of them and of what lies around.

A run's error there says how well it does where others fail; its disagreement with another seed of its own model, on and
around these points, says how much it depends on the draw: its variance (Dzekman 2024 calls it complexity). Seeds are
taken two by two, each once, so that what is said of one pair is independent of the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scaling.domains import spiral
from scaling.experiments import Result
from scaling.experiments.bias import FEWEST_MAPS, decision_maps

NEAR = 0.05
"""So far from a hard cell is still around it: about the band's half-width."""
SIDE = 2.0
"""Of the square."""

Cells = NDArray[np.bool_]
Maps = Mapping[int, Cells]
"""A model's decision maps at one N, squares of one side, by seed."""


class HardRow(Result):
    """How one run does on hard points."""

    domain: str
    """The domain, or domain and arm."""
    model: str
    N: int
    seed: int
    error: float
    """Share of the hard cells that it gets wrong."""
    disagreement: float | None
    """Share of the cells on and around hard ones where it differs from the run of the next seed, if that left a map;
    every second seed has one, so that no two share a run."""


class Hardness(Result):
    """Which points are hard."""

    judges: str
    N: int
    runs: int
    share: float
    """Share of the square's cells that most of the judges' runs get wrong."""


def read_maps(paths: Sequence[str]) -> dict[tuple[str, str, int], dict[int, Cells]]:
    """Read maps from files …/{domain}/{model}/n{N}/seed{seed}.npz; a run that diverged has left none."""
    found: dict[tuple[str, str, int], dict[int, Cells]] = {}
    for path in map(Path, paths):
        domain, model, N, seed = (*path.parts[-4:-1], path.stem)
        with np.load(path, allow_pickle=False) as kept:
            mapped = "probe" in kept
        if mapped:
            key = domain, model, int(N.removeprefix("n"))
            found.setdefault(key, {})[int(seed.removeprefix("seed"))] = decision_maps(path)[0].astype(bool)
    return found


def hard_cells(maps: Maps) -> Cells:
    """Find the cells (side, side) that more than half of the runs get wrong."""
    stacked = np.stack(list(maps.values()))
    side = stacked.shape[1]
    truth = spiral.inside(spiral.grid(side)).reshape(side, side)
    found: Cells = (stacked != truth).mean(axis=0) > 0.5
    return found


def around(cells: Cells) -> Cells:
    """Find the cells whose middle is at most `NEAR` from that of one of `cells`, itself included."""
    from scipy import ndimage

    if not cells.any():
        return cells
    steps = ndimage.distance_transform_edt(~cells)
    found: Cells = np.asarray(steps) * SIDE / len(cells) <= NEAR
    return found


def rows(key: tuple[str, str, int], maps: Maps, hard: Cells, pairs: Mapping[int, int]) -> Iterator[HardRow]:
    """Score the runs of a model on hard cells, and against those of their `pairs` of seeds around them."""
    domain, model, N = key
    truth = spiral.inside(spiral.grid(len(hard))).reshape(hard.shape)
    near = around(hard)
    for seed in sorted(maps):
        partner = maps.get(pairs.get(seed, -1))
        yield HardRow(
            domain=domain,
            model=model,
            N=N,
            seed=seed,
            error=float((maps[seed] != truth)[hard].mean()),
            disagreement=None if partner is None else float((maps[seed] != partner)[near].mean()),
        )


def judge(
    domain: str, judges: str | None, N: int, maps: Mapping[tuple[str, str, int], Maps]
) -> tuple[Hardness | None, tuple[HardRow, ...]]:
    """Tell the hard cells by the runs of one model, and score all models that left maps of enough seeds."""
    enough = {key: of_model for key, of_model in maps.items() if len(of_model) >= FEWEST_MAPS and key[2] == N}
    judging = enough.get((domain, judges or "", N))
    if judges is None or judging is None:
        return None, ()
    hard = hard_cells(judging)
    hardness = Hardness(judges=judges, N=N, runs=len(judging), share=float(hard.mean()))
    if not hard.any():
        return hardness, ()
    # The same pairs for every model, so that a run that diverged costs its own pair and unsettles no other.
    seeds = sorted({seed for of_model in enough.values() for seed in of_model})
    pairs = dict(zip(seeds[::2], seeds[1::2], strict=False))
    return hardness, tuple(row for key, of_model in enough.items() for row in rows(key, of_model, hard, pairs))
