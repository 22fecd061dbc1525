"""The command `audit`: proves what a study's paper prints, and says where it comes from.

Exit codes: 0 sound, 1 found something, 2 could not run.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from provenance.findings import MEANING, Unsound
from provenance.options import CONFIGFILE, spread
from provenance.workspace import CannotRun, few, open_workspace

if TYPE_CHECKING:
    from provenance.store import Store

SOUND, FOUND, COULD_NOT_RUN = 0, 1, 2
EXIT_CODES = "Exit codes: 0 sound, 1 found something, 2 could not run."
FOLDED = 8
"""Missing results of a rule that are shown one by one; of more, the number."""

app = typer.Typer(
    help="Prove what the paper prints, and trace it to code and data. Exit codes: 0 sound, 1 found something, "
    "2 could not run.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

Profile = Annotated[list[str] | None, typer.Option("--profile", help="As given to snakemake, for another study.")]
Config = Annotated[
    list[str] | None,
    typer.Option(
        CONFIGFILE, help="As given to snakemake, for another study; several files in one: --configfile A.yaml B.yaml."
    ),
]
Paranoid = Annotated[bool, typer.Option("--paranoid", help="Hash every file anew, whatever its size and times.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def main() -> None:
    """Run the command line; what cannot run ends with 2 and says why."""
    try:
        app(spread(sys.argv[1:]))
    except (CannotRun, Unsound) as problem:
        print(problem, file=sys.stderr)
        raise SystemExit(COULD_NOT_RUN) from None


def console() -> Console:
    """Give the console for tables, which are not cut where the output is no terminal."""
    terminal = sys.stdout.isatty()
    # Without markup: what is told may hold brackets.
    return Console(width=None if terminal else 160, highlight=False, soft_wrap=not terminal, markup=False, emoji=False)


@app.command()
def verify(
    crate: Annotated[Path | None, typer.Argument(help="A crate, folder or zip file; without, the study here.")] = None,
    profile: Profile = None,
    configfile: Config = None,
    paranoid: Paranoid = False,
    as_json: Json = False,
) -> None:
    """Recompute all hashes and the whole chain, PDF included; name every bad file and the numbers that it touches.

    Nothing of a crate is run, so one of strangers can be verified. Exit codes: 0 sound, 1 something is wrong, 2 could
    not look.
    """
    from provenance import publication, verify

    if crate:
        data = publication.as_data(publication.verify_publication(crate))
    else:
        workspace = open_workspace(profile or [], configfile or [])
        data = verify.as_data(verify.verify(workspace, paranoid), workspace)
    if as_json:
        print(json.dumps(data, indent=1, ensure_ascii=False))
    else:
        _show(data)
    raise typer.Exit(SOUND if data["sound"] else FOUND)


def _show(data: dict[str, Any]) -> None:
    out = console()
    if data["findings"]:
        table = Table("file", "what", "why", "numbers", title=f"{len(data['findings'])} found", show_lines=True)
        table.columns[2].min_width = 74  # a hash that is cut is none
        for group in folded(data["findings"]):
            table.add_row(*_cells(group))
        out.print(table)
    for finding in data["accepted"]:
        out.print(f"accepted: {finding['file']} {MEANING[finding['kind']]}")
    if data["unused"]:
        out.print(f"{len(data['unused'])} files of an earlier study are no longer used, such as {data['unused'][0]}.")
    if data["sound"]:
        out.print(f"Sound: {data['files']} files, every linked number of the PDF, root {data['root']}.")


def folded(findings: Iterable[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Group findings as they are shown: each by itself, but what many jobs of one rule lack together."""
    groups: dict[object, list[dict[str, Any]]] = defaultdict(list)
    for number, finding in enumerate(findings):
        rule = finding["job"].partition(" ")[0]
        groups[rule if rule and finding["kind"] == "missing" else number].append(finding)
    shown = ([group] if len(group) > FOLDED else [[finding] for finding in group] for group in groups.values())
    return list(chain.from_iterable(shown))


def _cells(group: Sequence[dict[str, Any]]) -> tuple[str, str, str, str]:
    first = group[0]
    numbers = list(dict.fromkeys(number for finding in group for number in finding["numbers"]))
    if len(group) > 1:
        rule = first["job"].partition(" ")[0]
        return f"{len(group):,} of rule {rule}, such as {first['file']}", "are missing", "", few(numbers)
    hashes = [f"{side} {first[side]}" for side in ("found", "expected") if first[side]]
    return first["file"], MEANING[first["kind"]], "\n".join(filter(None, [first["why"], *hashes])), few(numbers)


