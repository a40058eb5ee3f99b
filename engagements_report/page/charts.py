"""The charts as Vega-Lite specifications. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from engagements_report.page.colours import (
    HEAT,
    OTHER,
    TYPES,
    heat,
    in_order,
    legend_name,
    variable,
)
from engagements_report.queries.calendar import DAY

Spec = dict[str, Any]

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MAX_DAILY_BARS = 190  # days; a longer period has a bar for each week
INK, SOFT, RULE, PAPER = "var(--ink)", "var(--soft)", "var(--rule)", "var(--paper)"
PIXELS_A_TICK = 90
LONG_PERIOD = 300 * DAY  # its axis shows the year
DAYS_HEIGHT, AVERAGES_HEIGHT = 280, 300
LABEL_WIDTH, LABEL_HEIGHT, DOT_WIDTH = 190, 15, 12  # of a line's end, pixels
AXIS_WIDTH = 40
ALL = "all types"  # the name of their line
CONFIG = {
    "background": None,
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": SOFT,
        "titleColor": SOFT,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "domainColor": RULE,
        "tickColor": RULE,
        "gridColor": RULE,
        "titleFontWeight": "normal",
    },
}


@dataclass(frozen=True)
class Point:
    """A day of a rolling average; the line is dashed if the window is not full."""

    day: date
    average: float
    is_full: bool


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
        **_base(width, DAYS_HEIGHT),
        "data": {"values": values},
        "mark": {"type": "rect", "stroke": PAPER, "strokeWidth": 2 if len(values) < 60 else 0.7},
        "encoding": {
            "x": {
                "field": "start",
                "type": "temporal",
                "axis": _day_axis(width, first, last),
                "scale": {"type": "utc", "domain": [_moment(first), _moment(last + DAY)]},
            },
            "x2": {"field": "end"},
            "y": {"field": "low", **_count_axis(most, 6, room=1.04)},
            "y2": {"field": "high"},
            **_colour_by_type(),
        },
    }


def averages(lines: Mapping[str, Sequence[Point]], labels: Mapping[str, str], width: int) -> Spec:
    """
    Return a chart of several types' averages as lines on one scale.

    A line is dashed while the window is partial, and ends in a dot, with its label of `labels`
    beside it, if there is one. Each day is an invisible bar with its averages as tooltip.
    """
    days = sorted({point.day for points in lines.values() for point in points})
    first, last = days[0], days[-1]
    room = (LABEL_WIDTH if labels else DOT_WIDTH) / (width - AXIS_WIDTH)
    right = _moment_at(last, max(1, (last - first).days) * room / (1 - room))
    ticks = [_moment(day) for day in day_ticks(first, last, width // PIXELS_A_TICK)]
    axis = {**_day_axis(width, first, last), "values": ticks, "grid": False}
    most = max(point.average for points in lines.values() for point in points)
    top = max(most, 0.01) * 1.04
    return {
        **_base(width, AVERAGES_HEIGHT),
        "encoding": {
            "x": {
                "field": "day",
                "type": "temporal",
                "axis": axis,
                "scale": {"type": "utc", "domain": [_moment(first), right]},
            },
            "y": {
                "field": "average",
                "type": "quantitative",
                "axis": {"title": None, "tickCount": 5},
                "scale": {"domain": [0, top], "nice": False},
            },
        },
        "layer": [
            *(_line(name, points) for name, points in lines.items()),
            _ends({name: points[-1] for name, points in lines.items()}, labels, top),
            _day_bars(lines, days),
        ],
    }


def _line(name: str, points: Sequence[Point]) -> Spec:
    """Return a type's line; it has no tooltip, which would be the same at all of its days."""
    values = [
        {"day": str(point.day), "average": point.average, "window": window}
        for window, part in window_parts(points).items()
        for point in part
    ]
    dashes = {"domain": ["partial", "full"], "range": [[4, 4], [1, 0]]}
    dash = {"field": "window", "type": "nominal", "legend": None, "scale": dashes}
    mark = {"type": "line", "strokeWidth": 2.2, "color": line_colour(name), "aria": False}
    return {"data": {"values": values}, "mark": mark, "encoding": {"strokeDash": dash}}


