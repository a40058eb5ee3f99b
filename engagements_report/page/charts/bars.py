"""Charts of bars: of days, of owners, and of names with a number each. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from engagements_report.page.charts.axes import (
    INK,
    PAPER,
    PIXELS_A_TICK,
    Spec,
    base,
    colour_by_type,
    count_axis,
    day_axis,
    moment,
    name_axis,
)
from engagements_report.page.colours import OTHER, in_order, legend_name, variable
from engagements_report.queries.calendar import DAY

DAYS_HEIGHT = 280
MAX_DAILY_BARS = 190  # days; a longer period has a bar for each week


def stacked_days(counts: Mapping[tuple[str, date], int], first: date, last: date) -> list[Spec]:
    """
    Return the stacked bars: a bar for each type and day, or week of a long period, with any.

    A week of which days are outside of the period is drawn as wide as its days inside.

    A bar covers the days from `start` up to, not including, `end`, and the counts from `low` to
    `high`; `description` is the tooltip.
    """
    step = 7 if is_weekly(first, last) else 1
    grouped: dict[tuple[date, str], int] = {}
    for (type_name, day), number in counts.items():
        start = max(first, day - day.weekday() * DAY) if step == 7 else day
        key = (start, legend_name(type_name))
        grouped[key] = grouped.get(key, 0) + number
    values = []
    for start in sorted({start for start, _ in grouped}):
        low = 0
        for type_name in in_order(type_name for at, type_name in grouped if at == start):
            number = grouped[start, type_name]
            end = min(last + DAY, start + (step - (start.weekday() if step == 7 else 0)) * DAY)
            when = _describe_days(start, end)
            values.append(
                {
                    "start": str(start),
                    "end": str(end),
                    "type": type_name,
                    "low": low,
                    "high": low + number,
                    "description": f"{when}, {type_name}: {number:,}",
                }
            )
            low += number
    return values


def _describe_days(start: date, end: date) -> str:
    """Return the days of a bar: a day, a week from Monday, or the part of a week that is shown."""
    if end - start == DAY:
        return str(start)
    return f"week of {start}" if end - start == 7 * DAY else f"{start} to {end - DAY}"


def is_weekly(first: date, last: date) -> bool:
    """Whether the period is so long that a bar is a week."""
    return (last - first).days >= MAX_DAILY_BARS


def days(counts: Mapping[tuple[str, date], int], first: date, last: date, width: int) -> Spec:
    """Return a chart of engagements a day, as bars stacked by type."""
    values = stacked_days(counts, first, last)
    most = max(value["high"] for value in values)
    return {
        **base(width, DAYS_HEIGHT),
        "data": {"values": values},
        "mark": {"type": "rect", "stroke": PAPER, "strokeWidth": 2 if len(values) < 60 else 0.7},
        "encoding": {
            "x": {
                "field": "start",
                "type": "temporal",
                "axis": day_axis(width, first, last),
                "scale": {"type": "utc", "domain": [moment(first), moment(last + DAY)]},
            },
            "x2": {"field": "end"},
            "y": {"field": "low", **count_axis(most, 6, room=1.04)},
            "y2": {"field": "high"},
            **colour_by_type(),
        },
    }


def owners(rows: Sequence[tuple[str, Mapping[str, int]]], width: int) -> Spec:
    """Return a chart with a bar for each owner, stacked by type."""
    values = []
    for owner, counts in rows:
        low = 0
        for type_name in in_order(counts):
            if counts[type_name]:
                description = f"{owner}, {type_name}: {counts[type_name]:,}"
                ends = {"low": low, "high": low + counts[type_name]}
                values.append(
                    {"owner": owner, "type": type_name, "description": description, **ends}
                )
                low += counts[type_name]
    most = max(sum(counts.values()) for _, counts in rows)
    return {
        **base(width, 60 + 26 * len(rows)),
        "data": {"values": values},
        "mark": {"type": "bar", "stroke": PAPER, "strokeWidth": 0.7},
        "encoding": {
            "y": {**name_axis("owner", width), "sort": [owner for owner, _ in rows]},
            "x": {"field": "low", **count_axis(most, width // PIXELS_A_TICK)},
            "x2": {"field": "high"},
            **colour_by_type(),
        },
    }


def bars(
    rows: Sequence[tuple[str, int]], type_name: str, width: int, grey_names: Sequence[str] = ()
) -> Spec:
    """Return a chart with a bar for each name, in the colour of a type or in grey."""
    values = [
        {
            "name": name,
            "number": number,
            "text": f"{number:,}",
            "description": f"{name}: {number:,}",
        }
        for name, number in rows
    ]
    most = max(number for _, number in rows)
    grey = {"test": {"field": "name", "oneOf": list(grey_names)}, "value": variable(OTHER)}
    colour = {"color": {"condition": grey, "value": variable(type_name)}}
    ends: Spec = {"mark": {"type": "text", "align": "left", "dx": 4, "color": INK, "fontSize": 12}}
    return {
        **base(width, 45 + 26 * len(rows)),
        "data": {"values": values},
        "encoding": {
            "y": {**name_axis("name", width), "sort": [name for name, _ in rows]},
            # Leaves room for the number behind the longest bar.
            "x": {"field": "number", **count_axis(most, width // PIXELS_A_TICK, room=1.15)},
        },
        "layer": [
            {"mark": "bar", "encoding": {**colour, "description": {"field": "description"}}},
            {**ends, "encoding": {"text": {"field": "text"}}},
        ],
    }
