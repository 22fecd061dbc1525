"""Statements from the literature, tested."""


localrules:
    claim,


rule claim:
    """The verdict on one claim, with the numbers behind it."""
    input:
        tables=claim_tables,
        laws=laws_of(study.subjects),
        bias=claim_bias,
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
