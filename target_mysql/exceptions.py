"""
Every error raised on purpose; the tree says what the caller does next.

TargetError
  + ConfigError             fix the configuration and run again
  + InputError              a line of the input cannot be loaded; the lines before it are
  + DatabaseError           the server refuses for good; do not retry
      x ConnectError        no connection could be made; retry if `may_pass`
      x DatabaseMissing     there is no such database, and none is to be created
      x RowRefused          the server refuses a value; the batch names its line
      x TableChanged        another session changed the table; read its columns again
  + LockedError             another load has the table; run again later
  + TransientError          lost connection, deadlock, lock wait; retry the batch
  + CommitAbandoned         an earlier commit failed; the loader raises that one's error

SchemaOutgrown              not errors: the table must change before the record fits
  + ColumnTooNarrow         widen the column
  + VersionColumnMissing    add the column for versions
  + LogBasedDetected        keep the values of columns that records leave out

Stopped                     a signal; roll back and exit with 128 and its number
"""

from __future__ import annotations

import signal
from decimal import Decimal

from target_mysql.tables.columns import Column

MAX_SHOWN_LENGTH = 60  # characters of a value in an error


class TargetError(Exception):
    """An error whose text is one line that says what to do."""


class ConfigError(TargetError):
    """The configuration has faults; the text names all of them."""


class InputError(TargetError):
    """
    A line of the input cannot be loaded.

    The text names the line, and the stream, key and column if they are known.
    """

    def __init__(
        self,
        problem: str,
        *,
        line: int | None = None,
        stream: str | None = None,
        key: str | None = None,
        column: str | None = None,
    ) -> None:
        place = (
            ("line", line),
            ("stream", stream),
            ("key", key),
            ("column", column),
        )
        parts = ", ".join(f"{name} {value}" for name, value in place if value is not None)
        super().__init__(f"{parts}: {problem}" if parts else problem)


class DatabaseError(TargetError):
    """The server refuses, and would refuse again."""


class ConnectError(DatabaseError):
    """The server is unreachable or refuses the login; `may_pass` if a retry may succeed."""

    def __init__(self, problem: str, *, may_pass: bool = False) -> None:
        super().__init__(problem)
        self.may_pass = may_pass


class DatabaseMissing(DatabaseError):
    """The database does not exist, and the connection is not to create it."""


class RowRefused(DatabaseError):
    """The server refuses a row of a batch; `row` counts from 1, `column` is the column's name."""

    def __init__(self, message: str, row: int, column: str) -> None:
        super().__init__(message)
        self.row = row
        self.column = column


class TableChanged(DatabaseError):
    """Another session has changed the table since its columns were read."""


class LockedError(TargetError):
    """Another load holds a table that this one needs, or has taken over its lock."""


class TransientError(TargetError):
    """The server failed in a way that may pass; the transaction is rolled back."""


class CommitAbandoned(TargetError):
    """A batch is not committed because the one before it is not."""


class SchemaOutgrown(Exception):
    """A record needs a table of another shape; it is encoded again after the change."""


class ColumnTooNarrow(SchemaOutgrown):
    """
    A column is too narrow for a value, which fits the column `wider_type`.

    `length` is the length of a text in characters, 0 for other values. `key` names the record in
    an error.
    """

    def __init__(self, wider_type: Column, length: int, key: str) -> None:
        super().__init__(wider_type.name)
        self.wider_type = wider_type
        self.length = length
        self.key = key


class VersionColumnMissing(SchemaOutgrown):
    """A record carries a version, and the table has no column for versions yet."""


class LogBasedDetected(SchemaOutgrown):
    """A record carries the undeclared property `name`, which only log-based taps send."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Stopped(BaseException):
    """The signal `number` asks the program to stop."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


def shown(value: object) -> str:
    """Return a value as an error shows it: on one line, truncated to MAX_SHOWN_LENGTH."""
    if isinstance(value, str):
        value = value[: MAX_SHOWN_LENGTH + 1]  # `repr` of hundreds of MB takes as much again
    if isinstance(value, int) and abs(value) >= 10**MAX_SHOWN_LENGTH:
        # Python refuses to write an integer of more than 4,300 digits.
        return f"a number of more than {MAX_SHOWN_LENGTH} digits"
    try:
        text = str(value) if isinstance(value, Decimal) else repr(value)
    except (ValueError, RecursionError):
        return f"a long {type(value).__name__}"
    return text if len(text) <= MAX_SHOWN_LENGTH else text[: MAX_SHOWN_LENGTH - 3] + "..."
