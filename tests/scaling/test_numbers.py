"""Numbers: the printed form agrees with the value to the precision printed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling.numbers import Number, count, fixed, percent, significant, size_interval, word

PLAIN = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
VALUES = st.floats(-1e9, 1e9)
DIGITS = st.integers(0, 6)


def parsed(printed):
    """Read a printed number as a reader would."""
    mantissa, _, power = printed.removesuffix(" %").replace("−", "-").replace(",", "").partition(" × 10")
    return float(mantissa) * 10.0 ** int(power.translate(PLAIN) or 0)


@given(VALUES, DIGITS)
def test_fixed_is_right_to_the_last_digit_printed(value, digits):
    number = fixed(value, digits)
    assert abs(parsed(number.printed) - value) <= 0.5 * 10.0**-digits * (1 + 1e-6) + 1e-12 * abs(value)
    assert number.value == value
    decimals = number.printed.partition(".")[2]
    assert len(decimals) == digits


@given(st.floats(-10, 10), DIGITS)
def test_percent_is_right_to_the_last_digit_printed(value, digits):
    number = percent(value, digits)
    assert abs(parsed(number.printed) - 100 * value) <= 0.5 * 10.0**-digits * (1 + 1e-6)
    assert number.value == value
    assert number.printed.endswith(" %")


@given(st.floats(1e-30, 1e30), st.sampled_from([-1, 1]), st.integers(1, 6))
def test_significant_is_right_to_so_many_figures(size, sign, digits):
    value = sign * size
    assert parsed(significant(value, digits).printed) == pytest.approx(value, rel=0.5 * 10.0 ** (1 - digits) + 1e-9)
    assert significant(value, digits).value == value


@given(st.integers(-(10**15), 10**15))
def test_a_count_is_exact(value):
    assert int(count(value).printed.replace(",", "")) == count(value).value == value


@given(VALUES, DIGITS)
def test_no_zero_has_a_sign_and_no_hyphen_stands_for_a_minus(value, digits):
    for number in (fixed(value, digits), percent(value, digits)):
        assert "-" not in number.printed
        if parsed(number.printed) == 0:
            assert "−" not in number.printed


@given(VALUES, st.none() | VALUES, st.none() | VALUES, DIGITS)
def test_an_interval_is_printed_as_its_bounds_and_an_open_end_as_dots(value, low, high, digits):
    number = fixed(value, digits, interval=(low, high), level=0.95, how="t")
    ends = ["…" if end is None else fixed(end, digits).printed for end in (low, high)]
    assert number.printed_interval == f"[{ends[0]}, {ends[1]}]"
    assert (number.low, number.high, number.level, number.how) == (low, high, 0.95, "t")


@pytest.mark.parametrize(
    ("number", "printed"),
    [
        (count(1_000_000), "1,000,000"),
        (count(7), "7"),
        (fixed(-0.3, 2), "−0.30"),
        (fixed(-0.0004, 3), "0.000"),
        (fixed(-0.0, 1), "0.0"),
        (fixed(1234.5678, 1), "1,234.6"),
        (percent(0.1234), "12.3 %"),
        (percent(-0.0004, 1), "0.0 %"),
        (percent(-0.012, 1), "−1.2 %"),
        (significant(0), "0.0"),
        (significant(0.00123), "0.0012"),
        (significant(9.96), "10"),
        (significant(1234), "1,200"),
        (significant(9_996), "1.0 × 10⁴"),
        (significant(1.26e15), "1.3 × 10¹⁵"),
        (significant(-0.000126), "−1.3 × 10⁻⁴"),
        (word("supported"), "supported"),
    ],
)
def test_forms(number, printed):
    assert number.printed == printed


def test_a_crossing_has_its_interval_in_two_figures():
    number = size_interval(12_345, 9_876, None, 0.95, "t")
    assert number.printed == "1.2 × 10⁴"
    assert number.printed_interval == "[9,900, …]"


def test_a_number_without_interval_prints_none():
    assert fixed(0.5).printed_interval == ""
    assert fixed(0.5).level is None


@given(st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()))
def test_a_number_survives_its_json(value):
    number = Number(value=value, printed="x")
    again = Number.model_validate_json(number.model_dump_json())
    assert again == number
    assert type(again.value) is type(value)
