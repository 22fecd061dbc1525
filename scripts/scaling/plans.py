"""Plans: a domain of the study, trained by it or measured by somebody else, and the families that belong to it."""

from __future__ import annotations

import functools
import operator
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple

from pydantic import AfterValidator, Discriminator, Field, PrivateAttr, Tag, model_validator

from scaling import domains, models
from scaling.domains import Domain, KnownLaw, Published
from scaling.house import checked
from scaling.laws.shards import SHARED
from scaling.measurements import MeasurementsError, model_name, read_domain
from scaling.models import Family, Network
from scaling.settings import Count, Name, Seed, Settings
from scaling.training import Budget

if TYPE_CHECKING:
    import pandas as pd

    AnyDomain = Domain
    AnyFamily = Family
else:
    # The choices are the files found in the two packages, so a new file is a new choice.
    AnyDomain, AnyFamily = (
        Annotated[
            functools.reduce(operator.or_, (checked(package.load, kind, base) for kind in package.kinds())),
            Field(discriminator="kind"),
        ]
        for package, base in ((domains, Domain), (models, Family))
    )


class Model(NamedTuple):
    """A family at one size."""

    name: str
    family: str
    size: int | None


class TrainedPlan(Settings):
    """A domain whose models the study trains: its data, the shards to train on, how long, and which families."""

    data: AnyDomain
    source_copy: str | None = None
    """A folder with the raw files, or the package that holds them, to use in place of a download."""
    train_sizes: Annotated[tuple[Count, ...], Field(min_length=1)]
    """The shard sizes N. At the largest, families are ranked."""
    seeds: Annotated[tuple[Seed, ...] | None, Field(min_length=1)] = None
    """Seeds of this domain alone; null for those of the study."""
    seeds_above: Mapping[Annotated[int, Field(ge=0)], Count] = Field(default_factory=dict)
    """Above this N at most so many of the seeds are run; of several bounds passed, the highest decides."""
    budget: Budget | None = None
    """How long networks are trained; a domain whose families have nothing to train does without."""
    families: Annotated[dict[Name, AnyFamily], Field(min_length=1)]
    """Families by the name that runs, tables and figures use."""

    @functools.cached_property
    def models(self) -> dict[str, Model]:
        """Every model by its name: the family's name, with the size behind it where there is one."""
        found: dict[str, Model] = {}
        for name, family in self.families.items():
            for size in family.model_sizes:
                model = model_name(name, size)
                found[model] = Model(model, name, size)
        return found

    def family_of(self, model: str) -> Family:
        """Look up the family of a model; raises KeyError for a model that the domain doesn't have."""
        return self.families[self.models[model].family]

    def shards_of(self, family: str) -> tuple[int, ...]:
        """The shard sizes N of a family."""
        return self.families[family].train_sizes or self.train_sizes

    @property
    def all_sizes(self) -> tuple[int, ...]:
        """Every N at which some family has a shard, in order."""
        return tuple(sorted({N for family in self.families for N in self.shards_of(family)}))

    def seeds_at(self, N: int, seeds: tuple[int, ...]) -> tuple[int, ...]:
        """Those among its own seeds, or else the study's, that are run at N."""
        seeds = self.seeds or seeds
        passed = [bound for bound in self.seeds_above if bound < N]
        return seeds[: self.seeds_above[max(passed)]] if passed else seeds

    @property
    def title(self) -> str:
        """The domain's name in prose, tables and figures."""
        return self.data.title

    @property
    def unit(self) -> str:
        """What N counts."""
        return self.data.unit

    @property
    def metric(self) -> str:
        """Name of the error that the curves show."""
        return self.data.metric

    @property
    def in_percent(self) -> bool:
        """Are its errors shares, printed in per cent?"""
        return self.data.task.in_percent

    @property
    def known(self) -> KnownLaw | None:
        """The law that errors follow here, if theory knows it."""
        return self.data.known

    def known_of(self, family: str) -> KnownLaw | None:
        """The law that the errors of a family follow, if theory knows it."""
        return self.known if self.known and self.known.speaks_of(self.families[family]) else None

    @property
    def published(self) -> Published | None:
        """What the literature reports of such a task."""
        return self.data.published

    @property
    def top(self) -> int:
        """The N at which families are ranked."""
        return max(self.train_sizes)

    @property
    def regions(self) -> Mapping[str, str]:
        """Parts of the input space with errors of their own: name and what it is."""
        return self.data.regions

    @property
    def pool(self) -> int | None:
        """Number of examples that shards are drawn from; None if fresh ones never run out."""
        return self.data.pool

    @property
    def labels(self) -> dict[str, str]:
        """Name of each family in figures, tables and prose."""
        return distinct({name: ", ".join([family.label, *family.knobs]) for name, family in self.families.items()})

    def shares_pool(self, N: int) -> bool:
        """Do shards of N examples share so much data that their seeds are not independent?"""
        return self.pool is not None and self.pool < N * SHARED

    def faults(self, key: str, name: str) -> Iterator[str]:
        """Find what no single value shows; `key` is the plan's place in the config, `name` the domain's name."""
        domain = self.data
        yield from repeats(f"{key}.seeds", self.seeds or ())
        yield from self._faults_of_shards(key, name, self.train_sizes)
        for family, settings in self.families.items():
            yield from self._faults_of_shards(f"{key}.families.{family}", name, settings.train_sizes or ())
        if self.source_copy is not None and domain.source is None:
            yield f"{key}.source_copy = {self.source_copy!r}, but {domain.kind} is synthetic. Remove the key."
        copy = self.source_copy
        if copy is not None and not Path(copy).exists():
            yield f"{key}.source_copy = {copy!r}: no such file or folder. Correct it, or give null to fetch."
        yield from repeats(f"{key}.families: model name", _model_names(self.families))
        if self.budget is None and any(isinstance(family, Network) for family in self.families.values()):
            yield f"{key}.budget: missing. {TrainedPlan.model_fields['budget'].description}"
        for family, settings in self.families.items():
            if complaint := settings.complaint(domain.task):
                yield f"{key}.families.{family}: {complaint}."

    def _faults_of_shards(self, key: str, name: str, sizes: tuple[int, ...]) -> Iterator[str]:
        domain = self.data
        yield from repeats(f"{key}.train_sizes", sizes)
        for index, N in enumerate(sizes):
            if domain.pool is not None and domain.pool < N:
                yield (
                    f"{key}.train_sizes[{index}] = {N}, but {name} has {domain.pool} training {domain.unit}.\n"
                    f"Give sizes up to {domain.pool}, or make domains.{name}.data.validation_size smaller "
                    f"(now {domain.validation_size})."
                )


