"""Builds through a real SLURM of one node: the same bytes as a local build, whatever dies meanwhile.

The cluster needs root, the packages slurm-wlm and munge (`make slurm`), and /etc/slurm for the time of the tests, for
that is where a job step looks for its configuration.
"""

import contextlib
import fcntl
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from provenance.history import Grant, History
from provenance.receipts import Receipt

WORKFLOW = Path(__file__).parents[2]
CONFIGURATION = Path("/etc/slurm/slurm.conf")
COMMANDS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol")
PROFILE = ("--profile", "profiles/slurm", "--cores", "1")
QUICK = (
    *("--slurm-status-command", "squeue"),  # there is no accounting
    *("--slurm-init-seconds-before-status-checks", "2", "--seconds-between-status-checks", "2"),
)
DOCUMENTED = re.findall(r"^ *snakemake (.+)$", (WORKFLOW / "docs/cluster.md").read_text(), re.MULTILINE)
RUNS = "results/runs/spiral/mlp-4/n{}/seed0.json"

slurm = pytest.mark.slurm


def reason_to_skip() -> str | None:
    """Say why no cluster can be started here."""
    if missing := [name for name in COMMANDS if not shutil.which(name)]:
        return f"no {', '.join(missing)}: install slurm-wlm and munge (make slurm, as root, on Debian)"
    if os.geteuid() != 0:
        return "only root can start the daemons of a cluster"
    if CONFIGURATION.exists():
        return f"{CONFIGURATION} exists: this machine belongs to a cluster"
    return None


class Cluster:
    """A SLURM of one node with two cores."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start all daemons, and wait until the node takes jobs."""
        for part in ("state", "spool"):
            (self.folder / part).mkdir()
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        CONFIGURATION.write_text(self.configuration())
        files = {"key": key, "socket": "munge.socket", "pid": "munge.pid", "log": "munge.log", "seed": "munge.seed"}
        places = [f"--{name}-file={self.folder / file}" for name, file in files.items() if name != "socket"]
        self.run("munged", "--foreground", "--force", f"--socket={self.folder / files['socket']}", *places)
        wait_until((self.folder / "munge.socket").exists)
        self.run("slurmctld", "-D")
        self.start_node()

    def start_node(self) -> None:
        """Start the daemon of the node, as after a boot, and wait until it takes jobs."""
        self.run("slurmd", "-D", "-c")
        wait_until(lambda: self.ask("sinfo", "--noheader", "--format=%t") in ("idle", "mix", "alloc"))

    def kill_node(self) -> None:
        """Kill the daemon of the node and all that it runs, as a loss of power does."""
        self.daemons["slurmd"].kill()
        self.daemons["slurmd"].wait()
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.name() == "slurmstepd" or "SLURM_JOB_ID" in process.environ():
                    process.kill()

    def stop(self) -> None:
        """Stop all daemons and whatever still runs."""
        if "slurmd" in self.daemons:
            self.kill_node()
        for daemon in self.daemons.values():
            daemon.kill()
            daemon.wait()
        CONFIGURATION.unlink(missing_ok=True)

    def run(self, name: str, *arguments: str) -> None:
        """Start a daemon."""
        with (self.folder / f"{name}.out").open("ab") as said:
            self.daemons[name] = subprocess.Popen([name, *arguments], stdout=said, stderr=said, start_new_session=True)

    def ask(self, *command: str) -> str:
        """Give what a command of SLURM says; nothing if the cluster does not answer yet."""
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()

    def jobs(self, state: str) -> list[str]:
        """List the jobs in a state, in the order of their submission."""
        told = self.ask("squeue", "--noheader", "--states=all", "--sort=i", "--format=%i %T")
        return [number for number, is_in in map(str.split, told.splitlines()) if is_in == state]

    def granted(self) -> Grant:
        """Sum up what the waiting jobs ask for."""
        told = self.ask("squeue", "--noheader", "--states=PENDING", "--format=%m %l")
        asked = [re.fullmatch(r"(\d+)M (\d+):00", line) for line in told.splitlines()]
        return Grant(max(int(job[1]) for job in asked), sum(int(job[2]) for job in asked))

    def configuration(self) -> str:
        """Without accounting, cgroups or systemd, which a container lacks."""
        host = os.uname().nodename
        return f"""
            ClusterName=test
            SlurmctldHost={host}(127.0.0.1)
            SlurmUser=root
            AuthType=auth/munge
            AuthInfo=socket={self.folder}/munge.socket
            StateSaveLocation={self.folder}/state
            SlurmdSpoolDir={self.folder}/spool
            SlurmctldPidFile={self.folder}/slurmctld.pid
            SlurmdPidFile={self.folder}/slurmd.pid
            SlurmctldLogFile={self.folder}/slurmctld.log
            SlurmdLogFile={self.folder}/slurmd.log
            ProctrackType=proctrack/linuxproc
            TaskPlugin=task/none
            JobAcctGatherType=jobacct_gather/none
            AccountingStorageType=accounting_storage/none
            SelectType=select/cons_tres
            SelectTypeParameters=CR_Core_Memory
            SlurmdParameters=config_overrides
            SlurmdTimeout=10
            ReturnToService=2
            MinJobAge=3600
            MpiDefault=none
            NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=16000
            PartitionName=main Nodes={host} Default=YES
            """.replace("            ", "")


