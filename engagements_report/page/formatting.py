"""Days, zones, filters and shares as text for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal

from engagements_report.queries.calendar import Offset
from engagements_report.queries.measures import Days
from engagements_report.queries.periods import ReportFilter

MONTHS = (
    "January February March April May June July August September October November December"
).split()


def format_day(day: date) -> str:
    """Return for example 13 July 2018."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def format_days(days: Days) -> str:
    """Return for example 15 June to 13 July 2018, or 16 to 22 November 2026."""
    first, last = days
    if first == last:
        return format_day(first)
    start = f"{first.day}"
    if (first.year, first.month) != (last.year, last.month):
        start += f" {MONTHS[first.month - 1]}"
    if first.year != last.year:
        start += f" {first.year}"
    return f"{start} to {format_day(last)}"


def format_zone(name: str, offsets: Iterable[Offset]) -> str:
    """Return for example America/New_York (UTC−05:00 and UTC−04:00)."""
    names = dict.fromkeys(_format_offset(offset.offset_ms) for offset in offsets)
    listing = " and ".join(names)
    return name if name == listing else f"{name} ({listing})"


def _format_offset(offset_ms: int) -> str:
    if not offset_ms:
        return "UTC"
    hours, minutes = divmod(abs(offset_ms) // 60_000, 60)
    return f"UTC{'−' if offset_ms < 0 else '+'}{hours:02d}:{minutes:02d}"


def format_moment(at: datetime) -> str:
    """Return for example 13 July 2018, 14:05 CEST; `at` has a zone."""
    return f"{format_day(at.date())}, {at:%H:%M} {at:%Z}"


def format_age(age: timedelta) -> str:
    """Return for example just now, 5 minutes ago, 3 hours ago, 56 days ago."""
    minutes = max(0, int(age.total_seconds()) // 60)
    if minutes < 1:
        return "just now"
    if minutes < 120:
        return f"{plural(minutes, 'minute')} ago"
    return f"{minutes // 60} hours ago" if minutes < 2880 else f"{minutes // 1440:,} days ago"


def describe_filter(report_filter: ReportFilter) -> str:
    """Return a sentence: the engagements that count, and by which of their times."""
    rows = (
        "live engagements only" if report_filter.is_live else "deleted and inactive engagements too"
    )
    times = {"createdAt": "when it was logged", "timestamp": "when it happened"}
    parts = [f"Counted: {rows}, each by {times[report_filter.time]} ({report_filter.time})"]
    if report_filter.types:
        parts.append(f"of type {', '.join(report_filter.types)}")
    if report_filter.owners:
        parts.append(f"of owner {report_filter.owner_names}")
    return ", ".join(parts) + "."


def percent(share: Decimal | float | None) -> str:
    """Return a share of 1 as for example 34.5 %, a dash for None."""
    return "–" if share is None else f"{float(share) * 100:.1f} %"


def change(now: Decimal | float, before: Decimal | float) -> str:
    """Return the change from `before`, which is not 0, as for example +7 % or −14 %."""
    percentage = round(float(now) / float(before) * 100 - 100)
    return f"{'−' if percentage < 0 else '+' if percentage else '±'}{abs(percentage)} %"


def plural(number: int, singular: str) -> str:
    """Return for example 1 call, 1,200 calls."""
    return f"{number:,} {singular if number == 1 else singular + 's'}"
