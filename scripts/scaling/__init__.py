"""The science of the paper: domains, models, training, laws, claims and figures, free of Snakemake."""
