"""The workspace: a study as it lies on disk, and its plan as Snakemake gives it today."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

from provenance.ledger import LEDGER
from provenance.plan import PLAN, VARIABLE, Plan, Planned
from provenance.receipts import BadReceipt, Receipt


class CannotRun(RuntimeError):
    """The audit cannot do what was asked; the message says why and what to do."""


@dataclass(frozen=True)
class Workspace:
    """The results of a study and the plan of its jobs."""

    plan: Plan
    options: tuple[str, ...] = ()
    """What was given to Snakemake to name the study: --profile and --configfile."""

    @property
    def results(self) -> Path:
        """The results folder."""
        return Path(self.plan.results)

    @cached_property
    def ledger(self) -> dict[str, Any]:
        """The ledger; raises CannotRun if there is none that can be read."""
        path = self.results / LEDGER
        try:
            content = json.loads(path.read_text())
            if isinstance(content, dict) and isinstance(content.get("entries"), dict):
                return content
        except (OSError, ValueError) as error:
            raise CannotRun(f"{path}: {error}. Build the paper first.") from error
        raise CannotRun(f"{path} is not a ledger. Remake it: rm {path} and build again.")

    @cached_property
    def receipts(self) -> dict[str, Receipt]:
        """All receipts of the plan that can be read, by path."""
        found = {}
        for job in self.plan.jobs:
            try:
                found[job.receipt] = Receipt.read(self.results / job.receipt)
            except BadReceipt:
                continue
        return found

    def numbers_of(self, files: Iterable[str]) -> list[str]:
        """List the keys of the ledger that rest on any of these files."""
        touched = {name for file in files for name in (file, *self.plan.dependents(file))}
        return [
            key
            for key, entry in self.ledger["entries"].items()
            if any(fnmatchcase(file, entry["source"]) for file in touched)
        ]

    def makers_of(self, key: str) -> list[Planned]:
        """List the jobs that made what a key of the ledger was read from; none if that is config or code."""
        source = self.ledger["entries"][key]["source"]
        return [job for job in self.plan.jobs if any(fnmatchcase(output, source) for output in job.outputs)]

    def command(self, *arguments: str) -> str:
        """Spell a Snakemake command for this study, as a user would give it."""
        return shlex.join(("snakemake", "--cores", "8", *self.options, *arguments))


def results_folder(path: Path) -> Path | None:
    """Find the results folder that a path is or lies in: where a build has left its plan."""
    return next((folder for folder in (path, *path.parents) if (folder / PLAN).is_file()), None)


def command_of(folder: Path, *words: str) -> str:
    """Spell a command for the study of a results folder, as its last build noted it."""
    try:
        options = json.loads((folder / PLAN).read_text())["options"]
    except (OSError, ValueError, LookupError, TypeError):  # also a build of an older version
        return f"{' '.join(words)} with its --profile or --configfile"
    return shlex.join((*words, *map(str, options)))


def few(words: Sequence[str], most: int = 4) -> str:
    """List some words, and of more than `most` just how many."""
    return ", ".join(words[:most]) + (f" and {len(words) - most} more" if len(words) > most else "")


def open_workspace(profiles: Sequence[str] = (), configfiles: Sequence[str] = ()) -> Workspace:
    """Ask Snakemake for the plan of the study in this folder; raises CannotRun with its words if it has none."""
    if not Path("Snakefile").exists():
        raise CannotRun(f"there is no Snakefile in {Path.cwd()}. Go to the folder of the study.")
    options = [
        *(word for profile in profiles for word in ("--profile", profile)),
        *(["--configfile", *configfiles] if configfiles else []),
    ]
    with tempfile.TemporaryDirectory() as scratch:
        listing = Path(scratch) / "plan.json"
        done = run_snakemake(["--cores", "1", "--dry-run", "--quiet", "all", *options], {VARIABLE: str(listing)})
        if done.returncode or not listing.exists():
            raise CannotRun(f"Snakemake could not plan the study:\n{(done.stderr + done.stdout).strip()}")
        return Workspace(Plan.read(listing), tuple(options))


def run_snakemake(
    arguments: Sequence[str], environment: Mapping[str, str], folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Snakemake with the Python that runs this, and give what it said."""
    return subprocess.run(
        [sys.executable, "-m", "snakemake", *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
