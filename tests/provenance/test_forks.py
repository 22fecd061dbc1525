"""Forks: a job in one ends as a job started cold, sees the code of now, and never outlives whoever asked for it."""

import os
import signal
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from provenance.forks import ONE_THREAD, VARIABLE

SCRIPTS = Path(__file__).parents[2] / "scripts"
BUILD = """
import os, subprocess, sys
from provenance.forks import VARIABLE, start_parent
start_parent()
print(os.environ.get(VARIABLE), flush=True)
for line in sys.stdin:
    pass
"""
JOB = "import sys\nfrom provenance.forks import hand_over\nhand_over({code!r})\n"
WHO = """
import os, sys
had = "json.tool" in sys.modules
import json.tool
print(os.getpid(), os.getppid(), had, file=open("who", "w"))
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks are for Linux; elsewhere jobs start cold")


def wait_until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)


class Build:
    """A process with a parent for the forks of its jobs."""

    def __init__(self, folder, environ=None, background=False):
        self.folder = folder
        self.environ = os.environ | {"PYTHONPATH": str(SCRIPTS)}
        self.process = subprocess.Popen(
            ["sh", "-c", 'trap "" INT; exec "$0" -c "$1"', sys.executable, BUILD]  # as shells start in the background
            if background
            else [sys.executable, "-c", BUILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=self.environ | (environ or {}),
        )
        self.socket = self.process.stdout.readline().strip()

    @property
    def parent(self):
        return psutil.Process(self.process.pid).children()[0]

    def start(self, text, code="code", environ=None, arguments=()):
        """Start a job whose script says `text`, as a build would."""
        (self.folder / "job.py").write_text(JOB.format(code=code) + textwrap.dedent(text))
        return self.again(environ, arguments)

    def again(self, environ=None, arguments=()):
        """Start the same script once more."""
        return subprocess.Popen(
            [sys.executable, str(self.folder / "job.py"), *arguments],
            cwd=self.folder,
            env=self.environ | ONE_THREAD | {VARIABLE: self.socket} | (environ or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, text, **options):
        """Run such a job to its end; give its exit status and what it said."""
        job = self.start(text, **options)
        said, errors = job.communicate(timeout=60)
        return job.returncode, said, errors

    def who(self, **options):
        """Run a job that tells: was it a fork, and had it what its kind imports?"""
        assert self.run(WHO, **options)[0] == 0
        _, parent, loaded = (self.folder / "who").read_text().split()
        return int(parent) == self.parent.pid, loaded == "True"

    def warmed(self):
        """Let it import what its jobs import."""
        self.who(), self.who()
        return self

    def begin(self, text="import os, time; open('fork', 'w').write(str(os.getpid())); time.sleep(600)"):
        """Start a job that stays; give its process and that of its fork."""
        job = self.start(text)
        wait_until(lambda: (self.folder / "fork").exists() and (self.folder / "fork").read_text())
        return job, psutil.Process(int((self.folder / "fork").read_text()))


@pytest.fixture
def build(tmp_path):
    running = Build(tmp_path)
    yield running
    running.process.kill()
    running.process.communicate()


@pytest.fixture
def warm(build):
    """A build that has imported what its jobs import."""
    return build.warmed()


def gone(process):
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # between the two questions
        return True


def test_all_jobs_are_forks_and_from_the_second_on_have_imported_what_the_first_did(build):
    assert [build.who() for _ in range(3)] == [(True, False), (True, True), (True, True)]


def test_what_the_parent_can_no_longer_import_is_left_to_the_job(build):
    (Path(build.socket).parent / "code").write_text("no_such_module\njson.tool")
    assert build.who() == (True, True)


def test_a_job_of_no_code_or_with_other_threads_starts_cold(warm):
    assert warm.who(environ={"OMP_NUM_THREADS": "2"}) == (False, False)
    assert warm.who(code=None) == (False, False)


@pytest.mark.parametrize(
    "text",
    [
        "print('said'); import sys; print('error', file=sys.stderr)",
        "import sys; sys.exit(3)",
        "import sys; sys.exit('words')",
        "raise SystemExit",
        "raise ValueError('no')",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "import os, sys; print(os.getcwd(), sys.argv, sys.path, __name__, __file__, os.environ['NAME'])",
        "import os; print(sorted(name for name in os.environ if name.startswith('STUDY')))",
        "import sys; print(sys.modules['__main__'].__dict__.keys() >= {'hand_over'})",
        "import tempfile; print(tempfile.gettempdir())",
        "print('not a newline', end='')",
    ],
)
def test_a_fork_ends_and_says_what_a_cold_start_does(warm, tmp_path, text):
    environ = {"NAME": "välue", "TMPDIR": str(tmp_path)}
    cold = warm.run(text, arguments=("one", "two"), environ=environ | {VARIABLE: "off"})
    fork = warm.run(text, arguments=("one", "two"), environ=environ)
    code = 128 + signal.SIGKILL if cold[0] == -signal.SIGKILL else cold[0]  # as a shell gives it
    assert fork[:2] == (code, cold[1])
    assert fork[2].splitlines()[-1:] == cold[2].splitlines()[-1:]


def test_a_fork_imports_the_projects_code_as_it_is_now(warm):
    for said in ("first", "second, and longer"):
        (warm.folder / "ours.py").write_text(f"said = {said!r}")
        assert warm.run("import ours; print(ours.said)")[1] == f"{said}\n"


def test_only_the_owner_can_reach_the_parent(build):
    assert stat.S_IMODE(Path(build.socket).parent.stat().st_mode) == stat.S_IRWXU


def test_forks_have_one_thread_and_a_process_group_of_their_own(warm):
    said = warm.run("import os; print(len(os.listdir('/proc/self/task')), os.getpgid(0) == os.getpid())")[1]
    assert said == "1 True\n"


def test_an_interrupted_job_interrupts_its_fork_and_tells_its_status(warm):
    job = warm.start(
        """
        import time
        try:
            open('fork', 'w').write('here'); time.sleep(600)
        except KeyboardInterrupt:
            print('cleaned up', flush=True); raise SystemExit(7)
        """
    )
    wait_until(lambda: (warm.folder / "fork").exists())
    job.send_signal(signal.SIGINT)
    assert job.communicate(timeout=20)[0] == "cleaned up\n"
    assert job.returncode == 7


STUBBORN = """
import os, signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
open("fork", "w").write(str(os.getpid()))
time.sleep(600)
"""


def test_a_fork_that_does_not_heed_the_interrupt_is_killed(warm):
    job, fork = warm.begin(STUBBORN)
    job.kill()
    job.communicate(timeout=20)
    wait_until(lambda: gone(fork))
    assert warm.who() == (True, True), "and the parent goes on"


def test_an_interrupted_job_whose_parent_then_dies_does_not_start_again(warm):
    job, _ = warm.begin(STUBBORN)
    (warm.folder / "fork").unlink()
    job.send_signal(signal.SIGINT)
    time.sleep(0.5)
    warm.parent.kill()
    job.communicate(timeout=20)
    assert job.returncode == 128 + signal.SIGINT
    assert not (warm.folder / "fork").exists()


def test_the_parent_outlives_a_fork_that_ends_as_its_job_leaves(warm):
    job, fork = warm.begin()
    warm.parent.suspend()  # so that it hears of both at once
    fork.kill()
    time.sleep(0.2)
    job.kill()
    job.wait()
    warm.parent.resume()
    job.communicate(timeout=20)
    assert warm.who() == (True, True)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_job_leaves_no_fork(warm, how):
    job, fork = warm.begin()
    job.send_signal(how)
    job.communicate(timeout=20)
    wait_until(lambda: gone(fork))
    assert warm.who() == (True, True), "and the parent goes on"


def test_a_killed_job_leaves_no_fork_in_a_build_that_ignores_interrupts(tmp_path):
    build = Build(tmp_path, background=True).warmed()
    job, fork = build.begin()
    job.kill()
    job.communicate(timeout=20)
    wait_until(lambda: gone(fork))
    build.process.kill()
    build.process.communicate()


def test_a_killed_build_leaves_neither_forks_nor_parent_nor_socket(warm):
    _, fork = warm.begin()
    parent = warm.parent
    warm.process.kill()
    wait_until(lambda: gone(fork) and gone(parent))
    wait_until(lambda: not Path(warm.socket).parent.exists())


def test_a_killed_parent_leaves_no_fork_and_its_job_starts_again_cold(warm):
    job, fork = warm.begin()
    (warm.folder / "fork").unlink()
    warm.parent.kill()
    wait_until(lambda: gone(fork))
    wait_until(lambda: (warm.folder / "fork").exists() and (warm.folder / "fork").read_text())
    assert int((warm.folder / "fork").read_text()) == job.pid
    job.kill()
    job.communicate()
    assert warm.run("print('cold')")[1] == "cold\n"


def test_what_a_fork_started_ends_with_the_build(warm):
    job = warm.start(
        """
        import os, subprocess, time
        if os.path.exists('fork'): sys.exit()  # started again, cold
        child = subprocess.Popen(['sleep', '600']); open('fork', 'w').write(str(child.pid)); time.sleep(600)
        """
    )
    wait_until(lambda: (warm.folder / "fork").exists() and (warm.folder / "fork").read_text())
    child = psutil.Process(int((warm.folder / "fork").read_text()))
    warm.process.kill()
    wait_until(lambda: gone(child))
    job.communicate(timeout=20)


def test_many_jobs_at_once_each_get_their_own_answer(warm):
    (warm.folder / "job.py").write_text(JOB.format(code="code") + "print(sys.argv[1]); sys.exit(int(sys.argv[1]))")
    jobs = [warm.again(arguments=[str(n)]) for n in range(20)]
    ended = [(job.communicate(timeout=60)[0], job.returncode) for job in jobs]
    assert ended == [(f"{n}\n", n) for n in range(20)]


def test_where_there_can_be_no_socket_there_is_no_parent(tmp_path):
    long = tmp_path / ("long" * 25)
    long.mkdir()
    build = Build(tmp_path, {"TMPDIR": str(long)})
    assert build.socket == "None"
    assert psutil.Process(build.process.pid).children() == []
    build.process.kill()
    build.process.communicate()


def test_switched_off_there_is_no_parent(tmp_path):
    build = Build(tmp_path, {VARIABLE: "off"})
    assert build.socket == "off"
    assert psutil.Process(build.process.pid).children() == []
    build.process.kill()
    build.process.communicate()
