"""What all rules share: the study, its jobs and files, their identity. Helpers stand here and nowhere else."""

import functools
import os
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

LIBRARY = str(Path(workflow.basedir).resolve() / "scripts")
# This checkout's library, here and in every job, whatever copy the environment may have installed.
sys.path.insert(0, LIBRARY)
os.environ["PYTHONPATH"] = os.pathsep.join(
    [LIBRARY, *filter(None, [os.environ.get("PYTHONPATH")])]
)

from provenance.bytecode import check_by_content

# Before anything else of the library is imported, here or in a job.
check_by_content(Path(LIBRARY))

from provenance import builds, forks, options, plan, sweep, timers
from provenance.builds import BuildRunning, begin_build
from provenance.findings import ACCEPTED, Unsound
from provenance.history import Grant, History
from provenance.identity import Library
from provenance.modules import IdentityError
from provenance.orders import Orders
from provenance.store import Store, StoreError
from scaling import domains, models
from scaling.experiments import bias_pictures
from scaling.house import HouseError
from scaling.latex import PaperError, pdflatex
from snakemake.logging import logger

# Jobs are started with all configfiles, and without profiles.
if workflow.is_main_process and (
    left_out := options.left_out(sys.argv[1:], workflow.overwrite_configfiles)
):
    raise SystemExit(left_out)

try:
    from scaling.study import Study, StudyError
except HouseError as error:
    raise WorkflowError(str(error)) from None

try:
    study = Study.of(config)
    # A missing TeX is better known before the trainings than after them.
    pdflatex(study.paper.engine)
except (StudyError, PaperError) as error:
    raise WorkflowError(str(error)) from None


RESULTS = Path(study.pathvars.results)
PAPER = Path(workflow.basedir) / "paper"
# The audit, which asks for the plan, reads all code itself.
CODE = Library(Path(workflow.basedir), trusting=plan.VARIABLE not in os.environ)


def take_results_folder():
    """Refuse to build what another process is building; tell the jobs what code they are and what is stale."""
    try:
        begin_build(RESULTS)
        if store := Store.from_environment():
            store.prepare()
    except (BuildRunning, StoreError) as error:
        # Not a WorkflowError: Snakemake would wrap the message in places of the Snakefile.
        raise SystemExit(str(error)) from None
    Orders.of(CODE.closures, swept().stale_receipts).write(RESULTS)
    planned().write(RESULTS / plan.PLAN)
    forks.start_parent()
    timers.end_with_main_thread()


def call_pdf_stale():
    """Warn of a PDF that an earlier build left: it does not show what this study says now."""
    pdf, begun = RESULTS / "paper" / "main.pdf", RESULTS / ".build"
    if pdf.exists() and pdf.stat().st_mtime_ns < begun.stat().st_mtime_ns:
        logger.error(
            f"{pdf} is stale: it is from an earlier build, and this build could not remake it."
        )


def trim_store():
    """Keep the shared store within its limit."""
    if store := Store.from_environment():
        store.trim()


def plainly(function):
    """Let a function of wildcards end the build with the words of an error in the code, not with a traceback."""

    @functools.wraps(function)
    def of_job(wildcards):
        try:
            return function(wildcards)
        except IdentityError as error:
            raise SystemExit(str(error)) from None

    return of_job


def identity(script, kinds=lambda wildcards: {}):
    """Digests of a script's code and environment, as params; `kinds` are the modules that it imports by name."""

    def closure(wildcards):
        return CODE.closure(f"scripts/{script}.py", kinds(wildcards))

    return {
        "code": plainly(lambda wildcards: closure(wildcards).code),
        "environment": plainly(lambda wildcards: closure(wildcards).environment),
    }


@functools.cache
def history():
    """What the jobs of this study took. On a cluster's node nobody asks, and nothing is read."""
    return History(swept().receipts.values() if workflow.is_main_process else ())


def granted(rule, mem_mb, runtime):
    """Memory (MB) and minutes that a job may take: what it took before, with a margin, else what is declared here."""
    declared = Grant(mem_mb, runtime)

    def of_job(wildcards, attempt):
        return history().grant(rule, wildcards, declared, attempt)

    return {
        "mem_mb": lambda wildcards, attempt: of_job(wildcards, attempt).mem_mb,
        "runtime": lambda wildcards, attempt: of_job(wildcards, attempt).runtime,
    }


