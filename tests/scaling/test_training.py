"""One run: its budget, its record, and that it comes out the same each time."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scaling.domains.spiral import AT_THE_TIP, Domain, grid, inside
from scaling.models import cnn, knn, mlp
from scaling.records import Record
from scaling.tasks.classification import Classification, Examples
from scaling.training import (
    FEWEST_LOOKS,
    LOOKING,
    LOOKS,
    TRAINING_SAMPLE,
    Budget,
    NoDeviceError,
    Run,
    descend,
    looks_at,
    train,
)

DATA = Domain(
    kind="spiral", validation_size=500, test_size=2_000, region_size=300, map_size=12, map_seeds={300: 1, 20_000: 1}
)
BUDGET = Budget(batch_size=32, max_batch_size=64, batches_per_epoch=8, epochs=40, min_steps=60, max_steps=400)
POLAR = mlp.Family(kind="mlp", inputs="polar", sizes=(64,), learning_rate=0.03, weight_decay=0.01)

NO_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no GPU here")


def run(learner=POLAR, N=300, seed=0, budget=BUDGET, **changes):
    size = learner.model_sizes[0]
    return Run(
        domain="spiral",
        data=DATA.model_dump(),
        family="net",
        learner=learner.model_dump(),
        model="net" if size is None else f"net-{size}",
        size=size,
        N=N,
        seed=seed,
        budget=budget,
        shares_pool=False,
        **changes,
    )


def strict(record):
    """Read a record's JSON, in which NaN and infinity have no place."""
    return json.loads(record.model_dump_json(), parse_constant=lambda name: pytest.fail(f"{name} in the record"))


def same(one, other):
    return one.keys() == other.keys() and all((one[name] == other[name]).all() for name in one)


@pytest.fixture(scope="module")
def trained():
    return train(run(), None)


@pytest.fixture(scope="module")
def diverged():
    return train(run(POLAR.model_copy(update={"learning_rate": 1e30})), None)


BUDGETS = st.builds(
    lambda batch, more_batch, per_epoch, epochs, steps, more_steps: Budget(
        batch_size=batch,
        max_batch_size=batch + more_batch,
        batches_per_epoch=per_epoch,
        epochs=epochs,
        min_steps=steps,
        max_steps=steps + more_steps,
    ),
    *(st.integers(low, 1_000) for low in (1, 0, 1, 1, LOOKS, 0)),
)
SIZES = st.integers(1, 10**6)


@given(BUDGETS, SIZES)
def test_steps_and_batch_stay_within_their_bounds(budget, N):
    assert budget.min_steps <= budget.steps(N) <= budget.max_steps
    assert min(N, budget.batch_size) <= budget.batch(N) <= min(N, budget.max_batch_size)


@given(BUDGETS, SIZES, st.integers(1, 4))
def test_the_scale_multiplies_the_steps(budget, N, scale):
    assert budget.steps(N, scale) == scale * budget.steps(N)


@given(BUDGETS, SIZES, SIZES)
def test_a_larger_shard_has_no_smaller_batch(budget, N, more):
    assert budget.batch(N) <= budget.batch(N + more)


def test_between_the_bounds_the_budget_is_passes_over_the_shard():
    assert BUDGET.batch(400) == 50
    assert BUDGET.steps(400) == 40 * 8


def test_the_same_run_gives_the_same_bytes_and_outcomes(trained):
    torch.manual_seed(1)
    torch.rand(7)
    np.random.seed(1)  # noqa: NPY002  the state that a run must not look at
    record, outcomes, _ = train(run(), None)
    assert record.model_dump_json() == trained[0].model_dump_json()
    assert same(outcomes, trained[1])


@pytest.mark.parametrize("changes", [{"seed": 1}, {"N": 301}, {"budget_scale": 2}])
def test_another_run_comes_out_differently(trained, changes):
    record, outcomes, _ = train(run(**changes), None)
    assert record.curve != trained[0].curve
    assert not same(outcomes, trained[1])


def test_twice_the_budget_is_twice_the_steps(trained):
    record, *_ = train(run(budget_scale=2), None)
    assert record.budget_scale == 2
    assert record.steps == 2 * trained[0].steps
    assert record.flops == 2 * trained[0].flops
    assert record.examples_seen == 2 * trained[0].examples_seen


