"""An executor for benchmarks of everything but the jobs: many scripts in one forked process, one after the other.

Jobs are what they are in any build: the same scripts, inputs checked, receipts written. Only the start of a process
for each, which costs most of a short job, is left out. Jobs that are no scripts leave empty files.
"""

import gc
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.executors.real import RealExecutor
from snakemake_interface_executor_plugins.settings import CommonSettings

common_settings = CommonSettings(
    non_local_exec=False,
    implies_no_shared_fs=False,
    job_deploy_sources=False,
    pass_envvar_declarations_to_cmd=True,
    auto_deploy_default_storage_provider=False,
)


class Executor(RealExecutor):
    """Runs jobs of one code in one child."""

    def run_jobs(self, jobs: Sequence[Any]) -> None:
        """Run jobs, and report each when all of its code are done."""
        for job in jobs:
            self.run_job_pre(job)
            self.workflow.async_run(job.prepare())
            self.report_job_submission(SubmittedJobInfo(job=job))
        for _, alike in groupby(sorted(jobs, key=_code), key=_code):
            self._run(list(alike))

    def run_job(self, job: Any) -> None:
        """Run one job."""
        self.run_jobs([job])

    def _run(self, jobs: Sequence[Any]) -> None:
        if jobs[0].rule.script is None:
            for job in jobs:
                for path in map(Path, job.output):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.touch()
            done = len(jobs)
        else:
            done = _in_child(jobs)
        for job in jobs[:done]:
            self.report_job_success(SubmittedJobInfo(job=job))
        for job in jobs[done:]:
            self.report_job_error(SubmittedJobInfo(job=job))

    def cancel(self) -> None:
        """There is nothing to cancel: a child is waited for."""

    def shutdown(self) -> None:
        """There is nothing to shut down."""

    def get_exec_mode(self) -> Any:
        """No job starts a Snakemake."""
        raise NotImplementedError

    def get_python_executable(self) -> str:
        """No job starts a Python."""
        raise NotImplementedError

    @property
    def cores(self) -> Any:
        """As many as the build has."""
        return self.workflow.resource_settings.cores


def _code(job: Any) -> tuple[str, str]:
    return job.rule.name, str(dict(job.params.items()).get("code"))


def _in_child(jobs: Sequence[Any]) -> int:
    """Run scripts in a child; give how many ended well before the first that did not."""
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(readable)
        status = 1
        try:
            gc.freeze()
            os.environ.pop("STUDY_FORKS", None)  # this is the fork
            _forget_library()
            for _ in map(_run_script, jobs):
                os.write(writable, b".")
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writable)
    done = sum(map(len, _chunks(readable)))
    os.close(readable)
    os.waitpid(child, 0)
    return done


def _chunks(descriptor: int) -> Iterator[bytes]:
    while chunk := os.read(descriptor, 65536):
        yield chunk


def _forget_library() -> None:
    """Let jobs import the workflow's own modules themselves, for they check which they have loaded."""
    library = os.environ["PYTHONPATH"].split(os.pathsep)[0]
    for name, module in list(sys.modules.items()):
        if (getattr(module, "__file__", None) or "").startswith(library):
            del sys.modules[name]


def _run_script(job: Any) -> None:
    path = (Path(str(job.rule.basedir)) / job.rule.script).resolve()
    names = ("input", "output", "params", "wildcards", "log", "resources")
    context = SimpleNamespace(rule=job.rule.name, **{name: getattr(job, name) for name in names})
    exec(compile(path.read_bytes(), path, "exec"), {"snakemake": context, "__name__": "__main__"})
