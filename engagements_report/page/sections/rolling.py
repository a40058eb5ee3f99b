"""Each type's average over the days up to each day: lines on one scale, and a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from engagements_report.page.charts.averages import Label, Point, averages
from engagements_report.page.colours import ALL, css_class
from engagements_report.page.document import Section, Table
from engagements_report.page.formatting import change, plural
from engagements_report.page.period import PageDays
from engagements_report.page.sections.daily import Counts, by_volume, day_name
from engagements_report.queries.calendar import DAY
from engagements_report.queries.measures import Days

MAX_LINES = 8  # of averages, beside that of all types
FOUR_DIGITS = Decimal("0.0001")

Averages = Mapping[str, Sequence[Point]]


def build_rolling(
    section: Section,
    counts: Counts,
    page_days: PageDays,
    window_days: int,
    only_total: bool,
    width: int | None = None,
) -> Section:
    """Return the section with a line for each of the types with most, and for all types."""
    days = page_days.chart
    since = days.first - (window_days - 1) * DAY
    in_windows = {key: it for key, it in counts.items() if since <= key[1] <= days.last}
    types = [] if only_total else by_volume(in_windows)
    shown = types[:MAX_LINES]
    lines = {
        name: averages_of(in_windows, name, days, page_days.covered_first, window_days)
        for name in ([] if len(types) == 1 else [ALL]) + shown
    }
    over = {name: without_partial_day(it, page_days.partial_day) for name, it in lines.items()}
    labels = {name: to_label(name, points, window_days) for name, points in over.items()}
    summary = f"Lines of averages: {'; '.join(label.text for label in labels.values())}"
    legend = [(label.text, css_class(name)) for name, label in labels.items()]
    return replace(
        section,
        lead=_lead(window_days, len(types) - len(shown), over),
        chart=averages(over, labels, days, page_days.shaded, summary, width=width),
        legend=legend,
        table=_table(lines, days, page_days, window_days),
    )


def _lead(window_days: int, left_out: int, lines: Averages) -> str:
    lead = (
        f"Average of the {window_days} days up to each day, and its change from {window_days} days"
        " before."
    )
    if any(not point.is_full for points in lines.values() for point in points):
        lead += f" Dashed: fewer than {window_days} days of data."
    return lead + (f" Not shown: {plural(left_out, 'type')} with fewer." if left_out else "")


def averages_of(
    counts: Counts, name: str, days: Days, covered_first: date, window_days: int
) -> list[Point]:
    """Return the average of a type, or of ALL, on each of `days`, over the days up to it."""
    by_day: dict[date, int] = {}
    for (type_name, day), number in counts.items():
        if name in (type_name, ALL):
            by_day[day] = by_day.get(day, 0) + number
    first = days.first
    total = sum(by_day.get(first - back * DAY, 0) for back in range(1, window_days + 1))
    points = []
    for nth in range(days.number):
        day = first + nth * DAY
        total += by_day.get(day, 0) - by_day.get(day - window_days * DAY, 0)
        width = min(window_days, (day - covered_first).days + 1)
        points.append(Point(day, total / width, width == window_days))
    return points


def without_partial_day(points: Sequence[Point], partial_day: date | None) -> Sequence[Point]:
    """Return the points of days that are over; the day that is not, if it is the only one."""
    return [point for point in points if point.day != partial_day] or points


def to_label(name: str, points: Sequence[Point], window_days: int) -> Label:
    """Return the last average, and its change from a window before, if both windows are full."""
    last = points[-1]
    before = points[-1 - window_days] if len(points) > window_days else None
    is_comparable = before is not None and before.is_full and before.average > 0 and last.is_full
    changed = change(last.average, before.average) if before and is_comparable else ""
    return Label(name, f"{last.average:.1f}", changed)


def _table(lines: Averages, days: Days, page_days: PageDays, window_days: int) -> Table:
    """Return a row for each day: the days in the window, and each type's average."""
    rows = []
    for nth in range(days.number):
        day = days.last - nth * DAY
        width = min(window_days, (day - page_days.covered_first).days + 1)
        numbers = [_rounded(points[days.number - 1 - nth], width) for points in lines.values()]
        rows.append([day_name(day, page_days.partial_day), *numbers, f"{width} of {window_days}"])
    return Table("Average a day, newest first", ["day", *lines, "days in window"], rows)


def _rounded(point: Point, width: int) -> Decimal:
    """Return the average with four digits, half up, as the report has it."""
    total = round(point.average * width)
    return (Decimal(total) / width).quantize(FOUR_DIGITS, ROUND_HALF_UP)
