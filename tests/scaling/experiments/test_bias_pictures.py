"""What the figures of the spiral show: which runs' maps, which arms, and only what the study has."""

import pytest

from scaling.experiments import bias_pictures
from scaling.experiments.bias_pictures import Pictured
from scaling.study import Study, StudyError


@pytest.fixture
def bias_config(config):
    """The default config, whose claims play no part here."""
    config["claims"] = {}
    return config


@pytest.fixture
def study(bias_config):
    return Study.of(bias_config)


def pictured(config):
    study = Study.of(config)
    return bias_pictures.pictured(study.experiments.bias, study)


def test_maps_are_drawn_of_every_family_and_of_neighbours_on_more_data_too(bias_config):
    panels = pictured(bias_config).panels
    assert [(panel.model, panel.N) for panel in panels] == [
        *((model, 1_000) for model in ("mlp-raw-32", "mlp-raw-decay-32", "mlp-polar-32", "mlp-polar-full-32")),
        *((model, N) for model in ("knn-1", "knn-5") for N in (1_000, 10_000)),
    ]
    assert [panel.title for panel in panels][-2:] == ["5-NN", "5-NN, N = 10,000"]


def test_of_sizes_in_any_order_the_middle_one_is_drawn(bias_config):
    bias_config["domains"]["spiral"]["families"]["mlp-raw"]["sizes"] = [128, 512, 32]
    bias_config["domains"]["spiral"]["families"]["mlp-polar"]["sizes"] = [64, 16]
    models = {panel.model for panel in pictured(bias_config).panels}
    assert {"mlp-raw-128", "mlp-polar-64"} <= models


def test_only_maps_that_runs_keep_are_drawn(bias_config):
    bias_config["domains"]["spiral"]["data"]["map_seeds"] = {1_000: 1}
    bias_config["domains"]["spiral"]["families"]["mlp-raw"]["train_sizes"] = [100, 300]
    panels = pictured(bias_config).panels
    assert {panel.N for panel in panels} == {1_000}
    assert "mlp-raw-32" not in {panel.model for panel in panels}
    bias_config["domains"]["spiral"]["data"]["map_seeds"] = {10_000: 1}
    with pytest.raises(StudyError, match=r"map_seeds a number above the seed for 1000\."):
        Study.of(bias_config)


def test_arms_are_drawn_for_the_one_thing_that_they_change(bias_config):
    shown = pictured(bias_config)
    assert shown.pictures == ("manifold", "density", "sample", "maps", "zoom", "regions", "crossing", "neighbours")
    assert shown.budgets == ("spiral-brief", "spiral-long")
    assert shown.clean == ("spiral", "spiral-brief", "spiral-long", "spiral-focal", "spiral-neighbours")
    assert shown.noisy == {"spiral-noisy": 0.1}
    assert shown.neighbours == {"knn-1": 1, "knn-3": 3, "knn-5": 5, "knn-15": 15}
    assert Pictured.model_validate(shown.model_dump(mode="json")) == shown


def test_what_the_study_has_no_runs_for_is_not_drawn(bias_config):
    bias = bias_config["experiments"]["bias"]
    bias["arms"] = {}
    bias["neighbours"] = ["knn-1"]
    assert "crossing" in pictured(bias_config).pictures, "by its sizes"
    bias["crafted"] = "mlp-raw"
    assert "crossing" not in pictured(bias_config).pictures, "one size, one budget"
    bias |= {"neighbours": [], "crafted": None}
    assert pictured(bias_config).pictures == ("manifold", "density", "sample", "maps", "zoom", "regions")
