"""The chart of weekdays and hours: a square for each. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engagements_report.page.charts.axes import PAPER, Spec, base
from engagements_report.page.colours import HEAT, heat

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


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
        **base(width, 220),
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
