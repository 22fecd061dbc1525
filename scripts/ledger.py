"""Enter every number of the paper into the ledger."""

from provenance.ledger import Ledger
from provenance.receipts import job
from scaling.claims import read_outcomes
from scaling.curves import read_curves, read_tables
from scaling.findings import collect
from scaling.study import Study

with job(snakemake) as this:
    ledger = Ledger()
    for finding in collect(
        Study.of(this.params["study"]),
        read_tables(this.input["tables"]),
        read_curves(this.input["laws"]),
        read_outcomes(this.input["claims"]),
    ):
        ledger.add(finding.key, finding.number.model_dump(), source=finding.source, pointer=finding.pointer)
    this.write_json("ledger", ledger.entries)
