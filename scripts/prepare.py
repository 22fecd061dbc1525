"""Turn a domain's raw files into the arrays that its shards are drawn from."""

from pathlib import Path

from provenance.jobs import Job, job


@job(snakemake)
def prepare(this: Job) -> None:
    import numpy as np

    from scaling import domains

    settings = this.params["data"]
    domain = domains.load(settings["kind"]).model_validate(settings)
    # Not compressed, as results are: hundreds of runs read it, and unpacking takes each of them longer than drawing.
    with this.path("data").open("wb") as file:
        np.savez(file, allow_pickle=False, **domain.prepare(Path(this.input["archive"])))
