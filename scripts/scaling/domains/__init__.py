"""Domains: a data distribution, a task and a metric. One file each, found by its name.

A domain file holds one subclass of `Domain`, called `Domain` too, whose `kind` is the file's name. Its
attributes describe it to the paper; its fields are what config.yaml may set under `domains.<name>.data`.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scaling.randomness import generator
from scaling.settings import Count, Settings
from scaling.sources import Source
from scaling.tasks import Examples, Task

Index = NDArray[np.int64] | slice
WHOLE = slice(None)


@dataclass(frozen=True)
class Draw:
    """What one run sees, as examples of the domain's task: its own shard, validation and test sets of its seed.

    `test` holds the test set proper under the task's metric and one set per region under the region's
    name. `probe` are examples whose answers each run keeps, so that pictures need no second training; None where
    the domain has none.
    """

    train: Examples
    validation: Examples
    test: Mapping[str, Examples]
    probe: Examples | None = None


class Published(NamedTuple):
    """What the literature reports of a task of a domain's kind: alike, not the same, so it says which."""

    task: str
    """That task and what its error is, in LaTeX."""
    slope: float
    """Exponent of error against N, without a floor."""
    growth: float | None
    """Exponent of the best model size against N."""
    source: str
    """Key in references.bib."""


@dataclass(frozen=True)
class KnownLaw:
    """What theory says of the error of some learner in a domain: the truth, to which a fitted law can be held."""

    learner: Mapping[str, Any]
    """Settings of the families that it speaks of, the kind among them."""
    exponent: float
    """The power of N that the error follows in the end."""
    error: Callable[[int], float]
    """Expected error after N examples, over shards and test sets: exact, unless the domain says otherwise."""
    source: str
    """LaTeX that cites who found it."""

    def speaks_of(self, family: Settings) -> bool:
        """Does it hold for this family?"""
        return all(getattr(family, key, None) == value for key, value in self.learner.items())

    def slope(self, sizes: Sequence[int]) -> float:
        """Slope of the straight line through log error against log N at these shard sizes, all counting alike."""
        return float(np.polyfit(np.log(sizes), np.log([self.error(N) for N in sizes]), 1)[0])


class Domain(Settings):
    """A data distribution with a task and a metric; subclass it in a file of `scaling/domains`."""

    kind: str
    validation_size: Count
    """Examples of the validation set, disjoint from every shard and from the test set."""

    title: ClassVar[str]
    """The domain's name in prose, tables and figures."""
    description: ClassVar[str]
    """A paragraph of LaTeX for the paper: what the data are, where they come from, how they are split."""
    regions: ClassVar[Mapping[str, str]] = {}
    """Parts of the input space with a test set of their own: name and what it is, in words."""
    unit: ClassVar[str] = "examples"
    """What N counts."""
    published: ClassVar[Published | None] = None
    """To compare with."""
    source: ClassVar[Source | None] = None
    """Where the raw data come from; None for a synthetic domain."""

    @property
    def pool(self) -> int | None:
        """Number of examples that shards are drawn from; None if fresh ones never run out."""
        return None

    @property
    def known(self) -> KnownLaw | None:
        """The law that errors follow here, if theory knows it; such a domain is a control, not a finding."""
        return None

    @property
    def task(self) -> Task:
        """What is to be learned, and what the error is."""
        raise NotImplementedError

    @property
    def metric(self) -> str:
        """Name of the error that the curves show."""
        return self.task.metric

    @property
    def guess(self) -> float:
        """Error of the best answer that looks at no input (best guess)."""
        return self.task.guess

    def prepare(self, raw: Path) -> dict[str, NDArray[np.generic]]:
        """Turn the raw archive into named arrays, once per study; only for domains with a source."""
        raise TypeError(f"domain kind {self.kind} has no source, so there is nothing to prepare")

    def draw(self, name: str, N: int, seed: int, data: Path | None) -> Draw:
        """Draw the shard of `N` examples and the validation and test sets of `seed`.

        `name` is the domain's name in the study; it keys the random streams. `data` is what `prepare` wrote.
        """
        raise NotImplementedError

    def prepared(self, data: Path | None) -> Any:
        """Open the arrays that `prepare` wrote, for a `with`; raises TypeError if none are given."""
        if data is None:
            raise TypeError(f"{self.unit} of kind {self.kind} are drawn from prepared data, but none were given")
        return np.load(data, allow_pickle=False)


class Pooled(Domain):
    """A domain with a finite pool in prepared arrays: every shard is drawn from it, all runs share the other sets."""

    def part(self, arrays: Mapping[str, NDArray[Any]], name: str, index: Index) -> Examples:
        """Give the examples at `index` of a part of the prepared arrays: pool, validation, test, or a region."""
        raise NotImplementedError

    def draw(self, name: str, N: int, seed: int, data: Path | None) -> Draw:
        """Draw N examples of the pool without replacement."""
        with self.prepared(data) as arrays:
            assert self.pool is not None
            shard = generator(name, "train", N, seed).choice(self.pool, size=N, replace=False)
            tests = {self.metric: "test"} | {region: region for region in self.regions}
            return Draw(
                train=self.part(arrays, "pool", shard),
                validation=self.part(arrays, "validation", WHOLE),
                test={name: self.part(arrays, part, WHOLE) for name, part in tests.items()},
            )


def scaled(numbers: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Scale bytes to [-1, 1]: a fixed map, so that no statistic of a shard leaks into another."""
    x = np.divide(numbers, np.float32(127.5), dtype=np.float32)
    x -= 1  # in place: a copy of 55,000 images takes longer than the sum
    return x


def load(kind: str) -> type[Domain]:
    """Import the domain class of `kind`; raises ModuleNotFoundError for an unknown kind."""
    domain: type[Domain] = importlib.import_module(f"scaling.domains.{kind}").Domain
    return domain


def kinds() -> list[str]:
    """Name every domain file, in alphabetical order."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))
