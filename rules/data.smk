"""Raw data, checked and prepared once per study."""


rule fetch:
    """Raw files of a domain, fetched without root or read from a copy, each checked by its sha256."""
    output:
        archive="<results>/raw/{domain}.tar",
    log:
        "<results>/logs/fetch/{domain}.log",
    params:
        kind=lookup("domains/{domain}/data/kind", within=config),
        source_copy=lookup("domains/{domain}/source_copy", within=config, default=None),
    message:
        "Fetching the raw data of {wildcards.domain}"
    script:
        "../scripts/fetch.py"


rule prepare:
    """The arrays that shards are drawn from: pool, validation and test set."""
    input:
        archive="<results>/raw/{domain}.tar",
    output:
        data="<results>/data/{domain}.npz",
    log:
        "<results>/logs/prepare/{domain}.log",
    benchmark:
        "<results>/benchmarks/prepare/{domain}.tsv"
    params:
        data=lookup("domains/{domain}/data", within=config),
    message:
        "Preparing the data of {wildcards.domain}"
    script:
        "../scripts/prepare.py"
