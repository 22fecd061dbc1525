"""Raw data, checked and prepared once per study."""


localrules:
    fetch,
    prepare,


rule fetch:
    """Raw files of a domain, fetched without root or read from a copy, each checked by its sha256."""
    output:
        archive="<results>/raw/{domain}.tar",
        receipt="<results>/raw/{domain}.receipt.json",
    log:
        "<results>/logs/fetch/{domain}.log",
    threads: 1
    resources:
        **granted("fetch", mem_mb=1000, runtime=30),
        # Where the files are read from says nothing of what they are: no param, so that another place reruns nothing.
        source_copy=source_copy,
    params:
        **identity("fetch", kinds=domain_kind),
        kind=lookup("domains/{domain}/data/kind", within=config),
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
        receipt="<results>/data/{domain}.receipt.json",
    log:
        "<results>/logs/prepare/{domain}.log",
    threads: 1
    resources:
        **granted("prepare", mem_mb=1000, runtime=10),
    params:
        **identity("prepare", kinds=domain_kind),
        data=lookup("domains/{domain}/data", within=config),
    message:
        "Preparing the data of {wildcards.domain}"
    script:
        "../scripts/prepare.py"
