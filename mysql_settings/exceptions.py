"""The error of this package."""

from __future__ import annotations


class SettingsError(Exception):
    """The settings have faults; the text names all of them on a line."""