def _ends(ends: Mapping[str, Point], labels: Mapping[str, str], top: float) -> Spec:
    """Return the dots at the ends of the lines, and their labels, which do not overlap."""
    least_gap = LABEL_HEIGHT / (AVERAGES_HEIGHT - LABEL_HEIGHT) * top
    heights = spread([end.average for end in ends.values()], least_gap)
    values = [
        {
            "day": str(end.day),
            "average": end.average,
            "colour": line_colour(name),
            "label": labels.get(name, ""),
            "height": height,
        }
        for (name, end), height in zip(ends.items(), heights, strict=True)
    ]
    colour = {"field": "colour", "type": "nominal", "scale": None}
    dots = {"type": "point", "filled": True, "size": 45, "opacity": 1, "aria": False}
    texts = {"type": "text", "align": "left", "dx": 8, "fontSize": 12, "color": INK, "aria": False}
    height = {"field": "height", "type": "quantitative"}
    return {
        "data": {"values": values},
        "layer": [
            {"mark": dots, "encoding": {"color": colour}},
            {"mark": texts, "encoding": {"text": {"field": "label"}, "y": height}},
        ],
    }


def _day_bars(lines: Mapping[str, Sequence[Point]], days: Sequence[date]) -> Spec:
    """Return a bar over the full height for each day, transparent, with the day's averages."""
    by_day: dict[date, list[str]] = {day: [] for day in days}
    for name, points in lines.items():
        for point in points:
            by_day[point.day].append(f"{name} {point.average:.2f}")
    values = [
        {
            "start": f"{day - DAY}T12:00:00",
            "end": f"{day}T12:00:00",
            "description": f"{day}: {', '.join(texts)}",
        }
        for day, texts in by_day.items()
    ]
    return {
        "data": {"values": values},
        "mark": {"type": "rect", "fill": "transparent", "clip": True},
        "encoding": {
            "x": {"field": "start", "type": "temporal"},
            "x2": {"field": "end"},
            "y": {"value": 0},
            "y2": {"value": "height"},
            "description": {"field": "description"},
        },
    }


def line_colour(name: str) -> str:
    """Return the colour of a type's line; that of all types has the colour of text."""
    return INK if name == ALL else variable(name)


def spread(values: Sequence[float], gap: float) -> list[float]:
    """Return heights for labels of `values`, in the same order, at least `gap` apart, from 0 up."""
    heights = [0.0] * len(values)
    least = 0.0
    for index in sorted(range(len(values)), key=lambda index: values[index]):
        heights[index] = max(values[index], least)
        least = heights[index] + gap
    return heights


