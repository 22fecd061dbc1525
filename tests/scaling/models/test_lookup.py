"""The lookup table: means of what was seen at the same input."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scaling.models.lookup import Family
from scaling.tasks.classification import Classification
from scaling.tasks.estimation import Estimation, Examples

FAMILY = Family(kind="lookup")
TASK = Estimation(inputs=1, outputs=2, distance="squared", blind=1.0)
INPUTS = arrays(np.float64, st.tuples(st.integers(1, 30), st.just(1)), elements=st.integers(0, 9))


@given(INPUTS, INPUTS)
def test_it_gives_the_mean_at_the_same_input_and_zero_where_there_was_none(seen, asked):
    y = np.random.default_rng(0).normal(size=(len(seen), 2))
    answers = FAMILY.memorise(Examples(seen, y), TASK)(Examples(asked, np.empty((len(asked), 2))))
    for x, answer in zip(asked, answers, strict=True):
        there = y[seen[:, 0] == x]
        assert np.allclose(answer, there.mean(axis=0) if len(there) else 0)


def test_it_needs_a_single_input_and_numbers_to_estimate():
    assert FAMILY.complaint(TASK) is None
    two = Estimation(inputs=2, outputs=1, distance="squared", blind=1.0)
    assert "single input, but here are 2" in FAMILY.complaint(two)
    assert "estimation" in FAMILY.complaint(Classification(shape=(2,), classes=2))
