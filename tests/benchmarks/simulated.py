"""Studies of any size that cost nothing to train, and bare Snakemake workflows of the same shape, for benchmarks.

A study is a copy of this checkout with a stub domain and a stub family put in (`stubs/`), as anybody would add theirs.
A bare workflow has as many jobs and files, of rules of the same shape, under the same options, and none of ours: no
identity, plan, sweep or receipts. It asks for all files, as workflows do.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import yaml

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
STUBS = HERE / "stubs"
DOMAINS, FAMILIES, SIZES = 5, 2, (1, 2)
TRAIN_SIZES = [100 * 2**step for step in range(10)]
RUNS_A_SEED = DOMAINS * FAMILIES * len(SIZES) * len(TRAIN_SIZES)

INLINE = [
    *("--executor", "inline", "--cores", "1000", "--scheduler-subsample", "1000"),
    *("--resources", "mem_mb=1000000000"),  # nor does memory say how many jobs go to a process
]
"""Run jobs in few processes."""


class Cost(NamedTuple):
    """What a command cost."""

    cpu: float
    """Seconds, of its process and those that it waited for; a build's forks are not among them."""
    wall: float
    memory: float
    """Most resident, in MB."""


def make_study(folder: Path, runs: int) -> Path:
    """Copy the workflow, with a study of about so many runs."""
    for part in ("rules", "profiles", "scripts", "paper"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Snakefile", folder)
    for part in ("domains", "models"):
        shutil.copytree(STUBS / part, folder / "scripts/scaling" / part, dirs_exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(study(runs), sort_keys=False))
    return folder


def study(runs: int) -> dict[str, Any]:
    """Give a config of about so many runs: more runs, more seeds."""
    families = {
        f"threshold-{number}": {"kind": "threshold", "exponent": -0.1 * number, "sizes": list(SIZES)}
        for number in range(1, FAMILIES + 1)
    }
    domain = {
        "data": {"kind": "interval", "validation_size": 100, "test_size": 10_000},
        "train_sizes": TRAIN_SIZES,
        "budget": {
            "batch_size": 16,
            "max_batch_size": 16,
            "batches_per_epoch": 8,
            "epochs": 1,
            "min_steps": 30,
            "max_steps": 30,
        },
        "families": families,
    }
    seeds = list(range(max(1, round(runs / RUNS_A_SEED))))
    return {
        "pathvars": {"results": "results"},
        "seeds": seeds,
        "shared_pool_seeds": seeds[:1],
        "domains": {f"interval-{number}": domain for number in range(1, DOMAINS + 1)},
        "claims": {
            "H1": {"max_residual": 0.03, "max_prediction": 0.05, "bad_residual": 0.05},
            "H2": {"steepest": -0.35, "flattest": -0.07, "share": 0.66},
        },
        "paper": {"title": "A Simulated Study", "author": "The Benchmarks"},
    }


def snakemake(folder: Path, *arguments: str) -> Cost:
    """Run Snakemake there."""
    return run(folder, "-m", "snakemake", *arguments)


def run(folder: Path, *arguments: str, environment: dict[str, str] | None = None) -> Cost:
    """Run Python there with a study's own library; raises CalledProcessError, with all it said, if it fails."""
    library = os.pathsep.join(map(str, (folder / "scripts", STUBS)))
    variables = {"PYTHONPATH": library, "OMP_NUM_THREADS": "1", **(environment or {})}
    start = time.monotonic()
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ | variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        assert process.stdout
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(arguments), said.decode())
    return Cost(used.ru_utime + used.ru_stime, time.monotonic() - start, used.ru_maxrss / 1e3)


def make_bare(folder: Path, runs: int) -> Path:
    """Write a plain workflow of the shape of the study of so many runs."""
    folder.mkdir(parents=True)
    shutil.copytree(ROOT / "profiles/default", folder / "profiles/default")
    profile = folder / "profiles/default/config.yaml"
    settings = yaml.safe_load(profile.read_text())
    del settings["max-jobs-per-timespan"]  # nothing there cancels the timers that it sets
    profile.write_text(yaml.safe_dump(settings))
    (folder / "config.yaml").write_text(yaml.safe_dump(study(runs), sort_keys=False))
    shutil.copy(STUBS / "Snakefile", folder)
    return folder
