"""Fill in the paper's templates and compile them to a PDF."""

import json
from pathlib import Path

from provenance.jobs import Job, job


@job(snakemake)
def paper(this: Job) -> None:
    from provenance.tex import tex_macros
    from scaling.claims import read_outcomes
    from scaling.curves import read_curves, read_tables
    from scaling.experiments.coverage import read_campaigns
    from scaling.experiments.priors import read_answer
    from scaling.latex import compile_pdf
    from scaling.manuscript import Manuscript
    from scaling.study import Study

    manuscript = Manuscript(
        study=Study.of(this.params["study"]),
        tables=read_tables(this.input["tables"]),
        curves=read_curves(this.input["laws"]),
        outcomes=read_outcomes(this.input["claims"]),
        campaigns=read_campaigns(this.input["campaigns"]),
        bias=read_answer(this.input["bias"]),
    )
    numbers = tex_macros(json.loads(Path(this.input["ledger"]).read_text()))
    compile_pdf(
        manuscript.render([Path(path) for path in this.input["sources"]]) | {"numbers.tex": numbers},
        figures=[Path(path) for path in this.input["figures"]],
        engine=manuscript.study.paper.engine,
        output=this.path("pdf"),
    )
