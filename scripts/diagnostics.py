"""Draw what the fit of one learning curve rests on."""

from provenance.jobs import Job, job


@job(snakemake)
def diagnostics(this: Job) -> None:
    from scaling.curves import read_curves
    from scaling.plots import style
    from scaling.plots.diagnostics import diagnostics

    (curve,) = read_curves([this.input["law"]])
    style.save(diagnostics(curve.analysis, this.params["title"]), this.path("figure"))
