"""Laws: functional forms fitted to learning curves, with intervals, and what the data cannot tell."""

from scaling.laws.fitting import BETA_RANGE, Law, fit_law, fit_shards
from scaling.laws.forms import data_needed, power_law
from scaling.laws.intervals import Band, Estimate
from scaling.laws.shards import CurveError, Shards, TooFewShards, item_covariance, shards

__all__ = [
    "BETA_RANGE",
    "Band",
    "CurveError",
    "Estimate",
    "Law",
    "Shards",
    "TooFewShards",
    "data_needed",
    "fit_law",
    "fit_shards",
    "item_covariance",
    "power_law",
    "shards",
]
