"""
Every error raised on purpose; the tree says what the caller does next.

WriteBackError
  + ConfigError          fix the configuration or the options, and run again
  + InputError           a line of the input is not understood
  + RejectedError        a record cannot be written; fix that in the source, or set on_error
  + UndecidedError       records may be in HubSpot or not; look at them, or run again later
  + LedgerError          the ledger cannot be read or written
      x LedgerLocked     another run has it; run again later
  + OutputError          standard output or the file `rejected` cannot be written

Stopped                  a signal; exit with 128 and its number

Errors of HubSpot are those of hubspot_api.exceptions.
"""

from __future__ import annotations

import signal

from hubspot_api.exceptions import ApiError


class WriteBackError(Exception):
    """An error whose text is one line that says what to do."""


class ConfigError(WriteBackError):
    """The configuration or the options have faults; the text names all of them."""


class InputError(WriteBackError):
    """A line of the input is not understood; records since the last state may not be written."""


class RejectedError(WriteBackError):
    """A record cannot be written to HubSpot; the text names line, stream, key and property."""


class UndecidedError(WriteBackError):
    """HubSpot does not show whether some records were written; none of them was sent again."""


class LedgerError(WriteBackError):
    """The ledger cannot be read or written."""


class LedgerLocked(LedgerError):
    """Another run has the ledger open."""


class OutputError(WriteBackError):
    """Standard output, or the file of rejected records, cannot be written."""


class Stopped(BaseException):
    """The signal `number` asks the program to stop."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


ERRORS = (WriteBackError, ApiError)
"""What ends a run with one line instead of a traceback."""
