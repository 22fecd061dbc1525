"""The spiral in pictures: what is drawn of a study, and decision maps as runs left them."""

import numpy as np
import pytest

from scaling.domains.spiral import Domain, grid, inside, label
from scaling.experiments.bias import Bias, Pictured, decision_map
from scaling.models.knn import Family
from scaling.study import Study, StudyError
from scaling.training import Budget, Run, train


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
    return study.experiments.bias.pictured(study)


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
    bias["neighbours"] = []
    assert pictured(bias_config).pictures == ("manifold", "density", "sample", "maps", "zoom", "regions")


def test_it_wants_nothing_of_a_study_that_has_it_all(study):
    assert list(study.experiments.bias.faults(study)) == []


def test_it_needs_a_shard_of_the_domain(study):
    assert "train_sizes" in next(Bias(domain="spiral", N=7).faults(study))


def test_a_decision_map_is_a_square_picture_from_the_top_left(tmp_path):
    np.savez(tmp_path / "run.npz", probe=inside(grid(20)).astype(np.uint8))
    picture = decision_map(tmp_path / "run.npz")
    assert picture.shape == (20, 20)
    ticks = (np.arange(20) + 0.5) / 20 * 2 - 1
    for row, column in ((0, 0), (3, 15), (10, 4), (19, 19)):
        assert picture[row, column] == inside(np.array([[ticks[column], -ticks[row]]]))[0]


def test_the_map_that_a_run_leaves_is_of_its_predictions(tmp_path):
    domain = Domain(kind="spiral", validation_size=10, test_size=10, region_size=10, map_size=30, map_seeds={500: 1})
    budget = Budget(batch_size=1, max_batch_size=1, batches_per_epoch=1, epochs=1, min_steps=30, max_steps=30)
    family = Family(kind="knn", k=1)
    run = Run(
        domain="spiral",
        data=domain.model_dump(),
        family="knn",
        learner=family.model_dump(),
        model="knn",
        size=None,
        N=500,
        seed=0,
        budget=budget,
        shares_pool=False,
    )
    _, outcomes, _ = train(run, None)
    np.savez(tmp_path / "run.npz", **outcomes)
    shard = domain.draw("spiral", 500, 0, None).train
    expected = family.memorise(shard, domain.task)(label(grid(30))).reshape(30, 30)
    assert (decision_map(tmp_path / "run.npz") == expected).all()


def test_a_run_without_a_probe_has_no_map(tmp_path):
    np.savez(tmp_path / "run.npz", error=np.zeros(3, dtype=bool))
    with pytest.raises(KeyError, match="probe"):
        decision_map(tmp_path / "run.npz")
