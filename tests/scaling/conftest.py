"""What these tests share: the study's own config, and records of runs that nobody ran."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy or torch: idle threads spin

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from scaling.experiments.coverage import QUANTITIES, Campaign, Cell, Coverage, Scored
from scaling.records import Choice, Record
from scaling.study import Study

ROOT = Path(__file__).parents[2]
Config = dict[str, Any]


def _read(name: str) -> Config:
    return yaml.safe_load((ROOT / name).read_text())


def _merged(base: Any, overlay: Any) -> Any:
    """Lay one config over another, as Snakemake does."""
    if not isinstance(base, Mapping) or not isinstance(overlay, Mapping):
        return overlay
    return {**base, **{key: _merged(base.get(key), value) for key, value in overlay.items()}}


@pytest.fixture
def config() -> Config:
    """The default config, to be changed at will."""
    return _read("config.yaml")


@pytest.fixture
def smoke_config(make_smoke_config: Callable[[], Config]) -> Config:
    return make_smoke_config()


@pytest.fixture(scope="session")
def make_smoke_config() -> Callable[[], Config]:
    """For what several tests share."""
    return lambda: _merged(_read("config.yaml"), _read("profiles/smoke/study.yaml"))


@pytest.fixture
def full_config(config: Config) -> Config:
    return _merged(config, _read("profiles/full/study.yaml"))


@pytest.fixture
def measurements_profile() -> Callable[[Config], Config]:
    """Takes out of a config what the profile of measurements takes out."""
    return lambda config: _merged(config, _read("profiles/measurements/study.yaml"))


@pytest.fixture
def study(config: Config) -> Study:
    return Study.of(config)


def make_record(
    family: str = "knn",
    N: int = 100,
    seed: int = 0,
    error: float | None = 0.1,
    *,
    domain: str = "spiral",
    size: int | None = None,
    validation: float | None = None,
    tip: float | None = None,
    budget_scale: int = 1,
    shares_pool: bool = False,
) -> Record:
    """Make the record of a run, diverged if `error` is None; validation error is the test error unless given.

    `tip` is the error in all regions, if it has any.
    """
    diverged = error is None
    regions = {} if tip is None else {"tail": tip, "tip": tip}
    return Record(
        domain=domain,
        family=family,
        model=family if size is None else f"{family}-{size}",
        size=size,
        parameters=size or 0,
        N=N,
        seed=seed,
        shares_pool=shares_pool,
        budget_scale=budget_scale,
        steps=30,
        batch_size=10,
        outcome="diverged" if diverged else "trained",
        metric="error",
        test=None if diverged else {"error": error, **regions},
        validation=None if diverged else error if validation is None else validation,
        training=None if diverged else 0.0,
        chosen=Choice(step=30, rule="given"),
        curve=(),
        examples_seen=300,
        flops=1_000 * N,
        flops_formula="given",
    )


def make_records(
    family: str,
    errors: Callable[[int], float],
    sizes: Iterable[int],
    seeds: int = 3,
    noise: float = 0.05,
    **fields: Any,
) -> list[Record]:
    """Make the records of a curve, at one model size, whose seeds spread by the factor 1 ± `noise` around `errors`."""
    spread = [1 + noise * (2 * seed / (seeds - 1) - 1) if seeds > 1 else 1.0 for seed in range(seeds)]
    return [make_record(family, N, seed, errors(N) * spread[seed], **fields) for N in sizes for seed in range(seeds)]


def make_campaigns(coverage: Coverage, hits: int = 95) -> list[Campaign]:
    """Make what came of every design, so many of a hundred intervals right."""
    scored = [Scored(trial < hits, 0.1) for trial in range(100)]
    return [
        Campaign(
            design=name,
            cut=design.cut,
            repetitions=100,
            refused=float(design.lawless),
            cells={} if design.lawless else dict.fromkeys(QUANTITIES, Cell.of(scored)),
        )
        for name, design in coverage.designs.items()
    ]


@pytest.fixture(scope="session")
def record() -> Callable[..., Record]:
    return make_record


@pytest.fixture(scope="session")
def records() -> Callable[..., list[Record]]:
    return make_records


@pytest.fixture(scope="session")
def campaigns() -> Callable[..., list[Campaign]]:
    return make_campaigns
