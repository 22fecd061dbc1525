"""The description of a crate: JSON-LD in the words of the Workflow Run RO-Crate profiles.

Receipts and ledger in, entities out. Nothing here touches a file.
"""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from provenance.receipts import SUFFIX, Receipt, canonical

METADATA = "ro-crate-metadata.json"
MANIFEST = "manifest-sha256.txt"
RESULTS = "results"
"""The folder of a crate for what the jobs made, whatever it is called in the checkout."""

# Names that the formats demand. They identify; nothing is fetched from there.
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/provenance/0.5": ("Provenance Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
RO_CRATE = "https://w3id.org/ro/crate/1.1"
WORKFLOW_PROFILE = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
SNAKEMAKE = "https://w3id.org/workflowhub/workflow-ro-crate#snakemake"
COMPLETED = "http://schema.org/CompletedActionStatus"

SCHEMA_TERMS = (
    "ComputerLanguage ControlAction CreateAction CreativeWork Dataset HowTo HowToStep OrganizeAction Organization "
    "Person PropertyValue SoftwareApplication SoftwareSourceCode "
    "about actionStatus additionalType affiliation agent alternateName author contentSize datePublished description "
    "encodingFormat endTime exampleOfWork hasPart identifier instrument license mainEntity maxValue "
    "measurementTechnique mentions minValue name object position programmingLanguage propertyID publisher result "
    "sha256 softwareRequirements softwareVersion startTime step subjectOf unitText url value variableMeasured version "
    "workExample"
)
CONTEXT = {
    **{term: f"http://schema.org/{term}" for term in SCHEMA_TERMS.split()},
    "File": "http://schema.org/MediaObject",
    "conformsTo": "http://purl.org/dc/terms/conformsTo",
    "ComputationalWorkflow": "https://bioschemas.org/ComputationalWorkflow",
    "FormalParameter": "https://bioschemas.org/FormalParameter",
    "input": "https://bioschemas.org/ComputationalWorkflow#input",
    "output": "https://bioschemas.org/ComputationalWorkflow#output",
    "ParameterConnection": "https://w3id.org/ro/terms/workflow-run#ParameterConnection",
    "connection": "https://w3id.org/ro/terms/workflow-run#connection",
    "sourceParameter": "https://w3id.org/ro/terms/workflow-run#sourceParameter",
    "targetParameter": "https://w3id.org/ro/terms/workflow-run#targetParameter",
}
"""Every term of the metadata, spelled out, so that nobody needs the network to understand it."""

FORMATS = {
    ".bib": "text/x-bibtex",
    ".cff": "application/yaml",
    ".lock": "text/plain",
    ".md": "text/markdown",
    ".npz": "application/zip",
    ".smk": "text/plain",
    ".sty": "text/x-tex",
    ".tex": "text/x-tex",
    ".toml": "application/toml",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    "": "text/plain",
}

WORKFLOW = "the-workflow"  # no rule can be called so
ABSENT = "#elsewhere/"
NUMBER = "#number/"

Entity = dict[str, Any]
Reference = dict[str, str]


class CrateError(ValueError):
    """A crate that can't be written, or an archive that can't be unpacked safely."""


@dataclass(frozen=True)
class Author:
    """Who answers for the results: a person where there is an affiliation (whose `url` it is), else an organization."""

    name: str
    url: str = ""
    affiliation: str = ""


@dataclass(frozen=True)
class About:
    """What the results can't say of themselves. `license` is an SPDX identifier, `engine` Snakemake's version."""

    title: str
    description: str
    author: Author
    license: str
    version: str
    engine: str


@dataclass(frozen=True)
class Elsewhere:
    """Results that are described but left out: a pattern in the results folder, their licence, where to get them."""

    files: str
    license: str = ""
    origin: str = "made again by the workflow"


@dataclass(frozen=True)
class Known:
    """What is known of a file: its content, and, if it is not in the crate, where to get it."""

    sha256: str
    size: int | None
    elsewhere: Elsewhere | None = None


@dataclass
class Content:
    """All files by their path in the crate: those that are there, and those that are only described."""

    files: dict[str, Known] = field(default_factory=dict)
    absent: dict[str, Known] = field(default_factory=dict)

    def digests(self) -> dict[str, str]:
        """Give the sha256 of every file."""
        return {path: known.sha256 for path, known in (self.files | self.absent).items()}

    def id(self, path: str) -> str:
        """Name the entity of a file: what is not in the crate must not look like a path of it."""
        return f"{ABSENT}{quote(path)}" if path in self.absent else quote(path)


