"""
The errors that this package raises; the tree shows how the caller reacts.

ReportError
  + UsageError       a wrong option or configuration: correct it and run again
  + DatabaseError    no connection, or a table or column is missing
      x TableInUse   another session uses a table that needs an index: wait
"""

from __future__ import annotations


class ReportError(Exception):
    """The base class; the text is a line with the remedy."""


class UsageError(ReportError):
    """An option or the configuration has a fault."""


class DatabaseError(ReportError):
    """A query cannot run; the text names the cause."""


class TableInUse(DatabaseError):
    """A table cannot be changed while others use it; the text names the connections."""
