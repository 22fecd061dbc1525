"""Fit the law to one learning curve."""

from provenance.jobs import Job, job


@job(snakemake)
def law(this: Job) -> None:
    from scaling.curves import fit_curve, read_table

    this.write_json("law", fit_curve(read_table(this.input["table"]), this.wildcards["family"]))
