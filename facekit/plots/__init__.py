"""Plots of scores, training runs and galleries, and the report that shows them (with the extra `plot`)."""
