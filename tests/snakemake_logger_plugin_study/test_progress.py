"""What a build shows while it runs and when it ends."""

import logging
from pathlib import Path

import pytest
from snakemake.settings.enums import Quietness
from snakemake.settings.types import OutputSettings
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

from snakemake_logger_plugin_study import LogHandler
from snakemake_logger_plugin_study.progress import Job, Progress, clock, closing, error_of


def plan(**counts: int) -> Progress:
    progress = Progress()
    progress.planned.update(counts)
    return progress


def job(rule: str, started: float, error: str = "") -> Job:
    return Job(rule, f"seed={started:.0f}", f"Running {rule}", started, error)


def test_nothing_is_estimated_before_a_job_has_ended():
    progress = plan(train=4)
    progress.start(1, job("train", 0))
    assert progress.seconds_left(5) is None
    assert progress.summary(5) == "[0/4 0 %] 0:05 elapsed, estimating…"


def test_what_is_left_is_priced_by_rule_and_unseen_rules_by_the_mean_of_all():
    progress = plan(prepare=1, train=3, fit=1)
    progress.start(1, job("prepare", 0))
    progress.finish(1, 2)
    progress.start(2, job("train", 2))
    progress.finish(2, 12)
    # Two more trainings of 10 s and a fit of (2 + 10) / 2 s, one after the other.
    assert progress.seconds_left(12) == pytest.approx(26)
    progress.start(3, job("train", 12))
    assert progress.seconds_left(16) == pytest.approx(22)
    assert progress.seconds_left(40) == pytest.approx(16), "a job longer than its like costs nothing more"


def test_jobs_at_the_same_time_share_the_time_that_is_left():
    progress = plan(train=8)
    for number in range(4):
        progress.start(number, job("train", 0))
    for number in range(4):
        progress.finish(number, 10)
    assert progress.seconds_left(10) == pytest.approx(10)


def test_the_last_job_alone_is_not_divided_among_the_cores():
    progress = plan(train=5)
    for number in range(4):
        progress.start(number, job("train", 0))
    for number in range(4):
        progress.finish(number, 10)
    assert progress.seconds_left(10) == pytest.approx(10)


def test_the_summary_counts_and_estimates():
    progress = plan(train=212)
    for number in range(37):
        progress.start(number, job("train", number))
        progress.finish(number, number + 1)
    assert progress.summary(37) == "[ 37/212 17 %] 0:37 elapsed, about 2:55 left"


def test_a_job_that_was_tried_again_and_succeeds_is_no_failure():
    progress = plan(train=1)
    progress.start(1, job("train", 0))
    progress.fail(1, job("train", 0, "OSError"), 1)
    progress.start(1, job("train", 2))
    progress.finish(1, 3)
    assert closing(progress, 3) == "1 job done in 0:03"


def test_jobs_that_a_checkpoint_adds_are_counted():
    progress = plan(split=1)
    progress.start(1, job("split", 0))
    progress.finish(1, 1)
    for number in (2, 3):
        progress.start(number, job("train", 1))
    assert progress.planned == {"split": 1, "train": 2}


def test_the_end_names_what_failed_and_what_was_skipped_for_it():
    progress = plan(train=2, gather=1, law=4)
    progress.start(1, job("train", 0))
    progress.start(2, job("train", 3))
    progress.finish(1, 60)
    failed = Job("train", "N=1000 seed=3", "", 3, "ValueError: the loss is NaN\nLower the rate.", "logs/3.log")
    progress.fail(2, failed, 65)
    assert closing(progress, 65).splitlines() == [
        "1 of 7 jobs done in 1:05.",
        "1 job failed:",
        "  train N=1000 seed=3",
        "    ValueError: the loss is NaN",
        "    Lower the rate.",
        "    log: logs/3.log",
        "5 jobs were skipped because they need it: gather (1), law (4)",
    ]


def test_a_job_that_snakemake_never_declared_finished_is_a_failure():
    progress = plan(train=1)
    progress.start(1, job("train", 0))
    assert "1 job failed:\n  train seed=0\n    see the message above" in closing(progress, 1)


def test_after_ctrl_c_the_jobs_it_reached_are_left_over_and_did_not_fail():
    progress = plan(train=3)
    progress.start(1, job("train", 0))
    progress.start(2, job("train", 0))
    progress.fail(1, job("train", 0, "KeyboardInterrupt"), 1)
    said = closing(progress, 1, stopped=True)
    assert said == "0 of 3 jobs done in 0:01.\n3 jobs left, the same command goes on with them: train (3)"


@pytest.mark.parametrize(("seconds", "text"), [(7, "0:07"), (250, "4:10"), (3723, "1:02:03"), (59.7, "1:00")])
def test_clock(seconds: float, text: str):
    assert clock(seconds) == text


TRACEBACK = 'Traceback (most recent call last):\n  File "train.py", line 4, in <module>\n    train()\n'


