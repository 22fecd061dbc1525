"""The plan: every job of a study as it would run today, read from the rules themselves.

Uses what Snakemake gives every Snakefile as `rules`: inputs, outputs and params of each rule, in which functions of the
wildcards stand unevaluated. So what the audit expects is what Snakemake would do, whatever it remembers.
"""

from __future__ import annotations

import json
import shlex
from collections import defaultdict, deque
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from provenance.receipts import in_order, job_name, plain, receipt_of, write_whole

PLAN = ".plan.json"
"""In the results folder, for the last look of a build that began with stale results."""
VARIABLE = "STUDY_PLAN"
"""Names a file: a dry run writes its plan there, for the audit."""
Wildcards = Mapping[str, str]


class Rule(Protocol):
    """What is used of a rule."""

    input: Any
    output: Any
    params: Any


@dataclass(frozen=True)
class Planned:
    """One job as it would run today. Files of the results folder are named relative to it."""

    rule: str
    wildcards: dict[str, str]
    params: dict[str, Any]
    code: str | None
    environment: str | None
    inputs: tuple[str, ...]
    sources: tuple[str, ...]
    outputs: tuple[str, ...]
    order: str = ""
    """Digest of params and inputs in their order (`receipts.in_order`)."""

    @property
    def name(self) -> str:
        """The job in words."""
        return job_name(self.rule, self.wildcards)

    @cached_property
    def receipt(self) -> str:
        """Path of its receipt."""
        return receipt_of(self.outputs[0]).as_posix()

    @property
    def made(self) -> tuple[str, ...]:
        """All that it makes, its receipt last."""
        return (*self.outputs, self.receipt)

    def task(self, hashes: Callable[[str], str | None], sources: Callable[[str], str | None]) -> dict[str, Any]:
        """What decides the outputs today (`Receipt.task`), with the files' hashes as they are."""
        return {
            "rule": self.rule,
            "wildcards": self.wildcards,
            "params": self.params,
            "code": self.code,
            "environment": self.environment,
            "inputs": {file: hashes(file) for file in self.inputs},
            "sources": {file: sources(file) for file in self.sources},
            "outputs": sorted(self.outputs),
            "order": self.order,
        }