@app.command()
def replay(
    sample: Annotated[int | None, typer.Option(min=1, help="How many jobs; without, one of each rule.")] = None,
    seed: Annotated[int | None, typer.Option(help="Chooses the jobs; a new one each time, which is reported.")] = None,
    number: Annotated[str | None, typer.Option(help="Choose from the jobs behind this number of the ledger.")] = None,
    rule: Annotated[list[str] | None, typer.Option(help="Choose from jobs of this rule, also if it fetches.")] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(min=0, help="For another CPU: let numbers in JSON, CSV and npz files differ by so much."),
    ] = None,
    tolerances: Annotated[
        Path | None,
        typer.Option(help="For another device: a file of YAML that says which numbers may differ by how much."),
    ] = None,
    cores: Annotated[int, typer.Option(min=1, help="As given to snakemake.")] = os.cpu_count() or 1,
    profile: Profile = None,
    configfile: Config = None,
    as_json: Json = False,
) -> None:
    """Run some jobs once more in a clean folder, and compare what they make, bit for bit, with what was recorded.

    Finds what hashes can't: a result that was forged together with its receipt and all that was made from it. The
    outcome goes to audit/replay.md and .json in the results folder. Exit codes: 0 reproduced, 1 something differs or
    could not be run once more, 2 there was nothing to choose from.
    """
    from provenance import replay
    from provenance.tolerances import Tolerances

    workspace = open_workspace(profile or [], configfile or [])
    found = replay.replay(
        workspace,
        sample=sample,
        seed=secrets.randbelow(1_000_000) if seed is None else seed,
        number=number,
        rules=rule or [],
        tolerance=tolerance,
        tolerances=Tolerances.read(tolerances) if tolerances else None,
        cores=cores,
        tell=lambda words: print(words, file=sys.stderr),
    )
    data = replay.as_data(found, workspace)
    report = replay.write_report(data, workspace.results)
    if as_json:
        print(json.dumps(data, indent=1, ensure_ascii=False))
    else:
        replay.show(data, console())
        print(f"Written to {report}.")
    raise typer.Exit(SOUND if data["reproduced"] else FOUND)


@app.command()
def trace(
    key: Annotated[str, typer.Argument(help="A key of the ledger, or a file of the results.")] = "",
    page: Annotated[int | None, typer.Option(help="Instead of a key: what the PDF prints here.", min=1)] = None,
    text: Annotated[str, typer.Option(help='As the PDF prints it, such as "25.8 %"; on --page, or anywhere.')] = "",
    everything: Annotated[bool, typer.Option("--all", help="Show every run by itself, and every digest.")] = False,
    profile: Profile = None,
    configfile: Config = None,
    as_json: Json = False,
) -> None:
    """Show where a number of the paper comes from: jobs, data, seeds and code, and the command that remakes it."""
    from provenance.trace import as_data, printed_at, show, show_matches, trace

    if bool(key) == bool(page or text):
        raise CannotRun("Give a key of the ledger, or --page and --text of the PDF: not both, not neither.")
    workspace = open_workspace(profile or [], configfile or [])
    if not key:
        matches = printed_at(workspace, page or 0, text)
        if len({match.key for match in matches}) > 1:
            if as_json:
                print(json.dumps([match._asdict() for match in matches], indent=1, ensure_ascii=False))
            else:
                show_matches(matches, console())
            return
        key = matches[0].key
    traced = trace(workspace, key, fold=not everything)
    if as_json:
        print(json.dumps(as_data(traced), indent=1, ensure_ascii=False))
    else:
        show(traced, console(), everything)
    raise typer.Exit(FOUND if traced.findings else SOUND)


@app.command()
def explain(
    target: Annotated[str, typer.Argument(help="A file, a rule or a key of the ledger: only what it needs.")] = "",
    cores: Annotated[int, typer.Option(min=1, help="For how many cores time is estimated.")] = os.cpu_count() or 1,
    profile: Profile = None,
    configfile: Config = None,
    as_json: Json = False,
) -> None:
    """Say what would run again, why, and for how long. Exit codes: 0 nothing, 1 something would run."""
    from provenance.explain import as_data, explain, show

    workspace = open_workspace(profile or [], configfile or [])
    found = explain(workspace, target or None, cores)
    if as_json:
        print(json.dumps(as_data(found), indent=1, ensure_ascii=False))
    else:
        show(found, console(), workspace.plan.results)
    raise typer.Exit(FOUND if found.groups or found.stops else SOUND)


@app.command()
def costs(
    build: Annotated[
        str, typer.Argument(help="A results folder or a crate; without, the study here.", show_default=False)
    ] = "",
    by: Annotated[str, typer.Option(help="rule, host, device, or any wildcard of the rules; several with commas.")] = (
        "rule,domain"
    ),
    profile: Profile = None,
    configfile: Config = None,
    as_json: Json = False,
) -> None:
    """Say what the study cost, and where: processor time, wall time and memory of its jobs, as their receipts tell.

    The costliest come first. Wall times are summed as if one job had run after the other. Starting jobs is not counted;
    a result from the shared store counts what it cost where it was made.
    """
    from provenance.costs import as_data, costs, receipts_of, show

    if build:
        found = costs(receipts_of(build), by)
    else:
        workspace = open_workspace(profile or [], configfile or [])
        found = costs(workspace.receipts.values(), by, workspace.plan.jobs)
    if as_json:
        print(json.dumps(as_data(found), indent=1, ensure_ascii=False))
    else:
        show(found, console())


