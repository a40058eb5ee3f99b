"""
The errors of this command; the programs report their own.

SyncError         a program is missing or cannot be started
  x ConfigError   the configuration has faults; the text names all of them

StopRequested     not an error: a signal came before or between the programs
"""

from __future__ import annotations


class SyncError(Exception):
    """An error with advice; the text is a single line."""


class ConfigError(SyncError):
    """The configuration has faults; the text names all of them."""


class StopRequested(Exception):
    """A signal has asked this command to stop, so no further program is started."""
