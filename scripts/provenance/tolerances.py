"""Tolerances: how far which numbers of a replayed job may be from what was recorded, as a study says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeVar

from provenance.workspace import CannotRun

Allowed = TypeVar("Allowed")


@dataclass(frozen=True)
class Tolerances:
    """Patterns of files, each with patterns of places (`contents.apart`) and the relative differences allowed there.

    In a file of YAML, where of patterns that fit the first counts:

        runs/*.json:
          /test/*: 0.3
          /steps: 0
    """

    name: str
    by_file: Mapping[str, Mapping[str, float]]

    @classmethod
    def read(cls, path: Path) -> Tolerances:
        """Read a file; raises CannotRun if it can't be read or says something else."""
        import yaml
        from pydantic import NonNegativeFloat, TypeAdapter

        expected = TypeAdapter(dict[str, dict[str, NonNegativeFloat]])
        try:
            return cls(str(path), expected.validate_python(yaml.safe_load(path.read_text())))
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise CannotRun(
                f"{path} holds no tolerances: {error}\nExpected patterns of files, each with patterns of places and "
                "the relative differences that are allowed there: `runs/*.json: {/test/*: 0.3}`."
            ) from error

    def allow(self, file: str, differences: Mapping[str, float]) -> bool:
        """Tell whether all of a file's differences are within what is allowed; without a pattern nothing is."""
        places = _first_fitting(self.by_file, file) or {}
        return all(difference <= (_first_fitting(places, place) or 0.0) for place, difference in differences.items())


def _first_fitting(by_pattern: Mapping[str, Allowed], name: str) -> Allowed | None:
    return next((allowed for pattern, allowed in by_pattern.items() if fnmatchcase(name, pattern)), None)
