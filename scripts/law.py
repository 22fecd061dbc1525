"""Fit the law to one learning curve."""

from provenance.jobs import Job, job


@job(snakemake)
def law(this: Job) -> None:
    from scaling.curves import fit_curve, read_table

    curve = fit_curve(
        read_table(this.input["table"]),
        this.wildcards["family"],
        pool=this.params["pool"],
        losses=this.input["losses"],
        metric=this.params["metric"],
    )
    this.write_json("law", curve)
