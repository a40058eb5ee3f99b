"""Engagements a day: stacked bars, and a table of days and types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from engagements_report.page.charts.days import days_chart, is_weekly
from engagements_report.page.colours import OTHER, css_class, in_order, legend_name
from engagements_report.page.document import Section, Table
from engagements_report.page.formatting import plural
from engagements_report.page.period import PageDays
from engagements_report.queries.calendar import DAY
from engagements_report.queries.measures import Days

MAX_COLUMN_TYPES = 8  # that fit a page of paper; further types are one column

Counts = Mapping[tuple[str, date], int]
"""The number of engagements of a type on a day; days without any are left out."""


def build_daily(
    section: Section, counts: Counts, page_days: PageDays, width: int | None = None
) -> Section:
    """Return the section with the chart and the table of the chart's days."""
    days = page_days.chart
    in_chart = {key: number for key, number in counts.items() if key[1] in days}
    types = by_volume(in_chart)
    lead = daily_sentence(counts, page_days)
    step = "week" if is_weekly(days) else "day"
    description = f"Stacked bars of engagements a {step} by type. {lead}"
    chart = days_chart(in_chart, days, page_days.shaded, description, width)
    if others := [name for name in types if legend_name(name) == OTHER]:
        lead += f" Other types: {', '.join(others)}."
    legend = [(name, css_class(name)) for name in in_order(types)]
    table = _table(in_chart, types, days, page_days.partial_day)
    return replace(section, lead=lead, chart=chart, legend=legend, table=table)


def by_volume(counts: Counts) -> list[str]:
    """Return the types, those with most engagements first."""
    volumes: dict[str, int] = {}
    for (name, _), number in counts.items():
        volumes[name] = volumes.get(name, 0) + number
    return sorted(volumes, key=lambda name: (-volumes[name], name))


def daily_sentence(counts: Counts, page_days: PageDays) -> str:
    """Return how many engagements the period has, and how many a day on days that are over."""
    partial_day = page_days.partial_day
    so_far = sum(number for (_, day), number in counts.items() if day == partial_day)
    if not page_days.is_comparable:
        return f"{plural(so_far, 'engagement')} so far on {partial_day}."
    days = page_days.over
    over = sum(number for (_, day), number in counts.items() if day in days)
    sentence = f"{plural(over + so_far, 'engagement')}, {over / days.number:.1f} a day"
    return f"{sentence}, {so_far:,} so far on {partial_day}." if partial_day else f"{sentence}."


def _table(counts: Counts, types: Sequence[str], days: Days, partial_day: date | None) -> Table:
    """Return a row for each day: the sum, and the counts of the types."""
    totals: dict[date, int] = {}
    for (_, day), number in counts.items():
        totals[day] = totals.get(day, 0) + number
    shown, others = types[:MAX_COLUMN_TYPES], types[MAX_COLUMN_TYPES:]
    rows = []
    for nth in range(days.number):
        day = days.last - nth * DAY
        numbers = [counts.get((name, day), 0) for name in shown]
        rest = [totals.get(day, 0) - sum(numbers)] if others else []
        rows.append([day_name(day, partial_day), totals.get(day, 0), *numbers, *rest])
    columns = ["day", "all", *shown, *([OTHER] if others else [])]
    return Table("By day and type, newest first", columns, rows)


def day_name(day: date, partial_day: date | None) -> str:
    """Return the day, and that it is not over."""
    return f"{day} so far" if day == partial_day else str(day)
