"""What provenance costs: identity at parse time, receipts and checks in each job, the sweep of a finished build.

python tests/benchmarks/bench_provenance.py [RESULTS] [--json]      (default: results-smoke; build it first)

CPU seconds, median of several runs and their range. A job's cost is that of a process which checks an input, code
and environment, and writes a record with its receipt, less that of one which imports the same and just writes the
record: measured in turns. The share is of the CPU seconds that the build's own receipts add up to.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from provenance.identity import Library
from provenance.orders import Orders

ROOT = Path(__file__).parents[2]
TIMES = 15

IDENTITY = """
from pathlib import Path
from provenance.identity import Library
from scaling import domains, models
library = Library(Path({root!r}))
pairs = [(domain, family) for domain in domains.kinds() for family in models.kinds()]
for number in range(1000):
    domain, family = pairs[number % len(pairs)]
    library.closure("scripts/train.py", {{"scaling.domains": [domain], "scaling.models": [family]}}).code
"""
IMPORTS = "from scaling import domains, models"
PLAIN = """
import json, pathlib
import numpy, pydantic
pathlib.Path("made.json").write_text(json.dumps(json.loads(pathlib.Path("read.json").read_text())))
"""
WITH_RECEIPT = """
import json, pathlib, types
import numpy, pydantic
from snakemake.iocontainers import InputFiles, OutputFiles
from provenance.jobs import job
context = types.SimpleNamespace(
    rule="copy",
    input=InputFiles([{inputs}]),
    params={{"code": {code!r}, "environment": {environment!r}}},
    wildcards={{}},
    output=OutputFiles(fromdict={{"made": {made!r}, "receipt": {receipt!r}}}), log=["copy.log"], resources={{}},
)
@job(context)
def _(this):
    this.write_json("made", {content})
"""
CONTAINERS = "from snakemake.iocontainers import InputFiles, OutputFiles\n"
SWEEP = """
from pathlib import Path
from provenance.plan import Plan
from provenance.sweep import sweep
plan = Plan.read(Path({plan!r}))
sweep(plan)
"""


def cpu(code: str, folder: Path) -> float:
    """Run Python code in a process of its own; give its CPU seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    paths = {"PYTHONPATH": str(ROOT / "scripts"), "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", code], cwd=folder, env=os.environ | paths, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def in_turns(first: Callable[[], float], second: Callable[[], float]) -> list[float]:
    """Measure how much more the second costs, side by side so that the machine's moods hit both."""
    first(), second()
    return [second() - first() for _ in range(TIMES)]


def described(values: list[float]) -> str:
    """Median and range in milliseconds."""
    low, middle, high = (1000 * value for value in (min(values), statistics.median(values), max(values)))
    return f"{middle:8.1f} ms   [{low:.1f}, {high:.1f}]"


def main(
    results: Annotated[Path, typer.Argument(help="Built results.")] = Path("results-smoke"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure and print."""
    results = results.resolve()
    plan = SWEEP.format(plan=str(results / ".plan.json"))
    receipts = [json.loads(path.read_text()) for path in results.rglob("*.receipt.json")]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        found = {
            "identity of 1,000 jobs": in_turns(
                lambda: cpu(IMPORTS, folder), lambda: cpu(IDENTITY.format(root=str(ROOT)), folder)
            ),
            "receipt and checks a job": _jobs(folder),
            f"sweep of {len(receipts)} jobs": in_turns(
                lambda: cpu("from provenance.sweep import sweep", folder), lambda: cpu(plan, results.parent)
            ),
        }
    total = sum(receipt["made"]["cpu_s"] for receipt in receipts)
    identity, job, sweep = (statistics.median(values) for values in found.values())
    cost = len(receipts) * job + identity + sweep
    if as_json:
        print(json.dumps({**found, "all_s": cost, "jobs_s": total, "share": cost / total}, indent=1))
        return
    for name, values in found.items():
        print(name.ljust(24), described(values))
    print(f"all of it: {cost:.1f} of the {total:.0f} CPU s of {results.name}'s jobs: {100 * cost / total:.1f} %")


def _jobs(folder: Path) -> list[float]:
    """Measure a job that reads what another has made."""
    kinds = {"scaling.domains": ["spiral"], "scaling.models": ["knn"]}
    closure = Library(ROOT).closure("scripts/train.py", kinds)
    Orders.of([closure], {}).write(folder)
    names = {"code": closure.code, "environment": closure.environment}
    make = WITH_RECEIPT.format(
        inputs="", made="read.json", receipt="read.receipt.json", content="{'error': [0.25] * 300}", **names
    )
    cpu(make, folder)
    copy = WITH_RECEIPT.format(
        inputs='"read.json"',
        made="made.json",
        receipt="made.receipt.json",
        content='json.loads(pathlib.Path("read.json").read_text())',
        **names,
    )
    return in_turns(lambda: cpu(CONTAINERS + PLAIN, folder), lambda: cpu(copy, folder))


if __name__ == "__main__":
    typer.run(main)
