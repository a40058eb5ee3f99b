"""The chart of engagements a day: a bar for each day, stacked by type. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from markupsafe import Markup

from engagements_report.page.charts.plot import TICK_ROOM, Plot
from engagements_report.page.colours import css_class, in_order, legend_name
from engagements_report.page.svg import columns, element, short
from engagements_report.queries.calendar import DAY
from engagements_report.queries.measures import Days

HEIGHT = 105  # pixels
MOST_NUMBER_TICKS = 3
MAX_DAILY_BARS = 190  # days; a longer period has a bar for each week
BAR_SHARE = 0.78  # of the width that a bar has


class Bar(NamedTuple):
    """A part of a stack: the days from `first` to `last`, and the counts from `low` to `high`."""

    days: Days
    type: str
    low: int
    high: int


def stacked_days(counts: Mapping[tuple[str, date], int], days: Days) -> list[Bar]:
    """
    Return a bar for each type and day, or week of a long period, with any.

    A week of which days are outside of the period has those inside.
    """
    grouped: dict[tuple[Days, str], int] = {}
    for (type_name, day), number in counts.items():
        key = (_days_of_bar(day, days), legend_name(type_name))
        grouped[key] = grouped.get(key, 0) + number
    bars = []
    for of_bar in sorted({of_bar for of_bar, _ in grouped}):
        low = 0
        for type_name in in_order(name for at, name in grouped if at == of_bar):
            high = low + grouped[of_bar, type_name]
            bars.append(Bar(of_bar, type_name, low, high))
            low = high
    return bars


def _days_of_bar(day: date, days: Days) -> Days:
    if not is_weekly(days):
        return Days(day, day)
    monday = day - day.weekday() * DAY
    return Days(max(days.first, monday), min(days.last, monday + 6 * DAY))


def is_weekly(days: Days) -> bool:
    """Whether the period is so long that a bar is a week."""
    return days.number > MAX_DAILY_BARS


def days_chart(
    counts: Mapping[tuple[str, date], int],
    days: Days,
    shaded: Days | None,
    description: str,
    width: int | None = None,
) -> Markup:
    """Return the stacked bars of `days`; `description` is for screen readers."""
    bars = stacked_days(counts, days)
    plot = Plot(days, max([1, *(bar.high for bar in bars)]) * 1.04, HEIGHT, width)
    area = (
        plot.ground(),
        plot.band(shaded) if shaded else Markup(),
        plot.grid(MOST_NUMBER_TICKS),
        plot.day_axis(),
        plot.stretched(*_strokes(plot, bars)),
    )
    return element(
        "svg",
        *area,
        class_="chart",
        role="img",
        aria_label=description,
        width=width,
        overflow="visible",
        height=HEIGHT + TICK_ROOM,
    )


def _strokes(plot: Plot, bars: Sequence[Bar]) -> Iterator[Markup]:
    """Yield a path for each type and width of bars."""
    by_look: dict[tuple[str, int], list[Bar]] = {}
    for bar in bars:
        by_look.setdefault((bar.type, bar.days.number), []).append(bar)
    for (type_name, number), alike in by_look.items():
        parts = [
            (
                plot.x(bar.days.first) + (number - 1) / 2 * plot.day_width,
                plot.depth - plot.units(bar.low),
                plot.units(bar.high) - plot.units(bar.low),
            )
            for bar in alike
        ]
        yield element(
            "path",
            class_=f"bar {css_class(type_name)}",
            stroke_width=short(number * BAR_SHARE * plot.day_width),
            d=columns(parts),
        )
