"""Figures that every domain has."""


localrules:
    overview,
    learning_curves,
    diagnostics,


rule overview:
    """The best curve of every domain on common scales, and the slopes of all curves."""
    input:
        laws=laws_of(study.pictured),
    output:
        figure=report("<results>/figures/overview.pdf", category="Learning curves"),
        receipt="<results>/figures/overview.receipt.json",
    log:
        "<results>/logs/overview.log",
    threads: 1
    resources:
        **granted("overview", mem_mb=1000, runtime=10),
    params:
        **identity("overview"),
        shown=domains_shown(),
    message:
        "Drawing all domains in one figure"
    script:
        "../scripts/overview.py"


rule learning_curves:
    """Every seed, the median, the law and its band, a panel per family."""
    input:
        table="<results>/curves/{domain}.csv",
        laws=domain_laws,
    output:
        figure=report(
            "<results>/figures/learning-curves-{domain}.pdf",
            category="Learning curves",
            labels={"domain": "{domain}"},
        ),
        receipt="<results>/figures/learning-curves-{domain}.receipt.json",
    log:
        "<results>/logs/learning_curves/{domain}.log",
    threads: 1
    resources:
        **granted("learning_curves", mem_mb=1000, runtime=10),
    params:
        **identity("learning_curves"),
        labels=family_labels,
        unit=domain_unit,
        metric=domain_errors,
    message:
        "Drawing the learning curves of {wildcards.domain}"
    script:
        "../scripts/learning_curves.py"


rule diagnostics:
    """Residuals, profiles and the influence of each shard on one law."""
    input:
        law="<results>/laws/{domain}/{family}.json",
    output:
        figure=report(
            "<results>/figures/diagnostics-{family}-on-{domain}.pdf",
            category="Diagnostics",
            labels={"domain": "{domain}", "family": "{family}"},
        ),
        receipt="<results>/figures/diagnostics-{family}-on-{domain}.receipt.json",
    log:
        "<results>/logs/diagnostics/{domain}/{family}.log",
    threads: 1
    resources:
        **granted("diagnostics", mem_mb=1000, runtime=10),
    params:
        **identity("diagnostics"),
        title=curve_title,
    message:
        "Drawing the diagnostics of {wildcards.family} on {wildcards.domain}"
    script:
        "../scripts/diagnostics.py"
