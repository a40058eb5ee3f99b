"""The chart of rolling averages: a line for each type on one scale. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from markupsafe import Markup

from engagements_report.page.charts.plot import TICK_ROOM, Plot, spread
from engagements_report.page.colours import css_class
from engagements_report.page.svg import element, line, percentage
from engagements_report.queries.measures import Days

HEIGHT = 250  # pixels
LABEL_HEIGHT = 17
MAX_NAME_LENGTH = 16  # of a label; the table has all of the name
MOST_NUMBER_TICKS = 5


class Point(NamedTuple):
    """A day of a rolling average; the line is dashed if the window is not full."""

    day: date
    average: float
    is_full: bool


class Label(NamedTuple):
    """The text at a line's end: its name, its last value and the change, such as −14 %."""

    name: str
    value: str
    change: str

    @property
    def short(self) -> str:
        """The text with a name that fits beside the chart."""
        is_long = len(self.name) > MAX_NAME_LENGTH
        name = f"{self.name[: MAX_NAME_LENGTH - 1]}…" if is_long else self.name
        return self._replace(name=name).text

    @property
    def text(self) -> str:
        """For example `CALL 71.00 (−8 %)`."""
        return f"{self.name} {self.value}" + (f" ({self.change})" if self.change else "")


def averages(
    lines: Mapping[str, Sequence[Point]],
    labels: Mapping[str, Label],
    days: Days,
    shaded: Days | None,
    description: str,
    height: int = HEIGHT,
    width: int | None = None,
) -> Markup:
    """
    Return several types' averages over `days` as lines on one scale.

    A line is dashed while the window is partial, and ends in a dot with its label of `labels`. A
    chart without labels has its lines and dots alone. `description` is for screen readers.
    """
    most = max(point.average for points in lines.values() for point in points)
    plot = Plot(days, max(most, 0.01) * 1.06, height, width)
    paths = [_line(plot, name, points) for name, points in reversed(list(lines.items()))]
    area = (
        plot.ground(),
        plot.band(shaded) if shaded else Markup(),
        plot.grid(MOST_NUMBER_TICKS),
        plot.day_axis(),
        plot.stretched(*paths),
        _ends(plot, {name: points[-1] for name, points in lines.items()}, labels),
    )
    return element(
        "svg",
        *area,
        class_="chart" if labels else "chart whole",
        role="img",
        aria_label=description,
        width=width,
        overflow="visible",
        height=height + TICK_ROOM,
    )


def _line(plot: Plot, name: str, points: Sequence[Point]) -> Markup:
    parts = {
        window: line((plot.x(it.day), plot.depth - plot.units(it.average)) for it in part)
        for window, part in window_parts(points).items()
        if part
    }
    colour = css_class(name)
    return Markup().join(
        element("path", class_=f"line {colour}" + (" part" if window == "partial" else ""), d=path)
        for window, path in parts.items()
    )


def _ends(plot: Plot, ends: Mapping[str, Point], labels: Mapping[str, Label]) -> Markup:
    """Return the dots at the ends of the lines, and their labels, which do not overlap."""
    heights = [plot.y_px(end.average) for end in ends.values()]
    places = spread(heights, LABEL_HEIGHT, plot.height)
    dots = [
        element(
            "circle",
            class_=css_class(name),
            cx=percentage(plot.share(end.day)),
            cy=height,
            r=3.5,
        )
        for (name, end), height in zip(ends.items(), heights, strict=True)
    ]
    texts = [
        element(
            "text",
            element("tspan", "■ "),
            labels[name].short,
            class_=css_class(name),
            x="100%",
            dx=8,
            y=place + 4,
        )
        for name, place in zip(ends, places, strict=True)
        if name in labels
    ]
    return Markup().join([*dots, element("g", *texts, class_="ends") if texts else Markup()])


def window_parts(points: Sequence[Point]) -> dict[str, list[Point]]:
    """Return the points of partial and of full windows; the two lines share a point."""
    full = [point for point in points if point.is_full]
    partial = [point for point in points if not point.is_full]
    return {"partial": partial + full[:1] if partial else [], "full": full}
