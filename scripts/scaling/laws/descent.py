"""Descent: from many starts at once to the optimum of a surface's Huber objective (`surfaces`).

Candidates and resamples are rows of arrays, moved together by a damped Newton method within the bounds, in coordinates
that the points determine well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np

from scaling.laws.forms import BoolArray, FloatArray

EXPONENT_RANGE = (0.005, 3.0)  # the declared search range of a and b
_NOTHING = 1e-15  # a smaller amplitude, as a share of the mean loss, is none
_STARTS = np.geomspace(0.03, 1.5, 8)  # the starts: every pair of these exponents
_LOW = np.array([0.0, 0.0, 0.0, EXPONENT_RANGE[0], EXPONENT_RANGE[0]])
_HIGH = np.array([np.inf, np.inf, np.inf, EXPONENT_RANGE[1], EXPONENT_RANGE[1]])
_SMOOTHEST = 0.1  # the Huber width of the first descent: log residuals are smaller, so it is least squares


class State(NamedTuple):
    """Candidates, weightings of the points, and what the search wants to know of each pair: k rows."""

    theta: FloatArray  # (k, 5)
    weight: FloatArray  # (k, points)
    residual: FloatArray  # (k, points) of log loss
    pull: FloatArray  # (k, points): weight times the derivative of the Huber loss
    jacobian: FloatArray  # (k, 5, points): derivatives of log loss
    objective: FloatArray  # (k,)

    def rows(self, which: BoolArray) -> State:
        """Some of the rows."""
        return State(*(part[which] for part in self))

    def or_else(self, accepted: BoolArray, other: State) -> State:
        """The rows accepted, and the other's for the rest."""
        pairs = zip(self, other, strict=True)
        return State(*(np.where(accepted.reshape(-1, *[1] * (new.ndim - 1)), new, old) for new, old in pairs))


class Found(NamedTuple):
    """Where the searches ended: k rows."""

    theta: FloatArray  # (k, 5)
    objective: FloatArray  # (k,)
    steepness: FloatArray  # (k,): the largest derivative, relative to that if all points pulled one way


@dataclass(frozen=True)
class Points:
    """The points in coordinates that they determine well.

    Logs are taken less their means: theta is E, the two decaying terms at the points' geometric mean, all three in
    units of the mean loss, and a and b. The condition number falls from 3.5e11 to about 10 on Chinchilla's data.
    """

    log_size: FloatArray  # (points,)
    log_data: FloatArray  # (points,)
    log_loss: FloatArray  # (points,)
    means: FloatArray  # (3,): what was taken off

    @classmethod
    def of(cls, size: FloatArray, data: FloatArray, loss: FloatArray) -> Points:
        """Of size, data and loss (points,), all positive."""
        logs = np.log([size, data, loss])
        means = logs.mean(-1)
        log_size, log_data, log_loss = logs - means[:, None]
        return cls(log_size, log_data, log_loss, means)

    def coefficients(self, theta: FloatArray) -> tuple[FloatArray, ...]:
        """E, A, B, a and b (k,) of theta (k, 5)."""
        E, P, Q, a, b = theta.T
        mean_size, mean_data, mean_loss = self.means
        unit = np.exp(mean_loss)
        return E * unit, P * unit * np.exp(a * mean_size), Q * unit * np.exp(b * mean_data), a, b

    def theta(self, coefficients: Sequence[FloatArray]) -> FloatArray:
        """Theta (5,) of E, A, B, a and b, each of shape ()."""
        E, A, B, a, b = coefficients
        mean_size, mean_data, mean_loss = self.means
        amplitudes = np.array([E, A * np.exp(-a * mean_size), B * np.exp(-b * mean_data)]) * np.exp(-mean_loss)
        return np.array([*amplitudes, a, b])

    def state(self, theta: FloatArray, weight: FloatArray, width: float) -> State:
        """Of candidates (k, 5) and weightings (k, points), at a Huber width."""
        E, P, Q, a, b = theta.T[..., None]
        by_size, by_data = np.exp(-a * self.log_size), np.exp(-b * self.log_data)
        share = 1 / (E + P * by_size + Q * by_data)
        by_size, by_data = by_size * share, by_data * share
        residual = self.log_loss + np.log(share)
        slope = np.clip(residual, -width, width)
        pull = weight * slope
        jacobian = np.stack([share, by_size, by_data, -self.log_size * P * by_size, -self.log_data * Q * by_data], 1)
        return State(theta, weight, residual, pull, jacobian, (pull * (residual - slope / 2)).sum(-1))

    def hessian(self, state: State, width: float) -> FloatArray:
        """Second derivatives of the objective (k, 5, 5), exact between the kinks."""
        inside = np.abs(state.residual) < width
        hessian = _weighted_square(state.jacobian, state.weight * inside + state.pull)
        for amplitude, exponent, log in ((1, 3, self.log_size), (2, 4, self.log_data)):
            bend = (state.jacobian[:, [amplitude, exponent]] @ (state.pull * log)[..., None])[..., 0]
            hessian[:, amplitude, exponent] += bend[:, 0]
            hessian[:, exponent, amplitude] += bend[:, 0]
            hessian[:, exponent, exponent] += bend[:, 1]
        return hessian


