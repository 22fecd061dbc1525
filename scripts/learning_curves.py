"""Draw the learning curves of a domain."""

from provenance.jobs import Job, job


@job(snakemake)
def learning_curves(this: Job) -> None:
    from scaling.curves import read_curves, read_table
    from scaling.plots import learning_curves, style

    figure = learning_curves.learning_curves(
        read_table(this.input["table"]),
        read_curves(this.input["laws"]),
        this.params["labels"],
        this.params["unit"],
        this.params["metric"],
    )
    style.save(figure, this.path("figure"))
