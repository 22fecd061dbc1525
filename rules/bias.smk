"""Inductive bias against data: the essay's spiral, in numbers and in pictures."""

if study.experiments.bias:

    localrules:
        bias,
        bias_figures,

    rule bias:
        """What prior, data and training buy, in numbers, from the tables of all runs and from decision maps."""
        input:
            tables=bias_tables(),
            maps=bias_judged(),
        output:
            outcome="<results>/bias.json",
            receipt="<results>/bias.receipt.json",
        log:
            "<results>/logs/bias.log",
        threads: 1
        resources:
            **granted("bias", mem_mb=1000, runtime=10),
        params:
            **identity("bias", kinds=bias_kind),
            question=bias_question(),
        message:
            "Weighing prior, data and training on the spiral"
        script:
            "../scripts/bias.py"

    rule bias_figures:
        """The plane and what learners make of it, their errors by region, and those of neighbours beside a network's."""
        input:
            maps=bias_maps(),
            tables=bias_tables(),
            outcome="<results>/bias.json",
        output:
            **bias_figure_files(),
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
