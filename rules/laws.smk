"""A law for every learning curve."""


rule law:
    """The power law with floor, fitted to the shard means of one family, and its rivals."""
    input:
        table="<results>/curves/{domain}.csv",
    output:
        law="<results>/laws/{domain}/{family}.json",
        receipt="<results>/laws/{domain}/{family}.receipt.json",
    log:
        "<results>/logs/law/{domain}/{family}.log",
    benchmark:
        "<results>/benchmarks/law/{domain}/{family}.tsv"
    params:
        **identity("law"),
    message:
        "Fitting the law of {wildcards.family} on {wildcards.domain}"
    script:
        "../scripts/law.py"
