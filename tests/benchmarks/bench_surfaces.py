"""What a surface's fit reaches and costs, beside the package chinchilla 0.2.0 on the same data.

python tests/benchmarks/bench_surfaces.py [--chinchilla PYTHON] [--repetitions 40] [--json]

PYTHON is the interpreter of an environment that has the package (it is no dependency of ours); it is given the same
objective, the sum of Huber losses of log loss with δ = 1e-3, Hoffmann et al.'s ranges of starts, and one thread.
The data are shaped as Chinchilla's: 240 points, 4e7 to 1.6e10 parameters, 1e18 to 1e22 FLOPs, residuals of Student's
t with 3 degrees of freedom and scale .004. Seconds are CPU seconds of one fit, imports not counted.
"""

import json
import subprocess
import time
import warnings
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from scaling.laws.surfaces import Coefficients, Surface, SurfaceWarning, bootstrap, fit_surface

DELTA = 1e-3
NAMES = Coefficients._fields
TRUTH = Coefficients(*map(np.asarray, (1.8, 480.0, 2100.0, 0.35, 0.37)))
Points = tuple[np.ndarray, np.ndarray, np.ndarray]

RIVAL = """
import functools, json, os, sys, tempfile, time
os.environ["MPLBACKEND"] = "Agg"
import numpy, pandas
from chinchilla import Chinchilla
from chinchilla._metrics import log_huber
task = json.load(sys.stdin)
ranges = dict(e=(-1, 1), a=(0, 25), b=(0, 25), alpha=(0, 2), beta=(0, 2))
with tempfile.TemporaryDirectory() as folder:
    pandas.DataFrame(task["points"]).to_csv(os.path.join(folder, "df.csv"), index=False)
    fit = Chinchilla(
        folder,
        param_grid={name: numpy.linspace(*ends, task["grid"]) for name, ends in ranges.items()},
        loss_fn=functools.partial(log_huber, delta=task["delta"]),
        log_level=50,
    )
    start = time.process_time()
    fit.fit(parallel=False)
    seconds = time.process_time() - start
found = [float(fit.params[name]) for name in ("E", "A", "B", "alpha", "beta")]
print(json.dumps({"found": found, "seconds": seconds}))
"""


def points_of(seed: int, points: int) -> Points:
    """Size, data and loss of one repetition."""
    rng = np.random.default_rng(seed)
    size = np.exp(rng.uniform(np.log(4e7), np.log(1.6e10), points))
    data = 10 ** rng.uniform(18, 22, points) / (6 * size)
    return size, data, TRUTH.predict(size, data) * np.exp(0.004 * rng.standard_t(3, points))


def objective(found: Coefficients, points: Points) -> float:
    """The sum of Huber losses, computed alike for all."""
    size, data, loss = points
    residual = np.abs(np.log(loss / found.predict(size, data)))
    return float(np.where(residual < DELTA, residual**2 / 2, DELTA * (residual - DELTA / 2)).sum())


def ours(points: Points) -> tuple[Surface, float]:
    """Our surface, and the seconds it took."""
    start = time.process_time()
    return fit_surface(*points, delta=DELTA), time.process_time() - start


def covered(surface: Surface, seed: int, draws: int) -> tuple[list[bool], float]:
    """Which of the bootstrap's 95 % intervals hold the truth, and the seconds they took."""
    start = time.process_time()
    estimates = bootstrap(surface, seed=seed, draws=draws).estimates()
    seconds = time.process_time() - start
    bounds = {name: (estimates[name].low, estimates[name].high) for name in NAMES}
    inside = [
        (low is None or low <= true) and (high is None or true <= high)
        for true, (low, high) in zip(map(float, TRUTH), bounds.values(), strict=True)
    ]
    return inside, seconds


