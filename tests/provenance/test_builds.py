"""One build at a time, and jobs that know whether theirs is still the one."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from provenance import builds
from provenance.builds import BuildRunning, begin_build, still_in_charge

SCRIPTS = Path(builds.__file__).parents[1]

BUILD = """
import pathlib, subprocess, sys
from provenance.builds import begin_build
begin_build(pathlib.Path(sys.argv[1]))
for job in sys.argv[2:]:
    subprocess.Popen([sys.executable, "-c", job])
print("begun", flush=True)
sys.stdin.read()
"""

# Waits for the file "go", then does what a rule's script does.
JOB = """
import pathlib, time, types
from provenance.jobs import job
from snakemake.iocontainers import OutputFiles
output = OutputFiles(fromdict={"record": "results/out/record.json", "receipt": "results/out/record.receipt.json"})
context = types.SimpleNamespace(
    rule="record", input=[], output=output, params={}, wildcards={}, resources={}, log=[]
)
def work(this):
    pathlib.Path("begun").touch()
    while not pathlib.Path("go").exists():
        time.sleep(0.02)
    this.write_json("record", {"N": 1})
try:
    job(context)(work)
finally:
    pathlib.Path("ended").touch()
"""


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Begin a build in a process of its own, which lives until it is killed or the test is over."""
    begun: list[subprocess.Popen[str]] = []

    def _begin(*jobs: str) -> subprocess.Popen[str]:
        build = subprocess.Popen(
            [sys.executable, "-c", BUILD, "results", *jobs],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(SCRIPTS)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        begun.append(build)
        assert build.stdout
        assert build.stdout.readline() == "begun\n"
        return build

    yield _begin
    for build in begun:
        build.kill()
        build.wait()


@pytest.fixture(autouse=True)
def _no_build_of_our_own(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(builds.VARIABLE, "")
    monkeypatch.delenv(builds.VARIABLE)
    yield
    for lock in builds._held.values():
        os.close(lock)
    builds._held.clear()


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.02)


def kill(build: subprocess.Popen[str]) -> None:
    build.send_signal(signal.SIGKILL)
    build.wait()


def test_a_second_build_is_refused_and_told_by_whom(tmp_path: Path, begin: Callable[..., subprocess.Popen[str]]):
    first = begin()
    with pytest.raises(BuildRunning) as refusal:
        begin_build(tmp_path / "results")
    told = str(refusal.value)
    assert f"process {first.pid} on {os.uname().nodename}" in told
    assert str(tmp_path / "results") in told
    assert json.loads((tmp_path / "results/.build").read_text())["since"] in told
    assert f"kill {first.pid}" in told
    assert builds.VARIABLE not in os.environ


def test_sigkill_frees_the_folder(tmp_path: Path, begin: Callable[..., subprocess.Popen[str]]):
    kill(begin())
    begin_build(tmp_path / "results")
    assert still_in_charge()


def test_a_job_does_not_hold_the_lock_of_its_dead_build(tmp_path: Path, begin: Callable[..., subprocess.Popen[str]]):
    kill(begin(JOB))  # the job lives on and waits
    begin_build(tmp_path / "results")
    (tmp_path / "go").touch()
    wait_for(tmp_path / "ended")


def test_a_forked_child_does_not_hold_the_lock_of_its_dead_build(
    tmp_path: Path, begin: Callable[..., subprocess.Popen[str]]
):
    fork = "\nif os.fork() == 0: time.sleep(60)\n"
    code = BUILD.replace("import ", "import os, time, ", 1).replace('\nprint("begun"', f'{fork}print("begun"')
    build = subprocess.Popen(
        [sys.executable, "-c", code, "results"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(SCRIPTS)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert build.stdout
        build.stdout.readline()
        build.kill()
        build.wait()
        begin_build(tmp_path / "results")
    finally:
        os.killpg(build.pid, signal.SIGKILL)


def test_studies_with_folders_of_their_own_build_side_by_side(
    tmp_path: Path, begin: Callable[..., subprocess.Popen[str]]
):
    begin()
    begin_build(tmp_path / "results-smoke")
    assert still_in_charge()


def test_beginning_twice_in_one_process_is_one_build(tmp_path: Path):
    begin_build(tmp_path / "deep" / "results")
    named = os.environ[builds.VARIABLE]
    begin_build(tmp_path / "deep" / "results")
    assert os.environ[builds.VARIABLE] == named


def test_a_script_run_by_hand_is_in_charge():
    assert still_in_charge()


def test_a_job_whose_folder_was_thrown_away_is_not_in_charge(tmp_path: Path):
    begin_build(tmp_path)
    (tmp_path / ".build").unlink()
    assert not still_in_charge()


def test_the_job_of_a_living_build_publishes(tmp_path: Path, begin: Callable[..., subprocess.Popen[str]]):
    begin(JOB)
    (tmp_path / "go").touch()
    wait_for(tmp_path / "ended")
    assert sorted(path.name for path in (tmp_path / "results/out").iterdir()) == ["record.json", "record.receipt.json"]


def test_the_job_of_a_dead_build_publishes_nothing(tmp_path: Path, begin: Callable[..., subprocess.Popen[str]]):
    build = begin(JOB)
    wait_for(tmp_path / "begun")
    kill(build)
    (tmp_path / "go").touch()
    wait_for(tmp_path / "ended")
    assert list((tmp_path / "results/out").iterdir()) == []


def test_the_job_of_a_replaced_build_publishes_nothing(tmp_path: Path, begin: Callable[..., subprocess.Popen[str]]):
    build = begin(JOB)
    wait_for(tmp_path / "begun")
    kill(build)
    begin()
    (tmp_path / "go").touch()
    wait_for(tmp_path / "ended")
    assert list((tmp_path / "results/out").iterdir()) == []


def test_the_job_of_a_dead_build_does_not_even_begin(tmp_path: Path, begin: Callable[..., subprocess.Popen[str]]):
    build = begin("import pathlib, time\nwhile not pathlib.Path('late').exists(): time.sleep(0.02)\n" + JOB)
    kill(build)
    (tmp_path / "late").touch()
    wait_for(tmp_path / "ended")
    assert not (tmp_path / "begun").exists()


def test_on_another_host_the_token_decides(
    tmp_path: Path, begin: Callable[..., subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch
):
    build = begin()
    lock = tmp_path / "results/.build"
    signature = json.loads(lock.read_text())
    kill(build)
    monkeypatch.setenv(builds.VARIABLE, f"{lock}:{signature['token']}")
    assert not still_in_charge()
    lock.write_text(json.dumps(signature | {"host": "login-node"}))
    assert still_in_charge()
    lock.write_text(json.dumps(signature | {"host": "login-node", "token": "of a later build"}))
    assert not still_in_charge()
