"""Errors in tidy tables: one per domain, so that a failing domain leaves the others alone, and one of all."""


localrules:
    gather,
    measure,
    curves,


rule gather:
    """All runs of a domain as a table, a row a run, with the size that validation chose."""
    input:
        records,
    output:
        table="<results>/curves/{domain}.csv",
        receipt="<results>/curves/{domain}.receipt.json",
    log:
        "<results>/logs/gather/{domain}.log",
    wildcard_constraints:
        domain=one_of(study.plans),
    threads: 1
    resources:
        **granted("gather", mem_mb=1000, runtime=10),
    params:
        **identity("gather"),
    message:
        "Gathering the runs of {wildcards.domain}"
    script:
        "../scripts/gather.py"


rule measure:
    """Measurements that somebody brought as such a table, a row a measurement, with the size that erred least."""
    input:
        measurements=measurements_of,
    output:
        table="<results>/curves/{domain}.csv",
        receipt="<results>/curves/{domain}.receipt.json",
    log:
        "<results>/logs/measure/{domain}.log",
    wildcard_constraints:
        domain=one_of(study.measured),
    threads: 1
    resources:
        **granted("measure", mem_mb=1000, runtime=10),
    params:
        **identity("measure"),
    message:
        "Reading the measurements of {wildcards.domain}"
    script:
        "../scripts/measure.py"


rule curves:
    """The tables of all domains in one."""
    input:
        tables_of(study.domains, study.arms),
    output:
        table="<results>/curves.csv",
        receipt="<results>/curves.receipt.json",
    log:
        "<results>/logs/curves.log",
    threads: 1
    resources:
        **granted("curves", mem_mb=1000, runtime=10),
    params:
        **identity("curves"),
    message:
        "Writing the table of all domains"
    script:
        "../scripts/curves.py"
