"""Options: how a command names its study, to Snakemake and to the audit alike.

Snakemake lets --configfile on the command line replace that of a profile, and a profile that of the one before it,
without a word: then another study is built than was meant.
"""

from __future__ import annotations

import os
import shlex
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from pathlib import Path

from provenance.workspace import CannotRun

CONFIGFILE = "--configfile"


def spread(arguments: Sequence[str]) -> list[str]:
    """Repeat --configfile before each of its files: Snakemake takes many, an option of typer one.

    A word after the first counts as a file if it ends in .yaml or .yml, as no key, rule or result does. Raises
    CannotRun if the flag is repeated: Snakemake would let only the last count, and build another study than this.
    """
    if sum(word == CONFIGFILE or word.startswith(f"{CONFIGFILE}=") for word in arguments) > 1:
        raise CannotRun(f"give {CONFIGFILE} once, as to snakemake: {CONFIGFILE} A.yaml B.yaml.")
    if CONFIGFILE not in arguments:
        return list(arguments)
    first = arguments.index(CONFIGFILE) + 2
    more = list(takewhile(lambda word: word.endswith((".yaml", ".yml")), arguments[first:]))
    repeated = [word for file in more for word in (CONFIGFILE, file)]
    return [*arguments[:first], *repeated, *arguments[first + len(more) :]]


def naming(configfiles: Iterable[Path]) -> tuple[str, ...]:
    """Give the options that name a study by its configfiles, also those of a profile; none for the study as it is."""
    here = Path.cwd()
    files = [path.relative_to(here) if path.is_relative_to(here) else path for path in configfiles]
    return (CONFIGFILE, *map(str, files)) if files else ()


def left_out(arguments: Sequence[str], configfiles: Sequence[Path]) -> str:
    """Say which profile names a study that does not count, and what to do; empty if all do.

    `arguments` are those of Snakemake's command line, `configfiles` the absolute paths of those that count.
    """
    for profile in _profiles(arguments):
        files = _configfiles(profile)
        # By their ends: Snakemake may have gone to another folder since.
        if lost := [file for file in files if not any(path.match(str(file)) for path in configfiles)]:
            named = (CONFIGFILE, *map(str, files), *naming(configfiles)[1:])
            return (
                f"{profile} names the study {lost[0]}, which would not count: --configfile on the command line, or a "
                "later profile, replaces it. Name all that count, in their order:\n"
                f"    {shlex.join(named)}\n"
                "or leave out the profile."
            )
    return ""


def _profiles(arguments: Sequence[str]) -> Iterator[str]:
    """List the profiles that a command line takes."""
    parser = ArgumentParser(add_help=False)
    parser.add_argument("--profile", action="append")
    parser.add_argument("--workflow-profile")
    given, _ = parser.parse_known_args(arguments)
    yield from filter(None, given.profile or [os.environ.get("SNAKEMAKE_PROFILE")])
    if given.workflow_profile:
        yield from (given.workflow_profile, f"profiles/{given.workflow_profile}")


def _configfiles(profile: str) -> list[Path]:
    """Read what a profile gives --configfile, as Snakemake does; nothing if there is no such profile."""
    # Where it finds a profile and what yte makes of it only its own parser knows. It ships no types.
    from snakemake.cli import get_argument_parser, get_profile_dir  # type: ignore[import-untyped]

    if not get_profile_dir(profile):
        return []
    parsed, _ = get_argument_parser([profile]).parse_known_args([])
    return list(parsed.configfile)
