"""Descent: coordinates that lead there and back, derivatives as differences have them, starts within the bounds."""

import numpy as np
import pytest

from scaling.laws.descent import Points, descend, starts

RNG = np.random.default_rng(0)
SIZE, DATA = np.exp(RNG.uniform(15, 22, 60)), np.exp(RNG.uniform(18, 25, 60))
TRUTH = tuple(map(np.asarray, (1.8, 480.0, 2100.0, 0.35, 0.37)))
LOSS = (1.8 + 480 * SIZE**-0.35 + 2100 * DATA**-0.37) * np.exp(0.01 * RNG.normal(size=60))
POINTS = Points.of(SIZE, DATA, LOSS)
WIDTH, WEIGHT = 0.02, np.ones((1, 60))


def test_coefficients_come_back_from_their_coordinates():
    found = POINTS.coefficients(POINTS.theta(TRUTH)[None])
    assert [float(part[0]) for part in found] == pytest.approx([float(part) for part in TRUTH])


def test_gradient_and_hessian_are_those_of_the_objective():
    theta = POINTS.theta(TRUTH)[None] * (1 + 0.1 * RNG.normal(size=(1, 5)))

    def gradient(at):
        state = POINTS.state(at, WEIGHT, WIDTH)
        return -(state.jacobian @ state.pull[..., None])[0, :, 0]

    steps = 1e-6 * np.eye(5)
    up, down = ([POINTS.state(theta + sign * step, WEIGHT, WIDTH) for step in steps] for sign in (1, -1))
    slopes = [(one.objective[0] - other.objective[0]) / 2e-6 for one, other in zip(up, down, strict=True)]
    assert gradient(theta) == pytest.approx(slopes, rel=1e-5, abs=1e-8)
    bends = [(gradient(theta + step) - gradient(theta - step)) / 2e-6 for step in steps]
    assert POINTS.hessian(POINTS.state(theta, WEIGHT, WIDTH), WIDTH)[0] == pytest.approx(np.array(bends), abs=1e-4)


def test_every_start_has_amplitudes_of_at_least_zero_and_ends_where_the_gradient_vanishes():
    theta = starts(POINTS)
    assert (theta >= 0).all()
    found = descend(POINTS, theta, np.ones(60), 1e-3)
    assert (found.steepness <= 1e-12).all()
    assert found.objective == pytest.approx(np.full(len(theta), found.objective.min()))
