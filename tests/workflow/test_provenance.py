"""What plain Snakemake gets wrong about results, and what this workflow does instead."""

import os
import re
import shlex
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest

from provenance.receipts import Receipt, file_hash, receipt_of
from provenance.store import Store, job_key

RUN = "runs/spiral/knn-1/n20/seed0"
K = "k = min(self.k, len(flat))", "k = min(len(flat), self.k)"
"""An edit of code of scaling/models/knn.py that changes nothing that comes out."""


def change_a_digit(path: Path, keeping_times: bool = False) -> tuple[str, str]:
    """Edit a file by hand, as little as can be; its hash before and after."""
    before, content, times = file_hash(path), bytearray(path.read_bytes()), path.stat()
    place = next(i for i in range(len(content) // 2, len(content)) if chr(content[i]).isdigit())
    content[place] = ord("7") if content[place] != ord("7") else ord("3")
    path.write_bytes(content)
    if keeping_times:
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    return before, file_hash(path)


def forget(build) -> None:
    """Delete what Snakemake knows of earlier builds."""
    shutil.rmtree(build.folder / ".snakemake")


def when_made(build) -> dict[str, str]:
    """When each job ran, by its receipt."""
    receipts = {str(path.relative_to(build.results)): path for path in build.results.rglob("*.receipt.json")}
    return {name: Receipt.read(path).made["start"] for name, path in receipts.items()}


def is_sound(build) -> bool:
    code, said = build.audit("verify")
    assert code in (0, 1), said
    return code == 0


# A result that somebody has edited: plain Snakemake keeps it, or builds on it.


EDITED = [
    ("paper/main.pdf", "paper", ""),
    ("ledger.json", "ledger", "paper/main.pdf"),
    ("figures/learning-curves-spiral.pdf", "learning_curves domain=spiral", "ledger.json, paper/main.pdf"),
]
"""Outputs, the jobs that make them, and what depends on them."""


def test_hand_edited_outputs_are_not_kept_as_if_jobs_had_made_them(built):
    good = built.files()
    hashes = {file: change_a_digit(built.results / file) for file, _, _ in EDITED}
    bad = built.files()
    for _ in ("the first build", "and any other"):
        code, said = built.snakemake()
        assert code == 1
        for file, job, dependents in EDITED:
            expected, found = hashes[file]
            needed = f"    needed by {dependents}\n" if dependents else ""
            assert (
                f"results/{file} is not what its job wrote (made by {job}).\n"
                f"    found     {found}\n"
                f"    expected  {expected}\n"
                f"{needed}"
                f"    Remake it:  rm results/{file}  and build again,\n"
                f'    or keep it:  audit accept results/{file} --reason "why"  and build again.\n'
            ) in said
        assert "Traceback" not in said
        assert built.files() == bad
    assert not is_sound(built)

    for file in hashes:
        (built.results / file).unlink()
    code, said = built.snakemake()
    assert code == 0, said
    assert built.files() == good
    assert is_sound(built)


@pytest.mark.parametrize(
    ("file", "target"),
    [("curves/spiral.csv", "curves.csv"), (f"{RUN}.json", "curves/spiral.csv"), (f"{RUN}.receipt.json", "ledger.json")],
)
def test_nothing_is_made_from_a_hand_edited_intermediate(built, file, target):
    change_a_digit(built.results / file)
    bad = built.files()
    for arguments in ((), ("--forceall",)):  # the default profile says --keep-going
        code, said = built.snakemake(*arguments)
        assert code == 1
        assert f"results/{file} " in said
        assert built.files() == bad
    code, said = built.snakemake("--forcerun", f"results/{target}", "--", f"results/{target}")
    assert code == 1, "no job takes it for its input, whatever Snakemake was asked for"
    assert f"results/{file} " in said
    after = built.files()
    assert after.items() <= bad.items()
    assert bad.keys() - after.keys() <= {target, receipt_of(target).as_posix()}, "which Snakemake had removed before"


def test_edits_under_the_old_time_are_not_missed(built):
    code, said = built.snakemake()  # which remembers the hashes that the files have now
    assert code == 0, said
    files = ("curves/spiral.csv", "claims/H1.json", "figures/bias.maps.pdf")
    for file in files:
        before = (built.results / file).stat()
        change_a_digit(built.results / file, keeping_times=True)
        after = (built.results / file).stat()
        assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    code, said = built.snakemake()
    assert code == 1
    for file in files:
        assert f"results/{file} is not what its job wrote" in said
    assert not is_sound(built)


# A module that a script imports: plain Snakemake sees the script alone.


def test_an_edited_module_reruns_what_executes_it_and_what_follows(built):
    before, made = built.files(), when_made(built)
    built.edit("scripts/scaling/models/knn.py", *K)
    code, said = built.snakemake()
    assert code == 0, said
    remade = {name for name, when in when_made(built).items() if when != made[name]}
    runs = {name for name in remade if name.startswith(("runs/", "doubled/"))}
    assert runs == {name for name in made if name.startswith("runs/spiral/knn-1/")}
    assert remade - runs >= {"ledger.receipt.json", "paper/main.receipt.json"}
    after = built.files()
    differing = {name for name in after if after[name] != before[name]}
    assert {name for name in differing if not name.endswith("receipt.json")} == {"ledger.json", "paper/main.pdf"}, (
        "whose lineage names the code"
    )
    assert is_sound(built)
    assert built.plan().jobs == {}


def test_words_of_explanation_rerun_nothing(built):
    built.edit("scripts/scaling/models/knn.py", "        flat = ", "        # Once.\n        flat = ")
    built.edit("scripts/scaling/models/knn.py", '"""Index the examples for search."""', '"""Prepare the search."""')
    for path in (built.folder / "scripts").rglob("*.py"):
        path.write_text(path.read_text().replace('"""', '"""In other words: ', 1))
    assert built.plan().jobs == {}
    assert is_sound(built)


def test_another_style_of_figures_redraws_them_and_trains_nothing(built):
    made = when_made(built)
    style = built.folder / "scripts/scaling/plots/style.py"
    style.write_text(style.read_text() + "\nUNUSED = 1\n")
    code, said = built.snakemake()
    assert code == 0, said
    remade = {name for name, when in when_made(built).items() if when != made[name]}
    assert remade == {
        *(f"figures/{name}.receipt.json" for name in ("bias", "overview", "learning-curves-spiral")),
        *(f"figures/diagnostics-{family}-on-spiral.receipt.json" for family in ("knn-1", "mlp")),
        *("ledger.receipt.json", "paper/main.receipt.json"),
    }
    assert is_sound(built)


@pytest.mark.parametrize(
    "name", ["scripts/scaling/models/knn.py", "scripts/scaling/models/__init__.py", "scripts/train.py"]
)
def test_code_that_was_changed_under_an_old_time_is_run_again(built, name):
    path = built.folder / name
    times = path.stat()
    path.write_text(path.read_text() + "\nUNUSED = 1\n")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    families = {training.split()[1] for training in built.plan().trainings}
    assert families == ({"knn-1"} if "knn" in name else {"knn-1", "mlp-4"})
    assert not is_sound(built)


def test_code_that_was_changed_under_an_old_time_is_what_then_runs(built, monkeypatch):
    # Python knows the compiled file of a module by the size and the time, in seconds, of its source.
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    target = f"results/{RUN}.json"
    (built.folder / target).unlink()
    code, said = built.snakemake("--", target)
    assert code == 0, said
    before, times = built.files(), (built.folder / "scripts/scaling/models/knn.py").stat()
    path = built.edit("scripts/scaling/models/knn.py", "counts.argmax(axis=1)", "counts.argmin(axis=1)")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    code, said = built.snakemake("--", target)
    assert code == 0, said
    assert built.files()[f"{RUN}.json"] != before[f"{RUN}.json"]


def test_a_job_whose_code_changes_while_it_runs_publishes_nothing(built):
    built.add("models/restless.py")
    with built.study() as study:
        study["domains"]["spiral"]["families"]["restless"] = {"kind": "restless"}
    before = built.files()
    code, said = built.snakemake("--", "results/runs/spiral/restless/n20/seed0.json")
    assert code == 1
    assert "ChangedMeanwhile: scripts/scaling/models/restless.py changed while the build ran. Build again." in said
    assert built.files() == before


def test_an_import_that_cannot_be_followed_stops_the_build_before_any_job(built):
    path = built.edit(
        "scripts/scaling/models/knn.py", K[0], f'__import__("scaling.models." + "logi" + "stic")\n        {K[0]}'
    )
    line = path.read_text().partition("__import__")[0].count("\n") + 1
    before = built.files()
    code, said = built.snakemake()
    assert code == 1
    assert f"scripts/scaling/models/knn.py:{line}: " in said
    assert "cannot be followed" in said
    assert "Traceback" not in said
    assert built.files() == before
    assert built.audit("verify").code == 2


def test_a_module_that_was_imported_behind_the_back_of_all_is_noticed_when_its_job_ends(built):
    built.edit(
        "scripts/scaling/models/knn.py",
        K[0],
        f'import importlib\n        vars(importlib)["import_module"]("scaling.models.logistic")\n        {K[0]}',
    )
    before = built.files()
    code, said = built.snakemake("--", f"results/{RUN}.json")
    assert code == 1
    assert "scripts/train.py ran scripts/scaling/models/logistic.py, which its imports" in said
    after = built.files()
    assert after.items() <= before.items()
    assert before.keys() - after.keys() == {f"{RUN}.{suffix}" for suffix in ("json", "npz", "receipt.json")}


# Notes that are lost: plain Snakemake then takes whatever is there for up to date.


def test_without_snakemakes_notes_sound_results_are_kept(built):
    before = built.files()
    forget(built)
    code, said = built.snakemake()
    assert code == 0
    assert "Nothing to be done" in said
    assert built.files() == before


def change_code(build) -> None:
    path = build.folder / "scripts/claim.py"
    path.write_text(path.read_text() + "\nUNUSED = 1\n")


def change_config(build) -> None:
    with build.study() as study:
        study["claims"]["H2"]["share"] = 0.5


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (change_code, "4 of rule claim, such as results/claims/H1.json: code scripts/claim.py changed"),
        (change_config, "1 of rule claim, such as results/claims/H2.json: param claim.share: 0.66 → 0.5"),
    ],
)
def test_without_snakemakes_notes_stale_results_are_not_taken_for_today_s(built, change, words):
    forget(built)
    change(built)
    before = built.files()
    for _ in ("the first build", "and any other"):
        code, said = built.snakemake()
        assert code == 1
        assert words in said
        assert built.files() == before
    way_out = re.search(r"Remake them:  snakemake (.+)", said)[1]
    code, said = built.snakemake(*shlex.split(way_out))
    assert code == 0, said
    assert is_sound(built)
    assert built.plan().jobs == {}


