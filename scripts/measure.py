"""Turn a file of measurements into the tidy table of its domain."""

from provenance.jobs import Job, job


@job(snakemake)
def measure(this: Job) -> None:
    from scaling.measurements import read_domain, tabulate, tell_ignored

    measurements = read_domain(this.input["measurements"], this.wildcards["domain"])
    if said := tell_ignored(this.input["measurements"]):
        print(said)
    this.write_text("table", tabulate(measurements).to_csv(index=False))
