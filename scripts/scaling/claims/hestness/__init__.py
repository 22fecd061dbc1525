"""Claims of Hestness et al. (2017): that error falls as a power of the data. One file per topic."""