def day_ticks(first: date, last: date, number: int) -> list[date]:
    """Return at most `number` days, evenly apart, the last one included."""
    step = max(1, -(-((last - first).days + 1) // number))
    return [last - nth * step * DAY for nth in range((last - first).days // step + 1)][::-1]


def window_parts(points: Sequence[Point]) -> dict[str, list[Point]]:
    """Return the points of partial and of full windows; the two lines share a point."""
    full = [point for point in points if point.is_full]
    partial = [point for point in points if not point.is_full]
    return {"partial": partial + full[:1] if partial else [], "full": full}


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
        **_base(width, 60 + 26 * len(rows)),
        "data": {"values": values},
        "mark": {"type": "bar", "stroke": PAPER, "strokeWidth": 0.7},
        "encoding": {
            "y": {**_name_axis("owner", width), "sort": [owner for owner, _ in rows]},
            "x": {"field": "low", **_count_axis(most, width // PIXELS_A_TICK)},
            "x2": {"field": "high"},
            **_colour_by_type(),
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
        **_base(width, 45 + 26 * len(rows)),
        "data": {"values": values},
        "encoding": {
            "y": {**_name_axis("name", width), "sort": [name for name, _ in rows]},
            # Leaves room for the number behind the longest bar.
            "x": {"field": "number", **_count_axis(most, width // PIXELS_A_TICK, room=1.15)},
        },
        "layer": [
            {"mark": "bar", "encoding": {**colour, "description": {"field": "description"}}},
            {**ends, "encoding": {"text": {"field": "text"}}},
        ],
    }


def hours(counts: Mapping[tuple[int, int], int], width: int) -> Spec:
    """Return a chart with a square for each weekday and hour, darker for more engagements."""
    least, most = min(counts.values()), max(counts.values())
    values = [
        {
            "weekday": WEEKDAYS[weekday],
            "hour": hour,
            "step": heat_step(number, least, most),
            "description": f"{WEEKDAYS[weekday]}, {hour}:00 to {hour}:59: {number:,}",
        }
        for (weekday, hour), number in sorted(counts.items())
    ]
    steps = range(len(HEAT))
    scale = {"domain": list(steps), "range": [heat(step) for step in steps]}
    hour_axis = {"labelAngle": 0, "title": "hour", "values": list(range(0, 24, 3))}
    return {
        **_base(width, 220),
        "data": {"values": values},
        "mark": {"type": "rect", "stroke": PAPER, "strokeWidth": 1.5},
        "encoding": {
            "x": _ordinal("hour", range(24), hour_axis),
            "y": _ordinal("weekday", WEEKDAYS, {"title": None}),
            "color": {"field": "step", "type": "ordinal", "legend": None, "scale": scale},
            "description": {"field": "description"},
        },
    }


def _ordinal(field: str, domain: Iterable[object], axis: Spec) -> Spec:
    return {"field": field, "type": "ordinal", "axis": axis, "scale": {"domain": list(domain)}}


def heat_step(number: int, least: int, most: int) -> int:
    """Return the step of HEAT, from 0, of a number from `least` to `most`."""
    return (number - least) * len(HEAT) // (most - least + 1)


def _base(width: int, height: int) -> Spec:
    fit = {"type": "fit", "contains": "padding"}
    return {"$schema": SCHEMA, "width": width, "height": height, "autosize": fit, "config": CONFIG}


def _colour_by_type() -> Spec:
    types = in_order([OTHER, *TYPES])
    scale = {"domain": types, "range": [variable(type_name) for type_name in types]}
    colour = {"field": "type", "type": "nominal", "legend": None, "scale": scale}
    return {"color": colour, "description": {"field": "description"}}


def _name_axis(field: str, width: int) -> Spec:
    axis = {"title": None, "labelLimit": width // 3, "labelColor": INK, "ticks": False}
    return {"field": field, "type": "nominal", "axis": {**axis, "domain": False}}


def _count_axis(most: int, ticks: int, room: float = 1.0) -> Spec:
    """Return the axis and scale of counts up to `most`; the axis is `room` times as long."""
    axis = {"values": count_ticks(most, ticks), "format": ",d"}
    scale = {"domain": [0, max(1, most) * room], "nice": False}
    return {"type": "quantitative", "axis": {**axis, "title": None}, "scale": scale}


def count_ticks(most: int, number: int) -> list[int]:
    """Return 0 and at most `number` whole numbers up to `most`, 1, 2, 5, 10, 20 … grey_names."""
    steps = (factor * 10**power for power in range(18) for factor in (1, 2, 5))
    step = next(step for step in steps if most / step <= number)
    return list(range(0, most + 1, step))


def _day_axis(width: int, first: date, last: date, ticks: int | None = None) -> Spec:
    count = ticks or max(3, width // PIXELS_A_TICK)
    date_format = "%-d %b" if last - first < LONG_PERIOD else "%b %Y"
    return {"title": None, "format": date_format, "tickCount": count, "labelOverlap": True}


def _moment(day: date) -> Spec:
    return {"year": day.year, "month": day.month, "date": day.day, "utc": True}


def _moment_at(day: date, days_after: float) -> Spec:
    """Return the time so many days after the start of `day`, to the minute."""
    minutes = round(days_after * 1440)
    return {**_moment(day + minutes // 1440 * DAY), "minutes": minutes % 1440}
