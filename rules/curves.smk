"""Runs gathered into tidy tables: one per domain, so that a failing domain leaves the others alone, and one of all."""


rule gather:
    """All runs of a domain as a table, a row a run, with the size that validation chose."""
    input:
        records,
    output:
        table="<results>/curves/{domain}.csv",
        receipt="<results>/curves/{domain}.receipt.json",
    log:
        "<results>/logs/gather/{domain}.log",
    benchmark:
        "<results>/benchmarks/gather/{domain}.tsv"
    params:
        **identity("gather"),
    message:
        "Gathering the runs of {wildcards.domain}"
    script:
        "../scripts/gather.py"


rule curves:
    """The tables of all domains in one."""
    input:
        collect("<results>/curves/{domain}.csv", domain=study.domains),
    output:
        table="<results>/curves.csv",
        receipt="<results>/curves.receipt.json",
    log:
        "<results>/logs/curves.log",
    benchmark:
        "<results>/benchmarks/curves.tsv"
    params:
        **identity("curves"),
    message:
        "Writing the table of all runs"
    script:
        "../scripts/curves.py"
