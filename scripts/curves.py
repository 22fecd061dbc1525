"""Put the tables of all domains under each other."""

import pandas as pd

from provenance.receipts import job

with job(snakemake) as this:
    this.write_text("table", pd.concat(map(pd.read_csv, this.input)).to_csv(index=False))
