"""What all claims have in common: thresholds that are settings, outcomes that last, sources that exist."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from scaling.claims import Claims, Evidence, Outcome, read_outcomes
from scaling.claims.claim import holm
from scaling.claims.hestness.exponents import UsualExponent
from scaling.claims.hestness.forms import PowerLaws

ROOT = Path(__file__).parents[3]
POWER_LAWS = PowerLaws(max_residual=0.03, max_prediction=0.05, bad_residual=0.05)
EXPONENT = UsualExponent(steepest=-0.35, flattest=-0.07, share=0.66)


def test_thresholds_are_the_settings_and_are_told(config):
    claims = Claims.model_validate(config["claims"]).present()
    assert list(claims) == [f"{essay}{number}" for essay in "HD" for number in range(1, 10)]
    for id, claim in claims.items():
        assert claim.id == id
        assert claim.statement
        assert "supported if" in claim.describe()
        assert "contradicted if" in claim.describe()
        for name, number in claim.thresholds().items():
            assert number.value == getattr(claim, name.replace("-", "_"))
            assert rf"\val{{threshold.{id}.{name}}}" in claim.describe()


def test_an_outcome_survives_its_json(curve, evidence, power, tmp_path):
    outcome = POWER_LAWS.test(evidence(*curve(power(-0.3)), whole=True))
    (tmp_path / "H1.json").write_text(outcome.model_dump_json())
    assert read_outcomes([str(tmp_path / "H1.json")]) == (outcome,)
    assert isinstance(outcome, Outcome)


def test_evidence_read_from_files_judges_as_the_evidence_at_hand(curve, evidence, power, tmp_path, config):
    found = evidence(*curve(power(-0.2)), *curve(power(-0.3), "logistic"), neural=[("images", "cnn")], whole=True)
    found = replace(found, guesses={"images": 0.9})
    found.tables["images"].to_csv(tmp_path / "images.csv", index=False)
    for index, made in enumerate(found.curves):
        (tmp_path / f"{index}.json").write_text(made.model_dump_json())
    laws = [str(tmp_path / f"{index}.json") for index in range(len(found.curves))]
    read = Evidence.read([str(tmp_path / "images.csv")], laws, [["images", "cnn"]], {"images": 0.9})
    config["claims"]["H3"]["pairs"] = config["claims"]["H4"]["pairs"] = [["images", "logistic", "cnn"]]
    for claim in Claims.model_validate(config["claims"]).present().values():
        if claim.id.startswith("H"):
            assert claim.test(read) == claim.test(found)


def test_evidence_read_from_files_has_what_decision_maps_say_if_they_were_compared(tmp_path):
    assert Evidence.read([], [], [], {}).hard is None
    row = {"domain": "spiral", "model": "mlp-8", "N": 100, "seed": 3, "error": 0.5, "disagreement": 0.25}
    for rows in ([row, row | {"seed": 4}], []):
        (tmp_path / "bias.json").write_text(json.dumps({"hard": rows, "rest": 1}))
        hard = Evidence.read([], [], [], {}, str(tmp_path / "bias.json")).hard
        assert hard.to_dict("records") == rows
        assert list(hard.columns) == list(row)


def test_every_source_is_in_the_bibliography(config):
    bibliography = (ROOT / "paper/references.bib").read_text()
    for claim in Claims.model_validate(config["claims"]).present().values():
        assert f"{{{claim.source}," in bibliography


@pytest.mark.parametrize(
    ("p_values", "shown"),
    [([], False), ([0.05], True), ([0.051], False), ([0.03, 0.5], False), ([0.02, 0.5], True), ([0.04, 0.04], False)],
)
def test_one_of_several_is_shown_if_the_least_p_passes_holms_first_step(p_values, shown):
    assert holm(p_values, 0.05) == shown
