"""Tolerances: what a study lets a replay differ in, and by how much."""

from pathlib import Path

import pytest

from provenance.tolerances import Tolerances
from provenance.workspace import CannotRun

TOLERANCES = """
"runs/*.json":
  /curve/*/step: 0
  /curve/*: 0.5
  /test: 0.1
"""


@pytest.mark.parametrize(
    ("file", "differences", "allowed"),
    [
        ("runs/a/1.json", {}, True),
        ("runs/a/1.json", {"/test": 0.1, "/curve/3/loss": 0.5}, True),
        ("runs/a/1.json", {"/test": 0.11}, False),
        ("runs/a/1.json", {"/curve/3/step": 0.01}, False),
        ("runs/a/1.json", {"/flops": 1e-9}, False),
        ("laws/1.json", {"/test": 0.01}, False),
    ],
)
def test_a_number_may_differ_where_and_by_as_much_as_the_study_says(tmp_path, file, differences, allowed):
    path = tmp_path / "tolerances.yaml"
    path.write_text(TOLERANCES)
    assert Tolerances.read(path).allow(file, differences) == allowed


@pytest.mark.parametrize("text", ["", "runs: 3", "runs: {/test: much}", "runs: {/test: -1}", "[", None])
def test_a_file_without_tolerances_is_told_with_what_was_expected(tmp_path, text):
    path = tmp_path / "tolerances.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(CannotRun, match=r"(?s)tolerances\.yaml holds no tolerances.*Expected patterns of files"):
        Tolerances.read(path)


def test_the_gpu_profiles_tolerances_are_some():
    found = Tolerances.read(Path(__file__).parents[2] / "profiles/gpu/tolerances.yaml")
    assert found.allow("runs/images/cnn-8/n100/seed0.json", {"/test/error": 0.1, "/curve/3/validation_loss": 0.9})
    assert not found.allow("runs/images/cnn-8/n100/seed0.json", {"/flops": 1e-6})
    assert not found.allow("runs/images/logistic/n100/seed0.json", {"/test/error": 1e-6})
