"""
Days of a time zone as Unix ms, for databases that know no zones. Pure.

A fresh MySQL has no time zone tables. So this module computes a zone's offsets from UTC, each with
the times between which it is in force. Days of 23 or 25 hours need no special case.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from engagements_report.exceptions import UsageError

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MS = timedelta(milliseconds=1)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Offset:
    """From `start_ms` up to, not including, `end_ms`, local time is UTC plus `offset_ms`."""

    start_ms: int
    end_ms: int
    offset_ms: int


def utc_now() -> datetime:
    """Return the current time; what depends on it calls this function of the module."""
    return datetime.now(timezone.utc)


def read_zone(name: str) -> ZoneInfo:
    """Return the zone of an IANA name; raises UsageError, which suggests similar names."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        near = difflib.get_close_matches(name, available_timezones(), n=3)
        hint = f"; did you mean {', '.join(near)}?" if near else ", such as Europe/Berlin"
        raise UsageError(f"--tz: {name!r} is not an IANA time zone{hint}") from error


def iter_offsets(first: date, last: date, zone: ZoneInfo) -> Iterator[Offset]:
    """
    Yield the offsets of `zone` on the days `first` to `last`, of the times on these days only.

    Where clocks go back over midnight, a day comes in two parts, with a part of another between.
    """
    for offset in _iter_all_offsets(first - 2 * DAY, last + 3 * DAY, zone):
        start_ms = max(offset.start_ms, _midnight_ms(first) - offset.offset_ms)
        end_ms = min(offset.end_ms, _midnight_ms(last + DAY) - offset.offset_ms)
        if start_ms < end_ms:
            yield Offset(start_ms, end_ms, offset.offset_ms)


def gaps(offsets: Sequence[Offset]) -> list[tuple[int, int]]:
    """Return the times between offsets that are on other days, as start and end in Unix ms."""
    pairs = zip(offsets, offsets[1:], strict=False)
    return [(one.end_ms, other.start_ms) for one, other in pairs if one.end_ms < other.start_ms]


def _iter_all_offsets(first: date, end_day: date, zone: ZoneInfo) -> Iterator[Offset]:
    """Yield the offsets from midnight UTC of `first` to midnight UTC of `end_day`."""
    start = offset_start = EPOCH + _midnight_ms(first) * MS
    end = EPOCH + _midnight_ms(end_day) * MS
    while start < end:
        following = min(start + DAY, end)
        if _offset(following - SECOND, zone) != _offset(start, zone):
            following = _change(start, following, zone)
        if following == end or _offset(following, zone) != _offset(start, zone):
            yield Offset(_ms(offset_start), _ms(following), _offset(start, zone) // MS)
            offset_start = following
        start = following


def _midnight_ms(day: date) -> int:
    """Return the start of a day, in ms since that of 1970-01-01 by the same clock."""
    return (day - EPOCH.date()) // MS


def day_of(at_ms: int, zone: ZoneInfo) -> date:
    """Return the local date at `at_ms`, a Unix time in ms."""
    return (EPOCH + at_ms * MS).astimezone(zone).date()


def read_day(text: str) -> date:
    """Return the day of a YYYY-MM-DD text; raises ValueError for other texts."""
    return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=timezone.utc).date()


def _offset(at: datetime, zone: ZoneInfo) -> timedelta:
    offset = at.astimezone(zone).utcoffset()
    assert offset is not None, "a zone's times have an offset"
    return offset


def _change(start: datetime, end: datetime, zone: ZoneInfo) -> datetime:
    """Return the first whole second after `start`, before `end`, with another offset."""
    low, high = start, end
    while high - low > SECOND:
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if _offset(middle, zone) == _offset(start, zone):
            low = middle
        else:
            high = middle
    return high


def _ms(at: datetime) -> int:
    return (at - EPOCH) // MS
