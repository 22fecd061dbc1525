"""The command `laws`: on anyone's CSV, tables or JSON, and an exit code that says how it went."""

import json
import re
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from scaling.laws import command
from scaling.laws.answers import Comparison, Outlook
from scaling.laws.report import Report
from scaling.measurements import read_measurements

EXAMPLE = Path(__file__).with_name("measurements.csv")
"""Synthetic, after Hestness et al. 2017: images that fall as (N + 150)^−0.309, or to a floor of 0.15; words as N^−0.066
at the best of five sizes, which grows as N^0.55; speech at three N."""


@pytest.fixture
def laws(tmp_path, monkeypatch):
    """Run the command in an empty folder; gives exit code, output and what went to stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")

    def run(*words):
        done = CliRunner().invoke(command.app, list(map(str, words)))
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.stdout, done.stderr

    return run


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """What `laws fit --diagnostics` of the example writes."""
    folder = tmp_path_factory.mktemp("fitted")
    done = CliRunner().invoke(command.app, ["fit", str(EXAMPLE), "--out", str(folder), "--diagnostics"])
    assert done.exit_code == 0, done.output
    return folder, done.stdout


def written(path, rows):
    pd.DataFrame(rows, columns=["domain", "model", "N", "seed", "error"]).to_csv(path, index=False)
    return path


def curve(model="cnn", count=6, slope=-0.3):
    return [("images", model, 1000 * 2**k, 0, (1000 * 2**k) ** slope) for k in range(count)]


# Fit


def test_fit_prints_every_curve_within_a_hundred_columns(fitted):
    _, text = fitted
    for word in ("resnet", "densenet", "forest", "lstm", "attention", "slope", "β", "γ ≤", "rms", "hit", "identified"):
        assert word in text
    assert "No law: 3 shards" in text
    assert "best size ∝ N^β_p" in text
    assert "the size of lowest median error at each N" in text
    assert max(map(len, text.splitlines())) <= 100


def test_fit_writes_all_analyses_and_refusals_at_full_precision(fitted):
    folder, _ = fitted
    report = Report.model_validate_json((folder / "laws.json").read_text())
    assert [(curve.model, curve.law is None) for curve in report.curves] == [
        ("resnet", False),
        ("densenet", False),
        ("forest", False),
        ("lstm", False),
        ("attention", True),
    ]
    resnet, _, forest, lstm, _ = report.curves
    assert resnet.law.beta.low < -0.309 < resnet.law.beta.high
    assert forest.law.gamma.low < 0.15 < forest.law.gamma.high
    assert lstm.size_law.exponent.low < 0.55 < lstm.size_law.exponent.high
    assert lstm.law.slope.low < -0.066 < lstm.law.slope.high
    assert len(repr(resnet.law.beta.value)) > 12


def test_fit_draws_a_page_a_domain_and_a_page_a_law(fitted):
    folder, _ = fitted
    pages = [
        len(re.findall(rb"/Type /Page\b", (folder / name).read_bytes())) for name in ("laws.pdf", "diagnostics.pdf")
    ]
    assert pages == [3, 4]


def test_fit_as_json_prints_what_it_writes_into_a_folder_named_after_the_measurements(laws, tmp_path):
    file = written(tmp_path / "mine.csv", curve())
    code, text, _ = laws("fit", file, "--json", "--level", "0.9", "--pool", "1e6")
    assert code == 0
    assert json.loads(text) == json.loads((tmp_path / "mine-laws" / "laws.json").read_text())
    report = Report.model_validate_json(text)
    assert (report.level, report.pool, report.curves[0].law.level) == (0.9, 1e6, 0.9)
    assert not (tmp_path / "mine-laws" / "diagnostics.pdf").exists()


def test_too_few_shards_are_refused_and_nothing_fitted_is_told_by_the_exit_code(laws, tmp_path):
    code, text, _ = laws("fit", written(tmp_path / "short.csv", curve(count=4)))
    assert code == command.NOTHING
    assert "No law: 4 shards" in text
    assert (tmp_path / "short-laws" / "laws.pdf").exists()


@pytest.mark.parametrize("name", ["fit", "forecast", "compare"])
def test_a_model_of_a_single_shard_has_no_law_and_others_have_theirs(laws, tmp_path, name):
    file = written(tmp_path / "mixed.csv", [*curve(), *curve("gru"), ("images", "solo", 100, 0, 0.3)])
    code, text, _ = laws(name, file, *(["--at", "1e6"] if name == "forecast" else []))
    assert code == 0
    assert ("no law of solo" if name == "compare" else "No law: a single shard") in text


def test_of_a_single_shard_alone_nothing_is_fitted(laws, tmp_path):
    code, text, _ = laws("fit", written(tmp_path / "solo.csv", [("images", "solo", 100, 0, 0.3)]))
    assert code == command.NOTHING
    assert "No law: a single shard" in text


def test_what_else_a_file_has_is_ignored_and_told_in_a_line(laws, tmp_path):
    table = pd.DataFrame(curve(), columns=["domain", "model", "N", "seed", "error"]).assign(note="fine")
    table.to_csv(tmp_path / "noted.csv", index=False)
    code, text, said = laws("fit", "noted.csv", "--json")
    assert code == 0
    assert said == "noted.csv: ignored the column 'note'.\n"
    assert json.loads(text)["curves"][0]["analysis"] is not None


def test_a_folder_that_cannot_be_written_is_named(laws, tmp_path):
    (tmp_path / "taken").write_text("")
    code, _, said = laws("fit", written(tmp_path / "a.csv", curve()), "--out", tmp_path / "taken")
    assert code == command.COULD_NOT_RUN
    assert "taken cannot be written" in " ".join(said.replace("│", "").split())


# Forecast


def test_a_forecast_is_the_laws_with_its_audit_beside_it(laws):
    code, text, _ = laws("forecast", EXAMPLE, "--domain", "images", "--model", "forest", "--at", "1e6", "--error", 0.14)
    assert code == 0
    assert "Audit: " in text
    assert "1.95×" in text
    assert "unreachable" in text
    assert "resnet" not in text


@pytest.mark.parametrize("option", ["--price-per-example", "--price-per-flop"])
def test_a_forecast_as_json_has_costs_of_the_price(laws, option):
    code, text, _ = laws(
        "forecast", EXAMPLE, "--model", "resnet", "--at", "1e6", "--error", "0.03", option, "1e-17", "--json"
    )
    assert code == 0
    (found,) = [Outlook.model_validate(each) for each in json.loads(text)]
    (target,) = found.targets
    each = 1 if option == "--price-per-example" else 6 * 2.5e6 * 30
    assert target.cost.value == pytest.approx(1e-17 * each * target.needed.N, rel=1e-3)
    assert found.forecasts[0].N == 1e6


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ((), "Nothing is asked for"),
        (("--at", "-1"), "--at -1: expected a positive"),
        (("--error", "nan"), "--error nan: expected a positive"),
        (("--at", "1e6", "--price-per-example", "1"), "give --error too"),
        (("--error", ".1", "--price-per-example", "1", "--price-per-flop", "1"), "Give one price"),
        (("--error", ".1", "--domain", "words", "--price-per-flop", "1"), "needs the column compute"),
        (("--error", ".1", "--domain", "music"), "--domain music: measurements.csv has images, words, speech"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(laws, words, problem):
    code, _, said = laws("forecast", EXAMPLE, *words)
    assert code == command.COULD_NOT_RUN
    assert problem in " ".join(said.replace("│", "").split())


def test_a_curve_too_short_foretells_nothing(laws, tmp_path):
    code, text, _ = laws("forecast", written(tmp_path / "short.csv", curve(count=3)), "--at", "1e6")
    assert code == command.NOTHING
    assert "No law: 3 shards" in text


# Compare


def test_compare_tells_equal_from_different_slopes(laws):
    code, text, _ = laws("compare", EXAMPLE, "--json")
    assert code == 0
    found = [Comparison.model_validate(each) for each in json.loads(text)]
    assert [(each.first, each.second, each.difference.verdict) for each in found] == [
        ("resnet", "densenet", "equal within the margin"),
        ("resnet", "forest", "different"),
        ("densenet", "forest", "different"),
    ]


def test_compare_prints_a_row_a_pair(laws, tmp_path):
    code, text, _ = laws("compare", written(tmp_path / "two.csv", [*curve("a"), *curve("b", slope=-0.2)]))
    assert code == 0
    assert "a − b" in text
    assert "different" in text
    assert max(map(len, text.splitlines())) <= 100


def test_one_model_has_nothing_to_be_compared_with(laws, tmp_path):
    code, _, said = laws("compare", written(tmp_path / "one.csv", curve()))
    assert code == command.NOTHING
    assert "no domain has two models" in said


# All


@pytest.mark.parametrize("name", ["fit", "forecast", "compare"])
def test_help_says_what_the_exit_codes_mean(laws, name):
    code, text, _ = laws(name, "--help")
    assert code == 0
    assert "Exit codes: 0 done, 1 n" in " ".join(text.split())


def test_bad_measurements_end_with_their_lines_and_reasons(tmp_path, monkeypatch, capsys):
    file = written(tmp_path / "bad.csv", [*curve(), ("images", "cnn", 500, 1, np.nan), ("images", "cnn", 500, 2, -1)])
    for path, problems in (
        (file, ("line 8: error", "line 9: error")),
        ("nowhere.csv", ("nowhere.csv: cannot be read",)),
    ):
        monkeypatch.setattr("sys.argv", ["laws", "fit", str(path)])
        with pytest.raises(SystemExit) as ended:
            command.main()
        assert ended.value.code == command.COULD_NOT_RUN
        said = capsys.readouterr().err
        assert all(problem in said for problem in problems)


def test_a_file_without_a_domain_gives_its_own_name(laws, tmp_path):
    lines = [f"cnn,{1000 * 2**k},{(1000 * 2**k) ** -0.3}" for k in range(6)]
    (tmp_path / "my-curves.csv").write_text("\n".join(["model,N,error", *lines]))
    code, text, _ = laws("forecast", "my-curves.csv", "--at", "1e5")
    assert code == 0
    assert "my-curves · cnn" in text


def test_the_command_is_installed():
    (found,) = entry_points(group="console_scripts", name="laws")
    assert found.load() is command.main


def test_the_example_is_read_whole():
    assert len(read_measurements(EXAMPLE)) == len(EXAMPLE.read_text().splitlines()) - 1
