"""Estimators: the law of a learning curve in the manner of scikit-learn."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_array, check_is_fitted, check_X_y

from scaling.laws.fitting import Law
from scaling.laws.forecasts import DataNeeded
from scaling.laws.forms import FloatArray
from scaling.laws.regions import Regions, find_regions
from scaling.laws.shards import CurveError, Shards, shards


class LearningCurve(RegressorMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """The power law with floor, error = γ + α·(N/N0)^β, fitted to the runs of one learning curve.

    Errors of equal N are averaged into shards, leading shards that are not yet a power law are left out
    (`scaling.laws.regions`), and the law is fitted to the log means of the others by generalised least squares
    (`scaling.laws.fitting`), with α ≥ 0, −3 ≤ β ≤ −0.005 and γ ≥ 0 (Hestness et al. 2017, arXiv 1712.00409). Intervals
    are profiles (`scaling.laws.intervals`), with the spread of the seeds and the misfit of the law in them.

    Parameters
    ----------
    level : float, default=0.95
        Level of all intervals, between 0 and 1.
    pool : float or None, default=None
        Number of examples that all shards are drawn from, if it is finite: above a fifth of it the seeds of a shard
        share so much data that their spread says nothing, and that of the smaller shards serves.

    Attributes
    ----------
    alpha_, gamma_ : float
        Error above the floor at N0, and the floor, in the unit of y. `law_.gamma.identified` says whether the floor is
        told from 0; if not, `law_.gamma.high` bounds it.
    beta_ : float
        Exponent. Without a unit, and negative.
    slope_ : float
        Effective slope d log error / d log N: that of a straight line, all shards alike.
    N0_ : float
        Geometric mean of the fitted N, in the unit of X.
    law_ : Law
        All of these with their intervals, residuals, and `law_.verdict`: is the exponent identified?
    regions_ : Regions
        How many leading shards were left out, and whether a power-law region was identified at all.
    shards_ : Shards
        All shards; `scaling.laws.analysis.analyse` takes them for rival forms, sensitivity and extrapolation audit.

    Raises
    ------
    TooFewShards
        By `fit`, below five distinct N: three parameters, and two degrees of freedom for the intervals.
    ValueError
        By `fit` and `data_needed`, if an N or an error is not positive and finite; by all if X has several columns.
    NotFittedError
        Before `fit`.

    Examples
    --------
    >>> import numpy as np
    >>> from scaling.laws.estimators import LearningCurve
    >>> N = np.geomspace(1e3, 1e6, 10)
    >>> curve = LearningCurve().fit(N, 0.05 + 3 * N**-0.4)
    >>> round(curve.beta_, 4), round(curve.gamma_, 4)
    (-0.4, 0.05)
    >>> curve.predict([1e7]).round(4)
    array([0.0548])
    >>> curve.data_needed(0.06).verdict, round(curve.data_needed(0.06).factor, 2)
    ('reachable', 1.56)
    >>> curve.data_needed(0.04).verdict
    'unreachable'
    """

    def __init__(self, *, level: float = 0.95, pool: float | None = None) -> None:
        self.level = level
        self.pool = pool

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit the law.

        X (runs,) or (runs, 1): numbers of training examples N, in any unit. y (runs,): errors, any positive loss, a
        value a run; runs of equal N are the seeds of a shard.
        """
        sizes, errors = check_X_y(X, y, dtype=np.float64, ensure_2d=False, y_numeric=True, estimator=self)
        self.shards_: Shards = shards(_column(sizes), errors, pool=self.pool)
        self.regions_: Regions
        self.law_: Law
        self.regions_, self.law_ = find_regions(self.shards_, self.level)
        self.alpha_ = self.law_.alpha.value
        self.beta_ = self.law_.beta.value
        self.gamma_ = self.law_.gamma.value
        self.slope_ = self.law_.slope.value
        self.N0_ = self.law_.N0
        self.n_features_in_ = 1
        return self

    def predict(self, X: ArrayLike) -> FloatArray:
        """Give the law's error (points,), in the unit of y, at N, X (points,) or (points, 1).

        Beyond the largest shard this extrapolates; below the smallest that was fitted it is not meant to hold.
        """
        check_is_fitted(self)
        return self.law_.predict(self._sizes(X))

    def predict_interval(self, X: ArrayLike, of: Literal["curve", "shard", "run"] = "curve") -> FloatArray:
        """Give the bounds (points, 2) of pointwise intervals at N, X (points,) or (points, 1), in the unit of y.

        of: the `curve` itself, the mean of many new runs at N (`shard`), which adds the misfit of the law, or a single
        new `run`, which adds the spread of the seeds. Source: `scaling.laws.forecasts.Forecast`.
        """
        check_is_fitted(self)
        if of not in ("curve", "shard", "run"):
            raise ValueError(f'of = {of!r}, expected what the interval is of: "curve", "shard" or "run".')
        ranges = [getattr(self.law_.forecast(float(N)), of) for N in self._sizes(X)]
        return np.array([(interval.low, interval.high) for interval in ranges]).reshape(-1, 2)

    def data_needed(self, error: float) -> DataNeeded:
        """Tell at which N the curve meets an error, with an interval, or that it never does.

        error: in the unit of y. The answer's `verdict` is "below the shards", "within the shards", "reachable",
        "open" (the floor's interval neither allows nor forbids it) or "unreachable".
        """
        check_is_fitted(self)
        return self.law_.data_needed(error)

    def _sizes(self, X: ArrayLike) -> FloatArray:
        return _column(check_array(X, dtype=np.float64, ensure_2d=False, estimator=self))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = True
        tags.input_tags.positive_only = True
        tags.target_tags.positive_only = True
        return tags


def _column(X: FloatArray) -> FloatArray:
    """N (runs,) from (runs,) or (runs, 1)."""
    if X.ndim == 2 and X.shape[1] != 1:
        raise CurveError(f"X has shape {X.shape}, expected (runs,) or (runs, 1): the numbers of examples N alone.")
    return X.reshape(-1)
