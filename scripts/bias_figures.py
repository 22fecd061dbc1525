"""Draw the spiral: manifold, density, a sample, and the decision map of every family."""

from provenance.jobs import Job, job


@job(snakemake)
def bias_figures(this: Job) -> None:
    from scaling import domains
    from scaling.experiments.bias import decision_map
    from scaling.plots import bias, style

    data = this.params["data"]
    draw = (
        domains.load(data["kind"])
        .model_validate(data)
        .draw(this.params["domain"], this.params["N"], this.params["seed"], None)
    )
    style.save(bias.manifold(), this.path("manifold"))
    style.save(bias.density(), this.path("density"))
    style.save(bias.sample(draw.train.x), this.path("sample"))
    titles = dict(zip(this.params["titles"], map(decision_map, this.input["maps"]), strict=True))
    style.save(bias.maps(titles), this.path("maps"))
