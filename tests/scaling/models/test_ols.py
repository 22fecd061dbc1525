"""Least squares against scikit-learn's."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from scaling.models.ols import Family
from scaling.tasks.estimation import Estimation, Examples

TASK = Estimation(inputs=6, outputs=2, distance="squared", blind=1.0)


@pytest.mark.parametrize("n", [3, 6, 50])
def test_it_agrees_with_scikit_learn_fewer_examples_than_inputs_or_more(n):
    rng = np.random.default_rng(0)
    shard, asked = (Examples(rng.normal(size=(k, 6)), rng.normal(size=(k, 2))) for k in (n, 20))
    judge = LinearRegression(fit_intercept=False).fit(shard.x, shard.y)
    assert Family(kind="ols").memorise(shard, TASK)(asked) == pytest.approx(judge.predict(asked.x))
