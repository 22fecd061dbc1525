"""Fetch a domain's raw files and check them by sha256."""

from pathlib import Path

from provenance.jobs import Job, job


@job(snakemake)
def fetch(this: Job) -> None:
    from scaling import domains

    source, copy = domains.load(this.params["kind"]).source, this.resources["source_copy"]
    this.path("archive").write_bytes(source.fetch(Path(copy) if copy else None))
