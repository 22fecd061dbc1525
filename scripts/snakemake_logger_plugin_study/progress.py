"""The books of a build: what is planned, runs, ended well or failed, and how long the rest will take.

Times are in seconds, from whatever clock the caller uses.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path


@dataclass
class Job:
    """One job: `label` tells it from others of its rule, `message` is for people, failed ones have errors."""

    rule: str
    label: str
    message: str
    started: float
    error: str = ""
    log: str = ""

    @property
    def name(self) -> str:
        """The rule and what tells the job from others of it."""
        return f"{self.rule} {self.label}".rstrip()

    @property
    def interrupted(self) -> bool:
        """Did it fail only because Ctrl-C reaches all processes of the terminal?"""
        return any(sign in self.error for sign in ("KeyboardInterrupt", "SIGINT", "exit status 130"))


@dataclass
class Progress:
    """Counts and times of one build, by rule and by Snakemake's job number."""

    planned: Counter[str] = field(default_factory=Counter)
    running: dict[int, Job] = field(default_factory=dict)
    finished: Counter[str] = field(default_factory=Counter)
    failed: dict[int, Job] = field(default_factory=dict)
    began: float | None = None
    # Of the finished jobs by rule, and of all the failed ones.
    _seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    _wasted: float = 0.0

    def start(self, number: int, job: Job) -> None:
        """Enter a job that starts, or starts again after it failed."""
        if self.began is None:
            self.began = job.started
        self.failed.pop(number, None)
        self.running[number] = job
        # A checkpoint brings jobs that were not in the plan.
        if sum(other.rule == job.rule for other in self.running.values()) > self.undone()[job.rule]:
            self.planned[job.rule] += 1

    def finish(self, number: int, now: float) -> None:
        """Enter that a job ended well."""
        if job := self.running.pop(number, None):
            self.finished[job.rule] += 1
            self._seconds[job.rule] += now - job.started

    def fail(self, number: int, job: Job, now: float) -> None:
        """Enter that a job failed; `job` says why."""
        self.running.pop(number, None)
        self.failed[number] = job
        self._wasted += now - job.started

    def undone(self) -> Counter[str]:
        """Count, by rule, the jobs that run now or have not begun."""
        return self.planned - self.finished - Counter(job.rule for job in self.failed.values())

    def seconds_left(self, now: float) -> float | None:
        """Estimate what is left: each job at its rule's mean (else the overall one), over the concurrency."""
        undone, finished = self.undone(), self.finished.total()
        if self.began is None or not finished:
            return None
        overall = sum(self._seconds.values()) / finished
        mean = {rule: self._seconds[rule] / self.finished[rule] for rule in self.finished}
        ages = [(job.rule, now - job.started) for job in self.running.values()]
        work = sum(count * mean.get(rule, overall) for rule, count in undone.items())
        work -= sum(min(age, mean.get(rule, overall)) for rule, age in ages)
        busy = sum(self._seconds.values()) + self._wasted + sum(age for _, age in ages)
        concurrency = busy / max(now - self.began, 1e-9)
        return work / max(1.0, min(concurrency, undone.total()))

    def summary(self, now: float) -> str:
        """Say how far the build is and what is to come: `[ 37/212 17 %] 1:05 elapsed, about 4:10 left`."""
        done, total, left = self.finished.total(), self.planned.total(), self.seconds_left(now)
        about = "estimating…" if left is None else f"about {clock(left)} left"
        share = 100 * done // max(total, 1)
        return f"[{done:>{len(str(total))}}/{total} {share} %] {clock(self.elapsed(now))} elapsed, {about}"

    def elapsed(self, now: float) -> float:
        """Give the time since the first job began."""
        return 0.0 if self.began is None else now - self.began

    def current(self, most: int) -> list[str]:
        """Say what runs now, `most` jobs of it, the longest running first."""
        messages = [job.message for job in self.running.values()]
        return messages[:most] + ([f"and {len(messages) - most} more"] if len(messages) > most else [])


def closing(progress: Progress, now: float, stopped: bool = False) -> str:
    """Sum up a build that has ended, or that its user has stopped."""
    done, total, took = progress.finished.total(), progress.planned.total(), clock(progress.elapsed(now))
    if done == total:
        return f"{_count(done)} done in {took}"
    failed = _failed(progress, stopped)
    rest = progress.planned - progress.finished - Counter(job.rule for job in failed)
    lines = [f"{done} of {_count(total)} done in {took}.", *failures(progress, stopped)]
    if rest:
        what = "left, the same command goes on with them" if stopped else _skipped(rest.total(), len(failed))
        rules = ", ".join(f"{rule} ({number})" for rule, number in rest.items())
        lines.append(f"{_count(rest.total())} {what}: {rules}")
    return "\n".join(lines)


def _skipped(jobs: int, failed: int) -> str:
    need = "was skipped because it needs" if jobs == 1 else "were skipped because they need"
    return f"{need} {'it' if failed == 1 else 'them'}"


def failures(progress: Progress, stopped: bool = False) -> list[str]:
    """List what failed and why, one text a job under a heading; nothing if nothing failed."""
    failed = _failed(progress, stopped)
    return [f"{_count(len(failed))} failed:", *map(_failure, failed)] if failed else []


def _failed(progress: Progress, stopped: bool) -> list[Job]:
    # A job that never ended is one whose outputs Snakemake found wanting; it says so in a message of its own.
    lost = [] if stopped else progress.running.values()
    failed = [job for job in progress.failed.values() if not job.interrupted]
    return failed + [replace(job, error="see the message above") for job in lost]


def _count(jobs: int) -> str:
    return "1 job" if jobs == 1 else f"{jobs} jobs"


def _failure(job: Job) -> str:
    told = [*job.error.splitlines(), *([f"log: {job.log}"] if job.log else [])]
    return "\n    ".join([f"  {job.name}", *told])


def clock(seconds: float) -> str:
    """Write a duration: 0:07, 4:10, 1:02:03."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def error_of(log: Path, lines: int = 60) -> tuple[str, bool]:
    """Give the error's message at the end of a log, or else the last line; and whether it is an error's.

    A message may have several lines: what follows the last traceback's indented ones, up to `lines` of them.
    """
    try:
        text = log.read_text(errors="replace").rstrip().splitlines()
    except OSError:
        return "", False
    if "Traceback (most recent call last):" not in text:
        return "".join(text[-1:]).strip(), False
    frames = len(text) - text[::-1].index("Traceback (most recent call last):")
    message = frames + next((i for i, line in enumerate(text[frames:]) if not line.startswith(" ")), 0)
    return "\n".join(text[message : message + lines]), True
