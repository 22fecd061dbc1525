"""The base of everything that config.yaml can say: frozen, typed, and closed to unknown keys."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """A part of the study as written in config.yaml; unknown keys and wrong types are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
"""A name that is safe in paths, wildcards and TeX: lower-case words and digits joined by hyphens."""

Count = Annotated[int, Field(gt=0)]
"""A whole number of at least one."""

Seed = Annotated[int, Field(ge=0)]
"""What a run's random numbers follow from, beside what it is."""
