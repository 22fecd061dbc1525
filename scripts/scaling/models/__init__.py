"""Families: kinds of learner with their settings. One file each, found by its name.

A family file holds one subclass of `Network` (trained by the one loop in `scaling.training`) or of `Memory`
(stores its shard), called `Family`, whose `kind` is the file's name. A family at one size is a model. Heavy
packages are imported inside the methods, so that reading the config costs nothing and a k-NN run
needs no torch.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from scaling.settings import Count, Settings
from scaling.tasks import Answers, Examples, Task

if TYPE_CHECKING:
    from torch import Tensor, nn


class Family(Settings):
    """What every family has; subclass `Network` or `Memory` instead."""

    kind: str
    train_sizes: Annotated[tuple[Count, ...] | None, Field(min_length=1)] = None
    """Shards of this family alone; null for those of its domain."""

    title: ClassVar[str]
    """The family's name in prose; `label` adds what tells apart two entries of one kind."""
    description: ClassVar[str]
    """A sentence or two of LaTeX for the paper."""
    serves: ClassVar[tuple[type[Task], ...]]
    """The tasks that it can learn."""
    neural: ClassVar[bool] = False
    """Does it count as a neural network in claims about these?"""

    @property
    def label(self) -> str:
        """Name in tables and legends."""
        return self.title

    @property
    def knobs(self) -> tuple[str, ...]:
        """What is not as usual in its training, in words behind the label, to tell apart entries of one kind."""
        return ()

    @property
    def model_sizes(self) -> Sequence[int | None]:
        """The sizes to train; `[None]` where size has no meaning."""
        return [None]

    def seeds_at(self, size: int | None, seeds: tuple[int, ...]) -> tuple[int, ...]:
        """Those of `seeds` that are run at a size: all."""
        return seeds

    @property
    def takes_gpu(self) -> bool:
        """Does a run occupy a place on a GPU, where there is one?"""
        return False

    def objective(self, task: Task) -> Task:
        """Give `task` as this family goes about it: the same, but for the loss that a network is trained by."""
        return task

    def complaint(self, task: Task) -> str | None:
        """Say why this family can't serve `task`; None if it can."""
        if isinstance(task, self.serves):
            return None
        served = " and ".join(kind.title for kind in self.serves)
        return f"the task is {task.title}, but kind {self.kind} is for {served}; choose another kind"


class Network(Family):
    """A family trained by gradient descent, in the one loop of `scaling.training`."""

    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    """Peak of the one-cycle schedule."""
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """How strongly weights are drawn to zero: with AdamW apart from the gradient, with SGD as a part of it."""
    optimiser: Literal["adamw", "sgd"] = "adamw"
    """AdamW, or SGD with Nesterov's momentum, which wants rates ten times as high and more."""
    loss: str | None = None
    """One of the task's losses by name; null for the one that comes with the task."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the units before the output layer that each step of the training goes without."""
    device: Literal["auto", "cpu", "cuda"] = "cpu"
    """Where to train: on the processor, on a GPU, or (auto) on a GPU if torch sees one, else on the processor.

    With auto, results of either device pass for those of the other, though training has them differ as seeds do.
    """

    drops: ClassVar[bool] = False
    """Has it a place for dropout?"""

    @property
    def takes_gpu(self) -> bool:
        """It may, unless it is trained on the processor."""
        return self.device != "cpu"

    @property
    def knobs(self) -> tuple[str, ...]:
        """Name the optimiser, the loss and the dropout where they are not the usual ones."""
        turned = (
            ("SGD", self.optimiser == "sgd"),
            (f"{self.loss} loss", self.loss is not None),
            (f"dropout {self.dropout:g}", self.dropout != type(self).model_fields["dropout"].default),
        )
        return tuple(words for words, is_turned in turned if is_turned)

    def objective(self, task: Task) -> Task:
        """Give `task` with this family's loss."""
        return task if self.loss is None else task.minimising(self.loss)

    def complaint(self, task: Task) -> str | None:
        """A task knows its losses, and dropout needs a place."""
        if self.dropout and not self.drops:
            return f"dropout = {self.dropout:g}, but kind {self.kind} has no place for it; leave the key out"
        if self.loss is not None and self.loss not in task.losses:
            known = f"it knows {', '.join(task.losses)}" if task.losses else "it has only its own; leave the key out"
            return f"loss = {self.loss!r} is no loss of the task, which is {task.title}; {known}"
        return super().complaint(task)

    def network(self, task: Task, size: int | None) -> nn.Module:
        """Build the untrained model, whose output is what the task says of networks."""
        raise NotImplementedError

    def features(self, x: Tensor) -> Tensor:
        """Map raw inputs to what the network sees; not learned."""
        return x


class Sized(Network):
    """A network family that comes in several sizes."""

    sizes: Annotated[tuple[Count, ...], Field(min_length=1)]
    """Sizes to train at every N; validation chooses among them."""
    seeds_of_size: Mapping[Count, Count] = Field(default_factory=dict)
    """At most so many of the seeds are run at a size, where a domain has more for the sake of another; else all.

    An overlay that takes a size out need not touch it.
    """
    neural: ClassVar[bool] = True
    size_meaning: ClassVar[str]
    """What the size counts, in words."""

    @property
    def model_sizes(self) -> Sequence[int]:
        """The sizes to train."""
        return self.sizes

    def seeds_at(self, size: int | None, seeds: tuple[int, ...]) -> tuple[int, ...]:
        """Leave out the seeds that a size goes without."""
        return seeds[: self.seeds_of_size.get(size, len(seeds)) if size else None]


Predictor = Callable[[Examples], Answers]
"""A fitted learner: gives its answers to examples, by their inputs alone where the task has inputs."""


class Memory(Family):
    """A family that stores its shard and has nothing to train."""

    def memorise(self, examples: Examples, task: Task) -> Predictor:
        """Give the predictor that rests on `examples`."""
        raise NotImplementedError


def load(kind: str) -> type[Family]:
    """Import the family class of `kind`; raises ModuleNotFoundError for an unknown kind."""
    family: type[Family] = importlib.import_module(f"scaling.models.{kind}").Family
    return family


def kinds() -> list[str]:
    """Name every family file, in alphabetical order."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))
