"""Laws: functional forms fitted to learning curves, with intervals, and what the data cannot tell."""

from scaling.laws.fitting import BETA_RANGE, CurveError, Law, Rival, TooFewShards, fit_law
from scaling.laws.forms import FORMS, FormName, data_needed, power_law
from scaling.laws.intervals import Band, Estimate

__all__ = [
    "BETA_RANGE",
    "FORMS",
    "Band",
    "CurveError",
    "Estimate",
    "FormName",
    "Law",
    "Rival",
    "TooFewShards",
    "data_needed",
    "fit_law",
    "power_law",
]
