"""The last look of a build that began with stale results."""


localrules:
    sweep,


rule sweep:
    """One more look, when all that could be is rebuilt: asked for only if something was stale when the build began."""
    input:
        ends_and_gaps,  # behind which all jobs are
    output:
        marker="<results>/.sound",
    log:
        "<results>/logs/sweep.log",
    threads: 1
    resources:
        **granted("sweep", mem_mb=1000, runtime=20),
    message:
        "Looking whether any result is still stale"
    script:
        "../scripts/sweep.py"