def test_the_record_says_what_was_run(trained):
    record = trained[0]
    assert (record.domain, record.family, record.model, record.size) == ("spiral", "net", "net-64", 64)
    assert (record.N, record.seed, record.budget_scale, record.shares_pool) == (300, 0, 1, False)
    assert (record.outcome, record.metric, set(record.test)) == ("trained", "error", {"error", "tail", "tip"})
    assert record.parameters == (2 + 1) * 64 + (64 + 1) * 64 + (64 + 1) * 2
    assert record.steps == BUDGET.steps(300)
    assert record.batch_size == BUDGET.batch(300)
    assert record.examples_seen == record.steps * record.batch_size


def test_flops_are_those_of_the_mean_batch_where_batches_differ(trained, monkeypatch):
    whole = Classification.take

    def take(task, held, index):
        return whole(task, held, index[: len(index) // 2] if index[0] % 2 else index)

    monkeypatch.setattr(Classification, "take", take)
    record, *_ = train(run(), None)
    assert trained[0].flops / 2 < record.flops < trained[0].flops


def test_what_a_task_tells_of_a_test_set_as_a_whole_stands_beside_the_errors(trained, monkeypatch):
    monkeypatch.setattr(Classification, "overall", lambda task, answers, examples: {"answers": float(len(answers))})
    record, outcomes, _ = train(run(), None)
    assert record.test == {**trained[0].test, "answers": 2_000}
    assert same(outcomes, trained[1])


def test_flops_are_two_for_each_weight_and_example_forward_and_twice_that_back(trained):
    record = trained[0]
    weights = 2 * 64 + 64 * 64 + 64 * 2
    # The first layer passes no gradient on to the inputs.
    assert record.flops == record.examples_seen * 2 * (3 * weights - 2 * 64)


def test_a_record_survives_its_json(trained, diverged):
    for record, *_ in (trained, diverged):
        assert Record.model_validate(strict(record)) == Record.model_validate_json(record.model_dump_json()) == record


def test_the_curve_runs_to_the_last_step_in_even_looks(trained):
    steps = [point.step for point in trained[0].curve]
    assert FEWEST_LOOKS <= len(steps) <= LOOKS
    assert steps[-1] == trained[0].steps
    assert max(np.diff([0, *steps])) - min(np.diff([0, *steps])) <= 1


@given(st.integers(LOOKS, 10_000), SIZES, SIZES)
def test_there_are_a_dozen_looks_or_more_and_more_cost_a_fifth_of_the_training_at_most(steps, batch, validation):
    looks = looks_at(steps, batch, validation)
    assert FEWEST_LOOKS <= len(looks) <= LOOKS
    assert max(looks) == steps
    assert min(looks) > 0
    cost = len(looks) * validation / (3 * steps * batch)
    assert len(looks) == FEWEST_LOOKS or cost <= LOOKING * (1 + 1 / FEWEST_LOOKS)


def test_the_chosen_step_erred_least_on_the_validation_set(trained):
    record = trained[0]
    best = min(record.curve, key=lambda point: (point.validation_error, point.validation_loss, point.step))
    assert record.chosen.step == best.step
    assert record.validation == pytest.approx(best.validation_error, abs=1e-6)


def test_the_model_is_that_of_the_chosen_step_though_batch_norm_keeps_statistics():
    def examples(n):
        y = rng.integers(0, 2, n)
        return Examples((rng.normal(size=(n, 1, 8, 8)) + 0.2 * y[:, None, None, None]).astype(np.float32), y)

    rng = np.random.default_rng(0)
    shard, validation = examples(64), examples(2_000)
    shard.x[:32] *= 30  # whose statistics would be felt if they came in once more
    task = Classification(shape=(1, 8, 8), classes=2)
    settings = run(cnn.Family(kind="cnn", sizes=(4,), learning_rate=0.01), N=64)
    fitted = descend(cnn.Family.model_validate(settings.learner), task, settings, shard, validation)
    chosen = next(point for point in fitted.curve if point.step == fitted.chosen.step)
    errors = fitted.predict(validation) != validation.y
    assert chosen.validation_error == min(point.validation_error for point in fitted.curve)
    assert errors.mean() == pytest.approx(chosen.validation_error, abs=1e-6)
    alone = [fitted.predict(Examples(*(part[i : i + 1] for part in validation)))[0] for i in range(50)]
    assert alone == fitted.predict(validation)[:50].tolist()


def test_outcomes_per_item_have_the_recorded_error_as_their_mean(trained):
    record, outcomes, _ = trained
    for name, error in record.test.items():
        assert outcomes[name].dtype == bool
        assert outcomes[name].mean() == error
    assert (len(outcomes["error"]), len(outcomes["tip"])) == (2_000, 300)


def test_a_spiral_run_keeps_its_decision_map():
    record, outcomes, _ = train(run(knn.Family(kind="knn", k=1), N=20_000), None)
    assert outcomes["probe"].dtype == np.uint8
    assert (outcomes["probe"] == inside(np.concatenate([grid(12), grid(12, AT_THE_TIP)]))).mean() > 0.9
    assert record.test["error"] < 0.05


def test_a_memory_has_nothing_to_train():
    record, *_ = train(run(knn.Family(kind="knn", k=1)), None)
    assert (record.parameters, record.flops, record.steps, record.examples_seen, record.curve) == (0, 0, 0, 0, ())
    assert record.training == 0
    assert record.size is None


def test_a_memory_does_not_care_for_the_budget():
    once, twice = (train(run(knn.Family(kind="knn", k=1), budget_scale=scale), None)[0] for scale in (1, 2))
    assert once.test == twice.test


def test_divergence_is_an_outcome(diverged):
    record, outcomes, _ = diverged
    assert record.outcome == "diverged"
    assert (record.test, record.validation, record.training) == (None, None, None)
    assert outcomes == {}
    assert record.steps < BUDGET.steps(300)
    assert strict(record)["curve"][-1]["validation_loss"] is None


def test_the_training_error_is_that_of_the_first_examples_of_the_shard():
    record, *_ = train(run(knn.Family(kind="knn", k=3), N=TRAINING_SAMPLE + 100), None)
    draw = DATA.draw("spiral", TRAINING_SAMPLE + 100, 0, None)
    predict = knn.Family(kind="knn", k=3).memorise(draw.train, DATA.task)
    wrong = (predict(draw.train) != draw.train.y)[:TRAINING_SAMPLE]
    assert record.training == wrong.mean() > 0


def test_a_network_learns_the_spiral():
    longer = BUDGET.model_copy(update={"min_steps": 1_000, "max_steps": 1_000})
    record, *_ = train(run(N=1_000, budget=longer), None)
    assert record.test["error"] < DATA.guess / 3
    assert record.curve[-1].training_loss < record.curve[0].training_loss


def test_a_training_does_without_torchs_compiler():
    """It takes a second to import."""
    code = f"""
import sys
from scaling.training import Run, train
train(Run.model_validate_json({run(N=50).model_dump_json()!r}), None)
sys.exit("torch._dynamo" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_run_uses_one_thread_and_deterministic_algorithms(trained):
    assert torch.get_num_threads() == 1
    assert torch.are_deterministic_algorithms_enabled()


def on(device):
    return POLAR.model_copy(update={"device": device})


@pytest.mark.skipif(torch.cuda.is_available(), reason="torch sees a GPU here")
def test_without_a_gpu_auto_is_the_processor_and_cuda_is_an_error_before_the_training(trained, monkeypatch):
    record, outcomes, _ = train(run(on("auto")), None)
    assert record == trained[0]
    assert same(outcomes, trained[1])
    monkeypatch.setattr(mlp.Family, "network", lambda *_: pytest.fail("it began"))
    with pytest.raises(NoDeviceError, match=r"device = cuda.*sees no GPU here.*`device: cpu`"):
        train(run(on("cuda")), None)


@pytest.mark.gpu
@NO_GPU
def test_on_a_gpu_a_run_is_the_same_each_time_and_errs_about_as_on_the_processor(trained):
    record, outcomes, _ = train(run(on("cuda")), None)
    again, outcomes_again, _ = train(run(on("auto")), None)
    assert record == again
    assert same(outcomes, outcomes_again)
    assert record.flops == trained[0].flops
    assert record.curve[0].training_loss == pytest.approx(trained[0].curve[0].training_loss, rel=1e-3)
    assert record.test["error"] == pytest.approx(trained[0].test["error"], rel=0.3)
