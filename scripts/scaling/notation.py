"""Notation: how the errors of a domain, estimates of them, and misfits are written, as numbers of the paper."""

from __future__ import annotations

import numpy as np

from scaling.laws import Estimate
from scaling.numbers import Number, decimals, fixed, percent, share, significant
from scaling.plans import DomainPlan


def error(value: float, plan: DomainPlan) -> Number:
    """Print an error with three significant figures; one in percent within one to five decimals."""
    return percent(value, decimals(value)) if plan.in_percent else significant(value, 3, plan.metric)


def misfit(log_error: float) -> Number:
    """Print an error of the logarithm in percent with two or three significant figures."""
    if log_error > 1:  # beyond a factor e, how far says nothing
        return Number(value=log_error, printed=">100 %", unit="fraction")
    return percent(log_error, 0 if log_error >= 0.1 else 1)


def estimate(found: Estimate, level: float, how: str, digits: int = 3) -> Number:
    """Print an estimate and its interval with so many decimals."""
    return fixed(found.value, digits, interval=(found.low, found.high), level=level, how=how)


def interval(found: Estimate, level: float, how: str, plan: DomainPlan) -> Number:
    """Print an error and its interval, the largest of them in about three significant figures."""
    if plan.in_percent:
        return share(found.value, found.low, found.high, level=level, how=how)
    largest = max(found.value, found.high or 0)
    digits = int(np.clip(2 - np.floor(np.log10(largest)), 0, 12)) if largest > 0 else 1
    bounds = (found.low, found.high)
    return fixed(found.value, digits, unit=plan.metric, interval=bounds, level=level, how=how)
