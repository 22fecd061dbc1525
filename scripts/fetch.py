"""Fetch a domain's raw files and check them by sha256."""

from pathlib import Path

from provenance.receipts import job
from scaling import domains

with job(snakemake) as this:
    source, copy = domains.load(this.params["kind"]).source, this.params["source_copy"]
    this.path("archive").write_bytes(source.fetch(Path(copy) if copy else None))
