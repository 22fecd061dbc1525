"""Coverage in a picture: a row for every design that is scored, every entry with what chance allows."""

import numpy as np
import pytest

from scaling.experiments.coverage import LEVEL, QUANTITIES
from scaling.plots import style
from scaling.plots.coverage import GROUPS, LOWEST, coverage


@pytest.fixture
def settings(study):
    return study.experiments.coverage


@pytest.fixture(autouse=True)
def closed():
    yield
    style.plt.close("all")


def test_every_quantity_is_in_one_group():
    assert sorted(quantity for group in GROUPS.values() for quantity in group) == sorted(QUANTITIES)


def test_a_row_stands_for_every_design_that_is_scored(settings, campaigns):
    axis = coverage(campaigns(settings), 0.92, 0.88).axes[0]
    scored = [name.replace("-", " ") for name, design in settings.designs.items() if not design.lawless]
    assert [label.get_text() for label in axis.get_yticklabels()] == scored
    assert len(axis.containers) == len(QUANTITIES)
    for bars in axis.containers:
        assert np.all(bars.lines[0].get_xdata() == 0.95)
        assert np.array_equal(np.round(bars.lines[0].get_ydata()), np.arange(len(scored)))


def test_every_design_has_its_own_goal(settings, campaigns):
    came = campaigns(settings)
    ticks = next(line for line in coverage(came, 0.92, 0.88).axes[0].lines if line.get_marker() == "|")
    assert list(ticks.get_xdata()) == [0.88 if campaign.cut else 0.92 for campaign in came if campaign.cells]


def test_the_scale_reaches_down_to_the_least(settings, campaigns):
    for hits, least in ((95, LOWEST), (40, 0.38)):
        axis = coverage(campaigns(settings, hits), 0.92, 0.88).axes[0]
        assert axis.get_xlim()[0] == pytest.approx(least)
        assert axis.get_xlim()[1] > 1 > LEVEL


def test_nothing_scored_leaves_an_empty_picture(settings, campaigns, tmp_path):
    unscored = [campaign.model_copy(update={"cells": {}}) for campaign in campaigns(settings)]
    style.save(coverage(unscored, 0.92, 0.88), tmp_path / "figure.pdf")
    assert (tmp_path / "figure.pdf").read_bytes().startswith(b"%PDF")
