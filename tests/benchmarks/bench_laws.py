"""What a law's fit reaches and costs, beside scipy's curve_fit and the package simple-scaling-laws 0.2.0.

OMP_NUM_THREADS=1 python tests/benchmarks/bench_laws.py [--simple-scaling-laws PYTHON] [--repetitions 40] [--seed 0]
    [--many 1000] [--json]

PYTHON is the interpreter of an environment that has the package (it is no dependency of ours and needs Python 3.12).
All get the same simulated curves, a row a run, and are asked for the law and for 95 % intervals of β, of the curve and
of a new run at three times the largest N. Seeds differ by 3 %, and a shard lies 2 % off the law: errors as our model
has them, which favours us. Seconds are CPU seconds for all that is asked of one curve, imports not counted.

fit_law              the law of all shards
analyse              regions, rivals, variants, influences and audit as well; the law is that of the region found
curve_fit, log       scipy.optimize.curve_fit of log(γ + α·N^β) to the log errors of all runs, α ≥ 0, β ≤ 0, γ ≥ 0,
                     started at the straight line; intervals by the delta method, t with runs − 3 degrees of freedom
curve_fit, raw       the same of γ + α·N^β to the errors themselves
simple-scaling-laws  fit and predict as in its README: separable-power on a test_loss, 1,000 draws. It fits the errors
                     themselves, with one SD for all runs, and γ may be negative

Σr² is the sum of squared log residuals of the shards' means, computed alike for all; widths of the curve's and a run's
interval are shares of the true error. Without a floor, curve_fit's best γ is often 0, where the delta method has no
ground. A width is "open" where half of the intervals or more are.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy import stats
from scipy.optimize import curve_fit

from scaling.experiments.coverage import Independent
from scaling.laws import Estimate, Law, fit_law, power_law, shards
from scaling.laws.analysis import analyse
from scaling.laws.forecasts import Range

FloatArray = NDArray[np.float64]

DESIGNS = (
    Independent(kind="independent", beta=-0.35, shards=8, decades=2.5, seeds=3, misfit=0.02),
    Independent(kind="independent", beta=-0.4, gamma=0.03, shards=10, decades=3, seeds=3, misfit=0.02),
)
LEVEL = 0.95
AHEAD = 3.0
NEW_RUNS = 100  # that each interval for a new run is held against
BASELINE = "curve_fit, log"
PROCESSES = 2
HELD = ": truth held"  # how the rows end that are shares

RIVAL = """
import json, sys, time, warnings
import polars
from simple_scaling_laws import fit
warnings.simplefilter("ignore")
N, error = "dataset_size__examples", "test_loss__error"
answers = []
for curve in json.load(sys.stdin):
    start = time.process_time()
    runs = [f"run {number}" for number in range(len(curve["N"]))]
    model = fit(polars.DataFrame({"training_run_id": runs, N: curve["N"], error: curve["error"]}))
    found, (low, high) = model.params(error), model.conf_int(error)["beta"]
    ends = [
        model.predict({N: [curve["ahead"]]}, kind=kind).select(error + "__q025", error + "__q975").row(0)
        for kind in ("mean", "new-run")
    ]
    seconds = time.process_time() - start
    N0 = model.observed_domain[N]["reference"]
    answers.append([found["B"], -found["beta"], found["E"], N0, [(-high, -low), *ends], seconds])
