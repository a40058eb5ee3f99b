"""The format of the load file that LOAD DATA reads. Pure."""

from __future__ import annotations

# Separators that JSON text cannot hold unescaped; see encoder.py.
FIELD_END, ROW_END, ESCAPE = "\x1f", "\x1e", "\x1d"