def theirs(python: Path, points: Points, grid: int) -> tuple[Coefficients, float]:
    """The package's surface, and the seconds it took."""
    size, data, loss = (values.tolist() for values in points)
    compute = (6 * points[0] * points[1]).tolist()
    task = {"points": {"C": compute, "N": size, "D": data, "loss": loss}, "grid": grid, "delta": DELTA}
    run = subprocess.run(
        [python, "-c", RIVAL], input=json.dumps(task), capture_output=True, text=True, check=False, timeout=3600
    )
    if run.returncode:
        raise SystemExit(f"{python} could not fit with chinchilla; is it installed there?\n{run.stderr}")
    answer = json.loads(run.stdout.splitlines()[-1])
    return Coefficients(*map(np.asarray, answer["found"])), answer["seconds"]


def summary(fits: list[tuple[Coefficients, float]], data: list[Points], best: list[float]) -> dict[str, object]:
    """How far above the best objective known, how far from the truth, and how long."""
    excess = [objective(found, points) / least - 1 for (found, _), points, least in zip(fits, data, best, strict=True)]
    error = np.log(np.array([found for found, _ in fits]) / np.array(TRUTH))
    return {
        "repetitions": len(fits),
        "objective_median": float(np.median([objective(f, p) for (f, _), p in zip(fits, data, strict=True)])),
        "objective_above_best_largest": float(max(excess)),
        "rms_log_error": dict(zip(NAMES, np.sqrt(np.mean(error**2, axis=0)).tolist(), strict=True)),
        "seconds_median": float(np.median([seconds for _, seconds in fits])),
    }


def main(
    chinchilla: Annotated[Path | None, typer.Option(help="An interpreter that has the package chinchilla.")] = None,
    repetitions: Annotated[int, typer.Option(min=1, help="Data sets.")] = 40,
    points: Annotated[int, typer.Option(min=7, help="Points in each.")] = 240,
    draws: Annotated[int, typer.Option(min=1, help="Draws of our bootstrap.")] = 1000,
    rival_repetitions: Annotated[int, typer.Option(min=1, help="Data sets that chinchilla fits as well.")] = 5,
    grid: Annotated[int, typer.Option(min=2, help="Its starts per parameter: their fifth power in all.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Fit, time and print."""
    warnings.simplefilter("ignore", SurfaceWarning)
    data = [points_of(seed, points) for seed in range(repetitions)]
    surfaces = [ours(each) for each in data]
    fits = [(surface.coefficients, seconds) for surface, seconds in surfaces]
    intervals = [covered(surface, seed, draws) for seed, (surface, _) in enumerate(surfaces)]
    rivals = [theirs(chinchilla, each, grid) for each in data[:rival_repetitions]] if chinchilla else []
    best = [
        min(objective(found, each) for found, _ in (mine, *other))
        for each, mine, other in zip(data, fits, [[rival] for rival in rivals] + [[]] * repetitions, strict=False)
    ]
    report = {"ours": summary(fits, data, best)}
    report["ours"] |= {
        "agreement_least": min(surface.agreement for surface, _ in surfaces),
        "coverage": dict(zip(NAMES, np.mean([inside for inside, _ in intervals], axis=0).tolist(), strict=True)),
        "bootstrap_seconds_median": float(np.median([seconds for _, seconds in intervals])),
    }
    if rivals:
        shared = len(rivals)
        report["ours, on those"] = summary(fits[:shared], data[:shared], best[:shared])
        report[f"chinchilla, {grid**5} starts"] = summary(rivals, data[:shared], best[:shared])
    if as_json:
        print(json.dumps(report, indent=2))
    else:
        show(report)


def show(report: dict[str, dict[str, object]]) -> None:
    """Print the report as a table: a column per fitter."""
    table = Table("", *report, title="E + A·size^−a + B·data^−b, sum of Huber losses")
    rows = list(dict.fromkeys(name for each in report.values() for name in each))
    for row in rows:
        values = [each.get(row, "") for each in report.values()]
        names = next((value for value in values if isinstance(value, dict)), {"": None})
        for name in names:
            cells = [value.get(name, "") if isinstance(value, dict) else value for value in values]
            label = f"{row.replace('_', ' ')} {name}".strip()
            table.add_row(label, *(f"{cell:.5g}" if isinstance(cell, float) else str(cell) for cell in cells))
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
