"""Count how often the intervals of a law hold the truth of a simulated design."""

from provenance.jobs import Job, job


@job(snakemake)
def coverage(this: Job) -> None:
    from scaling.experiments.coverage import campaign, read_design

    design = read_design(this.params["design"])
    this.write_json("outcome", campaign(this.wildcards["design"], design, this.params["repetitions"]))