def test_without_snakemakes_notes_old_and_new_code_are_not_mixed(built):
    forget(built)
    built.edit("scripts/scaling/models/knn.py", *K)
    with built.study() as study:
        study["seeds"].append(2)
    before = built.files()
    code, said = built.snakemake("--keep-going")
    assert code == 1
    assert f"results/{RUN}.json is stale" in said
    assert "code scripts/scaling/models/knn.py changed" in said
    assert "gather domain=spiral" in said
    after = built.files()
    assert {name for name in after if after[name] != before.get(name)} == {
        name for name in after if name.partition(".")[0].endswith("seed2")
    }, "the new runs, and nothing of old and new ones"


def test_without_snakemakes_notes_a_lost_run_is_not_filled_in_with_one_of_other_code(built):
    forget(built)
    built.edit("scripts/scaling/models/knn.py", *K)
    (built.results / f"{RUN}.json").unlink()
    before = built.files()
    code, said = built.snakemake("--keep-going")
    assert code == 1
    assert "results/runs/spiral/knn-1/n20/seed1.json is stale" in said
    after = built.files()
    assert {name for name in after if after[name] != before.get(name)} == {f"{RUN}.json", f"{RUN}.receipt.json"}


def test_without_snakemakes_notes_a_forged_file_stops_the_build(built):
    forget(built)
    change_a_digit(built.results / "curves/spiral.csv", keeping_times=True)
    code, said = built.snakemake()
    assert code == 1
    assert "results/curves/spiral.csv is not what its job wrote" in said


