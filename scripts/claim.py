"""Test one claim on the curves."""

from provenance.jobs import Job, job


@job(snakemake)
def claim(this: Job) -> None:
    from scaling.claims import Claims, Evidence

    claim = Claims.model_validate({this.wildcards["claim"]: this.params["claim"]}).present()
    evidence = Evidence.read(
        this.input["tables"],
        this.input["laws"],
        this.params["neural"],
        this.params["guesses"],
        *this.input["bias"],  # empty without the experiment
    )
    this.write_json("outcome", claim[this.wildcards["claim"]].test(evidence))
