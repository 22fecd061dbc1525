"""Real builds of a tiny study: every test has its own copy of the workflow, and one finished build is shared."""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from provenance.receipts import SUFFIX, BadReceipt, Receipt, digest

HERE = Path(__file__).parent
WORKFLOW = HERE.parents[1]
OF_ONE_BUILD = ("logs/",)
"""Folders, in the results folder, of what differs from build to build of the same study."""
NOTES = (".build", ".orders.json", ".plan.json", ".memo.json", ".sound")
"""Files there in which a build takes notes."""


class Ended(NamedTuple):
    """How a command ended, and all that it said."""

    code: int
    said: str


class Plan(NamedTuple):
    """What a dry run would do: the number of jobs by rule, and every job's message."""

    jobs: dict[str, int]
    messages: set[str]

    @property
    def trainings(self) -> set[str]:
        """The messages of its trainings."""
        return {message for message in self.messages if message.startswith("Training")}


class Build:
    """A copy of the workflow with a study, and the results of building it."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.results = folder / "results"
        self.pdf = self.results / "paper/main.pdf"

    @contextlib.contextmanager
    def study(self) -> Iterator[dict[str, Any]]:
        """Change config.yaml."""
        path = self.folder / "config.yaml"
        study = yaml.safe_load(path.read_text())
        yield study
        path.write_text(yaml.safe_dump(study, sort_keys=False))

    def add(self, *names: str) -> None:
        """Add files of tests/workflow/added to the library."""
        for name in names:
            shutil.copy(HERE / "added" / name, self.folder / "scripts/scaling" / name)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start Snakemake on two cores, in a process group of its own."""
        return self._python("-m", "snakemake", "--cores", "2", *arguments)

    def _python(self, *arguments: str) -> subprocess.Popen[str]:
        path = os.pathsep.join([str(self.folder / "scripts"), *filter(None, [os.environ.get("PYTHONPATH")])])
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def snakemake(self, *arguments: str) -> Ended:
        """Run Snakemake to its end."""
        return end(self.start(*arguments))

    def audit(self, *arguments: str) -> Ended:
        """Run the audit."""
        return end(self._python("-m", "provenance.audit", *arguments))

    def plan(self, *arguments: str) -> Plan:
        """Ask a dry run what it would do."""
        code, said = self.snakemake("--dry-run", *arguments)
        assert code == 0, said
        jobs = {rule: int(n) for rule, n in re.findall(r"^(\w+) +(\d+)$", said, re.MULTILINE)}
        return Plan(jobs, set(re.findall(r"^Job \d+: (.+)$", said, re.MULTILINE)))

    def edit(self, name: str, old: str, new: str) -> Path:
        """Replace a text that occurs once in a file."""
        path = self.folder / name
        text = path.read_text()
        assert text.count(old) == 1, f"{name} has {text.count(old)} of {old!r}"
        path.write_text(text.replace(old, new))
        return path

    def files(self, results: str = "results") -> dict[str, str]:
        """Give a digest of every file that the study made, temporary ones included, by path.

        It is the sha256, but of receipts that of their statement, which leaves out when and where the job ran.
        """
        folder = self.folder / results
        paths = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
        return {
            name: digest_of(path)
            for name, path in sorted(paths.items())
            if not name.startswith(OF_ONE_BUILD) and name not in NOTES
        }

    def copy(self, folder: Path) -> "Build":
        """Copy all of it, times and Snakemake's notes included."""
        shutil.copytree(self.folder, folder)
        return Build(folder)


def digest_of(path: Path) -> str:
    """Hash what two builds of the same study should have in common of a file."""
    if not path.name.endswith(SUFFIX):
        return sha256(path)
    try:
        content = asdict(Receipt.read(path))
    except BadReceipt:
        return sha256(path)
    del content["made"]
    # A receipt that is itself an input, as all are of the ledger, is read with when and where its job ran.
    content["inputs"] = {name: read for name, read in content["inputs"].items() if not name.endswith(SUFFIX)}
    return digest(content)


def sha256(path: Path) -> str:
    """Hash a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def end(build: subprocess.Popen[str]) -> Ended:
    """Wait for a build's end. One that never ends is killed with all its jobs."""
    try:
        said, _ = build.communicate(timeout=600)
    except BaseException:
        os.killpg(build.pid, signal.SIGKILL)
        raise
    return Ended(build.returncode, said)


def copy_workflow(folder: Path) -> Build:
    """Copy the workflow, with the bytecode that its first command leaves, and the tests' tiny study for its config."""
    for part in ("rules", "profiles", "scripts", "paper"):
        shutil.copytree(WORKFLOW / part, folder / part)
    shutil.copy(WORKFLOW / "Snakefile", folder)
    shutil.copy(HERE / "study.yaml", folder / "config.yaml")
    return Build(folder)


@pytest.fixture
def workflow(tmp_path: Path) -> Build:
    """A copy of the workflow in which nothing is built."""
    return copy_workflow(tmp_path / "fresh")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """The one finished build. Leave it as it is: `built` is a copy to work with."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder, done = shared / "finished", shared / "finished.done"
    with (shared / "finished.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the worker that comes first builds, the others wait
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            code, said = copy_workflow(folder).snakemake()
            assert code == 0, said
            done.touch()
    return Build(folder)


@pytest.fixture
def built(finished: Build, tmp_path: Path) -> Build:
    """A copy of the finished build."""
    return finished.copy(tmp_path / "built")
