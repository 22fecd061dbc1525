"""The experiment on bias: what it asks of a study, its arms, and a decision map as the run left it."""

import numpy as np
import pytest

from scaling.domains.spiral import AT_THE_TIP, SQUARE, Domain, grid, inside, label
from scaling.experiments.bias import Bias, decision_maps
from scaling.models.knn import Family
from scaling.training import Budget, Run, train


def test_it_wants_nothing_of_a_study_that_has_it_all(study):
    assert list(study.experiments.bias.faults(study)) == []


def test_it_needs_a_shard_of_the_domain(study):
    assert "train_sizes" in next(Bias(domain="spiral", N=7).faults(study))


def test_decision_maps_are_pictures_from_the_top_left_of_the_square_and_of_the_tip(tmp_path):
    np.savez(tmp_path / "run.npz", probe=inside(np.concatenate([grid(20), grid(20, AT_THE_TIP)])).astype(np.uint8))
    pictures = decision_maps(tmp_path / "run.npz")
    assert pictures.shape == (2, 20, 20)
    for picture, (left, right, bottom, top) in zip(pictures, (SQUARE, AT_THE_TIP), strict=True):
        for row, column in ((0, 0), (3, 15), (10, 4), (19, 19)):
            x = left + (column + 0.5) / 20 * (right - left)
            y = top - (row + 0.5) / 20 * (top - bottom)
            assert picture[row, column] == inside(np.array([[x, y]]))[0]
    assert pictures[1].any()


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
    predict = family.memorise(shard, domain.task)
    expected = [predict(label(grid(30, window))).reshape(30, 30) for window in (SQUARE, AT_THE_TIP)]
    assert (decision_maps(tmp_path / "run.npz") == expected).all()


def test_a_run_without_a_probe_has_no_map(tmp_path):
    np.savez(tmp_path / "run.npz", error=np.zeros(3, dtype=bool))
    with pytest.raises(KeyError, match="probe"):
        decision_maps(tmp_path / "run.npz")
