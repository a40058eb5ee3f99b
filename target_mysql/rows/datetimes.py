"""Converts dates, times and date-times to MySQL literals in UTC. Pure."""

from __future__ import annotations

import re
from datetime import date as day
from datetime import datetime, timedelta, timezone
from functools import lru_cache

from target_mysql.exceptions import shown
from target_mysql.tables.kinds import Kind

# A UTC date-time that MySQL accepts without the Z: the fast path. Days 29 to 31, which not every
# month has, are parsed.
_UTC = re.compile(
    r"(?!0000)\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])"
    r"[T ](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?Z?",
    re.ASCII,
)
# Hours, optional minutes, and the seconds of local times before time zones existed.
_OFFSET = r"[+-]\d\d(?::?\d\d(?::?\d\d)?)?"
_DATE_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d+))?\s*"
    rf"(Z|z|UTC|{_OFFSET})?)?",
    re.ASCII,
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(rf"(\d\d:\d\d(?::\d\d)?)(?:[.,](\d+))?(Z|z|{_OFFSET})?", re.ASCII)
# A duration as MySQL and Python write it: 30:00:00, -01:00:00, "1 day, 6:00:00".
_SPAN = re.compile(
    r"(?:(?P<days>[+-]?\d{1,2}) days?, )?(?P<sign>[+-]?)(?P<hours>\d{1,3})"
    r":(?P<minutes>[0-5]\d)(?::(?P<seconds>[0-5]\d|60))?(?:[.,](?P<fraction>\d+))?",
    re.ASCII,
)
LONGEST_SPAN_S = 838 * 3600 + 59 * 60 + 59  # of MySQL's TIME
# A date-time whose offset may move it past the last year counts as too late.
_YEAR = re.compile(r"(?P<sign>[+-]?)(?P<year>\d{4,})-\d\d-\d\d(?![^Tt ])", re.ASCII)
LATEST_YEAR = 9999
_LEAP = re.compile(r"\d:\d\d:60(?!\d)", re.ASCII)
_CUT = re.compile(r"[.,]\d{6}\d*[1-9]", re.ASCII)


def to_date_time(text: str) -> str:
    """
    Return an RFC 3339 date-time as a MySQL literal in UTC; without an offset UTC is assumed.

    Digits beyond microseconds are truncated. Raises ValueError for other text.
    """
    if _UTC.fullmatch(text):
        return text.removesuffix("Z")
    match = _DATE_TIME.fullmatch(text)
    if not match:
        raise ValueError(f"not a date-time: {shown(text)}")
    date, time, fraction, offset = match.groups()
    try:
        time, leap = _without_leap_second(time or "00:00")
        at = datetime.fromisoformat(f"{date} {time}{_offset(offset)}")
        at = at.astimezone(timezone.utc) + leap
    except (ValueError, OverflowError) as error:
        raise ValueError(f"not a date-time that MySQL holds: {shown(text)}") from error
    return f"{at.replace(tzinfo=None).isoformat(' ')}.{(fraction or '0')[:6]}"


# A page's records, and a batch's, are mostly of the same moment.
to_extracted_at = lru_cache(maxsize=64)(to_date_time)


def to_date(text: str) -> str:
    """
    Return an RFC 3339 date, or the date of a date-time at midnight; ValueError for other text.
    """
    date, time = text[:10], text[10:]
    if time and not re.fullmatch(r"[Tt ]00:00(:00(\.0+)?)?(Z|z|[+-]00:?00)?", time):
        raise ValueError(f"not a date: {shown(text)}")
    try:
        if not _DATE.fullmatch(date):
            raise ValueError("not a date")
        return day.fromisoformat(date).isoformat()
    except ValueError as error:
        raise ValueError(f"not a date that MySQL holds: {shown(text)}") from error


