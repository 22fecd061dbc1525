"""Diagnostics as drawn: the residuals, influences and intervals of the law, for any curve, the same bytes each time."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from scaling.laws import power_law, shards
from scaling.laws.analysis import analyse
from scaling.plots import style
from scaling.plots.diagnostics import _beta_trace, _gamma_trace, diagnostics


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def analysis(gamma=0.02, beta=-0.3, count=9, seeds=3, noise=0.02, scale=1.0, seed=0):
    n = np.repeat(np.geomspace(1e3, 1e6, count), seeds)
    luck = np.exp(noise * np.random.default_rng(seed).normal(size=len(n)))
    return analyse(shards(n, scale * power_law(n, 2, beta, gamma) * luck))


CURVES = {
    "floor": {},
    "no floor": {"gamma": 0},
    "five shards": {"count": 5},
    "unidentified": {"beta": -0.03, "gamma": 0.5, "noise": 0.1},
    "exact": {"noise": 0, "seeds": 1},
    "large errors": {"scale": 1e6},
    "small errors": {"scale": 1e-6},
}


@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES)
def test_any_curve_can_be_drawn_without_a_warning(curve, tmp_path, recwarn):
    style.save(diagnostics(analysis(**curve), "images · cnn"), tmp_path / "a.pdf")
    assert not [str(warning.message) for warning in recwarn]


def test_of_a_curve_without_a_law_it_says_so():
    (axis,) = diagnostics(None, "knn on images").axes
    assert axis.texts[0].get_text() == "knn on images: no law was fitted"


def test_equal_figures_are_equal_bytes(tmp_path):
    found = analysis()
    for name in ("a.pdf", "b.pdf"):
        style.save(diagnostics(found), tmp_path / name)
    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()


def test_points_are_residuals_and_influences():
    found = analysis()
    axes = diagnostics(found).axes
    drawn = [axis.lines[-1].get_xydata() for axis in (axes[0], axes[1], axes[3])]
    assert drawn[0] == pytest.approx(np.stack([found.law.N, 100 * np.array(found.law.residuals)], axis=1))
    for points, name in zip(drawn[1:], ("beta", "gamma"), strict=True):
        assert points == pytest.approx(np.array([(left.N, getattr(left, name)) for left in found.influences]))


def test_the_header_tells_agreement_misfit_and_what_was_left_out():
    found = analysis()
    regions = found.regions.model_copy(update={"dropped": 2, "identified": False})
    texts = [text.get_text() for text in diagnostics(found.model_copy(update={"regions": regions}), "name").texts]
    assert texts[0] == "name"
    assert f"{100 * found.law.agreement:.0f} % of the starts agree" in texts[1]
    assert "misfit" in texts[1]
    assert "2 shards before the power law left out" in texts[1]
    assert "no power-law region" in texts[1]


def test_five_shards_are_too_few_to_leave_one_out():
    axes = diagnostics(analysis(count=5)).axes
    assert "too few" in axes[1].texts[0].get_text()


@pytest.mark.parametrize("gamma", [0.0, 0.02])
def test_profiles_are_0_at_the_estimate_and_1_at_the_bounds(gamma):
    law = analysis(gamma=gamma).law
    for estimate, trace in ((law.beta, _beta_trace(law)), (law.gamma, _gamma_trace(law))):
        order = np.argsort(trace.value)
        at = np.interp([estimate.value, estimate.low, estimate.high], trace.value[order], trace.rise[order])
        assert at[0] == pytest.approx(0, abs=0.05)
        assert at[2] == pytest.approx(1, abs=0.1)
        if estimate.identified:
            assert at[1] == pytest.approx(1, abs=0.1)