def _weighted_square(jacobian: FloatArray, weight: FloatArray) -> FloatArray:
    """J·diag(w)·Jᵀ (k, 5, 5)."""
    return np.asarray((jacobian * weight[:, None]) @ jacobian.transpose(0, 2, 1))


def starts(points: Points) -> FloatArray:
    """Every pair of starting exponents, with the amplitudes ≥ 0 of least squares of the relative residual (k, 5)."""
    a, b = (exponents.ravel() for exponents in np.meshgrid(_STARTS, _STARTS))
    terms = [np.ones((len(a), len(points.log_loss)))]
    terms += [np.exp(-k[:, None] * log) for k, log in ((a, points.log_size), (b, points.log_data))]
    design = np.stack(terms, 1) * np.exp(-points.log_loss)
    amplitudes, least = np.zeros((len(a), 3)), np.full(len(a), np.inf)
    # Three amplitudes are free or zero in seven ways: the best feasible one solves the problem.
    for free in (list(free) for count in (1, 2, 3) for free in combinations(range(3), count)):
        part = design[:, free]
        normal = part @ part.transpose(0, 2, 1) + 1e-12 * np.eye(len(free))  # exponents near 0 make terms alike
        solution = np.linalg.solve(normal, part.sum(-1)[..., None])
        rss = np.square(1 - (solution * part).sum(1)).sum(-1)
        better = (solution >= 0).all((1, 2)) & (rss < least)
        least[better] = rss[better]
        amplitudes[better] = 0
        amplitudes[np.ix_(better, free)] = solution[better, :, 0]
    return np.column_stack([amplitudes, a, b])


