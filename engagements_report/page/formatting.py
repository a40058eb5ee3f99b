"""Days, zones and shares in words, for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

from engagements_report.queries.calendar import Offset
from engagements_report.queries.periods import ReportFilter, Span

MONTHS = (
    "January February March April May June July August September October November December"
).split()


def day_in_words(day: date) -> str:
    """13 July 2018."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def span_in_words(span: Span) -> str:
    """15 June to 13 July 2018."""
    first, last = span.first, span.last
    if first == last:
        return day_in_words(first)
    begins = f"{first.day} {MONTHS[first.month - 1]}"
    if first.year != last.year:
        begins += f" {first.year}"
    return f"{begins} to {day_in_words(last)}"


def zone_in_words(name: str, offsets: Iterable[Offset]) -> str:
    """America/New_York (UTC−05:00 and UTC−04:00)."""
    shown = dict.fromkeys(_offset_in_words(offset.offset_ms) for offset in offsets)
    listed = " and ".join(shown)
    return name if name == listed else f"{name} ({listed})"


def _offset_in_words(offset_ms: int) -> str:
    if not offset_ms:
        return "UTC"
    hours, minutes = divmod(abs(offset_ms) // 60_000, 60)
    return f"UTC{'−' if offset_ms < 0 else '+'}{hours:02d}:{minutes:02d}"


def moment_in_words(at: datetime) -> str:
    """13 July 2018, 14:05 CEST, of a time that has a zone."""
    return f"{day_in_words(at.date())}, {at:%H:%M} {at:%Z}"


def choice_in_words(choice: ReportFilter) -> str:
    """Say which engagements count, and by which of their times."""
    rows = "live engagements alone" if choice.live else "deleted and inactive engagements too"
    when = {"createdAt": "when it was logged", "timestamp": "when it happened"}[choice.time]
    parts = [f"Counted: {rows}, each by {when} ({choice.time})"]
    if choice.types:
        parts.append(f"of type {', '.join(choice.types)}")
    if choice.owners:
        parts.append(f"of owner {', '.join(map(str, choice.owners))}")
    return ", ".join(parts) + "."


def percent(share: Decimal | float | None) -> str:
    """34.5 %, from a share of 1; a dash for none."""
    return "–" if share is None else f"{float(share) * 100:.1f} %"


def plural(number: int, one: str, several: str = "") -> str:
    """1 call, 1,200 calls."""
    return f"{number:,} {one if number == 1 else several or one + 's'}"
