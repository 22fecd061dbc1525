"""The ledger of all numbers, and the paper that prints them."""


localrules:
    ledger,
    paper,


rule ledger:
    """Every number of the paper with its full precision, its interval and where it was read."""
    input:
        tables=tables_of(study.domains, study.arms),
        laws=laws_of(study.domains),
        claims=collect("<results>/claims/{claim}.json", claim=study.claims.present()),
        campaigns=campaigns(),
        bias=bias_outcome(),
        figures=all_figures(),
        sources=paper_sources(),
        measurements=measurement_files(),
        receipts=receipts,
        accepted=accepted,
    output:
        ledger="<results>/ledger.json",
        receipt="<results>/ledger.receipt.json",
    log:
        "<results>/logs/ledger.log",
    threads: 1
    resources:
        **granted("ledger", mem_mb=1000, runtime=20),
    params:
        **identity("ledger", kinds=every_kind),
        study=study_design(),
        tree=code_tree,
    message:
        "Entering every number into the ledger"
    script:
        "../scripts/ledger.py"


rule paper:
    """The PDF: templates filled in, numbers from the ledger, the same bytes for the same results."""
    input:
        sources=paper_sources(),
        measurements=measurement_files(),
        ledger="<results>/ledger.json",
        tables=tables_of(study.domains),
        laws=laws_of(study.domains),
        claims=collect("<results>/claims/{claim}.json", claim=study.claims.present()),
        campaigns=campaigns(),
        bias=bias_outcome(),
        figures=all_figures(),
    output:
        pdf=report("<results>/paper/main.pdf", category="Paper"),
        receipt="<results>/paper/main.receipt.json",
    log:
        "<results>/logs/paper.log",
    threads: 1
    resources:
        **granted("paper", mem_mb=1000, runtime=20),
    params:
        **identity("paper", kinds=every_kind),
        study=study_design(),
    message:
        "Compiling the paper"
    script:
        "../scripts/paper.py"
