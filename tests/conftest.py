"""What all tests share."""

import os

from hypothesis import settings

# No timed assertions: a loaded machine is no fault. In continuous integration the same examples each time.
settings.register_profile("house", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("house")