def domain_kind(wildcards):
    """The domain's module, as a job of one domain imports it."""
    return {"scaling.domains": [study.plans[wildcards.domain].data.kind]}


def run_kinds(wildcards):
    """The modules of one run: its domain and its family."""
    family = study.plans[wildcards.domain].family_of(wildcards.model)
    return domain_kind(wildcards) | {"scaling.models": [family.kind]}


def bias_kind(wildcards):
    """The module of the domain whose pictures are drawn."""
    return {"scaling.domains": [study.trained[study.experiments.bias.domain].data.kind]}


def every_kind(wildcards):
    """All modules of domains and families, as who reads a whole study imports them."""
    return {"scaling.domains": domains.kinds(), "scaling.models": models.kinds()}


@plainly
def code_tree(wildcards):
    """Digest of all code that the study could run."""
    scripts = [f"scripts/{path.name}" for path in Path(LIBRARY).glob("*.py")]
    return CODE.tree(scripts, every_kind(wildcards))


@functools.cache
def planned():
    """Every job of the study as it would run today."""
    jobs = [
        plan.planned(rule, getattr(rules, rule), wildcards, str(RESULTS))
        for rule, wildcards in study_jobs()
    ]
    if nameless := [job.name for job in jobs if job.code is None]:
        raise SystemExit(
            f"{nameless[0]}: the rule has no identity. Add **identity(script) to its params."
        )
    CODE.remember()
    files = {closure.code: closure.files for closure in CODE.closures}
    versions = {closure.environment: closure.versions for closure in CODE.closures}
    return plan.Plan(
        str(RESULTS),
        tuple(jobs),
        files,
        versions,
        options.naming(workflow.overwrite_configfiles),
    )


@functools.cache
def swept():
    """What is damaged, stale or missing as the build begins."""
    try:
        return sweep.sweep(planned())
    except Unsound as problem:
        raise SystemExit(str(problem)) from None


def look_first():
    """Before anything else, whatever is asked for: end here over damage, or if only the plan is wanted."""
    if not workflow.is_main_process:
        # A job of a build, which has looked. It may have waited in a cluster's queue for longer than its build lived:
        # then Snakemake must not begin with it, for it begins by removing the outputs, be they a later build's.
        if builds.VARIABLE not in os.environ or not builds.still_in_charge():
            raise SystemExit(
                "The build that submitted this job is gone, was replaced, or is not named in the environment "
                f"({builds.VARIABLE}, which sbatch hands on with --export=ALL). Nothing is done."
            )
        # On the build's own host it would reach the build's parent, whose forks the cluster neither limits nor ends.
        os.environ.pop(forks.VARIABLE, None)
        return
    if listing := os.environ.get(plan.VARIABLE):
        planned().write(Path(listing))
        raise SystemExit(0)
    if damaged := swept().damaged:
        raise SystemExit(sweep.tell_damage(damaged, planned()))


def unsound(wildcards):
    """Nothing if no result is stale; else the last look, for by then all must be remade."""
    # Asked for again, a marker of an earlier build would pass for this one's.
    (RESULTS / ".sound").unlink(missing_ok=True)
    return "<results>/.sound" if swept().stale else []


def prepared_data(wildcards):
    """The prepared data of a domain; nothing for a synthetic one."""
    synthetic = study.plans[wildcards.domain].data.source is None
    return [] if synthetic else "<results>/data/{domain}.npz"


def study_jobs():
    """Every job of the study: its rule and wildcards, in the order of the paper."""
    for domain, plan in study.domains.items():
        of_domain = {"domain": domain}
        if domain in study.trained:
            yield from runs_of(domain)
            yield "gather", of_domain
        else:
            yield "measure", of_domain
        yield "learning_curves", of_domain
        for family in plan.families:
            yield "law", of_domain | {"family": family}
            yield "diagnostics", of_domain | {"family": family}
    for arm in study.arms:
        yield from runs_of(arm)
        yield "gather", {"domain": arm}
    yield "overview", {}
    yield from (("claim", {"claim": claim}) for claim in study.claims.present())
    if study.experiments.bias:
        yield "bias", {}
        yield "bias_figures", {}
    if coverage := study.experiments.coverage:
        yield from (("coverage", {"design": design}) for design in coverage.designs)
        yield "coverage_figure", {}
    yield from ((rule, {}) for rule in ("curves", "ledger", "paper"))


