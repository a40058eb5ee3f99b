"""A check for every pagination: its cursor is new."""

from __future__ import annotations

from tap_hubspot_engagements.exceptions import PagingError

MAX_SHOWN_LENGTH = 100  # characters of a cursor in an error


def check_cursor_is_new(path: str, cursor: object, seen: set[str]) -> None:
    """Add a cursor to `seen`; raise PagingError if it is missing or repeats."""
    if not cursor or str(cursor) in seen:
        raise PagingError(f"{path}: cursor {str(cursor)[:MAX_SHOWN_LENGTH]!r} does not go on")
    seen.add(str(cursor))