class MeasuredFamily(NamedTuple):
    """A kind of learner that somebody has measured."""

    label: str
    """Name in tables and legends."""
    neural: bool
    """Does it count as a neural network in claims about these?"""
    model_sizes: tuple[int | None, ...]
    """The sizes that were measured; `(None,)` where none is given."""
    costed: bool
    """Is the cost of every training given?"""


def _within_reach(path: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*", path):
        raise ValueError(
            "give a file inside the working directory, so that audits and crates can take it along, by names of "
            "letters, digits, dots, hyphens and underscores"
        )
    return path


class MeasuredPlan(Settings):
    """A domain that somebody has measured: the file of the errors, and what the paper must know to speak of them."""

    in_percent: ClassVar[bool] = False
    """Are its errors shares, printed in per cent?"""
    known: ClassVar[KnownLaw | None] = None
    """The law that errors follow, if theory knows it: a file of measurements doesn't say."""
    published: ClassVar[Published | None] = None
    """What the literature reports of such a task: a file of measurements doesn't say."""

    measurements: Annotated[str, AfterValidator(_within_reach)]
    """A CSV file, relative to the working directory; its rows of this domain are used (see scaling/measurements.py)."""
    title: Annotated[str, Field(min_length=1)]
    """The domain's name in prose, tables and figures."""
    unit: Annotated[str, Field(min_length=1)]
    """What N counts, in the plural: tokens."""
    metric: Annotated[str, Field(min_length=1)]
    """What the error is: nats per token."""
    neural: bool = True
    """Do its models count as neural networks in claims about these?"""

    _domain: str = PrivateAttr(default="")
    """The domain's name, told by the study: it says which rows of the file are meant."""

    @model_validator(mode="before")
    @classmethod
    def _refuse_to_mix(cls, given: Any) -> Any:
        """Tell what happened where an overlay gives measurements the name of a domain that config.yaml trains."""
        if isinstance(given, Mapping) and "data" in given:
            raise ValueError(
                "measurements in the place of a trained domain. Give yours another name, here and in its file"
            )
        return given

    def known_of(self, family: str) -> None:
        """The law that the errors of a family follow: not known."""

    @functools.cached_property
    def rows(self) -> pd.DataFrame:
        """The measurements of this domain; raises MeasurementsError if there are none one can go by."""
        return read_domain(self.measurements, self._domain)

    @functools.cached_property
    def families(self) -> dict[str, MeasuredFamily]:
        """The models of the file, each a family, in the order of their first rows."""
        return {
            str(model): MeasuredFamily(
                label=str(model),
                neural=self.neural,
                model_sizes=tuple(int(size) for size in sorted(set(of_model["size"].dropna()))) or (None,),
                costed=bool(of_model.compute.notna().all()),
            )
            for model, of_model in self.rows.groupby("model", sort=False)
        }

    @property
    def train_sizes(self) -> tuple[int, ...]:
        """The shard sizes N that were measured."""
        return tuple(int(N) for N in sorted(set(self.rows.N)))

    def shards_of(self, family: str) -> tuple[int, ...]:
        """The shard sizes N at which one of the models was measured."""
        return tuple(int(N) for N in sorted(set(self.rows[self.rows.model == family].N)))

    @property
    def all_sizes(self) -> tuple[int, ...]:
        """The same: any of them may be some models' alone."""
        return self.train_sizes

    @property
    def top(self) -> int:
        """The N at which models are ranked: the largest."""
        return max(self.train_sizes)

    @property
    def regions(self) -> Mapping[str, str]:
        """Parts of the input space with errors of their own: none that a file could hold."""
        return {}

    @property
    def pool(self) -> None:
        """Number of examples that shards are drawn from: not known."""

    @property
    def labels(self) -> dict[str, str]:
        """Name of each family in figures, tables and prose."""
        return {name: family.label for name, family in self.families.items()}

    def shares_pool(self, N: int) -> bool:
        """Do shards of N examples share so much data that their seeds are not independent? Not as far as is known."""
        return False

    @functools.cached_property
    def objection(self) -> str | None:
        """Say what is wrong with the file, a line a fault; None if the rows can be had."""
        try:
            _ = self.rows
        except MeasurementsError as error:
            return str(error)
        return None

    def faults(self, key: str, name: str) -> Iterator[str]:
        """Find what is wrong with the file; `key` is the plan's place in the config, `name` the domain's name."""
        if self.objection is None:
            yield from repeats(f"{key}.measurements: model name", _model_names(self.families))
        else:
            yield f"{key}.measurements = {self.measurements!r} can't be used as it is:"
            yield from self.objection.splitlines()


def kind_of_plan(plan: Any) -> str:
    """Tell by its keys which kind of plan an entry of the config is."""
    return "measured" if isinstance(plan, Mapping) and "measurements" in plan else "trained"


PLANS = {"trained": TrainedPlan, "measured": MeasuredPlan}
"""The kinds of plan by the tags that tell them apart."""
DomainPlan = TrainedPlan | MeasuredPlan
"""A domain of the study. Both kinds have title, unit, metric, pool, regions, families, labels, train_sizes,
shards_of, all_sizes and top."""
AnyPlan = Annotated[
    Annotated[TrainedPlan, Tag("trained")] | Annotated[MeasuredPlan, Tag("measured")], Discriminator(kind_of_plan)
]


def distinct(words: Mapping[str, str]) -> dict[str, str]:
    """Give words by name; one that several share is told apart by its name behind it."""
    shared = {word for word, times in Counter(words.values()).items() if times > 1}
    return {name: f"{word} ({name})" if word in shared else word for name, word in words.items()}


def _model_names(families: Mapping[str, Family] | Mapping[str, MeasuredFamily]) -> list[str]:
    return [model_name(name, size) for name, family in families.items() for size in family.model_sizes]


def repeats(key: str, values: Iterable[int | str]) -> Iterator[str]:
    """Find the values that stand twice under a key."""
    for value, times in Counter(values).items():
        if times > 1:
            yield f"{key}: {value} stands there twice. Give each value once."
