"""The one training loop.

A network is trained by AdamW, or by SGD, under a one-cycle schedule annealed to its budget, a stated function of N
that all families of a domain share. The validation set is looked at 12 to 30 times on the way; the weights that
erred least there are the run's model (ties go to the lower validation loss, then to the earlier step).
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from scaling import domains, models
from scaling.domains import Draw
from scaling.models import Family, Memory, Network, Predictor
from scaling.randomness import generator, stream_seed
from scaling.records import Choice, CurvePoint, Record
from scaling.settings import Count, Settings
from scaling.tasks import Answers, Examples, Held, Task

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

LOOKS, FEWEST_LOOKS = 30, 12
"""How often the validation set is looked at, evenly over the steps: the fewer, the more it would cost."""
LOOKING = 0.2
"""Looks cost no more than this share of the training, unless there would be too few. Thirty took a short training of a
CNN a third of its time; a dozen choose as well: test errors change by less than seeds differ."""
TRAINING_SAMPLE = 2_000
"""At most so many training examples are used for the training error."""


class NoDeviceError(RuntimeError):
    """The device that a family is to be trained on is not there."""


class Budget(Settings):
    """How long to train on N examples, the same for all families of a domain."""

    batch_size: Count
    """Batch size on small shards."""
    max_batch_size: Count
    """Batch size on large shards."""
    batches_per_epoch: Count
    """Batches grow with N to keep about this many in an epoch, within the two sizes above."""
    epochs: Count
    """Epochs, unless the bounds on steps say otherwise."""
    min_steps: Annotated[int, Field(ge=LOOKS)]
    """At least so many steps, however small the shard."""
    max_steps: Annotated[int, Field(ge=LOOKS)]
    """At most so many steps, however large the shard: where it binds, look whether compute limits the curve."""

    @model_validator(mode="after")
    def _in_order(self) -> Budget:
        """A lower bound above its upper one would silently win."""
        for low, high in (("batch_size", "max_batch_size"), ("min_steps", "max_steps")):
            if getattr(self, low) > getattr(self, high):
                raise ValueError(f"{low} = {getattr(self, low)} is above {high} = {getattr(self, high)}")
        return self

    def batch(self, N: int) -> int:
        """Examples in a batch: N / batches_per_epoch within the two batch sizes, and at most N."""
        return min(N, max(self.batch_size, min(self.max_batch_size, N // self.batches_per_epoch)))

    def steps(self, N: int, scale: int = 1) -> int:
        """Gradient steps: `epochs` passes within [min_steps, max_steps], times `scale`."""
        steps = self.epochs * (N // self.batch(N))
        return scale * max(self.min_steps, min(self.max_steps, steps))


class Run(Settings):
    """One training: everything that decides its outcome, and nothing else."""

    domain: str
    data: dict[str, Any]
    """Settings of the domain, as in config.yaml."""
    family: str
    learner: dict[str, Any]
    """Settings of the family, as in config.yaml, with the size of this run alone."""
    model: str
    size: int | None
    N: Count
    seed: int
    budget: Budget | None
    """None where there is nothing to train."""
    budget_scale: Count = 1
    """2 for the check whether the curve is limited by compute."""
    shares_pool: bool
    """Do the seeds at this N share data, because N exceeds a fifth of the pool?"""


NOTHING_TO_CHOOSE = Choice(step=0, rule="nothing to choose")


@dataclass(frozen=True)
class Fitted:
    """A trained learner and how it came about."""

    predict: Predictor
    parameters: int = 0
    steps: int = 0
    batch_size: int = 0
    chosen: Choice = NOTHING_TO_CHOOSE
    curve: tuple[CurvePoint, ...] = ()
    examples_seen: int = 0
    flops: int = 0
    flops_formula: str = "none: the shard is stored"
    diverged: bool = False
    device: str = "cpu"


class Trained(NamedTuple):
    """What a run leaves behind."""

    record: Record
    outcomes: dict[str, NDArray[np.generic]]
    """By item, of shape (n,): how wrong it was on each metric of the task and in each region, whose mean is the error;
    `weights` are how much each test item counts, if not all alike, `probe` the answers at the domain's probe inputs, if
    it has any. Empty if the training diverged."""
    device: str
    """What it was trained on: cpu, or the GPU's name. The record doesn't say, for it is the same bytes each time."""


def train(run: Run, data: Path | None) -> Trained:
    """Carry out `run` on the prepared `data` of its domain."""
    domain = domains.load(run.data["kind"]).model_validate(run.data)
    family = models.load(run.learner["kind"]).model_validate(run.learner)
    task, draw = family.objective(domain.task), domain.draw(run.domain, run.N, run.seed, data)
    fitted = fit(family, task, run, draw.train, draw.validation)

    def error(examples: Examples) -> float | None:
        return None if fitted.diverged else float(task.score(fitted.predict(examples), examples)[task.metric].mean())

    answers = {} if fitted.diverged else {name: fitted.predict(test) for name, test in draw.test.items()}
    outcomes = _outcomes(task, answers, draw)
    record = Record(
        domain=run.domain,
        family=run.family,
        model=run.model,
        size=run.size,
        parameters=fitted.parameters,
        N=run.N,
        seed=run.seed,
        shares_pool=run.shares_pool,
        budget_scale=run.budget_scale,
        steps=fitted.steps,
        batch_size=fitted.batch_size,
        outcome="diverged" if fitted.diverged else "trained",
        metric=task.metric,
        test=_errors(task, answers, outcomes, draw),
        validation=error(draw.validation),
        training=error(task.first(draw.train, TRAINING_SAMPLE)),
        chosen=fitted.chosen,
        curve=fitted.curve,
        examples_seen=fitted.examples_seen,
        flops=fitted.flops,
        flops_formula=fitted.flops_formula,
    )
    kept = {} if fitted.diverged else outcomes | _beside(task, fitted, draw)
    return Trained(record, kept, fitted.device)


def _beside(task: Task, fitted: Fitted, draw: Draw) -> dict[str, NDArray[np.generic]]:
    """Give what is kept beside the scores."""
    weights = task.weights(draw.test[task.metric])
    beside: dict[str, NDArray[np.generic]] = {} if weights is None else {"weights": weights}
    return beside if draw.probe is None else beside | {"probe": fitted.predict(draw.probe).astype(np.uint8)}


def _outcomes(task: Task, answers: Mapping[str, Answers], draw: Draw) -> dict[str, NDArray[np.generic]]:
    """Score the test set by every metric of the task, and each region by that of the curves."""
    scores = {name: task.score(given, draw.test[name]) for name, given in answers.items()}
    regions = {name: score[task.metric] for name, score in scores.items() if name != task.metric}
    return scores.get(task.metric, {}) | regions


def _errors(
    task: Task, answers: Mapping[str, Answers], outcomes: Mapping[str, NDArray[np.generic]], draw: Draw
) -> dict[str, float] | None:
    """Give the mean of every outcome, and what the task tells of the whole test set; None without answers."""
    if not answers:
        return None
    means = {name: float(items.mean()) for name, items in outcomes.items()}
    return means | task.overall(answers[task.metric], draw.test[task.metric])


def fit(family: Family, task: Task, run: Run, shard: Examples, validation: Examples) -> Fitted:
    """Fit a family to a shard, in the way of its kind."""
    if isinstance(family, Memory):
        return Fitted(predict=family.memorise(shard, task))
    if isinstance(family, Network):
        return descend(family, task, run, shard, validation)
    raise TypeError(f"family kind {family.kind} is neither a Network nor a Memory")


def descend(family: Network, task: Task, run: Run, shard: Examples, validation: Examples) -> Fitted:
    """Train a network by gradient descent and keep the weights that did best on the validation set."""
    import torch

    from scaling.operations import count
    from scaling.optimiser import OPTIMISERS

    assert run.budget is not None
    device = _device(family.device)
    torch.set_num_threads(1)
    # As use_deterministic_algorithms(True) does, which imports all of the compiler as well: a second a process.
    torch.set_deterministic_debug_mode("error")
    # The second key: initialisation and batch order are drawn apart from the data.
    torch.manual_seed(stream_seed(run.domain, run.model, "initialisation", run.N, run.seed))
    order = generator(run.domain, run.model, "batches", run.N, run.seed)

    # Built here and then moved, so that every device starts from the same weights.
    network = family.network(task, run.size).to(device)
    weights = list(network.parameters())
    steps, batch_size = run.budget.steps(run.N, run.budget_scale), run.budget.batch(run.N)
    optimiser = OPTIMISERS[family.optimiser](weights, family.learning_rate, family.weight_decay, steps)

    def hold(examples: Examples) -> Held:
        return task.hold(examples, family.features, device)

    held = hold(shard)
    looks = looks_at(steps, batch_size, task.count(validation))
    watch = Watch(network, task, hold(validation), looks)
    counted: list[Tensor] = []

    def again() -> None:
        for index in counted:
            task.loss(network, task.take(held, index))

    for step, index in enumerate(task.batches(order, run.N, batch_size, steps, device), start=1):
        batch = task.take(held, index)
        loss = task.loss(network, batch)
        optimiser.step(torch.autograd.grad(loss, weights))
        if step in looks:
            counted.append(index)
        if not watch.goes_on(step, loss.detach()):
            break
    # Before the best weights come back, because the pass that is counted moves batch norm's running statistics. One
    # batch would not do where lengths differ.
    flops = step * count(network, again) // len(counted)
    network.load_state_dict(watch.best_state)

    return Fitted(
        predict=lambda examples: task.answer(network, hold(examples)),
        parameters=sum(tensor.numel() for tensor in weights),
        steps=step,
        batch_size=batch_size,
        chosen=Choice(step=watch.best[2], rule="lowest validation error, then validation loss, then step"),
        curve=tuple(watch.curve),
        examples_seen=step * batch_size,
        flops=flops,
        flops_formula="two a multiply-add of all products, forward and backward, times steps",
        diverged=watch.diverged,
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
    )


def looks_at(steps: int, batch_size: int, validation_size: int) -> set[int]:
    """Name the steps after which the validation set is looked at; the last is one of them."""
    # A step passes its batch through the network and back, which takes three times as long as to evaluate it.
    affordable = LOOKING * 3 * steps * batch_size / validation_size
    looks = round(min(LOOKS, max(FEWEST_LOOKS, affordable)))
    return {round(steps * (look + 1) / looks) for look in range(looks)}


def _device(wanted: str) -> torch.device:
    """Find the device to train on, ready to give the same results each time; raises NoDeviceError if there is none."""
    import torch

    if wanted == "cpu" or (wanted == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise NoDeviceError(
            f"device = cuda, but torch {torch.__version__} sees no GPU here. Train where there is one (and torch is "
            "built for CUDA), or give the family `device: cpu` or `device: auto`."
        )
    # Without it cuBLAS refuses to be deterministic; it is read when CUDA begins.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # Convolutions in all of single precision, as on a processor.
    torch.backends.cudnn.allow_tf32 = False
    return torch.device("cuda")


class Watch:
    """Looks at the validation set after some of the steps and remembers the best weights."""

    def __init__(self, network: nn.Module, task: Task, validation: Held, looks: Set[int]) -> None:
        self.network, self.task, self.validation, self.looks = network, task, validation, looks
        self.losses: list[Tensor] = []
        self.curve: list[CurvePoint] = []
        self.best: tuple[float, float, int] = (math.inf, math.inf, 0)
        self.best_state: dict[str, Tensor] = network.state_dict()
        self.diverged = False

    def goes_on(self, step: int, loss: Tensor) -> bool:
        """Take note of a step's loss; at a look, judge the weights. False once the training has diverged."""
        self.losses.append(loss)
        if step not in self.looks:
            return True
        import torch

        training_loss = float(torch.stack(self.losses).mean())
        error, validation_loss = self.task.judge(self.network, self.validation)
        self.losses.clear()
        self.curve.append(
            CurvePoint(
                step=step,
                training_loss=_finite(training_loss),
                validation_loss=_finite(validation_loss),
                validation_error=error,
            )
        )
        self.diverged = not (math.isfinite(training_loss) and math.isfinite(validation_loss))
        if not self.diverged and (error, validation_loss, step) < self.best:
            self.best = (error, validation_loss, step)
            self.best_state = {name: tensor.clone() for name, tensor in self.network.state_dict().items()}
        return not self.diverged


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
