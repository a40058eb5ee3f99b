"""
Every error raised on purpose; the tree answers what the caller does next.

ReportError
  + UsageError       a wrong option or configuration; call again, corrected
  + DatabaseError    the server cannot be asked, or lacks what the report needs
      x TableInUse   another session uses a table that is to be changed; wait for it
"""

from __future__ import annotations


class ReportError(Exception):
    """What is raised on purpose; its text is one line that says what to do."""


class UsageError(ReportError):
    """An option, or the configuration, has a fault."""


class DatabaseError(ReportError):
    """The database cannot answer; the text says what is missing."""


class TableInUse(DatabaseError):
    """A table cannot be changed while others use it; the text says who does."""
