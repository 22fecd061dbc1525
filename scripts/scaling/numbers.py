"""Numbers: what the paper prints, with full precision behind the printed form."""

from __future__ import annotations

import math

from pydantic import BaseModel, ConfigDict

MINUS = "\N{MINUS SIGN}"
TIMES = "\N{MULTIPLICATION SIGN}"
SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


class Number(BaseModel):
    """A value that the paper prints: at full precision, as printed, and how sure it is.

    `low` and `high` bound the interval at `level`; None where it is open or there is none. `how` says in a few
    words how the interval was made. `printed` and `printed_interval` are plain text, not TeX.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: float | int | str
    printed: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    level: float | None = None
    how: str = ""
    printed_interval: str = ""


def count(value: int, unit: str = "") -> Number:
    """Make a whole number, printed with commas: 1,000."""
    return Number(value=int(value), printed=f"{value:,}", unit=unit)


def plain(value: float) -> Number:
    """Make a setting, printed as it stands in the config."""
    return Number(value=value, printed=f"{value:g}".replace("-", MINUS))


def word(value: str) -> Number:
    """Make an entry whose value is a word, such as a verdict."""
    return Number(value=value, printed=value)


def fixed(
    value: float,
    digits: int = 3,
    *,
    unit: str = "",
    interval: tuple[float | None, float | None] | None = None,
    level: float | None = None,
    how: str = "",
) -> Number:
    """Make a number printed with `digits` decimals, with its interval where it has one."""
    low, high = interval or (None, None)
    shown = f"[{_bound(low, digits, '…')}, {_bound(high, digits, '…')}]" if interval else ""
    return Number(
        value=float(value),
        printed=_fixed(value, digits),
        unit=unit,
        low=low,
        high=high,
        level=level,
        how=how,
        printed_interval=shown,
    )


def significant(value: float, digits: int = 2, unit: str = "") -> Number:
    """Make a number printed with `digits` significant figures, with a power of ten where it is large or small."""
    return Number(value=float(value), printed=_significant(value, digits), unit=unit)


def percent(value: float, digits: int = 1) -> Number:
    """Make a share printed in percent; the value stays a fraction."""
    return Number(value=float(value), printed=f"{_fixed(100 * value, digits)} %", unit="fraction")


def decimals(value: float) -> int:
    """So many decimals, one to five, show three figures of a share in percent."""
    return min(max(-math.floor(math.log10(value)), 1), 5) if value > 0 else 1


def share(value: float, low: float | None, high: float | None, *, level: float, how: str) -> Number:
    """Make a share with its interval, in percent with two or three figures; the values stay fractions."""
    digits = max(1, decimals(max(value, high or 0)) - 1)
    bounds = (None if low is None else 100 * low, None if high is None else 100 * high)
    shown = fixed(100 * value, digits, interval=bounds)
    return Number(
        value=float(value),
        printed=f"{shown.printed} %",
        unit="fraction",
        low=low,
        high=high,
        level=level,
        how=how,
        printed_interval=f"{shown.printed_interval} %",
    )


def size_interval(value: float, low: float | None, high: float | None, level: float, how: str) -> Number:
    """Make an N with its interval, in two significant figures."""
    return Number(
        value=float(value),
        printed=_significant(value, 2),
        low=low,
        high=high,
        level=level,
        how=how,
        printed_interval="[" + ", ".join("…" if end is None else _significant(end, 2) for end in (low, high)) + "]",
    )


def _bound(value: float | None, digits: int, unknown: str) -> str:
    return unknown if value is None else _fixed(value, digits)


def _fixed(value: float, digits: int) -> str:
    # Adding zero turns a rounded -0.000 into 0.000.
    return f"{round(float(value), digits) + 0.0:,.{digits}f}".replace("-", MINUS)


def _significant(value: float, digits: int) -> str:
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    power = int(exponent)
    if -3 <= power < 4:
        decimals = max(0, digits - 1 - power)
        return _fixed(round(value, decimals if power < digits else digits - 1 - power), decimals)
    return f"{mantissa} {TIMES} 10{str(power).translate(SUPERSCRIPTS)}".replace("-", MINUS)
