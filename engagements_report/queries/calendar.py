"""
Days of a time zone as Unix ms, for databases that know no zones. Pure.

A fresh MySQL has no zone tables, so what a zone's clock showed is worked out here: the times
between which it kept one offset from UTC. A day of 23 or 25 hours then needs no special care.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
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
    """From `start_ms` to before `end_ms`, the zone's clocks showed UTC plus `offset_ms`."""

    start_ms: int
    end_ms: int
    offset_ms: int


def read_zone(name: str) -> ZoneInfo:
    """Return the zone of an IANA name; UsageError, with the names that are near, for others."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        near = difflib.get_close_matches(name, available_timezones(), n=3)
        hint = f"; did you mean {', '.join(near)}?" if near else ", such as Europe/Berlin"
        raise UsageError(f"--tz: {name!r} is no IANA time zone{hint}") from error


def iter_offsets(first: date, last: date, zone: ZoneInfo) -> Iterator[Offset]:
    """Yield the offsets of `zone` from the start of day `first` to the end of day `last`."""
    start = begun = day_start(first, zone)
    end = day_start(last + DAY, zone)
    while start < end:
        following = min(start + DAY, end)
        if _offset(following - SECOND, zone) != _offset(start, zone):
            following = _change(start, following, zone)
        if following == end or _offset(following, zone) != _offset(start, zone):
            yield Offset(_ms(begun), _ms(following), _offset(start, zone) // MS)
            begun = following
        start = following


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """Return the UTC moment at which `day` begins, which may be later than 0:00 on the clock."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(timezone.utc)
    if (midnight - MS).astimezone(zone).date() < day:
        return midnight
    # The clocks jumped from the day before to a time after midnight: the day begins there.
    return _change(midnight - DAY, midnight, zone)


def day_of(at_ms: int, zone: ZoneInfo) -> date:
    """Return the day that the zone's calendar showed at `at_ms`."""
    return (EPOCH + at_ms * MS).astimezone(zone).date()


def read_day(text: str) -> date:
    """Return a day written as YYYY-MM-DD; ValueError for anything else."""
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
