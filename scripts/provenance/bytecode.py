"""Bytecode that is valid for the source's content, not for its time.

Python takes a cached .pyc for valid as long as time and size of the source are the same, so code that was edited under
its old time would not run, while its digest said that it did.
"""

import py_compile
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path

HEADER = 16
BY_CONTENT = b"\x03\0\0\0"
"""The flags of a .pyc whose source is hashed at each import."""


def check_by_content(folder: Path) -> None:
    """Let Python check the bytecode of all modules below a folder by the hash of their source, from now on.

    Python keeps that up by itself when it compiles them anew. A folder that can't be written is left as it is.
    """
    for source in folder.rglob("*.py"):
        compiled = Path(cache_from_source(str(source)))
        with suppress(OSError, py_compile.PyCompileError):
            if not compiled.exists() or compiled.read_bytes()[4:8] != BY_CONTENT:
                py_compile.compile(
                    str(source), doraise=True, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH
                )
