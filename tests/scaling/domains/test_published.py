"""What the literature reports beside the domains: table 1 of Hestness, Ardalani & Diamos 2019, and who has it."""

from pathlib import Path

import numpy as np
import pytest

from scaling import domains

BIBLIOGRAPHY = Path(__file__).parents[3] / "paper" / "references.bib"
TABLE = {
    "words": (-0.066, 0.68),
    "characters": (-0.092, 0.89),
    "translation": (-0.128, 0.68),
    "speech": (-0.291, 0.54),
    "digits": (-0.291, 0.54),
    "images": (-0.309, 0.57),
    "mnist": (-0.309, 0.57),
}
"""Exponents of the error and of the model's size, by the kind that stands beside them."""


def test_kinds_of_which_the_table_speaks_have_its_exponents_and_no_others_have_any():
    published = {kind: domains.load(kind).published for kind in domains.kinds()}
    found = {kind: (given.slope, given.growth) for kind, given in published.items() if given}
    assert found == TABLE
    assert {given.source for given in published.values() if given} == {"hestness2019"}


@pytest.mark.parametrize("kind", TABLE)
def test_the_source_is_in_the_bibliography(kind):
    assert f"{{{domains.load(kind).published.source}," in BIBLIOGRAPHY.read_text()


@pytest.mark.parametrize(
    ("kind", "data", "model"),
    [
        ("words", 104, 23.5),
        ("characters", 971, 456),
        ("translation", 750, 90),
        ("speech", 33, 6.6),
        ("mnist", 80.5, 12.2),
    ],
)
def test_the_growth_gives_the_models_that_the_table_asks_for_so_much_more_data(kind, data, model):
    assert data ** domains.load(kind).published.growth == pytest.approx(model, rel=0.01)


@pytest.mark.parametrize(
    ("kind", "current", "desired", "data"),
    [("words", 3.37, 2.48, 104), ("translation", 0.28, 0.12, 750), ("images", 0.194, 0.05, 80.5)],
)
def test_the_slope_gives_the_data_that_the_table_asks_for_the_error_desired(kind, current, desired, data):
    slope = domains.load(kind).published.slope
    assert np.exp(np.log(desired / current) / slope) == pytest.approx(data, rel=6e-3)


def test_unlike_tasks_are_told_apart_by_name():
    tasks = {kind: domains.load(kind).published.task for kind in TABLE}
    assert len(set(tasks.values())) == len(set(TABLE.values()))
