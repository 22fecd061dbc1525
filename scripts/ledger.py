"""Enter every number of the paper into the ledger, with all that it rests on."""

from pathlib import Path

from provenance.jobs import Job, job


@job(snakemake)
def ledger(this: Job) -> None:
    from provenance.ledger import Ledger
    from scaling.claims import read_outcomes
    from scaling.curves import read_curves, read_tables
    from scaling.experiments.coverage import read_campaigns
    from scaling.experiments.priors import read_answer
    from scaling.findings import collect
    from scaling.study import Study

    study = this.params["study"]
    ledger = Ledger(
        this.receipts,
        config=study,
        tree=this.params["tree"],
        sources=this.sources,
        exceptions=this.exceptions,
    )
    for finding in collect(
        Study.of(study),
        read_tables(this.input["tables"]),
        read_curves(this.input["laws"]),
        read_outcomes(this.input["claims"]),
        read_campaigns(this.input["campaigns"]),
        read_answer(this.input["bias"]),
    ):
        ledger.add(finding.key, finding.number.model_dump(), source=finding.source, pointer=finding.pointer)
    for kind, files in (("figure", this.input["figures"]), ("table", this.input["tables"])):
        for path in map(Path, files):
            ledger.add_file(kind, f"{kind}.{path.stem}", this.within(path))
    this.write_json("ledger", ledger.content())
