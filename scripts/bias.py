"""Weigh prior against data, size and training on the spiral, and neighbours against theory."""

from provenance.jobs import Job, job


@job(snakemake)
def bias(this: Job) -> None:
    from scaling.curves import read_tables
    from scaling.experiments.bias import Question
    from scaling.experiments.hardness import read_maps
    from scaling.experiments.priors import answer

    question = Question.model_validate(this.params["question"])
    this.write_json("outcome", answer(question, read_tables(this.input["tables"]), read_maps(this.input["maps"])))
