"""What a build shows: how far it is, how long it will take, and in the end what failed and why.

`logger: study` in a profile selects it; Snakemake finds it by the package's name. A dry run, --verbose
and --debug-dag show Snakemake's own output instead; --quiet leaves warnings, errors and what failed.
"""

import logging
import os
import re
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text
from snakemake import logging as snakemakes  # type: ignore[import-untyped]
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from snakemake_logger_plugin_study.progress import Job, Progress, closing, error_of, failures

# How messages begin that Snakemake gives in every build and nobody needs. Others are shown, known or not.
NOISE = (
    "Assuming unrestricted shared filesystem",
    "Building DAG of jobs",
    "Complete log(s):",
    "Config file ",
    "Elapsed time:",
    "Exiting because a job execution failed",
    "Group jobs: inactive",
    "Removing ",
    "Select jobs to execute",
    "Shutting down",
    "Updating checkpoint dependencies",
    "Using shell:",
)
# … and those that say that the user stops the build.
STOPPED = ("Terminating processes on user request", "Will exit after finishing currently running jobs")
# How Python says that a command failed.
EXIT = re.compile(r"returned non-zero exit status \d+|died with <.*?>|died with unknown signal \d+")
SECONDS_BETWEEN_LINES = 10
RUNNING_JOBS_SHOWN = 8


class LogHandler(LogHandlerBase):
    """Follows the events of a build and writes to standard error."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    def __post_init__(self) -> None:
        """Choose between this display and Snakemake's."""
        settings = self.common_settings
        self.console = Console(stderr=True, no_color=settings.nocolor or None)
        self.quiet = bool(settings.quiet)
        self.lively = sys.stderr.isatty() and not self.console.is_dumb_terminal
        self.progress = Progress()
        # Snakemake's thread keeps the books, rich's thread reads them; no other lock is taken under this one.
        self.books = threading.Lock()
        self.live: Live | None = None
        self.last_line = 0.0
        self.stopped = False
        self.last_message = ""
        self.held: dict[int, str] = {}  # by thread: that a command failed, until the event of its job comes
        plainly = settings.dryrun or settings.verbose or settings.debug_dag
        self.plain = self._snakemakes_own() if plainly else None
        self.followers = {
            None: self._tell,
            LogEvent.RUN_INFO: self._plan,
            LogEvent.JOB_INFO: self._start,
            LogEvent.JOB_FINISHED: self._finish,
            LogEvent.JOB_ERROR: self._fail,
            LogEvent.ERROR: self._tell_error,
        }
        if settings.printshellcmds:
            self.followers[LogEvent.SHELLCMD] = lambda told: self._print(told, told["shellcmd"] or "")

    def _snakemakes_own(self) -> logging.Handler:
        own = self.common_settings
        stream = sys.stdout if own.stdout else sys.stderr
        plain: logging.Handler = snakemakes.ColorizingTextHandler(own.nocolor, stream)
        plain.setFormatter(snakemakes.DefaultFormatter(own.quiet, own.show_failed_logs))
        options = own.quiet, own.debug_dag, own.verbose, own.dryrun, own.printshellcmds
        plain.addFilter(snakemakes.DefaultFilter(*options))
        return plain

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record, or enter it into the books."""
        try:
            if self.plain:
                self.plain.handle(record)
            elif follow := self.followers.get(getattr(record, "event", None)):
                follow(vars(record))
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Take the display away and sum up. Snakemake calls this when all records have come."""
        if self.live:
            self.live.stop()
            self.live = None
        while self.held:  # a command that was no job's, such as one in the Snakefile
            self._say(self.held.popitem()[1], "red")
        if self.progress.began is not None and self.quiet:  # Snakemake does not tell then what ended well
            self._say("\n".join(failures(self.progress, stopped=True)))
        elif self.progress.began is not None:
            self._say(closing(self.progress, time.time(), self.stopped))
        self.progress = Progress()
        super().close()

    def _plan(self, told: dict[str, Any]) -> None:
        self.progress.planned = Counter({rule: n for rule, n in told["stats"].items() if rule != "total"})

    def _start(self, told: dict[str, Any]) -> None:
        label = " ".join(f"{name}={value}" for name, value in told["wildcards"].items())
        message = told["rule_msg"] or f"{told['rule_name']} {label}".rstrip()
        with self.books:
            self.progress.start(told["jobid"], Job(told["rule_name"], label, message, told["created"]))
        self._show(told["created"])

    def _finish(self, told: dict[str, Any]) -> None:
        with self.books:
            self.progress.finish(told["job_id"], told["created"])
        self._show(told["created"])

    def _fail(self, told: dict[str, Any]) -> None:
        job = self.progress.running.get(told["jobid"]) or Job(told["rule_name"], "", "", told["created"])
        job.log = ", ".join(filter(os.path.exists, told["log"])) or "none; what it said stands above"
        job.error = self._why(told)
        with self.books:
            self.progress.fail(told["jobid"], job, told["created"])
        if not job.interrupted:
            self._say(" · ".join([f"failed: {job.name}", *job.error.splitlines()[:3]]), "red")

    def _why(self, told: dict[str, Any]) -> str:
        ended = EXIT.search(self.held.pop(told["thread"], ""))
        endings = [error_of(Path(log)) for log in told["log"]]
        for text, is_error in endings:
            if is_error:
                return text
        # A killed job leaves no error: then what the cluster says, the job's last words, and its exit.
        known = [told["rule_msg"], *(text for text, _ in endings), ended and ended[0]]
        return "\n".join(filter(None, known))

    def _tell(self, told: dict[str, Any]) -> None:
        text = str(told["msg"])
        self.stopped |= text.startswith(STOPPED)
        if not text.startswith(NOISE) and text != self.last_message:
            self._print(told, text)
        self.last_message = text

    def _tell_error(self, told: dict[str, Any]) -> None:
        text = str(told["msg"])
        if text.startswith(("RuleException:\nCalledProcessError", "CalledProcessError")):
            self.held[told["thread"]] = text  # says less than the job's own event, which comes next
        elif "At least one job did not complete successfully" not in text:
            self._print(told, text)

    def _print(self, told: dict[str, Any], text: str) -> None:
        level = told["levelno"]
        if level >= logging.WARNING or not self.quiet:
            self._say(text, "red" if level >= logging.ERROR else "yellow" if level >= logging.WARNING else "")

    def _say(self, text: str, style: str = "") -> None:
        if text:
            self.console.print(Text(text, style=style), soft_wrap=True)

    def _show(self, now: float) -> None:
        if self.quiet:
            return
        if self.lively:
            self.live = self.live or self._start_live()
        elif now - self.last_line >= SECONDS_BETWEEN_LINES:
            self.last_line = now
            self._say(f"{self.progress.summary(now)} · {' · '.join(self.progress.current(1))}")

    def _start_live(self) -> Live:
        tty = sys.stdout.isatty()  # if it is not, what is printed must not go to standard error
        live = Live(console=self.console, get_renderable=self._picture, transient=True, redirect_stdout=tty)
        live.start()
        return live

    def _picture(self) -> Group:
        with self.books:
            summary, current = self.progress.summary(time.time()), self.progress.current(RUNNING_JOBS_SHOWN)
            bar = ProgressBar(self.progress.planned.total(), self.progress.finished.total(), width=20)
        top = Table.grid(padding=(0, 1))
        top.add_row(bar, Text(summary, no_wrap=True, overflow="ellipsis"))
        return Group(top, *(Text(f"  {line}", no_wrap=True, overflow="ellipsis") for line in current))
