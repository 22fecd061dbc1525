"""A process whose main thread is done does not wait for its timers."""

import subprocess
import sys

import pytest

PROCESS = """
import sys, threading
from provenance.timers import end_with_main_thread
end_with_main_thread()
for _ in range(3):
    threading.Timer(3_600, print).start()
{end}
"""


@pytest.mark.parametrize(
    ("end", "code"),
    [("print('done')", 0), ("sys.exit(3)", 3), ("raise ValueError", 1), ("raise KeyboardInterrupt", -2)],
)
def test_however_it_ends_no_timer_is_waited_for(end, code):
    process = subprocess.run(
        [sys.executable, "-c", PROCESS.format(end=end)], timeout=60, check=False, capture_output=True
    )
    assert process.returncode == code


def test_timers_of_a_living_process_go_off():
    code = """
import threading
from provenance.timers import end_with_main_thread
end_with_main_thread()
gone_off = threading.Event()
threading.Timer(0.1, gone_off.set).start()
assert gone_off.wait(30)
"""
    subprocess.run([sys.executable, "-c", code], timeout=60, check=True)
