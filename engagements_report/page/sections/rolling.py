"""Each type's average over the days up to each day: lines, and a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from engagements_report.page.charts.averages import ALL, Point, averages, line_colour
from engagements_report.page.document import Figure, Legend, Table
from engagements_report.page.formatting import change, plural
from engagements_report.page.sections.daily import day_name
from engagements_report.page.sections.parts import (
    NARROW,
    WIDE,
    SectionContent,
    SectionInput,
    to_day,
)
from engagements_report.page.svg import draw

MAX_LINES = 8  # of averages, beside that of all types


def build_rolling(section_input: SectionInput) -> SectionContent:
    window = section_input.report_filter.window_days
    partial_day = section_input.span.partial_day
    average, full = f"avg_{window}d", f"avg_{window}d_full"
    points_by_type: dict[str, list[Point]] = {}
    for row in section_input.rows:
        point = Point(to_day(row["day"]), float(row[average]), row[full] is not None)
        points_by_type.setdefault(row["type"], []).append(point)
    lines = _average_lines(points_by_type, partial_day)
    labels = {name: average_label(name, points, window) for name, points in lines.items()}
    summary = f"Lines of averages: {'; '.join(labels.values())}"
    lead = (
        f"Each type's average over the {window} days up to each day, and its change from"
        f" {window} days before. Dashed: the window has fewer than {window} days of data."
    )
    left_out = len(points_by_type.keys() - lines.keys())
    if left_out:
        lead += f" Not shown: {plural(left_out, 'type')} with fewer."
    wide = draw(averages(lines, labels, WIDE), summary, "wide")
    figure = Figure([wide, draw(averages(lines, {}, NARROW), summary, "narrow")])
    legend = Legend([(label, line_colour(name)) for name, label in labels.items()])
    types = [name for name in lines if name in points_by_type]
    table = _rolling_table(section_input.rows, types, window, partial_day)
    return SectionContent(lead, [legend, figure], table)


def _average_lines(
    points_by_type: Mapping[str, Sequence[Point]], partial_day: date | None
) -> dict[str, Sequence[Point]]:
    """Return the line of all types, then those of the types with most, without the current day."""
    over = {name: _without_partial_day(it, partial_day) for name, it in points_by_type.items()}
    by_volume = sorted(over, key=lambda name: (-sum(point.average for point in over[name]), name))
    lines = {name: over[name] for name in by_volume[:MAX_LINES]}
    if len(over) < 2:
        return lines
    all_types = [
        Point(points[0].day, sum(point.average for point in points), points[0].is_full)
        for points in zip(*over.values(), strict=True)
    ]
    return {ALL: all_types, **lines}


def average_label(name: str, points: Sequence[Point], window: int) -> str:
    """Return for example `CALL 71.00 (−8 %)`: the last average, its change from a window before."""
    last = points[-1]
    label = f"{name} {last.average:.2f}"
    before = points[-1 - window].average if len(points) > window else 0
    return f"{label} ({change(last.average, before)})" if before and last.is_full else label


def _without_partial_day(points: Sequence[Point], partial_day: date | None) -> Sequence[Point]:
    """Return the points of days that are over; the day that is not, if it is the only one."""
    return [point for point in points if point.day != partial_day] or points


def _rolling_table(
    rows: Sequence[Mapping[str, Any]],
    types: Sequence[str],
    window: int,
    partial_day: date | None,
) -> Table:
    """Return a row for each day: the days in the window, and each type's average."""
    days_in_window = {to_day(row["day"]): row["days_in_window"] for row in rows}
    averages_by_day = {(row["type"], to_day(row["day"])): row[f"avg_{window}d"] for row in rows}
    table_rows = [
        [
            day_name(day, partial_day),
            f"{number} of {window}",
            *(averages_by_day[name, day] for name in types),
        ]
        for day, number in sorted(days_in_window.items(), reverse=True)
    ]
    columns = ["day", "days in window", *types]
    return Table("Average a day, newest first", columns, table_rows)
