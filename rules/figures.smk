"""Figures that every domain has."""


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
    benchmark:
        "<results>/benchmarks/learning_curves/{domain}.tsv"
    params:
        **identity("learning_curves"),
        labels=family_labels,
        unit=domain_unit,
    message:
        "Drawing the learning curves of {wildcards.domain}"
    script:
        "../scripts/learning_curves.py"
