"""
Loads real taps of PyPI by target-mysql, and compares each value: `make interop-taps`.

Each value is compared twice. MySQL must hold the value of the tap's RECORD: a difference is the
target's fault. The RECORD must hold the value of the source: a difference is the tap's fault.
"""
