"""Analysis: all that one learning curve tells: its regions, its law, rivals, sensitivity, and how well it foretells."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict

from scaling.laws.fitting import MIN_SHARDS, Law
from scaling.laws.forecasts import DataNeeded, Forecast
from scaling.laws.regions import Regions, bend, find_regions
from scaling.laws.rivals import Rival, rank
from scaling.laws.sensitivity import Influence, Variant, influences, variants
from scaling.laws.shards import Shards

AHEAD = 10.0
"""How many times the largest shard the curve is carried on, to say what more data would buy."""
AUDIT_FACTOR = 3.0
"""The extrapolation audit foretells the largest shard from those at least this many times smaller."""


class Audit(BaseModel):
    """A curve's largest shard, foretold from the smaller ones: what an extrapolation from this curve is worth."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    N: float
    factor: float
    """N over the largest shard that was used."""
    shards: int
    """How many were used."""
    identified: bool
    """Do they show a power-law region? If not, the law foretelling is that of all of them, small data included."""
    predicted: float
    low: float
    high: float
    """Bounds for the mean of that shard's runs, of the law's level."""
    observed: float
    log_error: float
    """log(predicted/observed)."""

    @property
    def hit(self) -> bool:
        """Does the interval hold what was observed?"""
        return self.low <= self.observed <= self.high


class Analysis(BaseModel):
    """All that one learning curve tells."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    shards: Shards
    """All of them; the law is fitted to those of its region."""
    regions: Regions
    bend_p: float
    """p-value of an F test that the curve bends at its small end (`regions.bend`)."""
    law: Law
    rivals: tuple[Rival, ...]
    """All forms on all shards, the best forecaster first."""
    variants: tuple[Variant, ...]
    influences: tuple[Influence, ...]
    audit: Audit | None
    """None where the smaller shards are too few for a law."""
    ahead: Forecast
    """The error at `AHEAD` times the largest shard."""
    halved: DataNeeded
    """What it would take to halve the law's error at the largest shard."""


def analyse(shards: Shards, level: float = 0.95) -> Analysis:
    """Analyse a curve. Raises TooFewShards below five shards."""
    regions, law = find_regions(shards, level)
    return Analysis(
        shards=shards,
        regions=regions,
        bend_p=bend(shards),
        law=law,
        rivals=rank(shards),
        variants=variants(law),
        influences=influences(law),
        audit=audit(shards, level),
        ahead=law.forecast(AHEAD * law.N[-1]),
        halved=law.data_needed(float(law.predict(law.N[-1])) / 2),
    )


def audit(shards: Shards, level: float = 0.95) -> Audit | None:
    """Foretell the largest shard from those at least `AUDIT_FACTOR` times smaller, in their own power-law region.

    Of the shard foretold only the spread of its seeds is used beforehand, in smoothing that of all.
    """
    largest = shards.N[-1]
    used = int(np.sum(np.array(shards.N) * AUDIT_FACTOR <= largest * (1 + 1e-9)))
    if used < MIN_SHARDS:
        return None
    regions, law = find_regions(shards.between(0, used), level)
    # Seeds and test set of the shard foretold, and the misfit that the others show.
    variance = shards.covariance[-1][-1] + law.profile.misfit
    clock = np.array([np.log(law.N[-1] / largest)])
    predicted, low, high = (float(part[0]) for part in law.profile.curve(clock, variance))
    return Audit(
        N=largest,
        factor=largest / law.N[-1],
        shards=law.shards,
        identified=regions.identified,
        predicted=predicted,
        low=low,
        high=high,
        observed=shards.error[-1],
        log_error=float(np.log(predicted / shards.error[-1])),
    )
