"""Regions: where a learning curve is a power law, before it in small data, beyond it at the floor.

Hestness et al. 2017 (section 5, figure 6) tell three regions apart. The first is left by a rule that is stated before
the fit: leading shards are dropped until the law's lack of fit to the rest, against the covariance of the shards and a
declared tolerance, passes; then two more, which may be bent too little to fail. (With one more, intervals of β after
the cut hold the truth in 85 % of cases where a plateau and a floor meet, with two in 92 %.) The last region begins
where the floor makes up more than half of the error, and is only spoken of if the floor's interval excludes 0.
"""

from __future__ import annotations

import numpy as np
import scipy
from pydantic import BaseModel, ConfigDict

from scaling.laws.fitting import MIN_SHARDS, RATES, Law, decay_of, fit_shards, optimum
from scaling.laws.forms import Decay
from scaling.laws.rivals import TOLERANCE
from scaling.laws.shards import Shards

PASSES = 0.10
"""The p-value above which a lack of fit passes."""
MARGIN = 2
"""So many shards more are dropped, if any: what is left of a bend there is too little to fail, but not to bias."""
SHIFTS = 16
"""How many shifts S are tried when a bend is tested for."""
MIN_DECADES = 1.5
"""A power-law region spans at least so many."""


class Regions(BaseModel):
    """The regions of one curve."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    identified: bool
    """Is there a power-law region of enough shards and decades? If not, the law is fitted to all shards."""
    dropped: int
    """Leading shards that belong to the small-data region; 0 if no region is identified."""
    lack_of_fit: float
    """p-value of the law's lack of fit to all shards."""
    irreducible: float | None
    """N at which the floor reaches half of the error, be it beyond the shards; None unless the region is identified and
    the floor's interval excludes 0."""


def find_regions(measured: Shards, level: float = 0.95) -> tuple[Regions, Law]:
    """Find the regions of a curve, and fit the law to its power-law region, or to all shards where there is none.

    Raises TooFewShards below five.
    """
    dropped = 0
    p = lack = lack_of_fit(measured) if len(measured) >= MIN_SHARDS else 0.0
    while p < PASSES and _long_enough(measured.between(dropped + 1)):
        dropped += 1
        p = lack_of_fit(measured.between(dropped))
    if dropped:
        dropped += MARGIN
    identified = p >= PASSES and _long_enough(measured.between(dropped))
    law = fit_shards(measured.between(dropped if identified else 0), level)
    regions = Regions(
        identified=identified,
        dropped=dropped if identified else 0,
        lack_of_fit=lack,
        irreducible=_irreducible(law) if identified else None,
    )
    return regions, law


def lack_of_fit(measured: Shards) -> float:
    """p-value of the law's residuals (at least five shards) against the covariance of the shards and the tolerance."""
    decay = decay_of(measured, TOLERANCE**2)
    best, _ = optimum(decay, RATES)
    df = len(measured) - 3
    if measured.spread is None:
        return float(scipy.stats.chi2.sf(best.rss, df))
    return float(scipy.stats.f.sf(best.rss / df, df, measured.spread.df))


def bend(measured: Shards) -> float:
    """p-value of the law within the shifted law γ + α·(N + S)^β, by F on 1 and shards − 4 degrees of freedom.

    Both have a floor, because a floor bends a curve the other way.
    """
    decay, N, df = decay_of(measured, TOLERANCE**2), np.array(measured.N), len(measured) - 4
    shifted = min(
        optimum(Decay(np.log((N[-1] + S) / (N + S)), decay.log_error, decay.covariance), RATES)[0].rss
        for S in np.geomspace(N[0] / 10, N[-1], SHIFTS)
    )
    gain = max(optimum(decay, RATES)[0].rss - shifted, 0.0)
    return float(scipy.stats.f.sf(gain / max(shifted / df, 1.0), 1, df))


def _long_enough(measured: Shards) -> bool:
    return len(measured) >= MIN_SHARDS and np.log10(measured.N[-1] / measured.N[0]) >= MIN_DECADES


def _irreducible(law: Law) -> float | None:
    if not (law.gamma.identified and law.alpha.value > 0):
        return None
    log_N = np.log(law.N0) + np.log(law.gamma.value / law.alpha.value) / law.beta.value
    return float(np.exp(log_N)) if log_N < 700 else None
