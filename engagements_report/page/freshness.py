"""When the data were loaded last, and whether all of the page's days are in. Pure."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from engagements_report.page.document import Freshness
from engagements_report.page.formatting import format_age, format_moment
from engagements_report.page.period import end_of
from engagements_report.queries.measures import Days


def describe_freshness(
    synced_at: datetime | None, now: datetime, days: Days, zone: ZoneInfo, max_age_s: int
) -> Freshness:
    """
    Return when the last load was, and which of `days` it has not covered.

    The state is wrong if the load is older than `max_age_s`, or older than the end of a day that
    is over.
    """
    if synced_at is None:
        return Freshness("The time of the last sync is unknown.", "unknown")
    age = now - synced_at
    local = synced_at.astimezone(zone)
    text = f"Last synced {format_age(age)}: {format_moment(local)}"
    if age.total_seconds() > max_age_s:
        hours = max_age_s // 3600
        text += f", longer ago than {hours} {'hour' if hours == 1 else 'hours'}"
    missing = missing_days(synced_at, days, zone)
    if missing is None:
        state = "wrong" if age.total_seconds() > max_age_s else "ok"
        return Freshness(f"{text}. All of these days are in.", state)
    since = "none of these days is" if missing == days else f"from {missing.first} on nothing is"
    return Freshness(f"{text}; {since} complete.", "wrong")


def missing_days(synced_at: datetime, days: Days, zone: ZoneInfo) -> Days | None:
    """Return the days that were not over when the data were loaded, None if all were."""
    if synced_at >= end_of(days.last, zone):
        return None
    day = synced_at.astimezone(zone).date()
    return Days(max(days.first, day), days.last)