@dataclass(frozen=True)
class Plan:
    """All jobs of a study, in the order of its paper."""

    results: str
    """The results folder, as the rules' paths name it."""
    jobs: tuple[Planned, ...]
    code: Mapping[str, Mapping[str, str]]
    """Files and their digests, by code digest."""
    environment: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Versions of Python and of distributions, by environment digest."""
    options: tuple[str, ...] = ()
    """What names the study in a command (`options.naming`)."""

    def write(self, path: Path) -> None:
        """Write the plan as JSON, whole."""
        # Not asdict, which copies every value of every job, one by one.
        write_whole(path, json.dumps({**_fields(self), "jobs": list(map(_fields, self.jobs))}))

    @classmethod
    def read(cls, path: Path) -> Plan:
        """Read a plan that `write` wrote."""
        content = json.loads(path.read_text())
        tuples = ("inputs", "sources", "outputs")
        jobs = tuple(Planned(**{**job, **{key: tuple(job[key]) for key in tuples}}) for job in content["jobs"])
        options = tuple(content.get("options", ()))
        return cls(content["results"], jobs, content["code"], content.get("environment", {}), options)

    def command(self, *words: str) -> str:
        """Spell a command for this study, as a user would give it."""
        return shlex.join((*words, *self.options))

    @cached_property
    def makers(self) -> dict[str, Planned]:
        """The job that makes each file; a receipt counts as made by its job."""
        return {file: job for job in self.jobs for file in job.made}

    @cached_property
    def _readers(self) -> dict[str, list[Planned]]:
        readers: dict[str, list[Planned]] = defaultdict(list)
        for job in self.jobs:
            for file in (*job.inputs, *job.sources):
                readers[file].append(job)
        return readers

    def asked(self, absent: Container[str]) -> list[str]:
        """List the least to ask Snakemake for, so that it knows every job and makes every absent file.

        Not all files: its time grows with the square of what one rule asks for. It takes on the jobs behind what it is
        asked for, whatever exists. It runs a job if a file is absent that it was asked for or that a running job
        reads; other files of the job it does not look at. A job that runs makes all its files. So ask for a file of

        - every job of which nothing is read. From these one gets to all others, against the readings.
        - every job with absent files, none of which is read by a job that has absent files itself. All other jobs with
          absent files run then: one of these files is read by a job with absent files, which runs for the same reason
          or because it was asked for; this ends, as each is nearer to the end of the plan.
        """
        lacking = {job.receipt: lost for job in self.jobs if (lost := [file for file in job.made if file in absent])}
        read = {file for job in self.jobs for file in job.inputs}
        awaited = {file for job in self.jobs if job.receipt in lacking for file in job.inputs}
        asked = []
        for job in self.jobs:
            lost = lacking.get(job.receipt, [])
            if (lost and awaited.isdisjoint(lost)) or read.isdisjoint(job.made):
                asked.append((*lost, *job.made)[0])
        return asked

    def needed(self, jobs: Iterable[Planned]) -> list[Planned]:
        """List some jobs and all that they rest on, each after those whose files it reads."""
        found: dict[str, Planned] = {}

        def visit(job: Planned) -> None:
            if job.receipt not in found:
                for file in job.inputs:
                    if file in self.makers:
                        visit(self.makers[file])
                found[job.receipt] = job

        for job in jobs:
            visit(job)
        return list(found.values())

    def dependents(self, file: str) -> list[str]:
        """List the files made from a file, the nearest first; from a receipt: from what its job made."""
        maker = self.makers.get(file)
        ahead = deque([*maker.outputs, file] if maker and file == maker.receipt else [file])
        found: dict[str, None] = {}
        while ahead:
            for job in self._readers.get(ahead.popleft(), ()):
                new = [output for output in job.outputs if output not in found]
                found.update(dict.fromkeys(new))
                ahead += new
        return list(found)


def planned(name: str, rule: Rule, wildcards: Wildcards, results: str) -> Planned:
    """Read one job from its rule; `results` is the results folder as the rule's paths name it."""
    values = _Attributes(wildcards)
    params = {key: _value(value, values, results) for key, value in rule.params.items()}
    inputs = [file for item in rule.input for file in _files(item, values, results)]
    outputs = [file for item in rule.output for file in _files(item, values, results)]
    inside = f"{results}/"
    code, environment = params.pop("code", None), params.pop("environment", None)
    data = {key: plain(value) for key, value in params.items()}
    return Planned(
        rule=name,
        wildcards=dict(wildcards),
        params=data,
        code=code,
        environment=environment,
        inputs=tuple(file.removeprefix(inside) for file in inputs if file.startswith(inside)),
        sources=tuple(file for file in inputs if not file.startswith(inside)),
        outputs=tuple(file for path in outputs if receipt_of(file := path.removeprefix(inside)).as_posix() != file),
        order=in_order(data, [file.removeprefix(inside) for file in inputs]),
    )


def _fields(found: Plan | Planned) -> dict[str, Any]:
    return {part.name: getattr(found, part.name) for part in fields(found)}


class _Attributes(dict[str, str]):
    """Wildcards as rules' functions take them: by attribute."""

    def __init__(self, wildcards: Wildcards):
        super().__init__(wildcards)
        self.__dict__.update(wildcards)


def _value(value: Any, wildcards: _Attributes, results: str) -> Any:
    if callable(value):
        return value(wildcards)
    return value.format(**wildcards) if isinstance(value, str) else value


def _files(item: Any, wildcards: _Attributes, results: str) -> Iterator[str]:
    found = item(wildcards) if callable(item) else item
    if isinstance(found, str):
        yield str(found).replace("<results>", results).format(**wildcards)
    else:
        for part in found:
            yield from _files(part, wildcards, results)
