"""The experiment on bias: what it asks of a study, its arms, and a decision map as the run left it."""

import numpy as np
import pytest

from scaling.domains.spiral import Domain, grid, inside, label
from scaling.experiments.bias import Bias, decision_map
from scaling.models.knn import Family
from scaling.training import Budget, Run, train


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
