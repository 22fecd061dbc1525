"""Gather the runs of a domain into one tidy table."""

from pathlib import Path

from provenance.receipts import job
from scaling.curves import gather
from scaling.training import Record

with job(snakemake) as this:
    table = gather(Record.model_validate_json(Path(path).read_text()) for path in this.input)
    this.write_text("table", table.to_csv(index=False))
