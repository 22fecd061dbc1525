"""Inductive bias against data: the spiral in pictures."""

if study.experiments.bias:

    localrules:
        bias_figures,

    rule bias_figures:
        """Manifold, density, sample and decision maps, drawn from what the runs predicted."""
        input:
            maps=bias_maps(),
        output:
            manifold=report("<results>/figures/bias.manifold.pdf", category="Spiral"),
            density=report("<results>/figures/bias.density.pdf", category="Spiral"),
            sample=report("<results>/figures/bias.sample.pdf", category="Spiral"),
            maps=report("<results>/figures/bias.maps.pdf", category="Spiral"),
            receipt="<results>/figures/bias.receipt.json",
        log:
            "<results>/logs/bias_figures.log",
        threads: 1
        resources:
            **granted("bias_figures", mem_mb=1000, runtime=10),
        params:
            **bias_settings(),
            **identity("bias_figures", kinds=bias_kind),
        message:
            "Drawing the spiral and every family's decision map"
        script:
            "../scripts/bias_figures.py"
