"""A family whose code changes while it runs, as code does when somebody works on it during a build."""

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from scaling.domains import Examples
from scaling.models import Memory, Predictor, Task


class Family(Memory):
    """Answers 0 to everything."""

    kind: Literal["restless"]

    title: ClassVar[str] = "Restless"
    description: ClassVar[str] = "The first class, whatever the point."

    def memorise(self, examples: Examples, task: Task) -> Predictor:
        """Learn nothing, but write a line of code."""
        with Path(__file__).open("a") as code:
            code.write("\nCHANGED = True\n")
        return lambda x: np.zeros(len(x), dtype=np.int64)
