"""
Every error raised on purpose; the tree answers what the caller does next.

TargetError
  + ConfigError           fix the configuration and run again
  + InputError            a line of the input cannot be loaded; what came before it is
  + DatabaseError         the server refuses for good; do not retry
      x ConnectError      no connection could be made
  + LockedError           another load has the table; run again later
  + TransientError        lost connection, deadlock, lock wait; the batch is sent again
"""

from __future__ import annotations

from decimal import Decimal

MAX_SHOWN_LENGTH = 60  # characters of a value in an error


class TargetError(Exception):
    """What is raised on purpose; its text is one line that says what to do."""


class ConfigError(TargetError):
    """The configuration has faults; all of them are named."""


class InputError(TargetError):
    """
    A line of the input that cannot be loaded.

    The text names the line, and where they are known the stream, the key and the column.
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
        where = (
            ("line", line),
            ("stream", stream),
            ("key", key),
            ("column", column),
        )
        known = ", ".join(f"{name} {value}" for name, value in where if value is not None)
        super().__init__(f"{known}: {problem}" if known else problem)


class DatabaseError(TargetError):
    """The server refuses, and would refuse again."""


class ConnectError(DatabaseError):
    """The server cannot be reached, or does not let us in; `may_pass` where it only is away."""

    def __init__(self, problem: str, *, may_pass: bool = False) -> None:
        super().__init__(problem)
        self.may_pass = may_pass


class LockedError(TargetError):
    """Another load has a table that this one needs, or has taken over one that this one had."""


class TransientError(TargetError):
    """The server failed in a way that may pass; nothing of the transaction was kept."""


def shown(value: object) -> str:
    """Return a value as an error may show it: short, on one line."""
    if isinstance(value, str):
        value = value[: MAX_SHOWN_LENGTH + 1]  # not to write out hundreds of MB
    if isinstance(value, int) and abs(value) >= 10**MAX_SHOWN_LENGTH:
        return (
            f"a number of more than {MAX_SHOWN_LENGTH} digits"  # which Python may refuse to write
        )
    try:
        text = str(value) if isinstance(value, Decimal) else repr(value)
    except (ValueError, RecursionError):
        return f"a long {type(value).__name__}"
    return text if len(text) <= MAX_SHOWN_LENGTH else text[: MAX_SHOWN_LENGTH - 3] + "..."