@pytest.mark.parametrize(
    ("log", "error", "is_error"),
    [
        ("epoch 1\nepoch 2\n\n", "epoch 2", False),
        (TRACEBACK + "ValueError: bad\n", "ValueError: bad", True),
        (TRACEBACK + "A: a\n\nDuring …:\n\n" + TRACEBACK + "B: b\nDo this.\n", "B: b\nDo this.", True),
        ("", "", False),
    ],
)
def test_the_error_is_what_follows_the_last_traceback(tmp_path: Path, log: str, error: str, is_error: bool):
    (tmp_path / "log").write_text(log)
    assert error_of(tmp_path / "log") == (error, is_error)


def test_a_log_that_was_never_begun_says_nothing(tmp_path: Path):
    assert error_of(tmp_path / "log") == ("", False)


def tell(handler: LogHandler, text: str | None = None, level: int = logging.INFO, **facts: object) -> None:
    record = logging.LogRecord("snakemake", level, "", 0, str(text), None, None)
    vars(record).update(facts)
    handler.handle(record)


def start(handler: LogHandler, number: int, rule: str, log: Path | None = None) -> None:
    facts = {"jobid": number, "rule_name": rule, "rule_msg": None, "wildcards": {"N": "100"}}
    tell(handler, event=LogEvent.JOB_INFO, **facts, log=[str(log)] if log else [])


def build(handler: LogHandler, log: Path) -> None:
    """Tell of a build in which one job ends well, one fails and a third is skipped."""
    tell(handler, "Building DAG of jobs...")
    tell(handler, "Job stats: …", event=LogEvent.RUN_INFO, stats={"train": 2, "law": 1, "total": 3})
    start(handler, 1, "train")
    start(handler, 2, "train")
    tell(handler, event=LogEvent.JOB_FINISHED, job_id=1)
    log.write_text(TRACEBACK + "ValueError: bad\n")
    command = "RuleException:\nCalledProcessError in file x:\nCommand 'python' returned non-zero exit status 1."
    tell(handler, command, logging.ERROR, event=LogEvent.ERROR)
    facts = {"jobid": 2, "rule_name": "train", "rule_msg": None, "log": [str(log)]}
    tell(handler, "Error in rule train", logging.ERROR, event=LogEvent.JOB_ERROR, **facts)
    tell(handler, "Exiting because a job execution failed. Look above for error messages", logging.ERROR)
    tell(handler, "from onerror", logging.ERROR)
    done = "WorkflowError:\nAt least one job did not complete successfully."
    tell(handler, done, logging.ERROR, event=LogEvent.ERROR)
    handler.close()


def test_snakemake_finds_the_handler():
    assert LoggerPluginRegistry().get_plugin("study").log_handler is LogHandler


def test_a_failed_build_says_each_thing_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    handler = LogHandler(OutputSettings(), None)
    build(handler, tmp_path / "log")
    handler.close()  # as logging does at exit
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "[0/3 0 %] 0:00 elapsed, estimating… · train N=100",
        "failed: train N=100 · ValueError: bad",
        "from onerror",
        "1 of 3 jobs done in 0:00.",
        "1 job failed:",
        "  train N=100",
        "    ValueError: bad",
        f"    log: {tmp_path / 'log'}",
        "1 job was skipped because it needs it: law (1)",
    ]


def test_quiet_leaves_what_failed(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    build(LogHandler(OutputSettings(quiet={Quietness.PROGRESS}), None), tmp_path / "log")
    said = capsys.readouterr().err
    assert said.startswith("failed: train N=100")
    assert "1 job failed:" in said
    assert "done in" not in said


def test_a_dry_run_is_snakemakes_own(capsys: pytest.CaptureFixture[str]):
    handler = LogHandler(OutputSettings(dryrun=True, stdout=True), None)
    tell(handler, "Building DAG of jobs...")
    tell(handler, "Job stats: …", event=LogEvent.RUN_INFO, stats={"train": 2, "total": 2})
    handler.close()
    assert capsys.readouterr() == ("Building DAG of jobs...\nJob stats: …\n", "")


def test_a_command_that_was_no_jobs_is_not_lost(capsys: pytest.CaptureFixture[str]):
    handler = LogHandler(OutputSettings(), None)
    text = "CalledProcessError in file \"Snakefile\", line 3:\nCommand 'git' returned non-zero exit status 128."
    tell(handler, text, logging.ERROR, event=LogEvent.ERROR)
    handler.close()
    assert "exit status 128" in capsys.readouterr().err


def test_a_killed_job_is_told_by_its_last_words_and_its_exit(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    handler = LogHandler(OutputSettings(), None)
    (tmp_path / "log").write_text("epoch 3\n")
    start(handler, 1, "train")
    text = "RuleException:\nCalledProcessError in x:\nCommand 'python' died with <Signals.SIGKILL: 9>."
    tell(handler, text, logging.ERROR, event=LogEvent.ERROR)
    facts = {"jobid": 1, "rule_name": "train", "rule_msg": None, "log": [str(tmp_path / "log")]}
    tell(handler, "Error in rule train", logging.ERROR, event=LogEvent.JOB_ERROR, **facts)
    assert "train N=100 · epoch 3 · died with <Signals.SIGKILL: 9>" in capsys.readouterr().err


def test_unknown_messages_and_brackets_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]):
    handler = LogHandler(OutputSettings(), None)
    text = "Nothing to be done [all files are present] :smile: " + "x" * 200
    tell(handler, text)
    tell(handler, text)
    assert capsys.readouterr().err == text + "\n"
