"""A law for every learning curve."""


localrules:
    law,


rule law:
    """The power law with floor, fitted to the shard means of one family, its rivals, and how well they foretell."""
    input:
        table="<results>/curves/{domain}.csv",
        losses=shared_test_losses,
    output:
        law="<results>/laws/{domain}/{family}.json",
        receipt="<results>/laws/{domain}/{family}.receipt.json",
    log:
        "<results>/logs/law/{domain}/{family}.log",
    threads: 1
    resources:
        **granted("law", mem_mb=1000, runtime=20),
    params:
        **identity("law"),
        pool=domain_pool,
        metric=domain_metric,
    message:
        "Fitting the law of {wildcards.family} on {wildcards.domain}"
    script:
        "../scripts/law.py"
