"""Inductive bias against data: the spiral in pictures."""

if study.experiments.bias:

    localrules:
        bias_figures,

    rule bias_figures:
        """The plane and what learners make of it, their errors by region, and those of neighbours beside a network's."""
        input:
            maps=bias_maps(),
            tables=tables_of([study.experiments.bias.domain], study.arms),
            outcome="<results>/bias.json",
        output:
            **bias_pictures(),
            receipt="<results>/figures/bias.receipt.json",
        log:
            "<results>/logs/bias_figures.log",
        threads: 1
        resources:
            **granted("bias_figures", mem_mb=1000, runtime=10),
        params:
            **identity("bias_figures", kinds=bias_kind),
            shown=bias_shown(),
        message:
            "Drawing the spiral, decision maps and errors"
        script:
            "../scripts/bias_figures.py"
