"""Put the tables of all domains under each other."""

from provenance.jobs import Job, job


@job(snakemake)
def curves(this: Job) -> None:
    import pandas as pd

    this.write_text("table", pd.concat(map(pd.read_csv, this.input)).to_csv(index=False))
