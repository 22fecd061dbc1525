"""Builds that are killed, and builds that meet: nothing is lost, mixed up or left over."""

import contextlib
import itertools
import os
import shutil
import signal
import time
from collections.abc import Callable

import psutil
import pytest

from provenance.forks import OFF, VARIABLE

TABLE = "results/curves.csv"
"""A target that needs every run, and spares the tests what comes after."""


def wait_until(condition: Callable[[], object], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def up_to_the_table(build) -> dict[str, str]:
    """Give the files that `TABLE` needs, and any that should not be there."""
    later = ("laws", "claims", "bias", "figures", "ledger", "paper")
    return {name: digest for name, digest in build.files().items() if not name.startswith(later)}


@pytest.fixture
def half_built(built):
    """A finished build without eight of its runs, by torch and by search, and without all that follows from runs."""
    for model, N in (("knn-1", 160), ("knn-1", 320), ("mlp-4", 160), ("mlp-4", 320)):
        shutil.rmtree(built.results / f"runs/spiral/{model}/n{N}")
    for part in built.results.iterdir():
        if part.name not in ("runs", "doubled"):
            shutil.rmtree(part) if part.is_dir() else part.unlink()
    return built


@pytest.fixture
def cold(monkeypatch):
    """Builds whose jobs all start cold, as they do on other nodes than the build's: nothing ties them to its life."""
    monkeypatch.setenv(VARIABLE, OFF)


@pytest.fixture
def training(half_built):
    """Start the build; when a run is made, suspend the next two amid their training. Give the build and these two.

    Runs are so short here that two which go on would have ended before a test could act.
    """
    build = half_built.start("--", TABLE)
    jobs: list[psutil.Process] = []

    def amid_training() -> bool:
        assert build.poll() is None, build.communicate()[0]
        if len(list(half_built.results.glob("runs/spiral/*/*/seed?.json"))) > 12:
            others = [child for child in psutil.Process(build.pid).children(recursive=True) if child not in jobs]
            jobs.extend(itertools.islice(filter(suspended_amid_training, others), 2 - len(jobs)))
        return len(jobs) == 2

    wait_until(amid_training)
    forked = ["forkserver" in " ".join(job.parent().cmdline()) for job in jobs]
    assert forked == [os.environ.get(VARIABLE) != OFF] * 2, "a build would be slower by far, and say nothing"
    yield build, jobs
    resume(jobs)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(build.pid, signal.SIGKILL)
    build.wait()
    build.stdout.close()


def suspended_amid_training(process: psutil.Process) -> bool:
    """Suspend a process that trains, if it still does so then."""
    if not trains(process):
        return False
    with contextlib.suppress(psutil.NoSuchProcess):
        process.suspend()
        if trains(process):
            return True
        process.resume()
    return False


def resume(jobs: list[psutil.Process]) -> None:
    """Let jobs go on that are still there."""
    for job in jobs:
        with contextlib.suppress(psutil.NoSuchProcess):
            job.resume()


def trains(process: psutil.Process) -> bool:
    """See whether a process has the log of a training open, as it does until it publishes what came out."""
    try:
        return any("/logs/train/" in file.path for file in process.open_files())
    except psutil.Error:  # it has ended just now
        return False


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["SIGKILL", "SIGINT"])
def test_after_a_kill_or_an_interrupt_of_everything_the_same_command_finishes(finished, half_built, training, how):
    build, jobs = training
    os.killpg(build.pid, how)
    resume(jobs)
    assert build.wait(timeout=60) != 0
    wait_until(lambda: not any(map(trains, jobs)))
    assert up_to_the_table(half_built) != up_to_the_table(finished)
    code, said = half_built.snakemake("--", TABLE)
    assert code == 0, said
    assert up_to_the_table(half_built) == up_to_the_table(finished), "all of it, and no temporary file"


def test_after_a_kill_of_the_build_alone_no_job_is_left(half_built, training):
    build, jobs = training
    build.kill()
    build.wait()
    resume(jobs)
    wait_until(lambda: not any(map(trains, jobs)))
    assert psutil.wait_procs(jobs, timeout=20)[1] == []


def test_jobs_that_outlive_their_killed_build_change_nothing(cold, finished, half_built, training):
    build, (late, early) = training
    build.kill()
    build.wait()
    early.resume()  # and the other ends after the next build
    code, said = half_built.snakemake("--", TABLE)
    assert code == 0, said
    made = times(half_built)
    assert late.status() == psutil.STATUS_STOPPED
    late.resume()
    _, running = psutil.wait_procs([early, late], timeout=120)
    assert not running
    assert up_to_the_table(half_built) == up_to_the_table(finished)
    assert times(half_built) == made


def times(build) -> dict[str, int]:
    return {name: (build.results / name).stat().st_mtime_ns for name in build.files() if ".tmp." not in name}


def test_of_two_builds_the_second_is_refused_and_the_first_finishes(cold, finished, half_built, training):
    build, jobs = training
    code, said = half_built.snakemake()
    assert code == 1
    assert f"Another build is running in results: process {build.pid} on {os.uname().nodename}, since " in said
    assert "Traceback" not in said
    assert "done in" not in said
    resume(jobs)
    said, _ = build.communicate()
    assert build.returncode == 0, said
    assert up_to_the_table(half_built) == up_to_the_table(finished)


def test_a_study_with_another_folder_is_built_beside_it(cold, finished, half_built, training):
    (half_built.folder / "other.yaml").write_text("pathvars: {results: results-other}")
    code, said = half_built.snakemake(
        "--configfile", "other.yaml", "--", "results-other/runs/spiral/knn-1/n20/seed0.json"
    )
    assert code == 0, said
    made = half_built.files("results-other")
    assert len(made) == 3
    assert made.items() <= finished.files().items()
