"""No timer keeps the process of a build alive.

Snakemake's limiter of job rates (`--max-jobs-per-timespan`) sets a timer whenever its scheduler has looked for jobs,
has it look again when the timer goes off, and so for ever: after a thousand jobs a thousand looks a second, which cost
more than many a job. profiles/default sets the time to an hour. But a process waits for its timers before it ends.
"""

import threading


def end_with_main_thread() -> None:
    """Have all timers of this process cancelled once its main thread is done, however that ends."""
    threading.Thread(target=_cancel_at_the_end, daemon=True).start()


def _cancel_at_the_end() -> None:
    threading.main_thread().join()
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.cancel()
