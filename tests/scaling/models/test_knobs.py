"""The knobs of a training: optimiser, loss and dropout, in the families that have them."""

import re

import numpy as np
import pytest
import torch

from scaling.models import cnn, knn, logistic, mlp, resnet
from scaling.plans import TrainedPlan
from scaling.tasks.classification import Classification, Examples
from scaling.tasks.language import Language
from scaling.training import Budget, Run, descend

PICTURES = Classification(shape=(1, 8, 8), classes=3)
TEXT = Language(token="character", vocabulary=10, context=8)
BUDGET = Budget(batch_size=32, max_batch_size=32, batches_per_epoch=8, epochs=40, min_steps=120, max_steps=120)


def family(kind=mlp, **settings):
    sizes = {} if kind is logistic else {"sizes": (8,)}
    return kind.Family(kind=kind.__name__.rpartition(".")[2], learning_rate=0.01, **sizes, **settings)


def pictures(n, seed=0):
    """Make noise that is lighter on a third of the rows, which third says the class."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    rows = np.arange(8) * 3 // 8 == y[:, None]
    return Examples((rng.normal(size=(n, 1, 8, 8)) + 0.5 * rows[:, None, :, None]).astype(np.float32), y)


def trained(learner):
    run = Run(
        domain="pictures",
        data={},
        family="net",
        learner=learner.model_dump(),
        model="net",
        size=8,
        N=200,
        seed=0,
        budget=BUDGET,
        shares_pool=False,
    )
    return descend(learner, learner.objective(PICTURES), run, pictures(200), pictures(300, seed=1))


KNOBS = [
    (mlp, {"optimiser": "sgd", "learning_rate": 0.1}),
    (mlp, {"loss": "squared"}),
    (mlp, {"loss": "focal", "layer_norm": True}),
    (mlp, {"dropout": 0.5}),
    (cnn, {"dropout": 0.5}),
    (resnet, {"dropout": 0.5, "optimiser": "sgd", "learning_rate": 0.1}),
    (logistic, {"optimiser": "sgd", "loss": "squared", "learning_rate": 0.03}),
]


@pytest.mark.parametrize(("kind", "settings"), KNOBS)
def test_with_a_knob_turned_it_learns_otherwise_and_the_same_each_time(kind, settings):
    plain, turned, again = (trained(family(kind).model_copy(update=knobs)) for knobs in ({}, settings, settings))
    unseen = pictures(1_000, seed=2)
    assert (turned.predict(unseen) != unseen.y).mean() < 0.5 * PICTURES.guess
    assert turned.curve != plain.curve
    assert turned.curve == again.curve


def test_what_is_usual_changes_nothing_where_it_is_said():
    assert trained(family()).curve == trained(family(optimiser="adamw", loss="cross-entropy", dropout=0.0)).curve


@pytest.mark.parametrize("kind", [mlp, cnn, resnet])
def test_dropout_leaves_out_units_before_the_last_layer_in_training_alone(kind):
    network = family(kind, dropout=0.5).network(PICTURES, 8)
    x = torch.from_numpy(pictures(4).x)
    *_, dropout, last = (module for module in network.modules() if not list(module.children()))
    assert (dropout.p, last.out_features) == (0.5, 3)
    network.eval()
    assert torch.equal(network(x), network(x))


@pytest.mark.parametrize(
    ("kind", "settings", "task", "words"),
    [
        (mlp, {"loss": "hinge"}, PICTURES, "loss = 'hinge' is no loss of the task.*cross-entropy, squared, focal"),
        (mlp, {"loss": "squared"}, TEXT, "loss = 'squared' is no loss of the task.*only its own; leave the key out"),
        (logistic, {"dropout": 0.5}, PICTURES, "dropout = 0.5, but kind logistic has no place for it; leave"),
        (cnn, {"dropout": 0.5}, Classification(shape=(2,), classes=2), "needs images"),
    ],
)
def test_a_knob_that_is_not_there_is_told(kind, settings, task, words):
    complaint = family(kind, **settings).complaint(task)
    assert complaint is not None
    assert re.search(words, complaint)


def test_a_task_without_a_choice_of_losses_refuses_another():
    with pytest.raises(TypeError, match="one loss only"):
        TEXT.minimising("squared")


def test_labels_say_what_is_not_as_usual():
    plan = TrainedPlan.model_validate(
        {
            "data": {"kind": "images", "validation_size": 5_000},
            "train_sizes": [100],
            "budget": BUDGET.model_dump(),
            "families": {
                "knn": {"kind": "knn", "k": 1},
                "cnn": {"kind": "cnn", "sizes": [8], "learning_rate": 0.003},
                "cnn-sgd": {"kind": "cnn", "sizes": [8], "learning_rate": 0.1, "optimiser": "sgd"},
                "cnn-drop": {"kind": "cnn", "sizes": [8], "learning_rate": 0.003, "dropout": 0.5},
                "linear": {"kind": "logistic", "learning_rate": 0.003, "loss": "squared", "optimiser": "sgd"},
            },
        }
    )
    assert plan.labels == {
        "knn": "1-NN",
        "cnn": "CNN",
        "cnn-sgd": "CNN, SGD",
        "cnn-drop": "CNN, dropout 0.5",
        "linear": "logistic regression, SGD, squared loss",
    }
    assert knn.Family(kind="knn", k=1).knobs == ()
