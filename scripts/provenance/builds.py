"""One build of one study at a time, and no job outlives its build unnoticed.

A build holds a kernel lock on `<results>/.build` for as long as its process lives. The kernel frees such a
lock however the process ends, SIGKILL included, so nobody ever has to unlock by hand. What stands in the file
(who holds it, since when, a token) only serves messages and lets a job see which build is the latest.
"""

import fcntl
import json
import os
import time
from pathlib import Path

VARIABLE = "STUDY_BUILD"

# Every lock that this process holds, by its path. Closing a descriptor would free its lock.
_held: dict[Path, int] = {}


class BuildRunning(RuntimeError):
    """Another build has this results folder."""


def begin_build(results: Path) -> None:
    """Take the results folder for this process's life and name the build to the jobs that it will start.

    The name travels as the environment variable STUDY_BUILD, `<absolute lock path>:<token>`.
    Raises BuildRunning if another process builds into the same folder.
    """
    results.mkdir(parents=True, exist_ok=True)
    path = (results / ".build").absolute()
    if path in _held:
        return
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)  # Python closes it in whatever is executed from here
    if not _take(lock, patience=1.0):
        os.close(lock)
        raise BuildRunning(_who_builds(results, path))
    _held[path] = lock
    token = os.urandom(16).hex()
    _sign(lock, token)
    os.environ[VARIABLE] = f"{path}:{token}"


def still_in_charge() -> bool:
    """Is the build that started this job alive and the latest? True if none started it (a script by hand).

    On another host than the build's only the token decides: whether a lock is seen across hosts depends on
    how the file system is mounted, and a lock wrongly taken for free would fail every job of a cluster. The
    token is what keeps a job that outlived its build from overwriting what a later build made.
    """
    named = os.environ.get(VARIABLE)
    if named is None:
        return True
    path, _, token = named.rpartition(":")
    signature = _signature(Path(path))
    if signature.get("token") != token:
        return False
    return signature.get("host") != os.uname().nodename or _is_locked(Path(path))


def results_folder() -> Path:
    """Name the results folder of the build that started this job; the working directory if none started it."""
    named = os.environ.get(VARIABLE)
    return Path(named.rpartition(":")[0]).parent if named else Path.cwd()


def _take(lock: int, patience: float) -> bool:
    """Lock it for this process alone. With patience: a job that asks `_is_locked` holds it for a moment."""
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        else:
            return True


def _is_locked(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _sign(lock: int, token: str) -> None:
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    signature = {"pid": os.getpid(), "host": os.uname().nodename, "since": since, "token": token}
    os.ftruncate(lock, 0)
    os.pwrite(lock, json.dumps(signature).encode() + b"\n", 0)


def _signature(path: Path) -> dict[str, object]:
    """What the latest build wrote. Empty if it has not finished writing, or somebody removed the file."""
    try:
        signature = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return signature if isinstance(signature, dict) else {}


def _who_builds(results: Path, path: Path) -> str:
    signature = {"pid": "?", "host": "?", "since": "?"} | _signature(path)
    return (
        f"Another build is running in {results}: process {signature['pid']} on {signature['host']}, "
        f"since {signature['since']}.\n"
        f"Wait until it ends, or stop it there (kill {signature['pid']}) and give this command again. "
        "A study with another results folder can be built beside it."
    )


def _forget_in_fork() -> None:
    # A forked child (multiprocessing) shares the lock, and would keep it alive after the build's death.
    for lock in _held.values():
        os.close(lock)
    _held.clear()


os.register_at_fork(after_in_child=_forget_in_fork)
