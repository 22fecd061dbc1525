"""The other side of the tamper campaign: twenty rebuilds of a study of which nothing that counts has changed.

`python tests/campaign/false_alarms.py FOLDER` takes copies of the finished build in FOLDER, which stays as it is,
does to each what happens to checkouts, and builds it again. Every build must end well, the audit must find nothing,
and the results must be the same bytes. It takes minutes, since some of the rebuilds are from nothing.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow"))
sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from conftest import Build

Change = Callable[[Path], object]


class Rebuild(NamedTuple):
    """What happens to a copy of the finished build before it is built again."""

    name: str
    change: Change = lambda folder: None
    keeping_times: bool = True
    environment: Mapping[str, str] = MappingProxyType({})
    place: str = "copy"
    build: tuple[str, ...] = ()


def files_in(folder: Path, *parts: str) -> Iterator[Path]:
    """List the files of some parts of a checkout, in an order that is as good as any."""
    found = [path for part in parts for path in (folder / part).rglob("*") if path.is_file()]
    random.Random(str(parts)).shuffle(found)
    return iter(found)


def touch(*parts: str) -> Change:
    """Give all files of these parts a new time, each its own."""

    def change(folder: Path) -> None:
        for seconds, path in enumerate(files_in(folder, *parts)):
            if path.name != ".build":
                os.utime(path, (time.time() - 5_000 + seconds, time.time() - 5_000 + seconds))

    return change


def forget(folder: Path) -> None:
    """Delete Snakemake's notes."""
    shutil.rmtree(folder / ".snakemake")


def forget_ours(folder: Path) -> None:
    """Delete our own notes."""
    for path in (folder / "results").glob(".*"):
        path.unlink()


def start_anew(folder: Path) -> None:
    """Delete notes and results."""
    forget(folder)
    kept = folder / "results/accepted.json"
    if kept.exists():
        raise SystemExit("The build has accepted exceptions, which a build from nothing does not make. Take another.")
    shutil.rmtree(folder / "results")


def lose(*files: str) -> Change:
    """Delete some results."""

    def change(folder: Path) -> None:
        for name in files:
            (folder / "results" / name).unlink()

    return change


def comment(folder: Path) -> None:
    """Explain all code further."""
    for path in files_in(folder, "scripts"):
        if path.suffix == ".py":
            path.write_text(path.read_text() + "\n# a further word\n")


def document(folder: Path) -> None:
    """Word all docstrings otherwise."""
    for path in files_in(folder, "scripts"):
        if path.suffix == ".py":
            path.write_text(path.read_text().replace('"""', '"""Now: ', 1))


def lay_out(folder: Path) -> None:
    """Break the lines of all code otherwise."""
    command = [sys.executable, "-m", "ruff", "format", "--line-length", "60", "--isolated", "scripts"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def all_of(*changes: Change) -> Change:
    """Do several things, one after the other."""

    def change(folder: Path) -> None:
        for part in changes:
            part(folder)

    return change


ALL = ("scripts", "rules", "profiles", "paper", "results")
ABROAD = {"PYTHONHASHSEED": "7", "TZ": "Pacific/Auckland", "LC_ALL": "C"}
AT_HOME = {"PYTHONHASHSEED": "1", "TZ": "America/Lima", "LC_ALL": "C.UTF-8", "OMP_NUM_THREADS": "2"}

REBUILDS = (
    Rebuild("the same once more"),
    Rebuild("touched code", touch("scripts", "rules", "profiles")),
    Rebuild("touched templates", touch("paper")),
    Rebuild("touched results", touch("results")),
    Rebuild("everything touched", touch(*ALL)),
    Rebuild("moved, with its times", place="elsewhere/another name"),
    Rebuild("copied, without its times", keeping_times=False, place="without times"),
    Rebuild("Snakemake's notes deleted", forget),
    Rebuild("our notes deleted", forget_ours),
    Rebuild("all notes deleted", all_of(forget, forget_ours)),
    Rebuild("copied without times or notes", all_of(forget, forget_ours), keeping_times=False),
    Rebuild("comments added to all code", comment),
    Rebuild("other docstrings in all code", document),
    Rebuild("other line breaks in all code", lay_out),
    Rebuild("another hash seed, time zone and locale", environment=ABROAD),
    Rebuild("bytecode is written", environment={"PYTHONDONTWRITEBYTECODE": ""}),
    Rebuild("a lost run", lose("runs/spiral/knn-1/n20/seed0.json"), environment=ABROAD),
    Rebuild("a lost figure and a lost paper", lose("figures/bias.maps.pdf", "paper/main.pdf"), environment=AT_HOME),
    Rebuild("from nothing, elsewhere", start_anew, environment=ABROAD, place="another place"),
    Rebuild("from nothing, one job at a time", start_anew, environment=AT_HOME, build=("--cores", "1")),
)


class Outcome(NamedTuple):
    """How a rebuild ended."""

    name: str
    build: int
    did: str
    audit: int
    same: bool
    said: str

    @property
    def clean(self) -> bool:
        """Is there nothing to complain of?"""
        return (self.build, self.audit, self.same) == (0, 0, True)


def rebuild(finished: Build, what: Rebuild, scratch: Path) -> Outcome:
    """Copy the build, do something to it, and build again."""
    folder = scratch / what.place
    shutil.copytree(finished.folder, folder, copy_function=shutil.copy2 if what.keeping_times else shutil.copyfile)
    what.change(folder)
    build, before = Build(folder), dict(os.environ)
    os.environ.update(what.environment)
    try:
        built, audited = build.snakemake(*what.build), build.audit("verify")
    finally:
        os.environ.clear()
        os.environ.update(before)
    last = built.said.strip().splitlines()[-1]
    did = "nothing" if "Nothing to be done" in last else last
    return Outcome(
        what.name, built.code, did, audited.code, build.files() == finished.files(), built.said + audited.said
    )


def main() -> int:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path, help="folder of a finished build, without accepted exceptions")
    parser.add_argument("--only", help="run just those whose name has this word")
    arguments = parser.parse_args()
    chosen = [what for what in REBUILDS if (arguments.only or "") in what.name]
    finished, flagged = Build(arguments.build.absolute()), 0
    print(f"{'':<42}build  audit  bytes      what the build did")
    for what in chosen:
        with tempfile.TemporaryDirectory() as scratch:
            outcome = rebuild(finished, what, Path(scratch))
        same = "the same" if outcome.same else "others"
        print(f"{outcome.name:<42}{outcome.build:<7}{outcome.audit:<7}{same:<11}{outcome.did}", flush=True)
        if not outcome.clean:
            flagged += 1
            print(outcome.said, file=sys.stderr)
    print(f"{len(chosen)} rebuilds, {flagged} false alarms.")
    return 1 if flagged else 0


if __name__ == "__main__":
    sys.exit(main())
