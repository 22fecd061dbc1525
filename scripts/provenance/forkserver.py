"""The parent that jobs are forked from (see `forks`): a program of its own, which imports nothing of this checkout.

    python -P forkserver.py DESCRIPTOR

listens at the socket of that descriptor. Standard input brings one line, the modules to import by the code digest of
the jobs that import them, and then nothing for as long as the build lives. Third-party packages serve all later jobs
once they are imported; the project's own code is imported fresh in each fork, as in a process of its own.
"""

import ctypes
import gc
import importlib
import json
import os
import runpy
import selectors
import shutil
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

LARGEST = 1 << 20
"""Bytes of a request, most of which is the environment of a job."""
PR_SET_PDEATHSIG = 1
THREADS = [name for name in os.environ if name.endswith("_NUM_THREADS")]
"""What libraries read when they are imported, and never again."""

Request = dict[str, Any]


class Parent:
    """Forks a process for each request, tells how it ended, and interrupts it if whoever asked is gone."""

    def __init__(self, listener: socket.socket, modules: dict[str, list[str]]):
        self.listener, self.modules = listener, modules
        self.asked: set[str] = set()
        self.forks: dict[int, tuple[socket.socket, int]] = {}
        """By process: the line to whoever asked for it, and a descriptor that tells of its end."""
        self.events = selectors.DefaultSelector()
        self.events.register(listener, selectors.EVENT_READ, self.accept)
        self.events.register(sys.stdin, selectors.EVENT_READ, self.end)

    def serve(self) -> Request:
        """Return in forks only, with what the fork is to run; the parent itself exits when the build is gone."""
        while True:
            for key, _ in self.events.select():
                answer: Callable[[], Request | None] = key.data
                if request := answer():
                    return request

    def accept(self) -> Request | None:
        """Answer a request by a fork, or with a no."""
        line, _ = self.listener.accept()
        text, descriptors, *_ = socket.recv_fds(line, LARGEST, 3)
        request: Request | None = json.loads(text) if text else None
        if request and self.is_ready(request):
            parent, child = os.getpid(), os.fork()
            if child == 0:
                self.become(request, descriptors, parent)
                return request
            self.watch(child, line)
        else:
            self.tell(line, "no")
        for descriptor in descriptors:
            os.close(descriptor)
        return None

    def is_ready(self, request: Request) -> bool:
        """Import what such jobs import, from the second of a kind on: with a single one nothing is gained."""
        code, environ = request["code"], request["environ"]
        if code not in self.modules or any(environ.get(name) != os.environ[name] for name in THREADS):
            return False
        lacking = [name for name in self.modules[code] if name not in sys.modules]
        if lacking and code not in self.asked:
            self.asked.add(code)
            return False
        if lacking:
            for name in lacking:
                with suppress(ImportError):  # the job itself says it better
                    importlib.import_module(name)
            self.modules[code] = []
            gc.collect()
            gc.freeze()  # or the first collection in each fork would copy every page
        return True

    def watch(self, child: int, line: socket.socket) -> None:
        """See when the fork ends, or when whoever asked for it is gone or wants it to end."""
        with suppress(OSError):
            os.setpgid(child, child)  # here as in the fork, whichever comes first
        ends = os.pidfd_open(child)
        self.forks[child] = line, ends

        def ended() -> None:
            self.events.unregister(ends)
            with suppress(KeyError):
                self.events.unregister(line)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            os.close(ends)
            del self.forks[child]
            self.tell(line, str(status if status >= 0 else 128 - status))

        def left() -> None:
            self.events.unregister(line)
            os.killpg(child, signal.SIGINT)

        self.events.register(ends, selectors.EVENT_READ, ended)
        self.events.register(line, selectors.EVENT_READ, left)

    def tell(self, line: socket.socket, answer: str) -> None:
        """Send an answer, if somebody still waits for it."""
        with suppress(OSError):
            line.send(answer.encode())
        line.close()

    def become(self, request: Request, descriptors: list[int], parent: int) -> None:
        """Make this fork, in a process group of its own, what the process is that asked for it."""
        os.setpgid(0, 0)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # which a build in a shell's background ignores
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        self.events.close()
        self.listener.close()
        for line, ends in self.forks.values():
            line.close()
            os.close(ends)
        for target, descriptor in enumerate(descriptors):
            os.dup2(descriptor, target)
            os.close(descriptor)
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environ"])
        tempfile.tempdir = None  # found out once, maybe before the environment was this one
        sys.modules.pop("__mp_main__", None)  # what multiprocessing calls this program
        sys.argv[:] = request["argv"]
        sys.path.insert(0, str(Path(sys.argv[0]).parent))

    def end(self) -> None:
        """End all forks and this process: the build is gone."""
        for child in self.forks:
            os.killpg(child, signal.SIGKILL)
        shutil.rmtree(Path(self.listener.getsockname()).parent, ignore_errors=True)
        sys.exit()


def run(script: str) -> int:
    """Run a script as Python does, and give the exit status."""
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as ending:
        if ending.code is None or isinstance(ending.code, int):
            return ending.code or 0
        print(ending.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    parent = Parent(socket.socket(fileno=int(sys.argv[1])), json.loads(sys.stdin.readline()))
    parent.serve()
    status = run(sys.argv[0])
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    # Not by way of Python's own end, which takes all that was imported apart, and for that copies it: .3 s for torch.
    os._exit(status)
