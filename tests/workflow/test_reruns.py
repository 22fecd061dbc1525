"""What is trained when the study changes: what is new, and nothing else."""

import os
from pathlib import Path


def trainings(*models: str, sizes=(20, 40, 80, 160, 320), seeds=(0, 1), twice: bool = False) -> set[str]:
    end = ", twice as long" if twice else ""
    return {
        f"Training {model} on {N} examples of spiral, seed {seed}{end}"
        for model in models
        for N in sizes
        for seed in seeds
    }


def test_a_further_seed_is_all_that_is_trained(built):
    with built.study() as study:
        study["seeds"].append(2)
    assert built.plan().trainings == {
        *trainings("knn-1", "mlp-4", seeds=[2]),
        *trainings("mlp-4", sizes=[320], seeds=[2], twice=True),
    }


def test_a_further_shard_is_all_that_is_trained(built):
    with built.study() as study:
        study["domains"]["spiral"]["train_sizes"].insert(0, 10)
    assert built.plan().trainings == trainings("knn-1", "mlp-4", sizes=[10])


def test_a_further_size_is_all_that_is_trained(built):
    with built.study() as study:
        study["domains"]["spiral"]["families"]["mlp"]["sizes"].append(2)
    assert built.plan().trainings == {*trainings("mlp-2"), *trainings("mlp-2", sizes=[320], twice=True)}


def test_a_further_family_is_all_that_is_trained_and_no_other_law_is_missed_out(built):
    with built.study() as study:
        study["domains"]["spiral"]["families"]["knn-3"] = {"kind": "knn", "k": 3}
    plan = built.plan()
    assert plan.trainings == trainings("knn-3")
    assert plan.jobs["gather"] == 1
    assert plan.jobs["law"] == 3


def test_another_setting_of_a_family_trains_that_family_again(built):
    with built.study() as study:
        study["domains"]["spiral"]["families"]["mlp"]["learning_rate"] = 0.02
    assert built.plan().trainings == {*trainings("mlp-4"), *trainings("mlp-4", sizes=[320], twice=True)}


def test_another_threshold_tests_its_claim_again_and_trains_nothing(built):
    with built.study() as study:
        study["claims"]["H2"]["share"] = 0.5
    plan = built.plan()
    assert plan.jobs == {"claim": 1, "ledger": 1, "paper": 1, "sweep": 1, "all": 1, "total": 5}
    assert "Testing claim H2" in plan.messages


def test_a_changed_template_is_noticed(built):
    path = built.folder / "paper/main.tex"
    path.write_text(path.read_text() + "\n")
    assert built.plan().jobs == {"ledger": 1, "paper": 1, "sweep": 1, "all": 1, "total": 4}


def test_touched_files_that_are_the_same_rerun_nothing(built):
    touched = [path for path in built.folder.rglob("*") if path.is_file() and _is_read(path.relative_to(built.folder))]
    assert len(touched) > 90
    for path in touched:
        os.utime(path)
    assert built.plan().jobs == {}
    code, said = built.audit("verify")
    assert code == 0, said


def _is_read(path: Path) -> bool:
    return path.parts[0] != ".snakemake" and path.name != ".build"
