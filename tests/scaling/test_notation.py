"""Notation: shares in per cent, other errors as they are, each with the figures that its size asks for."""

from types import SimpleNamespace

import pytest

from scaling.laws import Estimate
from scaling.notation import error, estimate, interval, misfit

SHARES = SimpleNamespace(in_percent=True, metric="error")
NATS = SimpleNamespace(in_percent=False, metric="nats per word")


def found(value, low, high):
    return Estimate(value=value, low=low, high=high, identified=True)


@pytest.mark.parametrize(
    ("value", "printed"), [(0.3721, "37.2 %"), (0.0372, "3.72 %"), (0.00037, "0.0370 %"), (0, "0.0 %")]
)
def test_a_share_is_printed_in_per_cent_with_more_decimals_the_less_it_is(value, printed):
    assert error(value, SHARES).printed == printed
    assert error(value, SHARES).value == value


def test_another_error_is_printed_as_it_is_with_its_unit():
    printed = error(4.4712, NATS)
    assert (printed.printed, printed.unit) == ("4.47", "nats per word")


@pytest.mark.parametrize(("log_error", "printed"), [(0.0123, "1.2 %"), (0.34, "34 %"), (1.5, ">100 %")])
def test_a_misfit_beyond_a_factor_e_is_not_told_apart(log_error, printed):
    assert misfit(log_error).printed == printed


def test_an_interval_is_printed_like_its_error_and_may_be_open():
    share = interval(found(0.12, 0.11, 0.13), 0.95, "profile", SHARES)
    assert (share.printed, share.printed_interval) == ("12.0 %", "[11.0, 13.0] %")
    assert (share.value, share.low, share.high) == (0.12, 0.11, 0.13)
    nats = interval(found(4.4712, None, 4.6), 0.95, "profile", NATS)
    assert nats.printed == "4.47"
    assert nats.low is None


def test_an_estimate_has_the_decimals_asked_for():
    assert estimate(found(-0.3012, -0.31, -0.29), 0.95, "profile").printed == "−0.301"
    assert estimate(found(-0.3012, -0.31, -0.29), 0.95, "profile", 2).printed == "−0.30"
