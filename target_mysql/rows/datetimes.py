"""
Dates, times and date-times as MySQL writes them, in UTC. Pure.
"""

from __future__ import annotations

import re
from datetime import date as day
from datetime import datetime, timedelta, timezone
from functools import lru_cache

from target_mysql.exceptions import shown
from target_mysql.tables.kinds import Kind

# A UTC date-time that MySQL takes as it stands, but for the letter at its end. Days that not every
# month has take the long way.
_UTC = re.compile(
    r"(?!0000)\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])"
    r"[T ](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?Z?",
    re.ASCII,
)
# Of hours alone, or with minutes, or, before there were time zones, with seconds.
_OFFSET = r"[+-]\d\d(?::?\d\d(?::?\d\d)?)?"
_DATE_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d+))?\s*"
    rf"(Z|z|UTC|{_OFFSET})?)?",
    re.ASCII,
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(rf"(\d\d:\d\d(?::\d\d)?)(?:[.,](\d+))?(Z|z|{_OFFSET})?", re.ASCII)
# A span of time, as MySQL and Python write it: 30:00:00, -01:00:00, "1 day, 6:00:00".
_SPAN = re.compile(
    r"(?:(?P<days>[+-]?\d{1,2}) days?, )?(?P<sign>[+-]?)(?P<hours>\d{1,3})"
    r":(?P<minutes>[0-5]\d)(?::(?P<seconds>[0-5]\d|60))?(?:[.,](?P<fraction>\d+))?",
    re.ASCII,
)
LONGEST_SPAN_S = 838 * 3600 + 59 * 60 + 59  # of MySQL's TIME
# A date-time whose offset may carry it out of the last year counts as too late.
_YEAR = re.compile(r"(?P<sign>[+-]?)(?P<year>\d{4,})-\d\d-\d\d(?![^Tt ])", re.ASCII)
LATEST_YEAR = 9999
_LEAP = re.compile(r"\d:\d\d:60(?!\d)", re.ASCII)
_CUT = re.compile(r"[.,]\d{6}\d*[1-9]", re.ASCII)


def to_date_time(text: str) -> str:
    """
    Return an RFC 3339 date-time as MySQL writes it, in UTC; without an offset it is UTC already.

    Digits beyond microseconds are cut. Raises ValueError for what is no date-time.
    """
    if _UTC.fullmatch(text):
        return text.removesuffix("Z")
    found = _DATE_TIME.fullmatch(text)
    if not found:
        raise ValueError(f"not a date-time: {shown(text)}")
    date, time, fraction, offset = found.groups()
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
    """Return an RFC 3339 date, or a date-time's date at midnight; ValueError for anything else."""
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
    Return an RFC 3339 time as MySQL writes it, in UTC, or a span of up to 838 hours.

    Raises ValueError for what is neither.
    """
    found = _TIME.fullmatch(text)
    if not found or not (found[3] or found[1] < "24:00"):
        return _to_span(text)
    time, fraction, offset = found.groups()
    if time.endswith(":60"):
        return _to_span(text)
    try:
        # Any day serves: a time that an offset carries past midnight wraps.
        at = datetime.fromisoformat(f"2000-01-02 {time}{_offset(offset)}").astimezone(timezone.utc)
    except ValueError as error:
        raise ValueError(f"not a time: {shown(text)}") from error
    return f"{at:%H:%M:%S}.{(fraction or '0')[:6]}"


def _to_span(text: str) -> str:
    found = _SPAN.fullmatch(text)
    if not found:
        raise ValueError(f"not a time: {shown(text)}")
    microseconds = int((found["fraction"] or "0")[:6].ljust(6, "0"))
    clock = timedelta(
        hours=int(found["hours"]),
        minutes=int(found["minutes"]),
        seconds=int(found["seconds"] or 0),
        microseconds=microseconds,
    )
    span = timedelta(days=int(found["days"] or 0)) + (-clock if found["sign"] == "-" else clock)
    if abs(span) > timedelta(seconds=LONGEST_SPAN_S):
        raise ValueError(f"a time beyond 838:59:59, which MySQL cannot hold: {shown(text)}")
    seconds, fraction = divmod(abs(span), timedelta(seconds=1))
    minutes, second = divmod(seconds, 60)
    sign = "-" if span < timedelta(0) else ""
    return f"{sign}{minutes // 60:02}:{minutes % 60:02}:{second:02}.{fraction.microseconds:06}"


def _without_leap_second(time: str) -> tuple[str, timedelta]:
    """Return a time that Python knows, and what to add to it."""
    if time.endswith(":60") and len(time) == len("23:59:60"):
        return f"{time[:-2]}59", timedelta(seconds=1)
    return time, timedelta(0)


def to_key_date_time(text: str) -> str:
    """Return a key's date-time as `to_date_time` does; ValueError where that would cut digits."""
    _refuse_cut(text)
    return to_date_time(text)


def to_key_time(text: str) -> str:
    """Return a key's time as `to_time` does; ValueError where that cuts digits or wraps."""
    _refuse_cut(text)
    time = to_time(text)
    found = _TIME.fullmatch(text)
    if found and found[3] and int(re.sub(r"\D", "", found[3]) or 0):
        raise ValueError(f"a key's time with an offset could be another day's: {shown(text)}")
    return time


def _refuse_cut(text: str) -> None:
    if _CUT.search(text):
        raise ValueError(f"{shown(text)} has digits beyond microseconds, which no key's column has")
    if _LEAP.search(text):
        raise ValueError(f"{shown(text)} is a leap second, which in a key would be the next second")


def clamped(value: object, kind: Kind) -> str:
    """
    Return the moment nearest to the text of one that MySQL cannot hold, for its year is too early
    or too late; ValueError for what is none.
    """
    found = _YEAR.match(value) if isinstance(value, str) else None
    if kind is Kind.TIME or not found:
        raise ValueError(f"not a date: {shown(value)}")
    early = found["sign"] == "-" or not int(found["year"])
    if not early and int(found["year"]) < LATEST_YEAR:
        raise ValueError(f"not a date: {shown(value)}")
    if kind is Kind.DATE:
        return "0001-01-01" if early else "9999-12-31"
    return "0001-01-01T00:00:00Z" if early else "9999-12-31T23:59:59.999999Z"


def _offset(offset: str | None) -> str:
    """Return an offset as Python 3.10 reads it."""
    if offset is None or offset in ("Z", "z", "UTC"):
        return "+00:00"
    digits = offset[1:].replace(":", "").ljust(4, "0")
    seconds = f":{digits[4:]}" if digits[4:] else ""
    return f"{offset[0]}{digits[:2]}:{digits[2:4]}{seconds}"
