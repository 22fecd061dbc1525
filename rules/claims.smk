"""Statements from the literature, tested."""


localrules:
    claim,


rule claim:
    """The verdict on one claim, with the numbers behind it."""
    input:
        tables=tables_of(study.subjects, study.arms),
        laws=laws_of(study.subjects),
        bias=bias_outcome(),
    output:
        outcome="<results>/claims/{claim}.json",
        receipt="<results>/claims/{claim}.receipt.json",
    log:
        "<results>/logs/claim/{claim}.log",
    threads: 1
    resources:
        **granted("claim", mem_mb=1000, runtime=10),
    params:
        **identity("claim"),
        claim=lookup("claims/{claim}", within=config),
        neural=study.neural,
        guesses=study.guesses,
    message:
        "Testing claim {wildcards.claim}"
    script:
        "../scripts/claim.py"