def runs_of(domain):
    """The jobs that train the models of a domain, after those that get its data."""
    of_domain = {"domain": domain}
    if study.plans[domain].data.source:
        yield from (("fetch", of_domain), ("prepare", of_domain))
    for rule, runs in (
        ("train", study.runs(domain)),
        ("train_doubled", study.doubled_runs(domain)),
    ):
        for model, N, seed in runs:
            yield rule, of_domain | {"model": model, "N": str(N), "seed": str(seed)}


def ends_and_gaps(wildcards):
    """The few files that Snakemake has to be asked for to know all jobs, and to make whatever is missing."""
    return [f"<results>/{file}" for file in planned().asked(swept().absent)]


def receipts(wildcards):
    """The receipts of all that comes before the ledger."""
    return [
        str(getattr(rules, rule).output.receipt).format(**of_job)
        for rule, of_job in study_jobs()
        if rule not in ("ledger", "paper")
    ]


def accepted(wildcards):
    """The exceptions on record, if there are any."""
    return f"<results>/{ACCEPTED}" if (RESULTS / ACCEPTED).exists() else []


def study_design():
    """What the study says, without where its results go and where its raw files lie."""
    domains_design = {
        # One that is null is told too, for with it goes what is said of it.
        name: settings
        and {key: value for key, value in settings.items() if key != "source_copy"}
        for name, settings in config["domains"].items()
    }
    return config | {"domains": domains_design, "pathvars": {"results": "results"}}


def one_of(names):
    """The pattern of a wildcard that is one of some names, of which there may be none."""
    return "|".join(names) or "(?!)"


def source_copy(wildcards):
    """Where a domain's raw files can be read without fetching them; empty if nowhere."""
    return study.plans[wildcards.domain].source_copy or ""


def gpu_slots(wildcards):
    """How many of the places on a GPU a run takes: none for a family that is trained on the processor."""
    family = study.plans[wildcards.domain].family_of(wildcards.model)
    return int(family.takes_gpu)


def measurements_of(wildcards):
    """The file with the measurements of a domain."""
    return study.measured[wildcards.domain].measurements


def run_settings(wildcards):
    """This run's slice of the study, nothing more."""
    shard = settings_of_shard(wildcards.domain, wildcards.model, int(wildcards.N))
    return shard | {"seed": int(wildcards.seed)}


@functools.cache
def settings_of_shard(domain, model, N):
    """What all seeds of a shard share: spelled out once, for a large study asks for it many thousand times."""
    return study.run(domain, model, N, seed=0).model_dump(mode="json")


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


def shared_test_losses(wildcards):
    """Per-item losses of a family's runs, where all runs of the domain share a test set."""
    plan = study.trained.get(wildcards.domain)
    if plan is None or plan.data.source is None:
        return []
    runs = [
        run
        for run in study.runs(wildcards.domain)
        if plan.models[run[0]].family == wildcards.family
    ]
    return run_files(wildcards.domain, "runs", runs, "npz")


def domain_pool(wildcards):
    """How many examples a domain's shards are drawn from; None if they never run out."""
    return study.domains[wildcards.domain].pool


def domain_metric(wildcards):
    """The error that a domain's curves show."""
    return study.domains[wildcards.domain].metric


def domain_laws(wildcards):
    """The laws of a domain, in the order of its families."""
    return collect(
        "<results>/laws/{domain}/{family}.json",
        domain=wildcards.domain,
        family=study.domains[wildcards.domain].families,
    )


def tables_of(*domains):
    """The tables of all runs in some domains and arms."""
    return [f"<results>/curves/{domain}.csv" for names in domains for domain in names]


def laws_of(plans):
    """The laws of every curve in some domains."""
    return [
        f"<results>/laws/{domain}/{family}.json"
        for domain, plan in plans.items()
        for family in plan.families
    ]


