"""Turn a domain's raw files into the arrays that its shards are drawn from."""

from pathlib import Path

from provenance.jobs import Job, job


@job(snakemake)
def prepare(this: Job) -> None:
    from scaling import domains

    settings = this.params["data"]
    domain = domains.load(settings["kind"]).model_validate(settings)
    this.write_arrays("data", domain.prepare(Path(this.input["archive"])))
