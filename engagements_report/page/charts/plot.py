"""
The days and numbers of a chart as positions. Pure.

A chart of the page stretches to any width: its paths lie in an inner element of one unit a day,
which is stretched; texts and dots lie outside, at percentages of the width and pixels of height. A
chart of a fixed width, for a picture, has all of it in pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import NamedTuple

from markupsafe import Markup

from engagements_report.page.formatting import MONTHS
from engagements_report.page.svg import element, percentage
from engagements_report.queries.calendar import DAY
from engagements_report.queries.measures import Days

PICTURE_WIDTH = 450  # pixels of a chart of fixed width
UNITS = 500  # of height, in the stretched element
LONG_PERIOD_DAYS = 300  # the axis of a longer one shows the year
MOST_DAY_TICKS = 8
TICK_ROOM = 22  # pixels below, for the days


class Plot(NamedTuple):
    """
    The days from left to right, and the numbers from 0 to `top`, on `height` pixels.

    Units are pixels if there is a `width` in pixels.
    """

    days: Days
    top: float
    height: int
    width: int | None = None

    @property
    def day_width(self) -> float:
        """The width of a day, in units."""
        return self.width / self.days.number if self.width else 1

    @property
    def depth(self) -> int:
        """The height of the chart, in units."""
        return self.height if self.width else UNITS

    def x(self, day: date) -> float:
        """Return the middle of a day, in units."""
        return self.day_width * ((day - self.days.first).days + 0.5)

    def units(self, number: float) -> int:
        """Return the distance of a number from 0, in units."""
        return round(self.depth * number / self.top)

    def share(self, day: date) -> float:
        """Return the middle of a day as a share of the width."""
        return ((day - self.days.first).days + 0.5) / self.days.number

    def y_px(self, number: float) -> float:
        """Return the height of a number, in pixels from the top."""
        return self.height * (1 - number / self.top)

    def stretched(self, *content: str) -> Markup:
        """Return the inner element with paths in units."""
        if self.width:
            return element("g", *content)
        return element(
            "svg",
            *content,
            width="100%",
            height=self.height,
            viewBox=f"0 0 {self.days.number} {UNITS}",
            preserveAspectRatio="none",
        )

    def ground(self) -> Markup:
        """Return an invisible rectangle, by which the script finds the days."""
        return element("rect", class_="ground", width="100%", height=self.height)

    def band(self, days: Days) -> Markup:
        """Return the shade behind some of the days."""
        return element(
            "rect",
            class_="band",
            x=percentage((days.first - self.days.first).days / self.days.number),
            width=percentage(days.number / self.days.number),
            height=self.height,
        )

    def grid(self, most_ticks: int) -> Markup:
        """Return lines at round numbers, with the numbers at the left of them."""
        lines = []
        for tick in number_ticks(self.top, most_ticks):
            y = round(self.y_px(tick)) + 0.5
            lines.append(element("line", x2="100%", y1=y, y2=y))
            lines.append(element("text", f"{tick:,}", x=-7, y=y + 3.5, text_anchor="end"))
        return element("g", *lines, class_="grid")

    def day_axis(self) -> Markup:
        """Return the names of some of the days, below."""
        texts = [
            element(
                "text",
                day_label(day, self.days),
                x=percentage(self.share(day)),
                y=self.height + 16,
                text_anchor="middle",
            )
            for day in day_ticks(self.days, MOST_DAY_TICKS)
        ]
        return element("g", *texts, class_="days")


def day_label(day: date, days: Days) -> str:
    """Return for example 16 Nov, for a long period Nov 2026."""
    month = MONTHS[day.month - 1][:3]
    return f"{month} {day.year}" if days.number > LONG_PERIOD_DAYS else f"{day.day} {month}"


def day_ticks(days: Days, most: int) -> list[date]:
    """Return at most `most` days, whole weeks apart if they are many, none at the very edges."""
    if days.number <= most:
        return [days.first + nth * DAY for nth in range(days.number)]
    weeks = -(-days.number // (7 * most))
    step = 7 * weeks if days.number > 3 * most else -(-days.number // most)
    return list(_every(days.last - step // 2 * DAY, days.first + step // 3 * DAY, step))[::-1]


def _every(last: date, first: date, step: int) -> Iterator[date]:
    while last >= first:
        yield last
        last -= step * DAY


def number_ticks(top: float, most: int) -> list[int]:
    """Return 0 and at most `most` whole numbers up to `top`, 1, 2, 5, 10, 20 … apart."""
    steps = (factor * 10**power for power in range(18) for factor in (1, 2, 5))
    step = next(step for step in steps if top / step <= most)
    return list(range(0, int(top) + 1, step))


def spread(values: Sequence[float], gap: float, most: float) -> list[float]:
    """
    Return positions for labels of `values`, in the same order, at least `gap` apart, from 0 on.

    None is beyond `most`, if so many labels have room up to there.
    """
    order = sorted(range(len(values)), key=lambda index: values[index])
    positions = [0.0] * len(values)
    least = 0.0
    for index in order:
        positions[index] = max(values[index], least)
        least = positions[index] + gap
    limit = max(most, gap * (len(values) - 1))
    for index in reversed(order):
        positions[index] = min(positions[index], limit)
        limit = positions[index] - gap
    return positions
