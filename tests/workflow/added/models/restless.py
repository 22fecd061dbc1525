"""A family whose code changes while it runs, as code does when somebody works on it during a build."""

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from scaling.models import Memory, Predictor
from scaling.tasks import Task
from scaling.tasks.classification import Classification, Examples


class Family(Memory):
    """Answers 0 to everything."""

    kind: Literal["restless"]

    title: ClassVar[str] = "Restless"
    description: ClassVar[str] = "The first class, whatever the point."
    serves: ClassVar[tuple[type[Task], ...]] = (Classification,)

    def memorise(self, examples: Examples, task: Task) -> Predictor:
        """Learn nothing, but write a line of code."""
        with Path(__file__).open("a") as code:
            code.write("\nCHANGED = True\n")
        return lambda asked: np.zeros(len(asked.x), dtype=np.int64)
