"""Measured curves as drawn: a page a domain, a panel a model, with law and audit."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from scaling.laws.measured import measured_curves
from scaling.plots.measured import COLUMNS, ROWS, measured, save_pages


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def runs(domain, model, count=8):
    n = np.repeat(1000 * 2 ** np.arange(count), 2)
    error = n**-0.3 * np.exp(0.01 * np.random.default_rng(0).normal(size=len(n)))
    known = {"domain": domain, "model": model, "N": n, "seed": np.tile([0, 1], count), "error": error}
    return pd.DataFrame(known | {"size": pd.NA, "compute": np.nan})


@pytest.fixture(scope="module")
def curves():
    tables = [runs("images", "cnn"), runs("words", "lstm"), runs("images", "short", 3), runs("images", "forest")]
    return measured_curves(pd.concat(tables))


def titles(figure):
    return [axis.get_title(loc="left") for axis in figure.axes]


def test_a_domain_has_a_page_and_a_model_a_panel(curves):
    pages = list(measured(curves))
    assert [page.get_suptitle() for page in pages] == ["images", "words"]
    assert [titles(page) for page in pages] == [["cnn", "short", "forest"], ["lstm"]]


def test_many_models_take_several_pages(curves):
    many = [curves[0].model_copy(update={"model": f"m{i}"}) for i in range(COLUMNS * ROWS + 1)]
    assert [len(page.axes) for page in measured(many)] == [COLUMNS * ROWS, 1]


def test_a_curve_without_a_law_says_so_and_shows_its_shards(curves):
    page = next(measured(curves))
    short = page.axes[1]
    assert [text.get_text() for text in short.texts] == ["no law"]
    assert any(np.array_equal(line.get_xdata(), [1000, 2000, 4000]) for line in short.lines)


def test_the_audit_is_drawn_where_its_shard_is(curves):
    page = next(measured(curves))
    audit = curves[0].analysis.audit
    bar, tick = page.axes[0].lines[-2:]
    assert list(bar.get_ydata()) == [audit.low, audit.high]
    assert (tick.get_xdata()[0], tick.get_ydata()[0]) == (audit.N, audit.predicted)


def test_pages_are_one_file_without_times(curves, tmp_path):
    for name in ("a.pdf", "b.pdf"):
        save_pages(measured(curves), tmp_path / name)
    content = (tmp_path / "a.pdf").read_bytes()
    assert content == (tmp_path / "b.pdf").read_bytes()
    assert len(re.findall(rb"/Type /Page\b", content)) == 2
    assert b"CreationDate" not in content
    assert not plt.get_fignums()
