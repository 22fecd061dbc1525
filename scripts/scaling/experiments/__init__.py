"""Experiments beside the learning curves: one module each, of one name with its rules, script and section."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, ConfigDict

from scaling.settings import Settings

if TYPE_CHECKING:
    from scaling.study import Study


class Experiment(Settings):
    """Settings of an experiment."""

    appendix: ClassVar[bool] = False
    """Does its section stand in the appendix?"""

    @abstractmethod
    def faults(self, study: Study) -> Iterator[str]:
        """Name what this study does not have."""


class Result(BaseModel):
    """A part of what came of an experiment, as its job writes it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
