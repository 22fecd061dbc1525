"""Turn a file of measurements into the tidy table of its domain."""

from provenance.jobs import Job, job


@job(snakemake)
def measure(this: Job) -> None:
    from scaling.measurements import read_domain, tabulate

    measurements = read_domain(this.input["measurements"], this.wildcards["domain"])
    this.write_text("table", tabulate(measurements).to_csv(index=False))
