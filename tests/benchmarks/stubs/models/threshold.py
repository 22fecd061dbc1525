"""A learner that errs as a law says: on the points of the interval below floor + scale · N^exponent."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from scaling.models import Memory, Predictor
from scaling.settings import Count
from scaling.tasks import Task
from scaling.tasks.classification import Classification, Examples


class Family(Memory):
    """Answers the second class below a threshold that falls with N."""

    kind: Literal["threshold"]
    exponent: Annotated[float, Field(lt=0)]
    sizes: Annotated[tuple[Count, ...], Field(min_length=1)]

    title: ClassVar[str] = "Threshold"
    description: ClassVar[str] = "The second class below a threshold."
    serves: ClassVar[tuple[type[Task], ...]] = (Classification,)

    @property
    def label(self) -> str:
        """Name with the exponent."""
        return f"Threshold {self.exponent:g}"

    @property
    def model_sizes(self) -> Sequence[int]:
        """The sizes to run."""
        return self.sizes

    def memorise(self, examples: Examples, task: Task) -> Predictor:
        """Count the examples; the larger the size, the less it errs."""
        threshold = (0.4 + 0.1 / self.sizes[0]) * (len(examples.x) / 100) ** self.exponent
        return lambda asked: (asked.x[:, 0] < threshold).astype(np.int64)
