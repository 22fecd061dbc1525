"""Forks: jobs that start in a process which has imported already what they import of third-party packages.

To import torch takes longer than many a training. A build therefore starts a parent process (`forkserver`), and a job
that finds it lets it fork: the fork runs the job's own script, as the job's process would have, and that process
waits for it as a thin client. What is not there is not needed: without a parent that answers, as on a node of a
cluster, the job goes on by itself.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

VARIABLE = "STUDY_FORKS"
"""Names the parent's socket to jobs. Set to `off` before a build, there is no parent, and jobs start cold."""
OFF = "off"
SERVER = Path(__file__).with_name("forkserver.py")
INTERRUPTED = 130
"""Exit status after Ctrl-C, as a shell gives it."""
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1")
"""Libraries read these when they are imported."""


def start_parent() -> None:
    """Start a parent that lives as long as this process, and name its socket to the jobs that this process starts.

    The socket lies in a folder that only its owner can enter. Jobs start cold where the kernel can't tie processes to
    each other's life (anywhere but on Linux), and where there can be no socket.
    """
    if sys.platform != "linux" or os.environ.get(VARIABLE) == OFF:
        return
    folder = tempfile.mkdtemp(prefix="study-forks-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # the parent does it, too: either may be killed
    place = Path(folder) / "socket"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        try:
            listener.bind(str(place))
        except OSError:  # the path of the folder for temporary files is too long for a socket's
            return
        listener.listen(socket.SOMAXCONN)
        parent = subprocess.Popen(
            # Not with the folder of the server's file in its path, whose names third-party packages might mean.
            [sys.executable, "-P", str(SERVER), str(listener.fileno())],
            env=os.environ | ONE_THREAD,
            stdin=subprocess.PIPE,
            pass_fds=[listener.fileno()],
            start_new_session=True,  # Ctrl-C is for the jobs, which pass it on
        )
    os.environ[VARIABLE] = str(place)
    _parents.append(parent)


_parents: list[subprocess.Popen[bytes]] = []
"""Kept, because the end of a parent's standard input tells it that this process is gone."""


def hand_over(code: str | None) -> None:
    """Let the parent fork for this job, and end with the fork's exit status; return if no parent does."""
    place = os.environ.pop(VARIABLE, None)  # not for the fork, nor for what this job may start
    if place is None or code is None:
        return
    request = {"code": code, "argv": sys.argv, "folder": str(Path.cwd()), "environ": dict(os.environ)}
    status = None
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
        line.connect(place)
        socket.send_fds(line, [json.dumps(request).encode()], [0, 1, 2])
        status = _answer(line)
    if status is not None:
        sys.exit(status)


def _answer(line: socket.socket) -> int | None:
    """Wait for the fork's exit status; None if the parent does not fork for this job, or is gone."""
    interrupted = False
    while True:
        try:
            return int(line.recv(16) or b"", base=10)
        except (ValueError, OSError):
            return INTERRUPTED if interrupted else None
        except KeyboardInterrupt:
            interrupted = True
            with suppress(OSError):  # the parent is gone, or there is no fork yet
                line.shutdown(socket.SHUT_WR)  # so that the fork is interrupted, too; it still tells how it ended
