"""The parent that jobs are forked from (see `forks`): a program of its own, which imports nothing of this checkout.

    python -P forkserver.py DESCRIPTOR

listens at the socket of that descriptor for as long as its standard input stays open. What a fork has imported of
installed packages when it ends, the parent imports before it forks for such a job again, whether their code names it or
not (many packages import most of themselves when they are used). The project's own code is imported fresh in each fork.
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
import sysconfig
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

LARGEST = 1 << 20
"""Bytes of a request, most of which is the environment of a job."""
PATIENCE = 5
"""Seconds that a fork whose job is gone has to end by itself."""
PR_SET_PDEATHSIG = 1
INSTALLED = tuple(f"{sysconfig.get_path(name)}/" for name in ("stdlib", "platstdlib", "purelib", "platlib"))
THREADS = [name for name in os.environ if name.endswith("_NUM_THREADS")]
"""What libraries read when they are imported, and never again."""

Request = dict[str, Any]


class Parent:
    """Forks a process for each request, tells how it ended, and interrupts it if whoever asked is gone."""

    def __init__(self, listener: socket.socket):
        self.listener = listener
        self.folder = Path(listener.getsockname()).parent
        self.forks: dict[int, tuple[socket.socket, int]] = {}
        """By process: the line to whoever asked for it, and a descriptor that tells of its end."""
        self.doomed: dict[int, float] = {}
        """When forks that were interrupted are killed, should they still be there."""
        self.events = selectors.DefaultSelector()
        self.events.register(listener, selectors.EVENT_READ, self.accept)
        self.events.register(sys.stdin, selectors.EVENT_READ, self.end)

    def serve(self) -> Request:
        """Return in forks only, with what the fork is to run; the parent itself exits when the build is gone."""
        while True:
            for key, _ in self.events.select(1 if self.doomed else None):
                answer: Callable[[], Request | None] = key.data
                if request := answer():
                    return request
            for child, deadline in self.doomed.items():
                if time.monotonic() > deadline:
                    os.killpg(child, signal.SIGKILL)

    def accept(self) -> Request | None:
        """Answer a request by a fork, or with a no."""
        line, _ = self.listener.accept()
        text, descriptors, *_ = socket.recv_fds(line, LARGEST, 3)
        request: Request | None = json.loads(text) if text else None
        if request and all(request["environ"].get(name) == os.environ[name] for name in THREADS):
            self.prepare(request["code"])
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

    def prepare(self, code: str) -> None:
        """Import what a fork for a job of this code has imported before."""
        note = self.folder / code
        if not note.exists():
            return
        for name in note.read_text().splitlines():
            with suppress(Exception):  # in the order in which it has worked, or the job says it better
                importlib.import_module(name)
        note.unlink()
        gc.collect()
        gc.freeze()  # or the first collection in each fork would copy every page

    def note_imports(self, code: str, known: set[str]) -> None:
        """Leave word, as a fork ends, of the installed modules that are not among those known to the parent."""
        found = {name: getattr(module, "__file__", None) or "" for name, module in list(sys.modules.items())}
        names = [name for name, file in found.items() if name not in known and file.startswith(INSTALLED)]
        if names:
            written = self.folder / f"{code}.{os.getpid()}"
            written.write_text("\n".join(names))
            written.replace(self.folder / code)

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
            self.doomed.pop(child, None)
            self.tell(line, str(status if status >= 0 else 128 - status))

        def left() -> None:
            if child not in self.forks:  # it has ended in the same moment
                return
            self.events.unregister(line)
            os.killpg(child, signal.SIGINT)
            self.doomed[child] = time.monotonic() + PATIENCE

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
        shutil.rmtree(self.folder, ignore_errors=True)
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
    parent = Parent(socket.socket(fileno=int(sys.argv[1])))
    request = parent.serve()
    known = set(sys.modules)
    status = run(sys.argv[0])
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    parent.note_imports(request["code"], known)
    # Not by way of Python's own end, which takes all that was imported apart, and for that copies it: .3 s for torch.
    os._exit(status)