def describe(
    content: Content, receipts: Mapping[str, Receipt], about: About, ledger: Mapping[str, Any], workflow: str
) -> dict[str, Any]:
    """Give the metadata of a crate with these files, jobs (by the path of their receipt) and numbers.

    `workflow` is the path of the Snakefile. Raises CrateError if jobs read each other's outputs.
    """
    graph = _Graph()
    agent = _add_root(graph, about, receipts, ledger, workflow)
    _add_files(graph, content)
    run = _Run(graph, content, receipts, about, agent, workflow)
    run.add_workflow()
    for path in run.order:
        run.add_job(path, receipts[path])
    run.add_run()
    for key, entry in sorted(ledger.get("entries", {}).items()):
        number = graph.include(number_entity(key, entry, content))
        graph.add("./", "Dataset", variableMeasured=number)
    return {"@context": CONTEXT, "@graph": graph.entities()}


def number_entity(key: str, entry: Mapping[str, Any], content: Content) -> Entity:
    """Describe an entry of the ledger: its value, its interval, and the files that it was read from."""
    source, pointer = entry.get("source", ""), entry.get("pointer", "")
    level = f", with its {entry['level']:.0%} interval" if isinstance(entry.get("level"), float) else ""
    return _lean(
        {
            "@id": f"{NUMBER}{quote(key)}",
            "@type": "PropertyValue",
            "name": key,
            "propertyID": key,
            "value": _literal(entry["value"]),
            "alternateName": entry.get("printed"),
            "unitText": entry.get("unit"),
            "minValue": entry.get("low"),
            "maxValue": entry.get("high"),
            "measurementTechnique": entry.get("how"),
            "description": f"Read in {source}{f' at {pointer}' if pointer else ''}{level}",
            "identifier": entry.get("lineage"),
            "subjectOf": _files_of(source, content),
        }
    )


class _Graph:
    """Entities by their identifiers; what is said of one of them in several places is gathered."""

    def __init__(self) -> None:
        # Values stand in a dict, by how they are written: each once, in the order in which they came.
        self._entities: dict[str, dict[str, dict[str, Any]]] = {}

    def add(self, id_: str, types: str, /, **properties: Any) -> Reference:
        """Add an entity, or more to one. Types are separated by spaces; empty values are left out."""
        entity = self._entities.setdefault(id_, {})
        for name, value in {"@type": types.split(), **properties}.items():
            known = entity.setdefault(name, {})
            known.update({repr(item): item for item in (value if isinstance(value, list) else [value])})
        return {"@id": id_}

    def include(self, entity: Entity) -> Reference:
        """Add an entity that is complete."""
        properties = {name: value for name, value in entity.items() if not name.startswith("@")}
        return self.add(entity["@id"], entity["@type"], **properties)

    def entities(self) -> list[Entity]:
        """Give the metadata file and the root first, as readers expect, and the rest in the order of identifiers."""
        order = [METADATA, "./", *sorted(self._entities.keys() - {METADATA, "./"})]
        return [
            _lean({"@id": id_, **{name: list(known.values()) for name, known in self._entities[id_].items()}})
            for id_ in order
        ]


def _lean(entity: Entity) -> Entity:
    """Leave out what is empty, and spell one value as itself and not as a list of one."""
    lean = {}
    for name, value in entity.items():
        values = [item for item in (value if isinstance(value, list) else [value]) if item not in ("", None)]
        if values:
            lean[name] = values[0] if len(values) == 1 else values
    return lean


def _literal(value: Any) -> Any:
    """Give a value as JSON-LD takes it: what has parts, as text."""
    return value if value is None or isinstance(value, (str, int, float, bool)) else canonical(value).decode()


