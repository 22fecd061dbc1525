"""The command `laws`: fits laws to anyone's measurements, forecasts from them and compares their slopes.

Exit codes: 0 done, 1 nothing could be fitted or compared, 2 could not run.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel
from rich.console import Console

from scaling.laws import report
from scaling.laws.answers import compare, outlook
from scaling.laws.exponents import MARGIN
from scaling.laws.measured import MeasuredCurve, measured_curves
from scaling.measurements import MeasurementsError, read_measurements, tell_ignored

DONE, NOTHING, COULD_NOT_RUN = 0, 1, 2
WIDTH = 100
"""Columns of a table where the output is no terminal."""

app = typer.Typer(
    help="Fit power laws with intervals to learning curves that you measured; nothing is trained. Exit codes: 0 done, "
    "1 nothing could be fitted or compared, 2 could not run.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

Measurements = Annotated[
    Path,
    typer.Argument(
        metavar="CURVES.CSV",
        help="A row a run, with the columns model, N, error and, if there are any, domain, seed, size and compute; "
        "others are ignored. N counts whatever you count; the error is any positive loss. Without a domain, that is "
        "the file's name.",
        show_default=False,
    ),
]
Level = Annotated[float, typer.Option(help="Level of all intervals.", min=0.5, max=0.999)]
Pool = Annotated[
    float | None,
    typer.Option(
        help="Examples that all shards are drawn from, if finite: above a fifth of it the seeds of a shard share data, "
        "and their spread says nothing.",
        min=1,
        show_default=False,
    ),
]
Cores = Annotated[int | None, typer.Option(help="Processes that share many curves. Default: all cores.", min=1)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON at full precision instead of tables.")]


def main() -> None:
    """Run the command line; measurements that cannot be read end with 2 and say why."""
    try:
        app()
    except MeasurementsError as problem:
        print(problem, file=sys.stderr)
        raise SystemExit(COULD_NOT_RUN) from None


@app.command()
def fit(
    measurements: Measurements,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for laws.json and laws.pdf. Default: CURVES-laws, here.", show_default=False),
    ] = None,
    diagnostics: Annotated[
        bool, typer.Option("--diagnostics", help="Draw diagnostics.pdf too: residuals, profiles, influence of shards.")
    ] = False,
    level: Level = 0.95,
    pool: Pool = None,
    cores: Cores = None,
    as_json: Json = False,
) -> None:
    """Fit error = γ + α·N^β to every curve: slope, β, γ, regions, best form, and how well it foretells its own end.

    Of a model that was measured at several sizes, each N counts at the size of the lowest median error. Exit codes: 0
    done, 1 no curve could be fitted, 2 the measurements could not be read, and their faults are listed by line.
    """
    curves = _curves(measurements, level, pool, cores)
    found = report.Report(measurements=measurements.name, level=level, pool=pool, curves=curves)
    folder = out or Path(f"{measurements.stem}-laws")
    _write(found, folder, diagnostics)
    if as_json:
        print(found.model_dump_json(indent=1))
    else:
        report.show_fits(found, _console())
        print(f"Written to {folder}/.")
    raise typer.Exit(DONE if any(curve.law for curve in curves) else NOTHING)


@app.command()
def forecast(
    measurements: Measurements,
    domain: Annotated[str | None, typer.Option(help="Only curves of this domain.", show_default=False)] = None,
    model: Annotated[str | None, typer.Option(help="Only curves of this model.", show_default=False)] = None,
    at: Annotated[
        list[float] | None, typer.Option(metavar="N", help="Foretell the error at this N; may be repeated.")
    ] = None,
    error: Annotated[
        list[float] | None, typer.Option(metavar="ERROR", help="Tell the N for this error; may be repeated.")
    ] = None,
    price_per_example: Annotated[
        float | None,
        typer.Option(metavar="PRICE", help="Tell what the data for each --error cost.", min=0, show_default=False),
    ] = None,
    price_per_flop: Annotated[
        float | None,
        typer.Option(
            metavar="PRICE",
            help="Tell what one training run for each --error costs; compute is fitted as a power of N, per model.",
            min=0,
            show_default=False,
        ),
    ] = None,
    level: Level = 0.95,
    pool: Pool = None,
    cores: Cores = None,
    as_json: Json = False,
) -> None:
    """Foretell the error at N, and the N and the cost for an error, with intervals, and how far each extrapolates.

    Three intervals: of the curve, of the mean of new runs, which adds what the law gets wrong, and of a single run,
    which adds the spread of the seeds. An error is "unreachable" if no floor in the interval of γ allows it, and
    "open" if some do. Beside it stands how well the curve foretold its own largest shard from the smaller ones. Exit
    codes: 0 done, 1 no curve could be fitted, 2 could not run.
    """
    sizes, errors = _positive(at, "--at"), _positive(error, "--error")
    priced = [price for price in (price_per_example, price_per_flop) if price is not None]
    if not sizes and not errors:
        raise typer.BadParameter("Nothing is asked for. Give --at N or --error E, each as often as you like.")
    if len(priced) > 1:
        raise typer.BadParameter("Give one price: --price-per-example or --price-per-flop.")
    if priced and not errors:
        raise typer.BadParameter("A price is of the data for an error: give --error too.")
    curves = _curves(measurements, level, pool, cores, domain=domain, model=model)
    if price_per_flop is not None and not any(curve.growth for curve in curves):
        raise typer.BadParameter(
            f"--price-per-flop needs the column compute of {measurements.name}, the operations of each run, at two N."
        )
    found = [
        outlook(curve, sizes, errors, price_per_example=price_per_example, price_per_flop=price_per_flop)
        for curve in curves
    ]
    if as_json:
        _print_json(found)
    else:
        report.show_outlooks(found, level, _console())
    raise typer.Exit(DONE if any(curve.law for curve in curves) else NOTHING)


@app.command("compare")
def compare_slopes(
    measurements: Measurements,
    margin: Annotated[float, typer.Option(help="Slopes nearer than this count as equal.", min=1e-6)] = MARGIN,
    level: Level = 0.95,
    pool: Pool = None,
    cores: Cores = None,
    as_json: Json = False,
) -> None:
    """Compare the effective slopes of the models of each domain, over the power-law regions that they share.

    Runs of equal N and seed are pairs that saw the same data: give them equal seeds only if they did. Equality is
    shown by two one-sided tests (TOST); the F-test stands beside them. Exit codes: 0 done, 1 nothing could be
    compared, 2 could not run.
    """
    found = compare(_curves(measurements, level, pool, cores), margin=margin, level=level, pool=pool)
    if as_json:
        _print_json(found)
    elif found:
        report.show_comparisons(found, margin, level, _console())
    else:
        print("Nothing to compare: no domain has two models.", file=sys.stderr)
    raise typer.Exit(DONE if any(each.difference for each in found) else NOTHING)


@app.command()
def price(
    results: Annotated[
        Path,
        typer.Argument(metavar="RESULTS", help="The results folder of a study that was built.", show_default=False),
    ],
    domain: Annotated[
        list[str] | None,
        typer.Option(
            help="Only this domain, or arm of an experiment; several are drawn on one scale. Default: a page each.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The figure. Default: RESULTS-price.pdf, here.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Set the errors of a study beside what they cost: the processor seconds of the runs, as their receipts tell.

    Medians over the seeds of each model and N. Exit codes: 0 done, 2 the folder has no such runs.
    """
    from scaling.plots.measured import save_pages
    from scaling.plots.price import price as drawn
    from scaling.price import NoPrices, priced, prices

    try:
        found = [prices(results, name) for name in domain or priced(results)]
    except NoPrices as problem:
        raise typer.BadParameter(str(problem)) from None
    figure = out or Path(f"{results.resolve().name}-price.pdf")
    try:
        save_pages([drawn(found)] if domain else (drawn([of_domain]) for of_domain in found), figure)
    except OSError as problem:
        raise typer.BadParameter(f"{figure} cannot be written: {problem.strerror}. Give another --out.") from problem
    every = [each for of_domain in found for each in of_domain]
    if as_json:
        _print_json(every)
    else:
        report.show_prices(every, _console())
        print(f"Written to {figure}.")


