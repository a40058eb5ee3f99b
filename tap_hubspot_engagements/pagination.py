"""Pagination: refuses a repeated cursor; each endpoint's module requests the pages."""

from __future__ import annotations

from tap_hubspot_engagements.exceptions import PagingError

MAX_SHOWN_LENGTH = 100  # characters of a cursor in an error


def check_cursor_is_new(path: str, cursor: object, earlier: set[str]) -> None:
    """Add a cursor to `earlier`; raise PagingError for a missing or repeated cursor."""
    if not cursor or str(cursor) in earlier:
        raise PagingError(f"{path}: cursor {str(cursor)[:MAX_SHOWN_LENGTH]!r} does not go on")
    earlier.add(str(cursor))
