"""Reports: tables that fit the width, with numbers to the digits that their intervals allow."""

import io
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from scaling.laws.answers import compare, outlook
from scaling.laws.measured import measured_curves
from scaling.laws.report import (
    Report,
    beyond,
    estimate,
    p_value,
    show_comparisons,
    show_fits,
    show_outlooks,
    signed,
    significant,
    size,
)

N = [250 * 2**k for k in range(12)]


def runs(model, error, domain="images", n=N):
    sizes = np.repeat(n, 3)
    luck = np.exp(0.01 * np.random.default_rng(len(model)).normal(size=len(sizes)))
    seed = np.tile(np.arange(3), len(n))
    known = {"domain": domain, "model": model, "N": sizes, "seed": seed, "error": error(sizes) * luck}
    return pd.DataFrame(known | {"size": pd.NA, "compute": np.nan})


@pytest.fixture(scope="module")
def curves():
    return measured_curves(
        pd.concat(
            [
                runs("floor", lambda n: 0.15 + 2 * n**-0.35),
                runs("bent", lambda n: 2 * (n + 1500) ** -0.3),
                runs("a model of a very long name, twice over", lambda n: 40_000 * n**-0.1),
                runs("waves", lambda n: n**-0.2 * (1 + 0.2 * np.sin(2 * np.log(n)))),
                runs("short", lambda n: n**-0.3, n=N[:3]),
            ]
        )
    )


def printed(show, *given):
    out = io.StringIO()
    show(*given, Console(file=out, width=100, highlight=False, markup=False, emoji=False))
    return out.getvalue()


def report(curves):
    return Report(measurements="curves.csv", level=0.95, pool=None, curves=curves)


def test_every_curve_has_a_row_and_a_refusal_its_reason(curves):
    text = printed(show_fits, report(curves))
    for word in ("floor", "bent", "waves", "identified", "γ ≤", "floor leads", "region not", "hit"):
        assert word in text
    assert "No law: 3 shards" in text


def test_tables_fit_a_hundred_columns(curves):
    text = printed(show_fits, report(curves))
    text += printed(show_comparisons, compare(curves, margin=0.02), 0.02, 0.95)
    found = [outlook(curve, [1e6, 1e9], [0.2, 1e-9], price_per_example=1e-3) for curve in curves]
    text += printed(show_outlooks, found, 0.95)
    assert max(map(len, text.splitlines())) <= 100
    assert "\x1b" not in text
    assert not re.search(r"\w…", text), "cut short"


def test_an_outlook_says_how_far_it_reaches_and_what_the_curve_foretold(curves):
    found = [outlook(curves[0], [1.024e6, 1e3], [0.16, 0.1, 0.2])]
    text = printed(show_outlooks, found, 0.95)
    assert "Audit: 10 shards foretold the one 4× larger" in text
    assert "2×" in text
    assert "within" in text
    assert "unreachable" in text
    assert "cost" not in text
    assert "cost" in printed(show_outlooks, [outlook(curves[0], [], [0.2], price_per_example=1)], 0.95)


def test_low_agreement_and_sizes_are_remarked(curves):
    law = curves[0].law.model_copy(update={"agreement": 0.3})
    analysis = curves[0].analysis.model_copy(update={"law": law})
    text = printed(show_fits, report((curves[0].model_copy(update={"analysis": analysis, "size_refusal": "why"}),)))
    assert "only 30% of the starts" in text
    assert "no size law, why." in text


def test_a_report_survives_json(curves):
    found = report(curves)
    assert Report.model_validate_json(found.model_dump_json()) == found


# Numbers


@pytest.mark.parametrize(
    ("value", "low", "high", "expected"),
    [
        (-0.30412, -0.32711, -0.28101, "-0.304 [-0.327, -0.281]"),
        (167.58, 84.59, 218.64, "170 [80, 220]"),
        (0.0225, 0.0144, 0.0293, "0.022 [0.014, 0.029]"),
        (-0.31, None, -0.2, "-0.31 […, -0.20]"),
        (2e-6, 1e-6, 3e-6, "2.0e-06 [1.0e-06, 3.0e-06]"),
        (0.5, 0.5, 0.5, "0.5000 [0.5000, 0.5000]"),
        (0.0, 0.0, 0.0312, "0 [0, 0.031]"),
        (-0.3, -0.3000000001, -0.2999999999, "-0.3000 [-0.3000, -0.3000]"),
    ],
)
def test_an_estimate_has_the_digits_of_its_interval(value, low, high, expected):
    assert estimate(value, low, high) == expected


@given(value=st.floats(1e-12, 1e12), share=st.floats(1e-6, 1))
def test_what_is_printed_differs_by_less_than_a_tenth_of_the_interval_or_a_thousandth(value, share):
    low, high = value * (1 - share / 2), value * (1 + share / 2)
    shown = float(estimate(value, low, high).split(" ")[0].replace(",", ""))
    assert abs(shown - value) <= max(0.05 * (high - low), 5e-4 * value) * 1.001


@pytest.mark.parametrize(
    ("N", "expected"),
    [(1, "1"), (46_416, "46,400"), (1e6, "1e6"), (46_415_888, "4.64e7"), (250, "250"), (0.0123, "0.0123")],
)
def test_sizes_have_three_digits(N, expected):
    assert size(N) == expected


def test_other_numbers():
    assert beyond(0.5) == beyond(1) == "within"
    assert beyond(1.95) == "1.95×"
    assert signed(np.log(1.073)) == "+7.3%"
    assert p_value(1e-9) == "<.001"
    assert p_value(0.0312) == ".031"
    assert p_value(1.0) == "1"
    assert significant(None) == "…"
    assert significant(0.00553) == "0.0055"
