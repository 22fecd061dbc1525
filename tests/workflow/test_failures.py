"""What goes wrong is told once, in full, and never passed over: bad configs, failing runs, stale papers."""

import re

import pytest


def test_a_failing_run_stops_no_sibling_and_makes_no_secret_of_what_it_keeps_from_being_built(built):
    built.add("models/brittle.py")
    with built.study() as study:
        study["domains"]["spiral"]["families"] = {"brittle": {"kind": "brittle"}, "knn-1": {"kind": "knn", "k": 1}}
        study.update(experiments={}, claims={})
    before = built.files()

    code, said = built.snakemake()
    assert code == 1
    assert tell_of_the_failure(said)
    assert "results/paper/main.pdf is stale" in said
    made = built.files()
    runs = {name for name in made if name.startswith("runs/spiral/brittle/")}
    assert len(runs) == 27, "the siblings of the run that failed; record, items and receipt each"
    assert made["paper/main.pdf"] == before["paper/main.pdf"]

    code, said = built.snakemake()
    assert code == 1, "the same command fails until the cause is mended"
    assert tell_of_the_failure(said)
    assert "results/paper/main.pdf is stale" in said
    assert built.files() == made

    mend(built)
    code, said = built.snakemake()
    assert code == 0, said
    assert not [word for word in ("stale", "failed", "skipped") if word in said]
    mended = built.files()
    assert {name for name in mended if re.search("[/-]brittle", name)} == runs | {
        *(f"runs/spiral/brittle/n80/seed1.{suffix}" for suffix in ("json", "npz", "receipt.json")),
        *(f"laws/spiral/brittle.{suffix}" for suffix in ("json", "receipt.json")),
        *(f"figures/diagnostics-brittle-on-spiral.{suffix}" for suffix in ("pdf", "receipt.json")),
    }
    siblings = {name for name in runs if name.endswith("receipt.json")}
    assert all(mended[name] != made[name] for name in siblings), "made again, by the mended code"
    assert all(mended[name] == made[name] for name in runs - siblings), "with the same results"
    assert mended["paper/main.pdf"] != before["paper/main.pdf"]
    assert built.plan().jobs == {}


def tell_of_the_failure(said: str) -> bool:
    """See whether one closing summary names the failed job, its error, its log, and the rules that were skipped."""
    _, *summaries = said.split("1 job failed:\n")
    assert len(summaries) == 1
    *failure, skipped = summaries[0].splitlines()
    assert failure == [
        "  train domain=spiral model=brittle N=80 seed=1",
        "    ValueError: this shard breaks me.",
        "    Mend me.",
        "    log: results/logs/train/spiral/brittle/n80-seed1.log",
    ]
    assert "jobs were skipped because they need it: " in skipped
    rules = {"gather", "curves", "law", "diagnostics", "learning_curves", "overview", "ledger", "paper", "sweep", "all"}
    return set(re.findall(r"(\w+) \(\d+\)", skipped)) == rules


def mend(build) -> None:
    path = build.folder / "scripts/scaling/models/brittle.py"
    path.write_text(path.read_text().replace("raise ValueError", "str"))


def test_a_pdf_that_this_build_has_remade_is_not_called_stale(built):
    with (built.folder / "Snakefile").open("a") as snakefile:  # every job of the study comes before its paper
        snakefile.write('\nrule doomed:\n    output: "results/doomed"\n    shell: "false"\n')
    built.pdf.unlink()
    code, said = built.snakemake("--keep-going", "--", "results/paper/main.pdf", "results/doomed")
    assert code == 1
    assert built.pdf.exists()
    assert "stale" not in said


BAD = {
    "a key that is misspelt": (
        lambda study: study["domains"]["spiral"].update(train_size=[10]),
        "domains.spiral.train_size = [10]: unknown key.",
        "Did you mean train_sizes?",
    ),
    "a value of the wrong type": (
        lambda study: study.update(seeds=["0"]),
        "seeds[0] = '0'",
        "Input should be a valid integer",
    ),
    "a source that is not there": (
        lambda study: study["domains"]["spiral"].update(source_copy="/no/such/folder"),
        "domains.spiral.source_copy = '/no/such/folder'",
        "no such file or folder",
    ),
    "a name that means nothing": (
        lambda study: study["claims"]["D5"].update(crafted="cnn"),
        "claims.D5.crafted = 'cnn'",
        "It has knn-1, mlp.",
    ),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_config_stops_before_any_job(workflow, fault):
    change, *expected = BAD[fault]
    with workflow.study() as study:
        change(study)
    code, said = workflow.snakemake()
    assert code == 1
    for words in expected:
        assert words in said
    assert "Traceback" not in said
    assert not workflow.results.exists()
