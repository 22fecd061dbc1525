"""Ordinary least squares: the linear function nearest to the shard; of several, the one with the least weights."""

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from scaling.models import Memory, Predictor
from scaling.tasks import Task
from scaling.tasks.estimation import Estimation, Examples


class Family(Memory):
    """Linear regression without an intercept, by singular values (LAPACK's gelsd)."""

    kind: Literal["ols"]

    title: ClassVar[str] = "Least squares"
    description: ClassVar[str] = (
        r"Ordinary least squares: the linear function of the inputs that is nearest to the examples, without an "
        r"intercept."
    )
    serves: ClassVar[tuple[type[Task], ...]] = (Estimation,)

    @property
    def label(self) -> str:
        """Name as within a sentence."""
        return self.title.lower()

    def memorise(self, examples: Examples, task: Task) -> Predictor:
        """Solve for the weights."""
        weights = np.linalg.lstsq(examples.x, examples.y, rcond=None)[0]

        def predict(asked: Examples) -> NDArray[np.float64]:
            return asked.x @ weights

        return predict
