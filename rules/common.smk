"""What all rules share: the study, and the helpers that spell out its files. Helpers stand here and nowhere else."""

import os
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

LIBRARY = str(Path(workflow.basedir) / "scripts")
# This checkout's library, here and in every job, whatever copy the environment may have installed.
sys.path.insert(0, LIBRARY)
os.environ["PYTHONPATH"] = os.pathsep.join(
    [LIBRARY, *filter(None, [os.environ.get("PYTHONPATH")])]
)

from provenance.builds import BuildRunning, begin_build
from scaling.latex import PaperError, pdflatex
from scaling.study import Study, StudyError
from snakemake.logging import logger

try:
    study = Study.of(config)
    # A missing TeX is better known before the trainings than after them.
    pdflatex(study.paper.engine)
except (StudyError, PaperError) as error:
    raise WorkflowError(str(error)) from None


RESULTS = Path(study.pathvars.results)
PAPER = Path(workflow.basedir) / "paper"


def take_results_folder():
    """Refuse to build what another process is building."""
    try:
        begin_build(RESULTS)
    except BuildRunning as error:
        # Not a WorkflowError: Snakemake would wrap the message in places of the Snakefile.
        raise SystemExit(str(error)) from None


def call_pdf_stale():
    """Warn of a PDF that an earlier build left: it does not show what this study says now."""
    pdf, begun = RESULTS / "paper" / "main.pdf", RESULTS / ".build"
    if pdf.exists() and pdf.stat().st_mtime_ns < begun.stat().st_mtime_ns:
        logger.error(
            f"{pdf} is stale: it is from an earlier build, and this build could not remake it."
        )


def prepared_data(wildcards):
    """The prepared data of a domain; nothing for a synthetic one."""
    synthetic = study.domains[wildcards.domain].data.source is None
    return [] if synthetic else "<results>/data/{domain}.npz"


def all_data():
    """Raw and prepared data of every domain that has a source."""
    sourced = [name for name, plan in study.domains.items() if plan.data.source]
    return collect("<results>/raw/{domain}.tar", domain=sourced) + collect(
        "<results>/data/{domain}.npz", domain=sourced
    )


def run_settings(wildcards):
    """This run's slice of the study, nothing more."""
    run = study.run(
        wildcards.domain, wildcards.model, int(wildcards.N), int(wildcards.seed)
    )
    return run.model_dump(mode="json")


def doubled_run_settings(wildcards):
    """The same run with twice the training budget."""
    return run_settings(wildcards) | {"budget_scale": 2}


def run_files(domain, folder, runs, suffix="json"):
    """Spell out the files of some runs of a domain."""
    return [
        f"<results>/{folder}/{domain}/{model}/n{N}/seed{seed}.{suffix}"
        for model, N, seed in runs
    ]


def records(wildcards):
    """All records of a domain: the runs of its curves, and those with twice the budget."""
    domain = wildcards.domain
    return run_files(domain, "runs", study.runs(domain)) + run_files(
        domain, "doubled", study.doubled_runs(domain)
    )


def all_runs():
    """Records and per-item outcomes of every run of the study."""
    return [
        file
        for domain in study.domains
        for folder, runs in (
            ("runs", study.runs(domain)),
            ("doubled", study.doubled_runs(domain)),
        )
        for suffix in ("json", "npz")
        for file in run_files(domain, folder, runs, suffix)
    ]


def domain_laws(wildcards):
    """The laws of a domain, in the order of its families."""
    return collect(
        "<results>/laws/{domain}/{family}.json",
        domain=wildcards.domain,
        family=study.domains[wildcards.domain].families,
    )


def all_laws():
    """The laws of every curve."""
    return [
        f"<results>/laws/{domain}/{family}.json"
        for domain, plan in study.domains.items()
        for family in plan.families
    ]


def all_figures():
    """Every figure of the paper."""
    curves = collect(
        "<results>/figures/learning-curves-{domain}.pdf", domain=study.domains
    )
    pictures = collect("<results>/figures/bias-{picture}.pdf", picture=BIAS_PICTURES)
    return curves + (pictures if study.experiments.bias else [])


def neural_families():
    """The (domain, family) pairs that are neural networks."""
    return [
        [domain, name]
        for domain, plan in study.domains.items()
        for name, family in plan.families.items()
        if family.neural
    ]


def family_labels(wildcards):
    """Names of a domain's families in figures."""
    return study.domains[wildcards.domain].labels


def domain_unit(wildcards):
    """What N counts in a domain."""
    return study.domains[wildcards.domain].data.unit


BIAS_PICTURES = ("manifold", "density", "sample", "maps")


def bias_maps():
    """The runs whose decision maps are drawn: every family's largest model at the experiment's N, first seed."""
    bias = study.experiments.bias
    runs = [(model, bias.N, study.seeds[0]) for model in bias.models(study).values()]
    return run_files(bias.domain, "runs", runs, "npz")


def bias_settings():
    """What the pictures of the spiral need of the study."""
    bias = study.experiments.bias
    plan = study.domains[bias.domain]
    return {
        "domain": bias.domain,
        "data": plan.data.model_dump(mode="json"),
        "N": bias.N,
        "seed": study.seeds[0],
        "titles": [plan.labels[family] for family in bias.models(study)],
    }


def paper_sources():
    """The paper's templates and bibliography."""
    return sorted(
        os.path.relpath(path)
        for path in PAPER.rglob("*")
        if path.suffix in {".tex", ".bib"}
    )