# Versions of packages: plain Snakemake knows none.


def install(site: Path, version: str) -> None:
    """Install a package as pip does, in place of any other version."""
    shutil.rmtree(site, ignore_errors=True)
    info = site / f"tiny_majority-{version}.dist-info"
    info.mkdir(parents=True)
    (site / "tiny_majority").mkdir()
    (site / "tiny_majority/__init__.py").write_text("def of(classes):\n    return max(classes, key=classes.count)\n")
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: tiny-majority\nVersion: {version}\n")
    (info / "RECORD").write_text(f"tiny_majority/__init__.py,,\n{info.name}/METADATA,,\n{info.name}/RECORD,,\n")


def test_an_upgraded_package_reruns_what_imports_it_and_nothing_else(built, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    install(tmp_path / "site", "1.0")
    built.add("models/packaged.py")
    with built.study() as study:
        study["domains"]["spiral"]["families"]["packaged"] = {"kind": "packaged"}
    table = "results/curves/spiral.csv"
    code, said = built.snakemake("--", table)
    assert code == 0, said
    receipt = Receipt.read(built.results / "runs/spiral/packaged/n20/seed0.receipt.json")
    assert receipt.environment["versions"]["tiny-majority"] == "1.0"
    assert built.plan("--", table).jobs == {}
    before, made = built.files(), when_made(built)

    install(tmp_path / "site", "2.0")
    plan = built.plan("--", table)
    assert plan.jobs == {"train": 10, "gather": 1, "total": 11}
    assert all(training.startswith("Training packaged on") for training in plan.trainings)
    code, said = built.snakemake("--", table)
    assert code == 0, said
    after = built.files()
    remade = {name for name, when in when_made(built).items() if when != made[name]}
    assert {name for name in remade if name.startswith("runs/")} == {
        name for name in made if name.startswith("runs/spiral/packaged/")
    }
    assert {name for name in after if after[name] != before[name]} <= remade, "the same results by another version"


# A store of results: plain Snakemake's cache believes what it finds.


@pytest.fixture
def stocked(finished, tmp_path, monkeypatch):
    """A shared store that holds all that the finished build has made."""
    monkeypatch.setenv("STUDY_STORE", str(tmp_path / "store"))
    store = Store(tmp_path / "store")
    for path in finished.results.rglob("*.receipt.json"):
        receipt = Receipt.read(path)
        content = asdict(receipt) | {"seal": receipt.seal}
        files = {name: finished.results / name for name in receipt.outputs}
        assert store.put(job_key(content), content, files)
    assert not store.verify()
    return store


def test_a_fresh_checkout_with_a_filled_store_computes_nothing(finished, workflow, stocked):
    code, said = workflow.snakemake()
    assert code == 0, said
    logs = list(workflow.results.glob("logs/**/*.log"))
    assert len(logs) == 38
    assert all(log.read_text().startswith("restored from the shared store: ") for log in logs)
    assert workflow.files() == finished.files()
    assert when_made(workflow) == when_made(finished), "and their receipts tell of that build"
    assert is_sound(workflow)


@pytest.mark.parametrize("part", ["objects", "jobs"])
def test_a_damaged_entry_of_the_store_is_dropped_and_computed_anew(built, stocked, part):
    before, file = built.files(), built.results / f"{RUN}.json"
    receipt = Receipt.read(receipt_of(file))
    key, digest = job_key(asdict(receipt)), receipt.outputs[f"{RUN}.json"]
    change_a_digit(
        stocked.folder / (f"objects/{digest[:2]}/{digest}" if part == "objects" else f"jobs/{key[:2]}/{key}.json")
    )
    file.unlink()
    for warned in (True, False):
        code, said = built.snakemake("--", f"results/{RUN}.json")
        assert code == 0, said
        log = (built.results / "logs/train/spiral/knn-1/n20-seed0.log").read_text()
        assert (f"store: result {key} is damaged and not used: " in log) == warned
        assert log.startswith("restored from the shared store: ") == (not warned)
        assert built.files() == before
        assert not stocked.verify(), "it was replaced by a sound one"
        file.unlink()
