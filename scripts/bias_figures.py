"""Draw the spiral: the plane, what learners make of it, and their errors."""

import json
from pathlib import Path

from provenance.jobs import Job, job


@job(snakemake)
def bias_figures(this: Job) -> None:
    from scaling.curves import read_tables
    from scaling.experiments.bias_pictures import Pictured
    from scaling.plots import style
    from scaling.plots.bias_figures import figures

    shown = Pictured.model_validate(this.params["shown"])
    tables, outcome = read_tables(this.input["tables"]), json.loads(Path(this.input["outcome"]).read_text())
    for picture, figure in figures(shown, this.input["maps"], tables, outcome):
        style.save(figure, this.path(picture))