def _add_root(
    graph: _Graph, about: About, receipts: Mapping[str, Receipt], ledger: Mapping[str, Any], workflow: str
) -> Reference:
    agent = _add_author(graph, about.author)
    publisher = {"@id": "#affiliation"} if about.author.affiliation else agent
    profiles = [graph.add(iri, "CreativeWork", name=name, version=v) for iri, (name, v) in PROFILES.items()]
    specification = [{"@id": RO_CRATE}, {"@id": "https://w3id.org/workflowhub/workflow-ro-crate/1.0"}]
    graph.add(METADATA, "CreativeWork", about={"@id": "./"}, conformsTo=specification)
    spdx = f"https://spdx.org/licenses/{about.license}"
    license_ = graph.add(spdx, "CreativeWork", name=about.license, description=f"SPDX licence {about.license}")
    graph.add(
        "./",
        "Dataset",
        name=about.title,
        description=about.description,
        datePublished=max(_time(receipt.made["end"]) for receipt in receipts.values()),
        license=license_,
        author=agent,
        publisher=publisher,
        version=about.version,
        conformsTo=profiles,
        mainEntity={"@id": quote(workflow)},
    )
    if "root" in ledger:
        name, words = "ledger root", "Digest of every number and of all that it was made of"
        root = graph.add("#ledger-root", "PropertyValue", name=name, value=ledger["root"], description=words)
        graph.add("./", "Dataset", identifier=root)
    return agent


def _add_author(graph: _Graph, author: Author) -> Reference:
    if not author.affiliation:
        return graph.add("#author", "Organization", name=author.name, url=author.url)
    affiliation = graph.add("#affiliation", "Organization", name=author.affiliation, url=author.url)
    return graph.add("#author", "Person", name=author.name, affiliation=affiliation)


def _add_files(graph: _Graph, content: Content) -> None:
    for path, known in sorted(content.files.items()):
        graph.add("./", "Dataset", hasPart=_add_file(graph, content, path, known))
    for path, known in sorted(content.absent.items()):
        file = _add_file(graph, content, path, known)
        graph.add("./", "Dataset", mentions=file)
        assert known.elsewhere
        words = f"Not in this crate: {known.elsewhere.origin}"
        graph.add(file["@id"], "File", alternateName=path, license=known.elsewhere.license, description=words)
    words = "The sha256 of every file of the crate, as sha256sum writes and checks them"
    manifest = graph.add(MANIFEST, "File", name="Manifest", description=words, encodingFormat="text/plain")
    graph.add("./", "Dataset", hasPart=manifest)
    if "README.md" in content.files:
        graph.add("README.md", "File", about={"@id": "./"})


def _add_file(graph: _Graph, content: Content, path: str, known: Known) -> Reference:
    return graph.add(
        content.id(path),
        "File",
        name=PurePosixPath(path).name,
        encodingFormat=_format(path),
        contentSize=None if known.size is None else str(known.size),
        sha256=known.sha256,
    )


