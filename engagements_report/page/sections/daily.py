"""Engagements a day: stacked bars, and a table of days and types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from engagements_report.page.charts import bars
from engagements_report.page.colours import OTHER, legend_name
from engagements_report.page.document import KeyFigure, Table
from engagements_report.page.formatting import plural
from engagements_report.page.sections.parts import (
    SectionContent,
    SectionInput,
    draw_figure,
    to_day,
    type_legend,
)
from engagements_report.queries.periods import Span

MAX_COLUMN_TYPES = 8  # that fit a page of paper; further types are one column


def build_daily(section_input: SectionInput) -> SectionContent:
    counts = {
        (row["type"], to_day(row["day"])): row["num_engagements"] for row in section_input.rows
    }
    span = section_input.span
    volumes: dict[str, int] = {}
    for (type_name, _), number in counts.items():
        volumes[type_name] = volumes.get(type_name, 0) + number
    types = sorted(volumes, key=lambda type_name: (-volumes[type_name], type_name))
    weekly = bars.is_weekly(span.first, span.last)
    step = "week, since there are more days than fit the chart" if weekly else "day"
    lead = f"{_daily_sentence(counts, span)} A bar is a {step}."
    figure = draw_figure(
        lambda width: bars.days(counts, span.first, span.last, width),
        f"Stacked bars of engagements a {'week' if weekly else 'day'} by type. {lead}",
    )
    others = [type_name for type_name in types if legend_name(type_name) == OTHER]
    if others:
        lead += f" Other types: {', '.join(others)}."
    table = _daily_table(counts, types, span.partial_day)
    key_figure = KeyFigure("Engagements", f"{sum(counts.values()):,}")
    return SectionContent(lead, [type_legend(types), figure], table, key_figure)


def _daily_sentence(counts: Mapping[tuple[str, date], int], span: Span) -> str:
    """Return the number of engagements, and how many there were a day on days that are over."""
    total = sum(counts.values())
    so_far = sum(number for (_, day), number in counts.items() if day == span.partial_day)
    sentence = plural(total, "engagement")
    if not span.complete_days:
        return f"{sentence} so far on {span.partial_day}."
    sentence += f", {(total - so_far) / span.complete_days:.1f} a day"
    return (
        f"{sentence}, {so_far:,} so far on {span.partial_day}."
        if span.partial_day
        else f"{sentence}."
    )


def _daily_table(
    counts: Mapping[tuple[str, date], int], types: Sequence[str], partial_day: date | None
) -> Table:
    """Return a row for each day: the counts of the types, and their sum."""
    totals: dict[date, int] = {}
    for (_, day), number in counts.items():
        totals[day] = totals.get(day, 0) + number
    shown, others = types[:MAX_COLUMN_TYPES], types[MAX_COLUMN_TYPES:]
    rows = []
    for day in sorted(totals, reverse=True):
        numbers = [counts.get((type_name, day), 0) for type_name in shown]
        rest = [totals[day] - sum(numbers)] if others else []
        rows.append([day_name(day, partial_day), totals[day], *numbers, *rest])
    columns = ["day", "all", *shown, *([OTHER] if others else [])]
    return Table("By day and type, newest first", columns, rows)


def day_name(day: date, partial_day: date | None) -> str:
    return f"{day} so far" if day == partial_day else str(day)
