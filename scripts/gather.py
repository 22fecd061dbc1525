"""Gather the runs of a domain into one tidy table."""

from pathlib import Path

from provenance.jobs import Job, job


@job(snakemake)
def gather(this: Job) -> None:
    from scaling.curves import gather
    from scaling.records import Record

    table = gather(Record.model_validate_json(Path(path).read_text()) for path in this.input)
    this.write_text("table", table.to_csv(index=False))
