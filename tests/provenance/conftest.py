"""What these tests share: a small study with real receipts, which no build made."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from provenance.ledger import Ledger
from provenance.plan import Plan, Planned
from provenance.receipts import BadReceipt, Receipt, canonical, file_hash

RESULTS = "results"
FILES = {"scripts/made.py": "a" * 64}
VERSIONS = {"python": "3.11.7", "numpy": "2.4.6"}


def planned(rule: str, outputs: list[str], inputs: list[str], sources: list[str], **wildcards: str) -> Planned:
    params = {"rule": rule, "run": {"N": 100}}
    return Planned(rule, wildcards, params, f"code of {rule}", "versions", *map(tuple, (inputs, sources, outputs)))


def jobs() -> list[Planned]:
    """Data, four runs, two laws, two figures of one job, ledger and paper: the shape of a study."""
    runs = [
        planned("train", [f"runs/{m}/seed{s}.json", f"runs/{m}/seed{s}.npz"], ["data/a.npz"], [], model=m, seed=str(s))
        for m in ("knn", "mlp")
        for s in (0, 1)
    ]
    laws = [
        planned("law", [f"laws/{m}.json"], [f"runs/{m}/seed{s}.json" for s in (0, 1)], [], model=m)
        for m in ("knn", "mlp")
    ]
    before = [
        planned("prepare", ["data/a.npz"], [], ["raw.csv"]),
        *runs,
        *laws,
        planned("maps", ["figures/maps.left.pdf", "figures/maps.right.pdf"], [run.outputs[1] for run in runs], []),
    ]
    read = ["laws/knn.json", "laws/mlp.json", "figures/maps.left.pdf", *(job.receipt for job in before)]
    ledger = planned("ledger", ["ledger.json"], read, ["main.tex"])
    return [*before, ledger, planned("paper", ["paper/main.pdf"], ["ledger.json"], ["main.tex"])]


@dataclass
class Small:
    """A small study in the current folder, whole and sound until a test lays hands on it."""

    plan: Plan
    results: Path = Path(RESULTS)
    entries: dict[str, str] = field(default_factory=lambda: {f"law.{m}.beta": f"laws/{m}.json" for m in ("knn", "mlp")})

    def make(self, job: Planned, content: str = "", **made: object) -> Receipt:
        """Run a job as Snakemake would, more or less; `content` is what differs from another run of it."""
        for file in job.outputs:
            path = self.results / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.ledger() if job.rule == "ledger" else f"{job.name} {file} {content}".encode())
        receipt = self.receipt(job, **made)
        (self.results / job.receipt).write_text(receipt.text())
        return receipt

    def receipt(self, job: Planned, **made: object) -> Receipt:
        """Write a job's receipt for the files as they are."""
        task = job.task(lambda file: file_hash(self.results / file), lambda file: file_hash(Path(file)))
        about = {"start": "2026-01-01", "host": "here", **made}
        outputs = {file: file_hash(self.results / file) for file in job.outputs}
        code = {"digest": job.code, "script": "scripts/made.py", "kinds": {}, "files": FILES}
        task |= {"code": code, "environment": {"digest": job.environment, "versions": VERSIONS}}
        return Receipt(**{**task, "outputs": outputs}, made=about)

    def remake(self, *rules: str, content: str = "", **made: object) -> None:
        """Run all jobs of some rules again, or of all."""
        for job in self.plan.jobs:
            if not rules or job.rule in rules:
                self.make(job, content, **made)

    def job(self, file: str) -> Planned:
        return self.plan.makers[file]

    def read(self, file: str) -> Receipt:
        """Read the receipt of the job that makes a file."""
        return Receipt.read(self.results / self.job(file).receipt)

    def reseal(self, file: str, **changed: object) -> None:
        """Forge the receipt of the job that makes a file, with a seal that fits."""
        forged = replace(self.read(file), **changed)
        (self.results / self.job(file).receipt).write_text(forged.text())

    def replan(self, rule: str, **changed: object) -> None:
        """Let all jobs of a rule be others today."""
        today = [replace(job, **changed) if job.rule == rule else job for job in self.plan.jobs]
        self.plan = replace(self.plan, jobs=tuple(today))

    def receipts(self) -> list[Receipt]:
        """Read the receipts of all that comes before the ledger, as far as they can be read."""
        found = []
        for job in self.plan.jobs:
            with contextlib.suppress(BadReceipt):
                if job.rule not in ("ledger", "paper"):
                    found.append(Receipt.read(self.results / job.receipt))
        return found

    def ledger(self) -> bytes:
        """Give the content of the ledger."""
        ledger = Ledger(self.receipts(), config={"seeds": [0, 1]}, tree="c" * 64, sources={"main.tex": "0" * 64})
        for key, source in self.entries.items():
            ledger.add(key, {"value": -0.5, "printed": "−0.5"}, source=source, pointer="/law/beta")
        ledger.add_file("figure", "figure.maps", "figures/maps.left.pdf")
        return canonical(ledger.content())


def make_small() -> Small:
    """Make the small study in the current folder."""
    Path("raw.csv").write_text("raw")
    Path("main.tex").write_text("text")
    study = Small(
        Plan(RESULTS, tuple(jobs()), {f"code of {job.rule}": FILES for job in jobs()}, {"versions": VERSIONS})
    )
    study.remake()
    return study


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Small:
    monkeypatch.chdir(tmp_path)
    return make_small()


@pytest.fixture(scope="session")
def fresh() -> Callable[[], Small]:
    """Make small studies, one for each example."""
    return make_small