def _curves(
    measurements: Path, level: float, pool: float | None, cores: int | None, **wanted: str | None
) -> tuple[MeasuredCurve, ...]:
    """Analyse the measurements, or those of the columns' values that are wanted."""
    table = read_measurements(measurements, domain=measurements.stem)
    if said := tell_ignored(measurements):
        print(said, file=sys.stderr)
    for column, value in wanted.items():
        if value is None:
            continue
        known = dict.fromkeys(table[column])
        if value not in known:
            raise typer.BadParameter(f"--{column} {value}: {measurements.name} has {', '.join(known)}.")
        table = table[table[column] == value]
    return measured_curves(table, level=level, pool=pool, cores=cores)


def _write(found: report.Report, folder: Path, diagnostics: bool) -> None:
    from scaling.plots import diagnostics as diagnosed
    from scaling.plots.measured import measured, save_pages

    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "laws.json").write_text(found.model_dump_json(indent=1) + "\n")
        save_pages(measured(found.curves), folder / "laws.pdf")
        if diagnostics:
            figures = (diagnosed.diagnostics(curve.analysis, curve.name) for curve in found.curves if curve.analysis)
            save_pages(figures, folder / "diagnostics.pdf")
    except OSError as problem:
        raise typer.BadParameter(f"{folder} cannot be written: {problem.strerror}. Give another --out.") from problem


def _positive(values: Iterable[float] | None, option: str) -> list[float]:
    given = list(values or ())
    for value in given:
        if not (math.isfinite(value) and value > 0):
            raise typer.BadParameter(f"{option} {value:g}: expected a positive, finite number.")
    return given


def _print_json(found: Iterable[BaseModel]) -> None:
    print(json.dumps([each.model_dump(mode="json") for each in found], indent=1, ensure_ascii=False))


def _console() -> Console:
    """A console for tables, without markup: names may hold brackets.

    Where a terminal is narrower than the tables its own wrapping loses nothing; made to fit, columns would vanish.
    """
    width = max(WIDTH, Console().width) if sys.stdout.isatty() else WIDTH
    return Console(width=width, highlight=False, markup=False, emoji=False)
