"""Train one model on one shard and record what came out."""

from pathlib import Path

from provenance.jobs import Job, job


@job(snakemake)
def train(this: Job) -> None:
    from scaling.training import Run, train

    trained = train(Run.model_validate(this.params["run"]), Path(this.input[0]) if this.input else None)
    this.write_json("record", trained.record)
    this.write_arrays("losses", trained.outcomes)
    this.note(device=trained.device)
