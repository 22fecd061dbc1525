"""A scaling-law paper that rebuilds itself: data, runs, laws, figures, claims, PDF."""

from snakemake.utils import min_version

min_version("9.27")


configfile: "config.yaml"


include: "rules/common.smk"
include: "rules/data.smk"
include: "rules/train.smk"
include: "rules/curves.smk"
include: "rules/laws.smk"
include: "rules/claims.smk"
include: "rules/figures.smk"
include: "rules/bias.smk"
include: "rules/coverage.smk"
include: "rules/paper.smk"
include: "rules/sweep.smk"


wildcard_constraints:
    domain="|".join([*study.domains, *study.arms]),
    model=r"[a-z0-9-]+",
    family=r"[a-z0-9-]+",
    claim=r"[A-Z]\d+",
    design=r"[a-z0-9-]+",
    N=r"\d+",
    seed=r"\d+",


onstart:
    take_results_folder()


onsuccess:
    trim_store()


onerror:
    call_pdf_stale()
    trim_store()


rule all:
    """Request that nothing of any job is missing, and that all is what was made."""
    default_target: True
    input:
        ends_and_gaps,
        unsound,


look_first()
