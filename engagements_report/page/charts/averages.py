"""The chart of rolling averages: a line for each type on one scale. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from engagements_report.page.charts.axes import (
    INK,
    PIXELS_A_TICK,
    Spec,
    base,
    day_axis,
    moment,
    moment_at,
)
from engagements_report.page.colours import variable
from engagements_report.queries.calendar import DAY

LABEL_WIDTH, LABEL_HEIGHT, DOT_WIDTH = 190, 15, 12  # of a line's end, pixels
AXIS_WIDTH = 40
AVERAGES_HEIGHT = 300
ALL = "all types"  # the name of their line


@dataclass(frozen=True)
class Point:
    """A day of a rolling average; the line is dashed if the window is not full."""

    day: date
    average: float
    is_full: bool


def averages(lines: Mapping[str, Sequence[Point]], labels: Mapping[str, str], width: int) -> Spec:
    """
    Return a chart of several types' averages as lines on one scale.

    A line is dashed while the window is partial, and ends in a dot, with its label of `labels`
    beside it, if there is one. Each day is an invisible bar with its averages as tooltip.
    """
    days = sorted({point.day for points in lines.values() for point in points})
    first, last = days[0], days[-1]
    room = (LABEL_WIDTH if labels else DOT_WIDTH) / (width - AXIS_WIDTH)
    right = moment_at(last, max(1, (last - first).days) * room / (1 - room))
    ticks = [moment(day) for day in day_ticks(first, last, width // PIXELS_A_TICK)]
    axis = {**day_axis(width, first, last), "values": ticks, "grid": False}
    most = max(point.average for points in lines.values() for point in points)
    top = max(most, 0.01) * 1.04
    return {
        **base(width, AVERAGES_HEIGHT),
        "encoding": {
            "x": {
                "field": "day",
                "type": "temporal",
                "axis": axis,
                "scale": {"type": "utc", "domain": [moment(first), right]},
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
