"""What all tests share."""

import os

import pytest
from hypothesis import settings

# No timed assertions: a loaded machine is no fault. In continuous integration the same examples each time.
settings.register_profile("house", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("house")

LONG = ("/workflow/test_slurm.py", "/workflow/test_tamper.py", "/workflow/")
"""What takes longest, by parts of paths: tests that wait for a cluster, a whole campaign, and all other builds."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest tests, so that the short ones are left to make all processes end together."""
    items.sort(key=lambda item: next((i for i, part in enumerate(LONG) if part in item.path.as_posix()), len(LONG)))