def wait_until(condition: Callable[[], object], build: subprocess.Popen[str] | None = None) -> None:
    """Wait for something to come about, while a build runs if one is given."""
    deadline = time.monotonic() + 180
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        assert build is None or build.poll() is None, build.communicate()[0]
        time.sleep(0.05)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A cluster for one test; tests that run at the same time wait for each other."""
    with (Path(tempfile.gettempdir()) / "slurm-of-tests.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if reason := reason_to_skip():
            pytest.skip(reason)
        with tempfile.TemporaryDirectory(prefix="slurm-") as folder:  # the path of a socket must be short
            cluster = Cluster(Path(folder))
            try:
                cluster.start()
                yield cluster
            finally:
                cluster.stop()


@slurm
def test_a_build_whose_node_dies_midway_goes_on_and_gives_the_bytes_of_a_local_build(
    cluster, finished, workflow, monkeypatch, tmp_path
):
    monkeypatch.setenv("STUDY_STORE", str(tmp_path / "store"))
    # Not put back by SLURM, which waits two minutes before it does: submitted again.
    build = workflow.start(*PROFILE, *QUICK, "--slurm-no-requeue", "--group-components", "run=6")
    wait_until(lambda: len(list(workflow.results.glob("runs/spiral/*/*/seed?.json"))) >= 4, build)
    cluster.kill_node()
    cluster.start_node()
    said, _ = build.communicate()
    assert build.returncode == 0, said
    assert workflow.files() == finished.files(), "the PDF among them"
    assert cluster.jobs("NODE_FAIL")
    assert len(cluster.jobs("COMPLETED")) == 4, "22 trainings in four submissions, the rest is local"
    assert list((tmp_path / "store/jobs").rglob("*.json")), "jobs on the node know the store"


@slurm
def test_jobs_that_outlive_their_killed_build_in_the_cluster_change_nothing(cluster, finished, built):
    targets = [RUNS.format(N) for N in (20, 40, 80)]
    for target in targets:
        (built.folder / target).unlink()  # its receipt remains
    cluster.ask("scontrol", "update", "PartitionName=main", "State=DOWN")
    build = built.start(*PROFILE, *QUICK, "--group-components", "run=2", "--", *targets)
    wait_until(lambda: len(cluster.jobs("PENDING")) == 2, build)
    assert cluster.granted() == granted(built, targets)
    waiting, begun = cluster.jobs("PENDING")  # waits beyond the end of its build; is amid the first of its trainings
    cluster.ask("scontrol", "hold", waiting)
    cluster.ask("scontrol", "update", "PartitionName=main", "State=UP")
    trains: list[psutil.Process] = []
    wait_until(lambda: trains.extend(filter(is_training, psutil.process_iter())) or trains, build)
    trains[0].suspend()
    build.kill()
    build.communicate()
    code, said = built.snakemake()
    assert code == 0, said
    made = times(built)
    trains[0].resume()
    cluster.ask("scontrol", "release", waiting)
    wait_until(lambda: {waiting, begun} <= set(cluster.jobs("FAILED")))
    assert built.files() == finished.files()
    assert times(built) == made


def granted(build, targets: list[str]) -> Grant:
    """Sum up what some runs should be granted, one after another, after what they took when they ran last."""
    receipts = [Receipt.read((build.folder / target).with_suffix(".receipt.json")) for target in targets]
    history = History(receipts)
    grants = [history.grant("train", receipt.wildcards, Grant(0, 0)) for receipt in receipts]
    return Grant(max(grant.mem_mb for grant in grants), sum(grant.runtime for grant in grants))


def is_training(process: psutil.Process) -> bool:
    """See whether a process of the cluster has the log of a training open."""
    try:
        return "SLURM_JOB_ID" in process.environ() and any("/logs/train/" in file.path for file in process.open_files())
    except psutil.Error:  # it has ended just now
        return False


def times(build) -> dict[str, int]:
    return {name: (build.results / name).stat().st_mtime_ns for name in build.files()}


@pytest.mark.parametrize("arguments", DOCUMENTED)
def test_snakemake_takes_the_commands_that_are_documented(arguments, workflow):
    code, said = workflow.snakemake(*shlex.split(arguments), "--dry-run", "--", "results/curves.csv")
    assert code == 0, said


def test_all_trainings_of_a_small_study_are_one_submission(workflow):
    code, said = workflow.snakemake(*PROFILE, "--dry-run")
    assert code == 0, said
    assert re.findall(r"Group job (\w+)", said) == ["run"]
    assert len(re.findall(r"^    Job \d+: Training", said, re.MULTILINE)) == 22