def to_time(text: str) -> str:
    """
    Return an RFC 3339 time as a MySQL literal in UTC, or a duration of up to 838 hours.

    Raises ValueError for other text.
    """
    match = _TIME.fullmatch(text)
    if not match or not (match[3] or match[1] < "24:00"):
        return _to_span(text)
    time, fraction, offset = match.groups()
    if time.endswith(":60"):
        return _to_span(text)
    try:
        # Any day serves: a time that an offset carries past midnight wraps.
        at = datetime.fromisoformat(f"2000-01-02 {time}{_offset(offset)}").astimezone(timezone.utc)
    except ValueError as error:
        raise ValueError(f"not a time: {shown(text)}") from error
    return f"{at:%H:%M:%S}.{(fraction or '0')[:6]}"


def _to_span(text: str) -> str:
    match = _SPAN.fullmatch(text)
    if not match:
        raise ValueError(f"not a time: {shown(text)}")
    microseconds = int((match["fraction"] or "0")[:6].ljust(6, "0"))
    clock = timedelta(
        hours=int(match["hours"]),
        minutes=int(match["minutes"]),
        seconds=int(match["seconds"] or 0),
        microseconds=microseconds,
    )
    span = timedelta(days=int(match["days"] or 0)) + (-clock if match["sign"] == "-" else clock)
    if abs(span) > timedelta(seconds=LONGEST_SPAN_S):
        raise ValueError(f"a time beyond 838:59:59, which MySQL cannot hold: {shown(text)}")
    seconds, fraction = divmod(abs(span), timedelta(seconds=1))
    minutes, second = divmod(seconds, 60)
    sign = "-" if span < timedelta(0) else ""
    return f"{sign}{minutes // 60:02}:{minutes % 60:02}:{second:02}.{fraction.microseconds:06}"


def _without_leap_second(time: str) -> tuple[str, timedelta]:
    """Return a time that Python accepts, and the duration to add."""
    if time.endswith(":60") and len(time) == len("23:59:60"):
        return f"{time[:-2]}59", timedelta(seconds=1)
    return time, timedelta(0)


def to_key_date_time(text: str) -> str:
    """Return a key's date-time; ValueError if `to_date_time` would truncate digits."""
    _refuse_cut(text)
    return to_date_time(text)


def to_key_time(text: str) -> str:
    """Return a key's time; ValueError if `to_time` would truncate digits or wrap at midnight."""
    _refuse_cut(text)
    time = to_time(text)
    match = _TIME.fullmatch(text)
    if match and match[3] and int(re.sub(r"\D", "", match[3]) or 0):
        raise ValueError(f"a key's time with an offset could be another day's: {shown(text)}")
    return time


def _refuse_cut(text: str) -> None:
    if _CUT.search(text):
        raise ValueError(f"{shown(text)} has digits beyond microseconds, which no key's column has")
    if _LEAP.search(text):
        raise ValueError(f"{shown(text)} is a leap second, which in a key would be the next second")


def clamped(value: object, kind: Kind) -> str:
    """
    Return the nearest date or date-time that MySQL holds, for a year too early or too late.

    Raises ValueError for other values.
    """
    match = _YEAR.match(value) if isinstance(value, str) else None
    if kind is Kind.TIME or not match:
        raise ValueError(f"not a date: {shown(value)}")
    early = match["sign"] == "-" or not int(match["year"])
    if not early and int(match["year"]) < LATEST_YEAR:
        raise ValueError(f"not a date: {shown(value)}")
    if kind is Kind.DATE:
        return "0001-01-01" if early else "9999-12-31"
    return "0001-01-01T00:00:00Z" if early else "9999-12-31T23:59:59.999999Z"


def _offset(offset: str | None) -> str:
    """Return an offset in the format that Python 3.10 accepts."""
    if offset is None or offset in ("Z", "z", "UTC"):
        return "+00:00"
    digits = offset[1:].replace(":", "").ljust(4, "0")
    seconds = f":{digits[4:]}" if digits[4:] else ""
    return f"{offset[0]}{digits[:2]}:{digits[2:4]}{seconds}"
