"""The house: what a file must hold that is found by its name, so that its kind can be named in the config.

Nothing else says what a new family or domain lacks: for Python and pydantic its class is complete without a title.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar, get_args

from scaling.settings import Settings

Kind = TypeVar("Kind", bound=Settings)
SPECIAL = re.compile(r"(?<!\\)[%&#]")
"""Characters that LaTeX takes for something else: what follows a % is lost, and nothing says so."""


class HouseError(ValueError):
    """A file that does not hold what its kind must have; the message names it and says what to do."""


def checked(load: Callable[[str], type[Kind]], kind: str, base: type[Kind]) -> type[Kind]:
    """Load the class of a kind, a subclass of `base` of the same name; raises HouseError if something is amiss."""
    file = f"scripts/{base.__module__.replace('.', '/')}/{kind}.py"
    try:
        found = load(kind)
    except AttributeError as error:
        if error.name != base.__name__:
            raise
        raise HouseError(
            f"{file} has no class {base.__name__}. Every file there holds one; move what others share elsewhere."
        ) from None
    if faults := _faults(found, kind, base):
        raise HouseError(f"{file}, class {base.__name__}: {'; '.join(faults)}.")
    return found


def _faults(found: type[Kind], kind: str, base: type[Kind]) -> list[str]:
    if not issubclass(found, base):
        return [f"it is no {base.__module__}.{base.__name__}; derive it from that"]
    faults = []
    if get_args(found.model_fields["kind"].annotation) != (kind,):
        faults.append(f'its kind must be its file\'s name; write kind: Literal["{kind}"]')
    if lacking := sorted(name for name in found.__class_vars__ if not hasattr(found, name)):
        faults.append(f"it lacks {', '.join(lacking)}, which {base.__name__} describes")
    if bare := SPECIAL.findall(getattr(found, "description", "")):
        faults.append(f"its description is LaTeX, in which {bare[0]} is written \\{bare[0]}")
    return faults
