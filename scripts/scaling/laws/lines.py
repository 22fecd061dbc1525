"""Lines: straight lines through log values, and t tests of their slopes.

y = c + b·x by generalised least squares under a covariance V = V₀ + τ²I: V₀ is known, and τ², what the line itself gets
wrong, is estimated (`misfit`). So the standard error is never less than what is known, and is that of ordinary least
squares where nothing is. Its t has points − 2 degrees of freedom.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy
from pydantic import BaseModel, ConfigDict

from scaling.laws.forms import FloatArray
from scaling.laws.misfit import Misfit

MIN_POINTS = 3
"""A straight line, and one degree of freedom."""


class Slope(BaseModel):
    """A slope with its standard error, for t on `df` degrees of freedom."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    value: float
    standard_error: float
    df: float

    def interval(self, level: float) -> tuple[float, float]:
        """Give the t interval of a level."""
        half = float(scipy.stats.t.ppf((1 + level) / 2, self.df)) * self.standard_error
        return self.value - half, self.value + half

    def p_above(self, bound: float) -> float:
        """Test that the true slope lies above a bound: the p value is small where it does."""
        return float(scipy.stats.t.sf((self.value - bound) / self.standard_error, self.df))

    def p_below(self, bound: float) -> float:
        """Test that the true slope lies below a bound."""
        return float(scipy.stats.t.cdf((self.value - bound) / self.standard_error, self.df))


class Line(NamedTuple):
    """A fitted line."""

    slope: Slope
    middle: float
    """Its value at the mean of x."""
    misfit: float
    """τ: standard deviation of what the line gets wrong of a point, beside the known covariance."""


def fit_line(x: FloatArray, y: FloatArray, covariance: FloatArray) -> Line:
    """Fit a line to y (points,) at x (points,), three or more that differ; covariance (points, points) is V₀."""
    X = np.stack([np.ones_like(x), x - x.mean()], axis=1)
    misfit = Misfit(covariance, y - y.mean(), X).estimate
    towards = np.linalg.solve(covariance + misfit * np.eye(len(x)), X).T
    spread = np.linalg.inv(towards @ X)
    middle, slope = spread @ (towards @ y)
    return Line(
        slope=Slope(value=float(slope), standard_error=float(np.sqrt(spread[1, 1])), df=len(x) - 2),
        middle=float(middle),
        misfit=float(np.sqrt(misfit)),
    )
