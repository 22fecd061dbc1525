"""One training per (domain, model, N, seed), and the largest shards once more with twice the budget."""


rule train:
    """One training run: the smallest unit that is cached, replayed and audited."""
    input:
        prepared_data,
    output:
        record="<results>/runs/{domain}/{model}/n{N}/seed{seed}.json",
        losses="<results>/runs/{domain}/{model}/n{N}/seed{seed}.npz",
        receipt="<results>/runs/{domain}/{model}/n{N}/seed{seed}.receipt.json",
    log:
        "<results>/logs/train/{domain}/{model}/n{N}-seed{seed}.log",
    threads: 1
    resources:
        # The most of any training of the default study is 620 MB, the parent's packages among them.
        **granted("train", mem_mb=1200, runtime=20),
        gpu_slots=gpu_slots,
    params:
        **identity("train", kinds=run_kinds),
        run=run_settings,
    message:
        "Training {wildcards.model} on {wildcards.N} examples of {wildcards.domain}, seed {wildcards.seed}"
    script:
        "../scripts/train.py"


use rule train as train_doubled with:
    output:
        record="<results>/doubled/{domain}/{model}/n{N}/seed{seed}.json",
        losses="<results>/doubled/{domain}/{model}/n{N}/seed{seed}.npz",
        receipt="<results>/doubled/{domain}/{model}/n{N}/seed{seed}.receipt.json",
    log:
        "<results>/logs/train_doubled/{domain}/{model}/n{N}-seed{seed}.log",
    resources:
        **granted("train_doubled", mem_mb=1200, runtime=40),
        gpu_slots=gpu_slots,
    params:
        **identity("train", kinds=run_kinds),
        run=doubled_run_settings,
    message:
        "Training {wildcards.model} on {wildcards.N} examples of {wildcards.domain}, seed {wildcards.seed}, twice as long"
