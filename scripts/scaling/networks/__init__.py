"""Networks' parts that torch doesn't have, one file each. Families import them when they build, for they need torch."""
