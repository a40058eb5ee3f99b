"""
Loads real taps of PyPI by target-mysql, and compares each value: `make interop-taps`.

Each value is compared twice. What MySQL holds must be what the tap sent: a difference is the
target's fault. What the tap sent must be what the source holds: a difference is the tap's.
"""
