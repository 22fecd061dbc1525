"""The multilayer perceptron: what it sees, how large it is."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scaling.models.mlp import Family
from scaling.tasks.classification import Classification

UNIT = st.floats(-1, 1, width=32)
PLANE = Classification(shape=(2,), classes=2)
PICTURES = Classification(shape=(1, 4, 5), classes=3)


def mlp(inputs="raw", sizes=(16,)):
    return Family(kind="mlp", inputs=inputs, sizes=sizes, learning_rate=0.01)


@given(UNIT, UNIT)
def test_polar_inputs_are_radius_and_angle_over_pi(x, y):
    r, angle = mlp("polar").features(torch.tensor([[x, y]]))[0].tolist()
    assert r == pytest.approx(np.hypot(x, y), abs=1e-6)
    assert -1 - 1e-6 <= angle <= 1 + 1e-6
    assert [r * np.cos(np.pi * angle), r * np.sin(np.pi * angle)] == pytest.approx([x, y], abs=1e-6)


@pytest.mark.parametrize(("device", "takes"), [("cpu", False), ("cuda", True), ("auto", True)])
def test_a_run_takes_a_place_on_a_gpu_unless_it_is_trained_on_the_processor(device, takes):
    assert mlp().model_copy(update={"device": device}).takes_gpu == takes


def test_raw_inputs_are_left_alone():
    x = torch.rand(5, 2)
    assert mlp().features(x) is x


@pytest.mark.parametrize(("task", "inputs"), [(PLANE, 2), (PICTURES, 20)])
@pytest.mark.parametrize("h", [1, 32])
def test_it_has_three_layers_of_weights_and_a_logit_a_class(task, inputs, h):
    network = mlp(sizes=(h,)).network(task, h)
    expected = (inputs + 1) * h + (h + 1) * h + (h + 1) * task.classes
    assert sum(weights.numel() for weights in network.parameters()) == expected
    assert network(torch.rand(7, *task.shape)).shape == (7, task.classes)


def test_with_layer_norm_a_hidden_layer_has_mean_zero_and_variance_one_before_relu():
    family = mlp(sizes=(64,)).model_copy(update={"layer_norm": True})
    network = family.network(PLANE, 64)
    assert sum(weights.numel() for weights in network.parameters()) == 3 * 64 + 65 * 64 + 65 * 2 + 2 * 2 * 64
    for depth in (3, 6):
        sums = network[:depth](torch.rand(7, 2))
        assert sums.mean(dim=1).tolist() == pytest.approx([0] * 7, abs=1e-5)
        assert sums.var(dim=1, correction=0).tolist() == pytest.approx([1] * 7, abs=0.02)


def test_it_is_named_after_what_is_not_as_usual():
    settings = {"layer_norm": True, "loss": "focal", "weight_decay": 0.01}
    assert mlp().knobs == ()
    assert mlp().model_copy(update=settings).knobs == ("focal loss", "layer norm", "weight decay 0.01")


def test_polar_inputs_need_the_plane():
    assert mlp("polar").complaint(PLANE) is None
    assert mlp("raw").complaint(PICTURES) is None
    assert "(1, 4, 5)" in mlp("polar").complaint(PICTURES)


def test_its_sizes_are_its_models():
    assert list(mlp(sizes=(8, 32)).model_sizes) == [8, 32]
