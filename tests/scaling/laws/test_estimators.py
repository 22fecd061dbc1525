"""LearningCurve: the law in scikit-learn's manner, and as scikit-learn expects an estimator to behave."""

import doctest
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import estimator_checks_generator

from scaling.laws import TooFewShards, estimators, fit_law, power_law
from scaling.laws.estimators import LearningCurve

N = np.geomspace(1e3, 1e6, 9)


def runs(seed=0, seeds=3, gamma=0.02, noise=0.03):
    """Noisy runs (runs,) of a curve: N and error."""
    sizes = np.repeat(N, seeds)
    noise = np.exp(noise * np.random.default_rng(seed).normal(size=len(sizes)))
    return sizes, power_law(sizes, 2, -0.3, gamma) * noise


NOT_MEANT_FOR_IT = {
    **dict.fromkeys(
        [
            "check_dont_overwrite_parameters",
            "check_n_features_in_after_fitting",
            "check_dtype_object",
            "check_estimator_sparse_array",
            "check_f_contiguous_array_estimator",
            "check_regressors_no_decision_function",
            "check_methods_sample_order_invariance",
            "check_methods_subset_invariance",
            "check_fit2d_1sample",
            "check_fit2d_1feature",
            "check_dict_unchanged",
            "check_n_features_in",
            "check_fit1d",
            "check_fit2d_predict1d",
        ],
        "gives more columns than N, or takes a vector X for wrong",
    ),
    "check_estimators_dtypes": "gives three runs, and a law needs five shards",
    "check_regressors_train": "asks for a good fit to errors that do not depend on X",
    "check_positive_only_tag_during_fit": "gives X < 0, which is a logarithm here",
    "check_regressor_data_not_an_array": "passes, in six seconds for 200 shards of noise",
    "check_array_api_input": "skips itself",
}


def test_it_is_an_estimator_by_the_checks_of_scikit_learn(monkeypatch):
    """The checks know no N: what they give as X is taken for its logarithm."""
    column = estimators._column
    monkeypatch.setattr(estimators, "_column", lambda X: np.exp(column(X)))
    checks = [check for _, check in estimator_checks_generator(LearningCurve(), mark=None)]
    checks = [check for check in checks if getattr(check, "func", check).__name__ not in NOT_MEANT_FOR_IT]
    assert len(checks) > 30
    for check in checks:
        check(LearningCurve())


def test_its_example_is_true():
    found = doctest.testmod(estimators)
    assert found.attempted > 5
    assert not found.failed


@given(
    beta=st.floats(-1, -0.07),
    share=st.floats(0, 1),
    order=st.randoms(use_true_random=False),
)
@settings(max_examples=25)
def test_a_curve_without_noise_is_recovered_in_any_order(beta, share, order):
    sizes = N.tolist()
    order.shuffle(sizes)
    middle = np.exp(np.log(N).mean())
    curve = LearningCurve().fit(sizes, power_law(sizes, 0.1, beta, 0.1 * share, middle))
    assert pytest.approx(middle) == curve.N0_
    assert curve.alpha_ == pytest.approx(0.1, rel=1e-5)
    assert curve.beta_ == pytest.approx(beta, rel=1e-5)
    assert curve.gamma_ == pytest.approx(0.1 * share, abs=1e-6)
    beyond = [3e6, 1e7]
    assert curve.predict(beyond) == pytest.approx(power_law(beyond, 0.1, beta, 0.1 * share, middle), rel=1e-5)


@pytest.mark.parametrize("shape", ["vector", "column", "frame"])
def test_sizes_may_be_a_vector_a_column_or_a_frame(shape):
    X, y = runs()
    given = {"vector": X, "column": X[:, None], "frame": pd.DataFrame({"N": X})}[shape]
    curve = LearningCurve().fit(given, y)
    law = fit_law(X, y)
    assert curve.regions_.dropped == 0
    assert (curve.alpha_, curve.beta_, curve.gamma_) == (law.alpha.value, law.beta.value, law.gamma.value)
    assert curve.slope_ == law.slope.value
    assert curve.predict(given) == pytest.approx(law.predict(X))
    assert curve.predict_interval(given[:2]).shape == (2, 2)


