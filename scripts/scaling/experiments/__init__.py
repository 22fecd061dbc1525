"""Experiments beside the learning curves: one module each, of one name with its rules, script and section."""
