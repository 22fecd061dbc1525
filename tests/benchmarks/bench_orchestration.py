"""What the workflow costs beside its jobs, at several sizes of study, and a plain Snakemake workflow of the same shape.

python tests/benchmarks/bench_orchestration.py [--runs 1000 --runs 10000 --runs 50000] [--times 3] [--processes CORES]
                                               [--folder FOLDER] [--json]

The runs are of a stub domain and a stub family that cost nothing (`simulated.py`); all else is real: identity, checks
of inputs, records, receipts, tables, laws, figures, claims, ledger and PDF. Building a study of 10,000 runs takes five
minutes, as its jobs run one after the other in few processes; `--processes` starts one for each, as builds do. FOLDER
keeps what was built, for the next time. Parsing is `--list-rules`, which sweeps the results too, as every command
does. CPU seconds and resident memory, of ours and of the plain workflow in turns: median and range of `--times`. The
exponent is that of the growth from one size to the next: 1 is linear.
"""

import json
import math
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from simulated import INLINE, Cost, make_bare, make_study, run, snakemake

COMMANDS = {
    "parse": ["--list-rules"],
    "dry run": ["--dry-run", "--quiet"],
    "no-op": ["--cores", "2"],
}
MEASURES = {"cpu": "CPU s", "memory": "MB"}


def measured(folder: Path, runs: int, times: int, building: list[str]) -> dict[str, Any]:
    """Build both workflows unless they are there, and measure every command in turns."""
    ours, bare = folder / f"ours-{runs}", folder / f"bare-{runs}"
    found: dict[str, Any] = {"runs": runs, "commands": {}}
    found["build"] = _built(ours, lambda: snakemake(make_study(ours, runs), *building))
    found["bare build"] = _built(bare, lambda: snakemake(make_bare(bare, runs), *INLINE))
    verify = ["-m", "provenance.audit", "verify"]
    for path in (ours, bare):
        snakemake(path, "--list-rules")  # the first sweep of new results reads every receipt, and compiles the code
    for name, arguments in COMMANDS.items():
        costs = [(snakemake(ours, *arguments), snakemake(bare, *arguments)) for _ in range(times)]
        found["commands"][name] = {
            measure: {
                "ours": [getattr(mine, measure) for mine, _ in costs],
                "bare": [getattr(other, measure) for _, other in costs],
                "ratio": [getattr(mine, measure) / getattr(other, measure) for mine, other in costs],
            }
            for measure in MEASURES
        }
    costs = [run(ours, *verify) for _ in range(times)]
    found["commands"]["verify"] = {
        measure: {"ours": [getattr(mine, measure) for mine in costs]} for measure in MEASURES
    }
    return found


def _built(folder: Path, build: Callable[[], Cost]) -> dict[str, float]:
    note = folder / "cost.json"
    if not note.exists():
        cost = build()
        sizes = [path.lstat().st_blocks * 512 for path in folder.rglob("*")]
        note.write_text(json.dumps({**cost._asdict(), "disk": sum(sizes) / 1e6, "files": len(sizes)}))
    content: dict[str, float] = json.loads(note.read_text())
    return content


def exponent(small: dict[str, Any], large: dict[str, Any], value: Callable[[dict[str, Any]], float]) -> float:
    """How a figure grows with the number of runs: the power of it."""
    return math.log(value(large) / value(small)) / math.log(large["runs"] / small["runs"])


def show(sizes: list[dict[str, Any]], out: Console) -> None:
    """Print both tables."""
    table = Table("runs", "command", title="median (range); ours / bare = ratio")
    for unit in MEASURES.values():
        table.add_column(unit, justify="right")
        table.add_column("exponent", justify="right")
    for before, found in zip([None, *sizes], sizes, strict=False):
        for name, costs in found["commands"].items():
            cells = []
            for measure in MEASURES:
                cells.append(_told(costs[measure]))
                cells.append(_growth(before, found, lambda size, at=(name, measure): _middle(size["commands"], *at)))
            table.add_row(f"{found['runs']:,}", name, *cells)
    out.print(table)
    table = Table("runs", "wall s", "CPU s", "MB", "disk MB", "files", title="building it all; exponent")
    for before, found in zip([None, *sizes], sizes, strict=False):
        cells = []
        for measure in ("wall", "cpu", "memory", "disk", "files"):
            growth = _growth(before, found, lambda size, of=measure: size["build"][of])
            cells.append(f"{found['build'][measure]:,.0f}  {growth}")
        table.add_row(f"{found['runs']:,}", *cells)
    out.print(table)


def _middle(commands: dict[str, Any], name: str, measure: str) -> float:
    return statistics.median(commands[name][measure]["ours"])


def _growth(before: dict[str, Any] | None, found: dict[str, Any], value: Callable[[dict[str, Any]], float]) -> str:
    return f"{exponent(before, found, value):.2f}" if before else ""


def _told(values: dict[str, list[float]]) -> str:
    ours = f"{statistics.median(values['ours']):.1f}"
    if "bare" not in values:
        return ours
    low, middle, high = min(values["ratio"]), statistics.median(values["ratio"]), max(values["ratio"])
    return f"{ours} / {statistics.median(values['bare']):.1f} = {middle:.2f} ({low:.2f}–{high:.2f})"


def main(
    runs: Annotated[list[int] | None, typer.Option(help="A size of study; give it several times.")] = None,
    times: int = 3,
    processes: Annotated[int, typer.Option(help="Start a process for each job, on so many cores.")] = 0,
    folder: Path | None = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Build, measure and print."""
    building = ["--cores", str(processes)] if processes else INLINE
    with tempfile.TemporaryDirectory() as scratch:
        place = (folder or Path(scratch)).resolve()
        sizes = [measured(place, number, times, building) for number in runs or [1_000, 10_000]]
    if as_json:
        print(json.dumps(sizes, indent=1))
    else:
        show(sizes, Console(width=140))


if __name__ == "__main__":
    typer.run(main)
