"""Lookup table: what was seen at an input is expected there again, and of an input never seen nothing is known."""

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from scaling.models import Memory, Predictor
from scaling.tasks import Task
from scaling.tasks.estimation import Estimation, Examples


class Family(Memory):
    """The mean of what a shard says at the same input; zero for an input that it lacks."""

    kind: Literal["lookup"]

    title: ClassVar[str] = "Lookup table"
    description: ClassVar[str] = (
        r"The mean of what was seen at the very same input, and zero for an input never seen: of tosses of a coin, "
        r"the frequency of heads."
    )
    serves: ClassVar[tuple[type[Task], ...]] = (Estimation,)

    @property
    def label(self) -> str:
        """Name as within a sentence."""
        return self.title.lower()

    def complaint(self, task: Task) -> str | None:
        """There is one column to look things up in."""
        if isinstance(task, Estimation) and task.inputs != 1:
            return f"a lookup table needs a single input, but here are {task.inputs}; choose another kind"
        return super().complaint(task)

    def memorise(self, examples: Examples, task: Task) -> Predictor:
        """Tabulate the means by input."""
        order = np.argsort(examples.x[:, 0], kind="stable")
        keys, starts, counts = np.unique(examples.x[order, 0], return_index=True, return_counts=True)
        means = np.add.reduceat(examples.y[order], starts) / counts[:, None]

        def predict(asked: Examples) -> NDArray[np.float64]:
            places = np.searchsorted(keys, asked.x[:, 0]).clip(max=len(keys) - 1)
            return np.where(keys[places, None] == asked.x, means[places], 0.0)

        return predict
