"""Figures: one module each, one function per figure, all in the style of `style`."""