class _Run:
    """The workflow with its tools and steps, and the run with an action for every job.

    Receipts know no names of inputs and outputs. Files of one rule with one suffix are therefore taken as one
    formal parameter: `train.json` and `train.npz` are outputs of `train`, and `train.json` an input of `gather`.
    """

    def __init__(
        self,
        graph: _Graph,
        content: Content,
        receipts: Mapping[str, Receipt],
        about: About,
        agent: Reference,
        workflow: str,
    ):
        self._graph = graph
        self._content = content
        self._receipts = receipts
        self._about = about
        self._agent = agent
        self._workflow = quote(workflow)
        self._maker = {file: path for path, receipt in receipts.items() for file in (*receipt.outputs, path)}
        self._used = {path for receipt in receipts.values() for path in receipt.inputs}
        self.order = _in_order(receipts, self._maker)
        """Paths of the receipts, every job after those whose outputs it reads."""
        self._rules = list(dict.fromkeys(receipts[path].rule for path in self.order))

    def add_workflow(self) -> None:
        """Add the main workflow; its tools and steps come with the jobs."""
        about, url = self._about, "https://snakemake.github.io"
        language = self._graph.add(SNAKEMAKE, "ComputerLanguage", name="Snakemake", url=url, version=about.engine)
        self._graph.add(
            self._workflow,
            "File SoftwareSourceCode ComputationalWorkflow HowTo",
            name=about.title,
            url={"@id": self._workflow},
            version=about.version,
            author=self._agent,
            license={"@id": f"https://spdx.org/licenses/{about.license}"},
            programmingLanguage=language,
            conformsTo={"@id": WORKFLOW_PROFILE},
        )
        self._graph.add(WORKFLOW_PROFILE, "CreativeWork", name="Bioschemas ComputationalWorkflow", version="1.0")

    def add_job(self, path: str, receipt: Receipt) -> None:
        """Add a job's action, and what it shows of its rule: tool, step, parameters, connections."""
        tool = self._tool(receipt)
        step = self._step(receipt.rule, tool)
        wildcards = ", ".join(f"{key} {value}" for key, value in sorted(receipt.wildcards.items()))
        action = self._graph.add(
            f"#job/{quote(path.removesuffix(SUFFIX))}",
            "CreateAction",
            name=receipt.name,
            description=f"Rule {receipt.rule}{' for ' + wildcards if wildcards else ''}",
            instrument=tool,
            agent=self._agent,
            startTime=_time(receipt.made["start"]),
            endTime=_time(receipt.made["end"]),
            actionStatus=COMPLETED,
            object=self._inputs(receipt, tool, step) + self._settings(receipt, tool),
            result=self._outputs(path, receipt, tool),
            subjectOf={"@id": quote(f"{RESULTS}/{path}")},
        )
        self._graph.add("./", "Dataset", mentions=action)
        control = self._graph.add(
            f"#control/{quote(receipt.rule)}",
            "ControlAction",
            name=f"Orchestrate {receipt.rule}",
            instrument=step,
            object=action,
            actionStatus=COMPLETED,
        )
        self._graph.add("#organize", "OrganizeAction", object=control)

    def add_run(self) -> None:
        """Add the action of the whole workflow and the engine that organized it."""
        start = min(_time(receipt.made["start"]) for receipt in self._receipts.values())
        end = max(_time(receipt.made["end"]) for receipt in self._receipts.values())
        period = {"startTime": start, "endTime": end, "actionStatus": COMPLETED, "agent": self._agent}
        run = self._graph.add(
            "#run",
            "CreateAction",
            name=f"Run of {self._workflow}",
            description="All jobs whose results are in this crate, in one or several builds",
            instrument={"@id": self._workflow},
            **period,
        )
        self._graph.add("./", "Dataset", mentions=run)
        engine = self._software("snakemake", self._about.engine)
        name = f"Run of Snakemake {self._about.engine}"
        self._graph.add("#organize", "OrganizeAction", name=name, instrument=engine, result=run, **period)

    def _tool(self, receipt: Receipt) -> Reference:
        """Add the script of a job as a tool of the workflow; a job without one is the workflow's own work."""
        script = receipt.code.get("script")
        if script is None:
            return {"@id": self._workflow}
        id_ = self._content.id(script)
        versions = sorted(receipt.environment.get("versions", {}).items())
        tool = self._graph.add(
            id_,
            "File SoftwareSourceCode",
            url={"@id": id_},
            version=self._content.files[script].sha256,
            softwareRequirements=[self._software(name, version) for name, version in versions],
        )
        self._graph.add(self._workflow, "ComputationalWorkflow", hasPart=tool)
        return tool

    def _step(self, rule: str, tool: Reference) -> Reference:
        """Add a rule as a step of the workflow."""
        position = str(self._rules.index(rule) + 1)
        step = self._graph.add(f"#step/{quote(rule)}", "HowToStep", name=rule, position=position, workExample=tool)
        self._graph.add(self._workflow, "ComputationalWorkflow", step=step)
        return step

    def _software(self, name: str, version: str) -> Reference:
        """Add a distribution, by its package URL: a name that no host has to answer for."""
        iri = f"pkg:{'generic' if name == 'python' else 'pypi'}/{quote(name)}@{quote(version)}"
        return self._graph.add(iri, "SoftwareApplication", name=name, softwareVersion=version, url={"@id": iri})

    def _inputs(self, receipt: Receipt, tool: Reference, step: Reference) -> list[Reference]:
        """Bind the files that a job has read to its parameters, and these to where they come from."""
        read = {f"{RESULTS}/{path}": self._maker.get(path) for path in receipt.inputs}
        read |= dict.fromkeys(receipt.sources)
        files = []
        for path, maker in sorted(read.items()):
            rule = self._receipts[maker].rule if maker else WORKFLOW
            parameter = self._parameter(f"{receipt.rule}/input/{rule}.{_suffix(path)}", f"{rule}.{_suffix(path)}")
            source = self._parameter(f"{rule}/{'output' if maker else 'input'}/{_suffix(path)}", _suffix(path))
            if not maker:
                self._bind(path, source)
                self._graph.add(self._workflow, "ComputationalWorkflow", input=source)
                self._graph.add("#run", "CreateAction", object={"@id": self._content.id(path)})
            self._graph.add(tool["@id"], "SoftwareSourceCode", input=parameter)
            self._graph.add(step["@id"], "HowToStep", connection=self._connection(source, parameter))
            files.append(self._bind(path, parameter))
        return files

    def _outputs(self, place: str, receipt: Receipt, tool: Reference) -> list[Reference]:
        """Bind the files that a job has written; those that no other job reads are outputs of the workflow.

        The receipt, at `place`, is one of them if another job reads it.
        """
        files = []
        for path in sorted({*receipt.outputs, *({place} & self._used)}):
            suffix = _suffix(path)
            parameter = self._parameter(f"{receipt.rule}/output/{suffix}", suffix)
            self._graph.add(tool["@id"], "SoftwareSourceCode", output=parameter)
            file = self._bind(f"{RESULTS}/{path}", parameter)
            files.append(file)
            if path not in self._used:
                final = self._parameter(f"{WORKFLOW}/output/{receipt.rule}.{suffix}", f"{receipt.rule}.{suffix}")
                link = self._connection(parameter, final)
                self._graph.add(self._workflow, "ComputationalWorkflow", output=final, connection=link)
                self._bind(f"{RESULTS}/{path}", final)
                self._graph.add("#run", "CreateAction", result=file)
        return files

    def _settings(self, receipt: Receipt, tool: Reference) -> list[Reference]:
        """Bind wildcards and params of a job; equal values of a rule's jobs are one entity."""
        values = []
        for kind, settings in (("wildcard", receipt.wildcards), ("param", receipt.params)):
            for name, value in sorted(settings.items()):
                plain = "null" if value is None else _literal(value)
                parameter = self._parameter(f"{receipt.rule}/{kind}/{name}", name, "PropertyValue")
                self._graph.add(tool["@id"], "SoftwareSourceCode", input=parameter)
                id_ = f"{parameter['@id']}={_short(canonical(value).decode())}"
                values.append(self._graph.add(id_, "PropertyValue", name=name, value=plain, exampleOfWork=parameter))
        return values

    def _parameter(self, path: str, name: str, kind: str = "File") -> Reference:
        return self._graph.add(f"#parameter/{quote(path)}", "FormalParameter", name=name, additionalType=kind)

    def _connection(self, source: Reference, target: Reference) -> Reference:
        ends = "/to/".join(end["@id"].removeprefix("#parameter/") for end in (source, target))
        return self._graph.add(
            f"#connection/{ends}", "ParameterConnection", sourceParameter=source, targetParameter=target
        )

    def _bind(self, path: str, parameter: Reference) -> Reference:
        return self._graph.add(self._content.id(path), "File", exampleOfWork=parameter)