def all_figures():
    """Every figure of the paper."""
    curves = collect(
        "<results>/figures/learning-curves-{domain}.pdf", domain=study.domains
    )
    diagnostics = [
        f"<results>/figures/diagnostics-{family}-on-{domain}.pdf"
        for domain, plan in study.domains.items()
        for family in plan.families
    ]
    coverage = ["<results>/figures/coverage.pdf"]
    return (
        ["<results>/figures/overview.pdf"]
        + curves
        + diagnostics
        + [str(picture) for picture in bias_figure_files().values()]
        + (coverage if study.experiments.coverage else [])
    )


def family_labels(wildcards):
    """Names of a domain's families in figures."""
    return study.domains[wildcards.domain].labels


def domains_shown():
    """Of the domains that are no controls: names in a figure, where families are ranked, what is published."""
    return {
        domain: {
            "title": plan.title,
            "labels": plan.labels,
            "top": plan.top,
            "published": plan.published and plan.published.slope,
        }
        for domain, plan in study.pictured.items()
    }


def curve_title(wildcards):
    """What a figure of one curve is called."""
    plan = study.domains[wildcards.domain]
    return f"{plan.labels[wildcards.family]} on {wildcards.domain}"


def domain_unit(wildcards):
    """What N counts in a domain."""
    return study.domains[wildcards.domain].unit


def domain_errors(wildcards):
    """What the errors of a domain are in figures; empty where they are shares, drawn in per cent."""
    plan = study.domains[wildcards.domain]
    return "" if plan.in_percent else plan.metric


@functools.cache
def bias_pictured():
    """What the figures of the spiral show; None if the study leaves them out."""
    bias = study.experiments.bias
    return bias and bias_pictures.pictured(bias, study)


def bias_figure_files():
    """The figures of the spiral by name: those for which the study has the runs."""
    shown = bias_pictured()
    return {
        picture: report(f"<results>/figures/bias.{picture}.pdf", category="Spiral")
        for picture in (shown.pictures if shown else ())
    }


def bias_maps():
    """The runs whose decision maps are drawn."""
    shown = bias_pictured()
    runs = [(panel.model, panel.N, shown.seed) for panel in shown.panels]
    return run_files(shown.domain, "runs", runs, "npz")


def bias_shown():
    """What the figures of the spiral need of the study."""
    return bias_pictured().model_dump(mode="json")


def bias_tables():
    """The tables of the spiral and of the arms beside it."""
    bias = study.experiments.bias
    return tables_of([bias.domain, *bias.plans(study)])


def bias_judged():
    """The decision maps that are compared seed by seed."""
    return [
        file
        for domain, *run in study.experiments.bias.judged(study)
        for file in run_files(domain, "runs", [run], "npz")
    ]


def bias_question():
    """What is asked of the runs of the spiral and of its arms."""
    return study.experiments.bias.question(study).model_dump(mode="json")


def bias_outcome():
    """What came of the experiment on bias, if it is on."""
    return ["<results>/bias.json"] if study.experiments.bias else []


def rests_on_bias(wildcards):
    """Is a claim tested on the experiment on bias, and not on the domains alone?"""
    return study.claims.present()[wildcards.claim].experiment == "bias"


def claim_tables(wildcards):
    """The tables that a claim is tested on."""
    return tables_of(study.subjects, study.arms if rests_on_bias(wildcards) else [])


def claim_bias(wildcards):
    """What came of the experiment on bias, for a claim that rests on it."""
    return bias_outcome() if rests_on_bias(wildcards) else []


def campaigns():
    """What came of every design of the coverage experiment."""
    coverage = study.experiments.coverage
    designs = coverage.designs if coverage else []
    return collect("<results>/coverage/{design}.json", design=designs)


def measurement_files():
    """The files with measurements, which whoever reads the study's design opens too."""
    return sorted({plan.measurements for plan in study.measured.values()})


def paper_sources():
    """The paper's templates and bibliography."""
    return sorted(
        os.path.relpath(path)
        for path in PAPER.rglob("*")
        if path.suffix in {".tex", ".bib"}
    )
