"""Draw how often the intervals of every design hold the truth."""

from provenance.jobs import Job, job


@job(snakemake)
def coverage_figure(this: Job) -> None:
    from scaling.experiments.coverage import read_campaigns
    from scaling.plots import coverage, style

    campaigns = read_campaigns(this.input["outcomes"])
    style.save(coverage.coverage(campaigns, this.params["goal"], this.params["goal_cut"]), this.path("figure"))
