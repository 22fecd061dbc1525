"""Options: how a command names its study, to Snakemake and to the audit alike."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def naming(configfiles: Iterable[Path]) -> tuple[str, ...]:
    """Give the options that name a study by its configfiles, also those of a profile; none for the study as it is."""
    here = Path.cwd()
    files = [path.relative_to(here) if path.is_relative_to(here) else path for path in configfiles]
    return ("--configfile", *map(str, files)) if files else ()
