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
include: "rules/paper.smk"


wildcard_constraints:
    domain="|".join(study.domains),
    model=r"[a-z0-9-]+",
    family=r"[a-z0-9-]+",
    claim=r"[A-Z]\d+",
    N=r"\d+",
    seed=r"\d+",


onstart:
    take_results_folder()


onerror:
    call_pdf_stale()


rule all:
    """Request everything that the study declares, so that nothing missing goes unnoticed."""
    default_target: True
    input:
        data=all_data(),
        runs=all_runs(),
        tables=collect("<results>/curves/{domain}.csv", domain=study.domains),
        curves="<results>/curves.csv",
        laws=all_laws(),
        claims=collect("<results>/claims/{claim}.json", claim=study.claims.present()),
        figures=all_figures(),
        ledger="<results>/ledger.json",
        pdf="<results>/paper/main.pdf",
