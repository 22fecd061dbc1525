"""Coverage: do the intervals of the laws hold truths that are known?"""

if study.experiments.coverage:

    localrules:
        coverage_figure,

    rule coverage:
        """One design drawn again and again, and how often each interval of its law holds the truth."""
        output:
            outcome="<results>/coverage/{design}.json",
            receipt="<results>/coverage/{design}.receipt.json",
        log:
            "<results>/logs/coverage/{design}.log",
        threads: 1
        resources:
            **granted("coverage", mem_mb=1000, runtime=120),
        params:
            **identity("coverage"),
            design=lookup("experiments/coverage/designs/{design}", within=config),
            repetitions=lookup("experiments/coverage/repetitions", within=config),
        message:
            "Counting what the intervals of design {wildcards.design} hold"
        script:
            "../scripts/coverage.py"

    rule coverage_figure:
        """The coverage of every quantity in every design, with what chance allows."""
        input:
            outcomes=campaigns(),
        output:
            figure=report("<results>/figures/coverage.pdf", category="Coverage"),
            receipt="<results>/figures/coverage.receipt.json",
        log:
            "<results>/logs/coverage_figure.log",
        threads: 1
        resources:
            **granted("coverage_figure", mem_mb=1000, runtime=10),
        params:
            **identity("coverage_figure"),
            goal=lookup("experiments/coverage/goal", within=config),
            goal_cut=lookup("experiments/coverage/goal_cut", within=config),
        message:
            "Drawing what the intervals hold"
        script:
            "../scripts/coverage_figure.py"
