"""What the charts share: size, axes, ticks, the colours of types. Pure."""

from __future__ import annotations

from datetime import date
from typing import Any

from engagements_report.page.colours import OTHER, TYPES, in_order, variable
from engagements_report.queries.calendar import DAY

Spec = dict[str, Any]
SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
INK, SOFT, RULE, PAPER = "var(--ink)", "var(--soft)", "var(--rule)", "var(--paper)"
PIXELS_A_TICK = 90
LONG_PERIOD = 300 * DAY  # its axis shows the year
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


def base(width: int, height: int) -> Spec:
    fit = {"type": "fit", "contains": "padding"}
    return {"$schema": SCHEMA, "width": width, "height": height, "autosize": fit, "config": CONFIG}


def colour_by_type() -> Spec:
    types = in_order([OTHER, *TYPES])
    scale = {"domain": types, "range": [variable(type_name) for type_name in types]}
    colour = {"field": "type", "type": "nominal", "legend": None, "scale": scale}
    return {"color": colour, "description": {"field": "description"}}


def name_axis(field: str, width: int) -> Spec:
    axis = {"title": None, "labelLimit": width // 3, "labelColor": INK, "ticks": False}
    return {"field": field, "type": "nominal", "axis": {**axis, "domain": False}}


def count_axis(most: int, ticks: int, room: float = 1.0) -> Spec:
    """Return the axis and scale of counts up to `most`; the axis is `room` times as long."""
    axis = {"values": count_ticks(most, ticks), "format": ",d"}
    scale = {"domain": [0, max(1, most) * room], "nice": False}
    return {"type": "quantitative", "axis": {**axis, "title": None}, "scale": scale}


def count_ticks(most: int, number: int) -> list[int]:
    """Return 0 and at most `number` whole numbers up to `most`, 1, 2, 5, 10, 20 … grey_names."""
    steps = (factor * 10**power for power in range(18) for factor in (1, 2, 5))
    step = next(step for step in steps if most / step <= number)
    return list(range(0, most + 1, step))


def day_axis(width: int, first: date, last: date, ticks: int | None = None) -> Spec:
    count = ticks or max(3, width // PIXELS_A_TICK)
    date_format = "%-d %b" if last - first < LONG_PERIOD else "%b %Y"
    return {"title": None, "format": date_format, "tickCount": count, "labelOverlap": True}


def moment(day: date) -> Spec:
    return {"year": day.year, "month": day.month, "date": day.day, "utc": True}


def moment_at(day: date, days_after: float) -> Spec:
    """Return the time so many days after the start of `day`, to the minute."""
    minutes = round(days_after * 1440)
    return {**moment(day + minutes // 1440 * DAY), "minutes": minutes % 1440}
