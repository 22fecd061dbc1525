"""The command `audit`: proves what a study's paper prints, and says where it comes from.

Exit codes: 0 sound, 1 found something, 2 could not run.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from provenance.findings import MEANING, Unsound
from provenance.workspace import CannotRun, open_workspace

if TYPE_CHECKING:
    from provenance.store import Store

SOUND, FOUND, COULD_NOT_RUN = 0, 1, 2

app = typer.Typer(
    help="Prove what the paper prints, and trace it to code and data. Exit codes: 0 sound, 1 found something, "
    "2 could not run.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Profile = Annotated[list[str] | None, typer.Option("--profile", help="As given to snakemake, for another study.")]
Config = Annotated[list[str] | None, typer.Option("--configfile", help="As given to snakemake, for another study.")]
Paranoid = Annotated[bool, typer.Option("--paranoid", help="Hash every file anew, whatever its size and times.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def main() -> None:
    """Run the command line; what cannot run ends with 2 and says why."""
    try:
        app()
    except (CannotRun, Unsound) as problem:
        print(problem, file=sys.stderr)
        raise SystemExit(COULD_NOT_RUN) from None


def console() -> Console:
    """Give the console for tables, which are not cut where the output is no terminal."""
    return Console(width=None if sys.stdout.isatty() else 160, highlight=False, soft_wrap=not sys.stdout.isatty())


@app.callback()
def _together() -> None:
    pass  # without a callback, typer would take a lone command for the whole program


@app.command()
def verify(
    profile: Profile = None, configfile: Config = None, paranoid: Paranoid = False, as_json: Json = False
) -> None:
    """Recompute all hashes and the whole chain, PDF included; name every bad file and the numbers that it touches."""
    from provenance.verify import as_data, verify

    workspace = open_workspace(profile or [], configfile or [])
    report = verify(workspace, paranoid)
    data = as_data(report, workspace)
    if as_json:
        print(json.dumps(data, indent=1, ensure_ascii=False))
    else:
        _show(data)
    raise typer.Exit(FOUND if report.findings else SOUND)


def _show(data: dict[str, Any]) -> None:
    out = console()
    if data["findings"]:
        table = Table("file", "what", "why", "numbers", title=f"{len(data['findings'])} found", show_lines=True)
        for finding in data["findings"]:
            hashes = [f"{side} {finding[side]}" for side in ("found", "expected") if finding[side]]
            table.add_row(
                finding["file"],
                MEANING[finding["kind"]],
                "\n".join(filter(None, [finding["why"], *hashes])),
                _few(finding["numbers"]),
            )
        out.print(table)
    for finding in data["accepted"]:
        out.print(f"accepted: {finding['file']} {MEANING[finding['kind']]}")
    if data["unused"]:
        out.print(f"{len(data['unused'])} files of an earlier study are no longer used, such as {data['unused'][0]}.")
    if data["sound"]:
        out.print(f"Sound: {data['files']} files, every linked number of the PDF, root {data['root']}.")


def _few(words: list[str], most: int = 4) -> str:
    return ", ".join(words[:most]) + (f" and {len(words) - most} more" if len(words) > most else "")


store = typer.Typer(help="The shared store of results that STUDY_STORE names.", no_args_is_help=True)
app.add_typer(store, name="store")


@store.command("status")
def store_status(as_json: Json = False) -> None:
    """Say what the store holds."""
    held = _store().statistics()
    if as_json:
        print(json.dumps(held._asdict()))
    else:
        print(f"{held.entries} results, {held.objects} files, {held.bytes / 1e6:,.1f} MB")


@store.command("verify")
def store_verify(as_json: Json = False) -> None:
    """Recompute every hash in the store. What is damaged would be dropped by the first build that asks for it."""
    damaged = _store().verify()
    if as_json:
        print(json.dumps([damage._asdict() for damage in damaged], indent=1))
    else:
        for damage in damaged:
            print(f"{damage.file}: {damage.words}")
        print(f"{len(damaged)} damaged" if damaged else "Sound.")
    raise typer.Exit(FOUND if damaged else SOUND)


@store.command("prune")
def store_prune(
    limit: Annotated[str, typer.Option(help="Keep so much, such as 500MB; 0B empties the store.")] = "",
    grace: Annotated[float, typer.Option(help="Keep what is younger, in seconds: a build may be using it.")] = 3600.0,
    as_json: Json = False,
) -> None:
    """Remove the results that have not been used for longest, down to the limit (default: STUDY_STORE_LIMIT)."""
    from provenance.store import parse_size

    try:
        removed = _store().prune(parse_size(limit) if limit else None, grace)
    except (ValueError, OSError) as error:
        raise CannotRun(str(error)) from error
    if as_json:
        print(json.dumps(removed._asdict()))
    else:
        print(f"removed {removed.entries} results, {removed.objects} files, {removed.bytes / 1e6:,.1f} MB")


def _store() -> Store:
    from provenance.store import Store, StoreError

    try:
        found = Store.from_environment()
    except StoreError as error:
        raise CannotRun(str(error)) from error
    if found is None:
        raise CannotRun("there is no shared store: STUDY_STORE names no folder.")
    return found


if __name__ == "__main__":
    main()
