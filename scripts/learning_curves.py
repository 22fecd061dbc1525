"""Draw the learning curves of a domain."""

from provenance.receipts import job
from scaling.curves import read_curves, read_table
from scaling.plots import learning_curves, style

with job(snakemake) as this:
    figure = learning_curves.learning_curves(
        read_table(this.input["table"]),
        read_curves(this.input["laws"]),
        this.params["labels"],
        this.params["unit"],
    )
    style.save(figure, this.path("figure"))