def test_shards_before_the_power_law_are_left_out():
    n = np.geomspace(10, 1e6, 16)
    error = (1 + n / 300) ** -0.5  # a plateau at best guess, then −0.5
    curve = LearningCurve().fit(n, error)
    assert curve.regions_.identified
    assert curve.regions_.dropped > 2
    assert curve.slope_ == pytest.approx(-0.5, abs=0.03)


def test_a_run_differs_from_the_curve_by_more_than_a_mean_does():
    curve = LearningCurve().fit(*runs())
    beyond = [2e6, 1e7]
    low, high = np.array([curve.predict_interval(beyond, of=of) for of in ("curve", "shard", "run")]).transpose(2, 0, 1)
    assert np.all(np.diff(low, axis=0) <= 0)
    assert np.all(np.diff(high, axis=0) >= 0)
    assert np.all(low[2] < low[1])
    assert np.all((low < curve.predict(beyond)) & (curve.predict(beyond) < high))


def test_a_higher_level_is_wider():
    X, y = runs()
    widths = [np.diff(LearningCurve(level=level).fit(X, y).predict_interval([1e7]))[0, 0] for level in (0.5, 0.9, 0.99)]
    assert widths == sorted(widths)


def test_the_spread_of_seeds_that_share_a_pool_is_not_believed():
    X, y = runs()
    free, pooled = (LearningCurve(pool=pool).fit(X, y).shards_ for pool in (None, 1e6))
    assert pooled.spread.df < free.spread.df
    assert pooled.covariance[0][-1] > 0 == free.covariance[0][-1]


def test_data_needed_inverts_the_curve_and_knows_the_floor():
    curve = LearningCurve().fit(N, power_law(N, 2, -0.3, 0.02))
    needed = curve.data_needed(0.03)
    assert curve.predict([needed.N]) == pytest.approx([0.03])
    assert curve.data_needed(0.01).verdict == "unreachable"


def test_a_clone_has_the_settings_and_nothing_learned():
    curve = LearningCurve(level=0.9, pool=1e7).fit(*runs())
    copy = clone(curve)
    assert copy.get_params() == {"level": 0.9, "pool": 1e7}
    with pytest.raises(NotFittedError):
        copy.predict([1e7])
    for method in (copy.predict_interval, copy.data_needed):
        with pytest.raises(NotFittedError):
            method([1e7])


def test_it_scores_pipes_and_pickles():
    X, y = runs()
    curve = make_pipeline(LearningCurve()).fit(X[:, None], y)
    assert curve.score(X[:, None], y) > 0.9
    again = pickle.loads(pickle.dumps(curve[-1]))
    assert np.array_equal(again.predict_interval([1e7]), curve[-1].predict_interval([1e7]))


@pytest.mark.parametrize(
    ("X", "y", "problem"),
    [
        ([1, 2, 3, 4, 0], [5, 4, 3, 2, 1], r"N\[4\] = 0"),
        ([1, 2, 3, 4, 5], [5, 4, 3, 2, -1], r"error\[4\] = -1"),
        ([1, 2, 3, 4, np.nan], [5, 4, 3, 2, 1], "NaN"),
        ([[1, 2]] * 5, [5, 4, 3, 2, 1], r"X has shape \(5, 2\)"),
        ([1, 2, 3, 4, 5], [5, 4, 3], "inconsistent"),
        ([], [], "0 sample"),
    ],
)
def test_what_is_no_curve_is_said(X, y, problem):
    with pytest.raises(ValueError, match=problem):
        LearningCurve().fit(X, y)


def test_four_shards_are_too_few():
    with pytest.raises(TooFewShards, match="expected at least 5"):
        LearningCurve().fit([1, 2, 3, 4, 4], [5, 4, 3, 2, 2])


@pytest.mark.parametrize(("of", "N"), [("mean", 1e7), ("curve", -1.0)])
def test_an_interval_of_something_else_is_refused(of, N):
    curve = LearningCurve().fit(*runs())
    with pytest.raises(ValueError, match="expected"):
        curve.predict_interval([N], of=of)