@app.command()
def accept(
    file: Annotated[str, typer.Argument(help="A file of the results, such as results/laws/spiral/mlp.json.")],
    reason: Annotated[str, typer.Option(help="Why it may stay as it is; the paper prints it.")] = "",
    who: Annotated[str, typer.Option(help="Who accepts it; default: git's user.name, or your login.")] = "",
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take it from the record again.")] = False,
    profile: Profile = None,
    configfile: Config = None,
    as_json: Json = False,
) -> None:
    """Keep a damaged or stale file as it is, on record: who, when and why. The paper will state it."""
    from provenance import accept as acceptance

    workspace = open_workspace(profile or [], configfile or [])
    done = acceptance.withdraw(workspace, file) if withdraw else acceptance.accept(workspace, file, reason, who)
    if as_json:
        print(json.dumps(acceptance.as_data(done), indent=1, ensure_ascii=False))
    else:
        acceptance.show(done, console(), workspace)


@app.command()
def diff(
    old: Annotated[str, typer.Argument(help="A results folder, a crate, a ledger, or REVISION:path/ledger.json.")],
    new: Annotated[str, typer.Argument(help="Likewise.")],
    as_json: Json = False,
) -> None:
    """Compare two builds: which numbers, claims and figures differ, by how much, and because of what.

    Verdicts come first, then numbers by the size of their change against the half-width of their old interval. Exit
    codes: 0 the same, 1 different, 2 one of them is no build.
    """
    from provenance import comparison

    with comparison.open_build(old) as before, comparison.open_build(new) as after:
        found = comparison.compare(before, after)
    if as_json:
        print(json.dumps(comparison.as_data(found), indent=1, ensure_ascii=False))
    else:
        comparison.show(found, console())
    raise typer.Exit(FOUND if found.differs else SOUND)


@app.command()
def crate(
    target: Annotated[
        Path | None,
        typer.Argument(help="A zip file or a folder. Default: RESULTS-crate.zip here.", show_default=False),
    ] = None,
    title: Annotated[str | None, typer.Option(help="Default: the paper's in the config, or CITATION.cff's.")] = None,
    author: Annotated[str | None, typer.Option(help="Default: the paper's in the config, or CITATION.cff's.")] = None,
    affiliation: Annotated[str | None, typer.Option(help="Of one who is a person. Default: CITATION.cff's.")] = None,
    url: Annotated[str | None, typer.Option(help="Of the affiliation or the group. Default: CITATION.cff's.")] = None,
    license: Annotated[str | None, typer.Option(help="An SPDX identifier. Default: CITATION.cff's.")] = None,
    with_data: Annotated[bool, typer.Option("--with-data", help="Take raw and prepared data in too.")] = False,
    profile: Profile = None,
    configfile: Config = None,
    as_json: Json = False,
) -> None:
    """Write results, workflow and their description as a Workflow Run RO-Crate, if `audit verify` finds them sound.

    Raw and prepared data are described but left out; references of CITATION.cff with a `filename` say their licence and
    where they are from. Exit codes: 0 written, 1 the results are unsound, 2 could not be written.
    """
    from provenance import publication, verify
    from provenance.crate import CrateError, write_crate

    workspace = open_workspace(profile or [], configfile or [])
    citation = publication.read_citation(Path())
    study = workspace.ledger.get("config", {})
    given = {"title": title, "author": author, "affiliation": affiliation, "url": url, "license": license}
    what = publication.about(citation, study.get("paper", {}), given)
    checked = verify.verify(workspace, paranoid=True)
    if checked.findings:
        _show(verify.as_data(checked, workspace))
        print("No crate was written: the results are not sound.", file=sys.stderr)
        raise typer.Exit(FOUND)
    target = target or Path(f"{workspace.results.name}-crate.zip")
    without = () if with_data else publication.left_out(citation)
    made = [file for job in workspace.plan.jobs for file in job.outputs]
    unlicensed = [] if with_data else publication.unlicensed(made, without)
    jobs = [job.receipt for job in workspace.plan.jobs]
    try:
        write_crate(workspace.results, target, Path.cwd(), what, jobs=jobs, without=without)
    except CrateError as error:
        raise CannotRun(str(error)) from error
    if said := publication.misnamed(what, study.get("domains", {})):
        print(said, file=sys.stderr)
    if as_json:
        print(json.dumps({"crate": str(target), "root": checked.root, "unlicensed": unlicensed}, ensure_ascii=False))
        return
    for file in unlicensed:
        print(
            f"{file} has no licence: name it as `filename` of a reference in {publication.CITATION}.", file=sys.stderr
        )
    print(f"Written to {target}: “{what.title}”, {what.author.name}, {what.license}, root {checked.root}.")


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


for _command in (*app.registered_commands, *store.registered_commands):
    if "Exit codes" not in (_command.callback.__doc__ or ""):
        _command.epilog = EXIT_CODES


if __name__ == "__main__":
    main()