print(json.dumps(answers))
"""


class Curve(NamedTuple):
    """A simulated learning curve."""

    N: FloatArray
    """(runs,)."""
    error: FloatArray
    ahead: float
    """N at which errors are foretold."""
    new_runs: FloatArray
    """What further runs have there."""


class Answer(NamedTuple):
    """γ + α·(N/N0)^β, with intervals (3, 2): of β, of the curve ahead, of a new run there. Open ends are infinite."""

    alpha: float
    beta: float
    gamma: float
    N0: float
    intervals: FloatArray
    seconds: float = 0.0


Fitter = Callable[[Curve], Answer]
Row = dict[str, float | None]


def curve_of(design: Independent, seed: int) -> Curve:
    """One repetition of a design."""
    rng = np.random.default_rng(seed)
    N, ahead = design.rows, AHEAD * float(design.N[-1])
    error = design.means(rng) * design.noise(N, rng)
    return Curve(N, error, ahead, np.array([design.new_shard(ahead, rng)[1] for _ in range(NEW_RUNS)]))


def by_fit_law(curve: Curve) -> Answer:
    """Ours, the fit."""
    return answer_of(fit_law(curve.N, curve.error, level=LEVEL), curve.ahead)


def by_analyse(curve: Curve) -> Answer:
    """Ours, all of it."""
    return answer_of(analyse(shards(curve.N, curve.error), LEVEL).law, curve.ahead)


def answer_of(law: Law, ahead: float) -> Answer:
    """What a law of ours says."""
    foretold = law.forecast(ahead)
    found: tuple[Estimate | Range, ...] = law.beta, foretold.curve, foretold.run
    ends = np.array([(each.low, each.high) for each in found], dtype=np.float64)  # None becomes nan
    intervals = np.where(np.isnan(ends), [-np.inf, np.inf], ends)
    return Answer(law.alpha.value, law.beta.value, law.gamma.value, law.N0, intervals)


def by_curve_fit(curve: Curve, *, log: bool) -> Answer:
    """Least squares of errors or log errors, as a user would write it."""
    scale, inverse = (np.log, np.exp) if log else (np.asarray, np.asarray)
    N0 = float(np.exp(np.log(curve.N).mean()))
    x, ahead, measured = curve.N / N0, curve.ahead / N0, scale(curve.error)
    slope, level = np.polyfit(np.log(x), np.log(curve.error), 1)
    found, covariance = curve_fit(
        lambda x, *parameters: scale(power_law(x, *parameters)),
        x,
        measured,
        p0=(np.exp(level), slope, curve.error.min() / 2),
        bounds=([0, -np.inf, 0], [np.inf, 0, np.inf]),
    )
    alpha, beta, gamma = found.tolist()
    df = len(x) - len(found)
    noise = np.square(measured - scale(power_law(x, *found))).sum() / df
    error = gamma + alpha * ahead**beta
    gradient = np.array([ahead**beta, alpha * ahead**beta * np.log(ahead), 1]) / (error if log else 1)
    variance = gradient @ covariance @ gradient
    half = stats.t.ppf((1 + LEVEL) / 2, df) * np.sqrt([covariance[1, 1], variance, variance + noise])
    ends = np.array([beta, scale(error), scale(error)])[:, None] + half[:, None] * np.array([-1, 1])
    return Answer(alpha, beta, gamma, N0, np.stack([ends[0], *inverse(ends[1:])]))


FITTERS: dict[str, Fitter] = {
    "fit_law": by_fit_law,
    "analyse": by_analyse,
    BASELINE: partial(by_curve_fit, log=True),
    "curve_fit, raw": partial(by_curve_fit, log=False),
}


def timed(fitter: Fitter, curve: Curve) -> Answer:
    """An answer with the CPU seconds it took."""
    start = time.process_time()
    return fitter(curve)._replace(seconds=time.process_time() - start)


def theirs(python: Path, curves: list[Curve]) -> list[Answer]:
    """The package's answers."""
    task = [{"N": each.N.tolist(), "error": each.error.tolist(), "ahead": each.ahead} for each in curves]
    one_thread = {"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
    run = subprocess.run(
        [python, "-c", RIVAL],
        input=json.dumps(task),
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | one_thread,
    )
    if run.returncode:
        raise SystemExit(f"{python} could not fit with simple-scaling-laws; is it installed there?\n{run.stderr}")
    answers = [Answer(*answer) for answer in json.loads(run.stdout.splitlines()[-1])]
    return [answer._replace(intervals=np.array(answer.intervals)) for answer in answers]


def score(design: Independent, curve: Curve, answer: Answer) -> dict[str, float]:
    """Hold an answer against the data and the truth."""
    N, shard = np.unique(curve.N, return_inverse=True)
    means = np.bincount(shard, curve.error) / np.bincount(shard)
    fitted = power_law(N, answer.alpha, answer.beta, answer.gamma, answer.N0)
    ahead = float(design.curve(np.array(curve.ahead)))
    truths = {"β": (np.array(design.beta), 1.0), "curve": (np.array(ahead), ahead), "new run": (curve.new_runs, ahead)}
    scores = {
        "Σr²": float(np.square(np.log(means / fitted)).sum()),
        "|error of β|": abs(answer.beta - design.beta),
        "|error of γ|": abs(answer.gamma - design.floor),
    }
    for (name, (truth, unit)), (low, high) in zip(truths.items(), answer.intervals, strict=True):
        scores[f"{name}{HELD}"] = float(np.mean((low <= truth) & (truth <= high)))
        scores[f"{name}, width"] = float(high - low) / unit
    return scores


def summary(design: Independent, curves: list[Curve], answers: list[Answer]) -> Row:
    """Shares of truths held are means, all else are medians; None where that is infinite."""
    scores = [score(design, curve, answer) for curve, answer in zip(curves, answers, strict=True)]
    columns = {name: [each[name] for each in scores] for name in scores[0]}
    found = {name: float((np.mean if HELD in name else np.median)(column)) for name, column in columns.items()}
    quartiles = np.quantile([1000 * answer.seconds for answer in answers], (0.5, 0.25, 0.75)).tolist()
    found |= dict(zip(("CPU ms", "CPU ms, lower quartile", "CPU ms, upper quartile"), quartiles, strict=True))
    return {name: None if np.isinf(value) else value for name, value in found.items()}


def compare(design: Independent, seeds: Iterable[int], rival: Path | None) -> dict[str, Row]:
    """Let all fit the curves of a design; ours and curve_fit in turns, so that the machine's moods hit all alike."""
    curves = [curve_of(design, seed) for seed in seeds]
    turns = [[timed(fitter, curve) for fitter in FITTERS.values()] for curve in curves]
    answers = {name: [turn[i] for turn in turns] for i, name in enumerate(FITTERS)}
    if rival:
        answers["simple-scaling-laws"] = theirs(rival, curves)
    report = {name: summary(design, curves, given) for name, given in answers.items()}
    baseline = report[BASELINE]["CPU ms"]
    for each in report.values():
        each[f"times {BASELINE}"] = each["CPU ms"] / baseline if each["CPU ms"] and baseline else None
    return report


def fit_many(count: int, seed: int) -> dict[str, float]:
    """Fit the laws of so many curves in two processes, and hand them back: wall seconds, the pool's start included."""
    curves = [curve_of(DESIGNS[i % len(DESIGNS)], seed + i) for i in range(count)]
    start = time.perf_counter()
    with ProcessPoolExecutor(PROCESSES) as pool:
        laws = list(pool.map(fit_law, [c.N for c in curves], [c.error for c in curves], chunksize=20))
    return {"curves": len(laws), "processes": PROCESSES, "wall seconds": time.perf_counter() - start}


def main(
    simple_scaling_laws: Annotated[Path | None, typer.Option(help="An interpreter that has the package.")] = None,
    repetitions: Annotated[int, typer.Option(min=1, help="Curves of each design.")] = 40,
    seed: Annotated[int, typer.Option(min=0, help="That of the first curve; the others count on.")] = 0,
    many: Annotated[int, typer.Option(min=0, help=f"Curves to fit in {PROCESSES} processes, on the clock.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Fit, time and print."""
    seeds = range(seed, seed + repetitions)
    designs = {design.description: compare(design, seeds, simple_scaling_laws) for design in DESIGNS}
    report: dict[str, Any] = {"seeds": list(seeds), "designs": designs}
    if many:
        report["many"] = fit_many(many, seed)
    if as_json:
        print(json.dumps(report, indent=2, ensure_ascii=False))
        return
    console = Console(width=110)
    for design, fitters in designs.items():
        console.print(table(f"{design}: {repetitions} curves", fitters))
    if many:
        seconds = report["many"]["wall seconds"]
        console.print(f"fit_law: {many} curves in {PROCESSES} processes in {seconds:.1f} s")


def table(title: str, fitters: dict[str, Row]) -> Table:
    """A column per fitter."""

    def cell(row: str, value: float | None) -> str:
        if value is None:
            return "open"
        if HELD in row:
            return f"{value:.1%}"
        return f"{value:.0f}" if value >= 100 else f"{value:.3g}"

    shown = Table("", *fitters, title=title)
    for row in next(iter(fitters.values())):
        shown.add_row(row, *(cell(row, each[row]) for each in fitters.values()))
    return shown


if __name__ == "__main__":
    typer.run(main)
