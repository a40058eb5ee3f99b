"""Measurements; each prints a small table. Ratios within one run are what can be compared."""
