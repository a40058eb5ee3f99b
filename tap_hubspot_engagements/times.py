"""Moments as Unix milliseconds, as RFC 3339 text, and as aware datetimes in UTC. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MILLISECOND = timedelta(milliseconds=1)
FIRST_MOMENT = datetime.min.replace(tzinfo=timezone.utc)
LAST_MOMENT = datetime.max.replace(tzinfo=timezone.utc)


def parse_moment(value: object) -> datetime:
    """
    Return an RFC 3339 date-time, or a date at midnight, in UTC.

    Raises ValueError for anything else.
    """
    if not isinstance(value, str) or len(value) < len("2026-01-31"):
        raise ValueError(f"not a date-time: {value!r}")
    # Python 3.10 does not read the Z.
    at = datetime.fromisoformat(value[:-1] + "+00:00" if value[-1] in "Zz" else value)
    try:
        return at.astimezone(timezone.utc) if at.tzinfo else at.replace(tzinfo=timezone.utc)
    except OverflowError as error:  # the year 1 or 9999, which ends outside them in UTC
        raise ValueError(f"not a date-time: {value!r}") from error


def ms_to_utc(at_ms: int) -> datetime:
    """Return Unix ms as UTC, truncated to the first or last moment that a calendar holds."""
    try:
        return EPOCH + at_ms * MILLISECOND
    except OverflowError:
        return LAST_MOMENT if at_ms > 0 else FIRST_MOMENT


def utc_to_ms(at: datetime) -> int:
    """Return `at` as Unix ms, rounded down."""
    return (at - EPOCH) // MILLISECOND


def to_rfc3339(at: datetime) -> str:
    """Return `at` in UTC with microseconds, as singer writes date-times."""
    in_utc = at.astimezone(timezone.utc).replace(tzinfo=None)
    return in_utc.isoformat(timespec="microseconds") + "Z"
