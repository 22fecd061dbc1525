"""What part of a build is work: all learning curves of a study, built by Snakemake in several ways, in turns.

python tests/benchmarks/bench_efficiency.py [--study profiles/smoke/study.yaml] [--cores 2] [--turns 3] [--json]
python tests/benchmarks/bench_efficiency.py --built results [--cores 2] [--json]

The work is what the same trainings take one after another in a process that has imported everything: the CPU seconds
of reading data, training and evaluation. Efficiency is work / (cores × wall) of a build of all learning curves. CPU is
that of all processes of the build, whoever started them. Raw files are fetched before the clock starts. The ways: with
forks; with cold starts; with forks and `--cores` at four times the cores that there are, as whoever types a README's
`--cores 8` on two has it.

`--built` tells of a build that was made in one go what its receipts do: the share of what its cores could do that went
into the jobs of trainings and coverage campaigns (from the start of their processes, so a little more than work), and
into all jobs.
"""

import ctypes
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console
from rich.table import Table

from scaling.study import Study

ROOT = Path(__file__).parents[2]
PARTS = ("rules", "profiles", "scripts", "paper")
PR_SET_CHILD_SUBREAPER = 36
WAYS = {"forks": (1, {}), "cold starts": (1, {"STUDY_FORKS": "off"}), "forks, four times the cores": (4, {})}
"""By name: the factor of `--cores`, and the environment."""
WORKING = ("train", "train_doubled", "coverage")
Measured = dict[str, list[tuple[float, float, float]]]
"""By way of starting jobs: wall, CPU and work of each turn, in seconds."""

WORK = """
import json, sys, time
from pathlib import Path
from scaling.study import Study
from scaling.training import train
import yaml
config = json.loads(sys.argv[1])
study = Study.of(config)
def data(domain):
    return Path(f"results/data/{domain}.npz") if study.trained[domain].data.source else None
runs = [
    (study.run(domain, *run).model_copy(update={"budget_scale": scale}), data(domain))
    for domain in study.trained
    for scale, of in ((1, study.runs), (2, study.doubled_runs))
    for run in of(domain)
]
for run, prepared in {(run.domain, run.family): (run, prepared) for run, prepared in reversed(runs)}.values():
    train(run, prepared)  # whose first run imports what it needs
began = time.process_time()
for run, prepared in runs:
    train(run, prepared)
print(len(runs), time.process_time() - began)
"""


def merged(study: Path) -> dict:
    """Give the config with an overlay, as Snakemake would merge them, and its results in `results`."""

    def merge(under: dict, over: dict) -> dict:
        both = {
            key: merge(under[key], value) if isinstance(value, dict) and isinstance(under.get(key), dict) else value
            for key, value in over.items()
        }
        return under | both

    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    return merge(config, yaml.safe_load(study.read_text())) | {"pathvars": {"results": "results"}}


def timed(command: list[str], folder: Path, environ: dict[str, str]) -> tuple[float, float, str]:
    """Run a command and wait for all that it leaves behind; give wall and CPU seconds, and what it said."""
    began, before = time.monotonic(), used()
    ended = subprocess.run(command, cwd=folder, env=os.environ | environ, capture_output=True, text=True, check=False)
    wall = time.monotonic() - began
    if ended.returncode:
        sys.exit(ended.stderr[-3000:])
    while True:  # processes whose parent is gone are ours
        try:
            os.wait()
        except ChildProcessError:
            return wall, used() - before, ended.stdout


def used() -> float:
    """Give the CPU seconds of all processes that were waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def built(results: Path, cores: int) -> dict[str, Any]:
    """Tell from receipts what part of the cores' time a build used."""
    receipts = [json.loads(path.read_text()) for path in results.rglob("*.receipt.json")]
    starts, ends = ([datetime.fromisoformat(each["made"][end]) for each in receipts] for end in ("start", "end"))
    wall = (max(ends) - min(starts)).total_seconds()
    work = sum(each["made"]["cpu_s"] for each in receipts if each["rule"] in WORKING)
    every = sum(each["made"]["cpu_s"] for each in receipts)
    shares = {"work": work / (cores * wall), "all jobs": every / (cores * wall)}
    return {"jobs": len(receipts), "wall_s": wall, "work_s": work, "cpu_s": every, "efficiency": shares}


def main(
    study: Annotated[Path, typer.Option(help="An overlay of config.yaml.")] = ROOT / "profiles/smoke/study.yaml",
    cores: Annotated[int, typer.Option(min=1)] = 2,
    turns: Annotated[int, typer.Option(min=1)] = 3,
    results: Annotated[Path | None, typer.Option("--built", help="A results folder built in one go.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Measure and print."""
    if results:
        found = built(results, cores)
        print(json.dumps(found, indent=1) if as_json else found)
        return
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    config = merged(study)
    environ = {"PYTHONPATH": "scripts", "OMP_NUM_THREADS": "1"}
    measured: Measured = {name: [] for name in WAYS}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for part in PARTS:
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "Snakefile", folder)
        (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
        snakemake = [sys.executable, "-m", "snakemake", "--cores"]
        curves = [f"results/curves/{domain}.csv" for domain in Study.of(config).domains]
        fetched = [domain for domain, plan in Study.of(config).trained.items() if plan.data.source]
        # Code is compiled in it, too.
        timed([*snakemake, str(cores), *(f"results/data/{name}.npz" for name in fetched)], folder, environ)
        for _ in range(turns):
            for name, (times, parent) in WAYS.items():
                for made in ("runs", "doubled", "curves"):
                    shutil.rmtree(folder / "results" / made, ignore_errors=True)
                wall, cpu, _ = timed([*snakemake, str(times * cores), *curves], folder, environ | parent)
                said = timed([sys.executable, "-c", WORK, json.dumps(config)], folder, environ)[2]
                trainings, work = said.split()
                measured[name].append((wall, cpu, float(work)))
    report(measured, int(trainings), cores, as_json)


def report(measured: Measured, trainings: int, cores: int, as_json: bool) -> None:
    """Print a table, or JSON."""
    rows = {}
    for name, turns in measured.items():
        walls, cpus, works = (sorted(column) for column in zip(*turns, strict=True))
        efficiencies = sorted(work / (cores * wall) for wall, _, work in turns)
        rows[name] = {"wall_s": walls, "cpu_s": cpus, "work_s": works, "efficiency": efficiencies}
    if as_json:
        print(json.dumps({"trainings": trainings, "cores": cores, **rows}, indent=1))
        return
    table = Table(
        "start", "wall s", "CPU s", "work, CPU s", "efficiency", title=f"{trainings} trainings, {cores} cores"
    )
    for name, row in rows.items():
        cells = (f"{statistics.median(row[key]):.3g} [{row[key][0]:.3g}, {row[key][-1]:.3g}]" for key in row)
        table.add_row(name, *cells)
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