def descend(points: Points, theta: FloatArray, weight: FloatArray, delta: float) -> Found:
    """Follow each row of theta (k, 5), with its weighting of the points (k, points) or (points,), to an optimum.

    At a wide Huber loss the kinks are smoothed away: there is one valley, and following it while the width falls
    to delta ends, in nearly every case, at the best optimum (graduated non-convexity, Blake & Zisserman 1987).
    """
    weight = np.broadcast_to(weight, (len(theta), len(points.log_loss)))
    blocks = np.array_split(np.arange(len(theta)), 1 + theta.shape[0] * weight.shape[1] // 1_000_000)  # memory
    found = [_descend_block(points, theta[block], weight[block], delta) for block in blocks]
    return Found(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def _descend_block(points: Points, theta: FloatArray, weight: FloatArray, delta: float) -> Found:
    """As `descend`, for as many rows as fit into memory at once."""
    stages = max(int(np.ceil(2 * np.log10(_SMOOTHEST / delta))), 0)
    for width in np.geomspace(_SMOOTHEST, delta, stages, endpoint=False):
        theta = _newton(points, theta, weight, float(width), tolerance=1e-3, rounds=30).theta
    return _newton(points, theta, weight, delta, tolerance=arrived_below(delta), rounds=300)


def arrived_below(delta: float) -> float:
    """The relative gradient at which a search has arrived: rounding alone makes one of 1e-16/δ."""
    return max(1e-12, 1e-15 / delta)


def _newton(
    points: Points, theta: FloatArray, weight: FloatArray, width: float, tolerance: float, rounds: int
) -> Found:
    """Damped Newton within the bounds, on all rows at once; those that have arrived drop out."""
    found = Found(theta.copy(), np.zeros(len(theta)), np.zeros(len(theta)))
    row, damping = np.arange(len(theta)), np.full(len(theta), 0.01)
    state = points.state(theta, weight, width)
    for _ in range(rounds):
        gradient = -(state.jacobian @ state.pull[..., None])[..., 0]
        most = min(width, _SMOOTHEST) * (np.abs(state.jacobian) @ state.weight[..., None])[..., 0]
        # Held: where downhill leads out of bounds, and the exponent of a term that is zero.
        held = (state.theta <= _LOW) & (gradient >= 0) | (state.theta >= _HIGH) & (gradient <= 0) | (most == 0)
        steepness = np.abs(np.where(held, 0, gradient) / np.where(most > 0, most, 1)).max(-1)
        found.theta[row], found.objective[row], found.steepness[row] = state.theta, state.objective, steepness
        going = (steepness > tolerance) & (damping < 1e12)
        if not going.any():
            break
        row, damping, state = row[going], damping[going], state.rows(going)
        theta, promised = _step(points, state, gradient[going], held[going], damping, width)
        trial = points.state(theta, state.weight, width)
        rounding = 4 * np.finfo(np.float64).eps * np.abs(state.pull).sum(-1)
        gain = state.objective - trial.objective
        accepted = gain >= -rounding
        change = np.select([~accepted, gain > 0.75 * promised, gain > 0.25 * promised], [8.0, 0.1, 1.0], 3.0)
        damping = np.maximum(damping * change, 1e-14)
        state = trial.or_else(accepted, state)
    return found


def _step(
    points: Points, state: State, gradient: FloatArray, held: BoolArray, damping: FloatArray, width: float
) -> tuple[FloatArray, FloatArray]:
    """The next theta (k, 5) of each row, and by how much its quadratic model says the objective falls (k,).

    The model's curvature is |H| + damping·M in the metric of M: M is that of iteratively reweighted least squares,
    which is never negative and bounds the Huber loss from above, so that a damped step is a safe one.
    """
    weight = state.weight * (width / np.maximum(np.abs(state.residual), width))
    metric, hessian = _weighted_square(state.jacobian, weight), points.hessian(state, width)
    diagonal = np.einsum("kii->ki", metric)
    unit = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    units = unit[:, :, None] * unit[:, None, :]
    eye = np.eye(len(_LOW))
    root = np.linalg.cholesky(metric * units + eye * np.where(diagonal > 0, 1e-10, 1.0)[:, None])
    inverse = np.linalg.inv(root)
    values, vectors = np.linalg.eigh(inverse @ (hessian * units) @ inverse.transpose(0, 2, 1))
    basis = root @ vectors
    curvature = (basis * (np.abs(values) + damping[:, None])[:, None]) @ basis.transpose(0, 2, 1)

    gradient, low, high = gradient * unit, (_LOW - state.theta) / unit, (_HIGH - state.theta) / unit
    step = np.zeros_like(state.theta)
    for _ in range(len(_LOW)):  # whatever would leave the bounds is set on its bound, and the rest solved again
        given = np.where(held, step, 0)
        matrix = np.where(held[:, :, None] | held[:, None, :], eye, curvature)
        target = np.where(held, step, -gradient - (curvature @ given[..., None])[..., 0])
        step = np.linalg.solve(matrix, target[..., None])[..., 0]
        outside = ~held & ((step < low) | (step > high))
        if not outside.any():
            break
        step = np.where(outside, np.clip(step, low, high), step)
        held = held | outside
    theta = np.clip(np.select([step <= low, step >= high], [_LOW, _HIGH], state.theta + step * unit), _LOW, _HIGH)
    theta[:, :3] = np.where(theta[:, :3] < _NOTHING, 0, theta[:, :3])
    # No surface is zero everywhere: such a step is not taken.
    theta = np.where((theta[:, :3].sum(-1) > 0)[:, None], theta, state.theta)
    promised = -(step * gradient).sum(-1) - (step * (curvature @ step[..., None])[..., 0]).sum(-1) / 2
    return theta, promised
