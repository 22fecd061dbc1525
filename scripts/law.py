"""Fit the law to one learning curve."""

from provenance.receipts import job
from scaling.curves import fit_curve, read_table

with job(snakemake) as this:
    this.write_json("law", fit_curve(read_table(this.input["table"]), this.wildcards["family"]))
