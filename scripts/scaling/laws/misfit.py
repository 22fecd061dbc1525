"""Misfit: how far a curve is off the shards beyond their known covariance, and what not knowing it costs an interval.

The covariance of the log errors is V = V₀ + τ²I, V₀ known, τ the standard deviation of what the curve gets wrong.
τ² minimises the criterion of restricted likelihood (REML, Patterson & Thompson 1971)

    R(τ²) = SS(τ²) + log det V + log det X'V⁻¹X,      SS the least sum of squares r'V⁻¹r, X the curve's derivatives.

The interval of level p holds what some τ² allows: SS(θ; τ²) ≤ SS(τ²) + budget(τ²), with

    budget(τ²) = min R + df·log(1 + F_p(1, df)/df) − R(τ²)

Without known covariance this is the t interval on df degrees of freedom, exactly; where V₀ leads it lies between that
and the normal one, nearer to it the sharper R is. Of all τ² the widest interval counts.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy

from scaling.laws.forms import FloatArray

PRECISION = 1e-10
"""Log errors are not trusted beyond this: an exact curve keeps a region of some width."""
_STEPS = 80


class Misfit:
    """The misfit of deviations (shards,) from a curve with derivatives (shards, parameters) by what is free in it."""

    def __init__(self, covariance: FloatArray, deviations: FloatArray, derivatives: FloatArray) -> None:
        """Estimate τ²; `covariance` (shards, shards) is V₀."""
        known, basis = np.linalg.eigh(covariance)
        self._known = np.maximum(known, 0)
        self._r, self._X = basis.T @ deviations, basis.T @ derivatives
        self.df = derivatives.shape[0] - derivatives.shape[1]
        # Any linear change of the parameters leaves R as it is, but for a constant: so take the well-conditioned one.
        self._X = np.linalg.qr(self._X)[0]
        # Far below what is known τ² changes nothing, but keeps V invertible.
        self._floor = max(PRECISION**2, 1e-10 * float(self._known.max()))
        self.estimate, self._least = self._minimum()

    @property
    def _homogeneous(self) -> bool:
        return not self._known.any()

    def _parts(self, misfit: FloatArray) -> tuple[FloatArray, FloatArray]:
        """R (m,) and (X'V⁻¹X)⁻¹ (m, p, p) at values of τ² (m,)."""
        weight = 1 / (self._known + misfit[:, None])
        information = self._X.T @ (weight[..., None] * self._X)
        toward = (weight * self._r) @ self._X
        inverse = np.linalg.inv(information)
        squares = weight @ self._r**2 - np.einsum("mi,mij,mj->m", toward, inverse, toward)
        return squares - np.log(weight).sum(1) + np.linalg.slogdet(information)[1], inverse

    def _squares(self) -> float:
        return float(np.square(self._r - self._X @ (self._X.T @ self._r)).sum())

    def _minimum(self) -> tuple[float, float]:
        if self._homogeneous:
            estimate = max(self._squares() / self.df, self._floor)
        else:
            estimate = self._best(lambda misfit: -self._parts(misfit)[0])
        return estimate, float(self._parts(np.array([estimate]))[0][0])

    def _best(self, value: Callable[[FloatArray], FloatArray]) -> float:
        """The τ² of greatest value, on a grid from next to nothing to all of the deviations, then between its steps."""
        largest = 100 * (float(np.square(self._r).sum()) + float(self._known.max()))
        grid = np.log(np.geomspace(self._floor, largest, _STEPS))
        at = int(value(np.exp(grid)).argmax())
        if at == 0:
            return self._floor
        found = scipy.optimize.minimize_scalar(
            lambda log: -float(value(np.exp(np.array([log])))[0]),
            bounds=(grid[at - 1], grid[min(at + 1, _STEPS - 1)]),
            method="bounded",
            options={"xatol": 1e-8},
        )
        return float(np.exp(found.x))

    def budget(self, misfit: FloatArray, level: float) -> FloatArray:
        """What the sum of squares may exceed its least by (m,), at values of τ² (m,)."""
        F = float(scipy.stats.f.ppf(level, 1, self.df))
        return np.asarray(self._least + self.df * np.log1p(F / self.df) - self._parts(misfit)[0])

    def widest(self, level: float, variance: Callable[[FloatArray], FloatArray] | None = None) -> tuple[float, float]:
        """The τ² that gives the widest interval to an estimate of this variance (τ²), and the budget there.

        Without a variance: the region of all parameters of the greatest volume.
        """

        def width(misfit: FloatArray) -> FloatArray:
            spread = variance(misfit) if variance else np.linalg.det(self._parts(misfit)[1]) ** (1 / self._X.shape[1])
            return np.asarray(np.maximum(self.budget(misfit, level), 0) * spread)

        if self._homogeneous:
            F = float(scipy.stats.f.ppf(level, 1, self.df))
            return self.estimate * (1 + F / self.df), F / (1 + F / self.df)
        widest = self._best(width)
        return widest, float(self.budget(np.array([widest]), level)[0])
