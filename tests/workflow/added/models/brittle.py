"""A family with one shard that it can't bear: that of N = 80 and seed 1."""

from typing import ClassVar, Literal

import numpy as np

from scaling.domains.spiral import sample
from scaling.models import Memory, Predictor
from scaling.randomness import generator
from scaling.tasks import Task
from scaling.tasks.classification import Classification, Examples


class Family(Memory):
    """Answers 0 to everything."""

    kind: Literal["brittle"]

    title: ClassVar[str] = "Brittle"
    description: ClassVar[str] = "The first class, whatever the point."
    serves: ClassVar[tuple[type[Task], ...]] = (Classification,)

    def memorise(self, examples: Examples, task: Task) -> Predictor:
        """Learn nothing."""
        if np.array_equal(examples.x, sample(len(examples.x), generator("spiral", "train", 80, 1))):
            raise ValueError("this shard breaks me.\nMend me.")
        return lambda asked: np.zeros(len(asked.x), dtype=np.int64)
