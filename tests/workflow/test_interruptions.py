"""Builds that are killed, and builds that meet: nothing is lost, mixed up or left over."""

import os
import shutil
import signal
import time
from collections.abc import Callable

import psutil
import pytest


def wait_until(condition: Callable[[], object], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


@pytest.fixture
def half_built(built):
    """A finished build without eight of its runs, by torch and by search, and without all that follows from them."""
    for model, N in (("knn-1", 160), ("knn-1", 320), ("mlp-4", 160), ("mlp-4", 320)):
        shutil.rmtree(built.results / f"runs/spiral/{model}/n{N}")
    for part in built.results.iterdir():
        if part.name not in ("runs", "doubled"):
            shutil.rmtree(part) if part.is_dir() else part.unlink()
    return built


@pytest.fixture
def training(half_built):
    """Start the build; when it is in the middle of training, give it and its jobs."""
    build = half_built.start()
    before = len(half_built.files())
    wait_until(lambda: len(half_built.files()) >= before + 4)
    jobs: list[psutil.Process] = []

    def at_work() -> bool:
        assert build.poll() is None, build.communicate()[0]
        jobs[:] = psutil.Process(build.pid).children(recursive=True)
        return any("train.py" in part for job in jobs for part in job.cmdline())

    wait_until(at_work)
    yield build, jobs
    for process in [build, *jobs]:
        if process.poll() is None if process is build else process.is_running():
            process.kill()
    build.communicate()


def test_after_a_kill_of_everything_the_same_command_finishes(finished, half_built, training):
    build, _ = training
    os.killpg(build.pid, signal.SIGKILL)
    build.wait()
    assert half_built.files() != finished.files()
    code, said = half_built.snakemake()
    assert code == 0, said
    assert half_built.files() == finished.files(), "all of it, and no temporary file"


def test_jobs_that_outlive_their_killed_build_overwrite_nothing(finished, half_built, training):
    build, jobs = training
    for job in jobs:
        job.suspend()  # so that they end after the next build
    build.kill()
    build.wait()
    code, said = half_built.snakemake()
    assert code == 0, said
    made = times(half_built, finished.files())
    for job in jobs:
        job.resume()
    assert not psutil.wait_procs(jobs, timeout=120)[1]
    assert half_built.files() == finished.files()
    assert times(half_built, finished.files()) == made


def test_jobs_that_outlive_their_killed_build_are_in_nobodys_way(finished, half_built, training):
    build, jobs = training
    build.kill()
    build.wait()
    code, said = half_built.snakemake()
    assert code == 0, said
    assert not psutil.wait_procs(jobs, timeout=120)[1]
    assert half_built.files() == finished.files()


def times(build, names) -> dict[str, int]:
    return {name: (build.results / name).stat().st_mtime_ns for name in names}


def test_of_two_builds_the_second_is_refused_and_the_first_finishes(finished, half_built, training):
    build, _ = training
    code, said = half_built.snakemake()
    assert code == 1
    assert f"Another build is running in results: process {build.pid} on {os.uname().nodename}, since " in said
    assert "Traceback" not in said
    assert "done in" not in said
    said, _ = build.communicate(timeout=600)
    assert build.returncode == 0, said
    assert half_built.files() == finished.files()


def test_a_study_with_another_folder_is_built_beside_it(half_built, training):
    build, _ = training
    (half_built.folder / "other.yaml").write_text("pathvars: {results: results-other}")
    targets = [f"results-other/runs/spiral/knn-1/n20/seed{seed}.json" for seed in (0, 1)]
    code, said = half_built.snakemake("--configfile", "other.yaml", "--", *targets)
    assert build.poll() is None, "the first build ended too early for this test to show anything"
    assert code == 0, said
    other, first = half_built.files("results-other"), half_built.files()
    assert len(other) == 4
    assert other.items() <= first.items()
