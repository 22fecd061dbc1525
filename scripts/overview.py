"""Draw all domains in one figure."""

from provenance.jobs import Job, job


@job(snakemake)
def overview(this: Job) -> None:
    from scaling.curves import read_curves
    from scaling.plots import overview, style

    shown = {domain: overview.Shown(**about) for domain, about in this.params["shown"].items()}
    style.save(overview.overview(read_curves(this.input["laws"]), shown), this.path("figure"))