def _in_order(receipts: Mapping[str, Receipt], maker: Mapping[str, str]) -> list[str]:
    """Give the receipts' paths so that every job comes after those whose outputs it reads."""
    needs = {
        path: [maker[name] for name in sorted(receipt.inputs) if name in maker]
        for path, receipt in sorted(receipts.items())
    }
    try:
        return list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        raise CrateError(f"jobs that read each other's outputs: {', '.join(error.args[1])}. Remake them.") from error


def _files_of(source: str, content: Content) -> list[Reference]:
    """Refer to the files that a ledger's source names: one, those that a pattern finds, or none (the config)."""
    found = (path for path in (*content.files, *content.absent) if fnmatchcase(path, f"{RESULTS}/{source}"))
    return [{"@id": content.id(path)} for path in sorted(found) if not path.endswith(SUFFIX)]


def _short(text: str) -> str:
    """Spell a value in an identifier; what is long, by its digest."""
    return quote(text, safe="") if len(text) <= 40 else hashlib.sha256(text.encode()).hexdigest()


def _suffix(path: str) -> str:
    name = PurePosixPath(path).name
    return name.partition(".")[2] or name


def _format(path: str) -> str:
    """Name the format of a file, by what Python itself knows and not by what this machine has installed."""
    suffix = PurePosixPath(path).suffix
    guess, _ = mimetypes.MimeTypes().guess_type(PurePosixPath(path).name)
    return FORMATS.get(suffix) or guess or "application/octet-stream"


def _time(time: str) -> str:
    """Spell a time as the profiles want it: to the millisecond, with an offset."""
    return datetime.fromisoformat(time).astimezone(UTC).isoformat(timespec="milliseconds")
