"""The charts' values and colours, and the texts of the page."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from math import dist
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagements_report.page import colours, formatting, svg
from engagements_report.page.charts import averages, days, plot
from engagements_report.page.charts.averages import Point
from engagements_report.page.charts.days import Bar
from engagements_report.page.formatting import percent, plural
from engagements_report.page.sections.hours import heat_step
from engagements_report.queries.calendar import iter_offsets
from engagements_report.queries.measures import Days
from engagements_report.queries.periods import Period, ReportFilter

DAY = date(2018, 6, 15)
LINEAR = Sequence[float]
# What remains of red, green and blue without one kind of cone (Machado and others, 2009).
SIGHTS = {
    "full": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "no red": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "no green": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "no blue": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


def linear(colour: str) -> LINEAR:
    """Return the light of a colour such as #1b1f24: red, green, blue, from 0 to 1."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def luminance(colour: str) -> float:
    return sum(w * part for w, part in zip((0.2126, 0.7152, 0.0722), linear(colour), strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def times(rows: Sequence[LINEAR], vector: LINEAR) -> list[float]:
    return [sum(a * b for a, b in zip(row, vector, strict=True)) for row in rows]


def seen(colour: str, sight: str) -> list[float]:
    """Return a colour in Oklab, with distances as people see them."""
    light = [min(1.0, max(0.0, part)) for part in times(SIGHTS[sight], linear(colour))]
    cones = times(
        (
            (0.4122214708, 0.5363325363, 0.0514459929),
            (0.2119034982, 0.6806995451, 0.1073969566),
            (0.0883024619, 0.2817188376, 0.6299787005),
        ),
        light,
    )
    return times(
        (
            (0.2104542553, 0.7936177850, -0.0040720468),
            (1.9779984951, -2.4285922050, 0.4505937099),
            (0.0259040371, 0.7827717662, -0.8086757660),
        ),
        [cone ** (1 / 3) for cone in cones],
    )


@pytest.mark.parametrize("dark", [False, True])
def test_colours_of_types_can_be_told_apart(dark: bool) -> None:
    """
    Any two differ by a tenth of black to white in every kind of sight, and stand out by 3 to 1.
    """
    shades = [pair[dark] for pair in colours.TYPES.values()]
    for sight in SIGHTS:
        for one, other in itertools.combinations(shades, 2):
            assert dist(seen(one, sight), seen(other, sight)) > 0.1, (sight, one, other)
    for shade in shades:
        assert contrast(shade, colours.OTHER_COLOURS["paper"][dark]) >= 3


@pytest.mark.parametrize("dark", [False, True])
def test_texts_and_steps_can_be_read(dark: bool) -> None:
    """
    Texts stand out from paper and panel by 4.5 to 1; steps of the heat rise or fall all the way.
    """
    for name in ("ink", "soft", "link", "wrong", "right"):
        for below in ("paper", "panel"):
            assert (
                contrast(colours.OTHER_COLOURS[name][dark], colours.OTHER_COLOURS[below][dark])
                >= 4.5
            ), name
    on_steps = ("heat-low", "heat-low", "heat-middle", "heat-high", "heat-high")
    for name, step in zip(on_steps, colours.HEAT, strict=True):
        assert contrast(colours.OTHER_COLOURS[name][dark], step[dark]) >= 4.5, (name, step)
    levels = [luminance(pair[dark]) for pair in colours.HEAT]
    assert levels == sorted(levels, reverse=not dark)


def test_a_type_has_one_colour() -> None:
    """
    Types without a colour of their own are other types, in grey, at the end of every stack.
    """
    assert colours.in_order(["SMS", "TASK", "HOLOGRAM", "CALL"]) == ["CALL", "TASK", "other types"]
    assert colours.variable("SMS") == colours.variable("HOLOGRAM") == "var(--other-types)"
    assert colours.variable("INCOMING_EMAIL") == "var(--incoming-email)"
    for dark in (False, True):
        assert "--incoming-email:" in colours.declarations(dark)


def test_bars_are_stacked_by_day() -> None:
    """
    Each day has a bar for each type, stacked in the order of colours, with other types together.
    """
    counts = {("TASK", DAY): 2, ("CALL", DAY): 1, ("SMS", DAY): 3, ("X", DAY): 4}
    one_day = Days(DAY, DAY)
    assert days.stacked_days(counts, one_day) == [
        Bar(one_day, "CALL", 0, 1),
        Bar(one_day, "TASK", 1, 3),
        Bar(one_day, "other types", 3, 10),
    ]
    chart = days.days_chart(counts, one_day, None, "bars")
    bars = {one.get("class"): one.get("d") for one in ElementTree.fromstring(chart).iter("path")}
    # 10 engagements fill 500 / 1.04 units.
    assert bars == {
        "bar call": "M.5 500v-48",
        "bar task": "M.5 452v-96",
        "bar other-types": "M.5 356v-337",
    }


def test_long_periods_are_drawn_by_weeks() -> None:
    """
    From 191 days on a bar is a week from Monday, or those of its days that are in the period; no
    engagement is lost.
    """
    last = DAY + timedelta(days=days.MAX_DAILY_BARS - 1)
    assert not days.is_weekly(Days(DAY, last))
    assert days.is_weekly(Days(DAY, last + timedelta(days=1)))
    counts = {("NOTE", DAY + timedelta(days=nth)): 1 for nth in range(400)}
    bars = days.stacked_days(counts, Days(DAY, DAY + timedelta(days=399)))
    assert {bar.days.first.weekday() for bar in bars[1:]} == {0}
    assert bars[0] == Bar(Days(DAY, date(2018, 6, 17)), "NOTE", 0, 3)
    assert bars[1] == Bar(Days(date(2018, 6, 18), date(2018, 6, 24)), "NOTE", 0, 7)
    assert bars[-1].days.last == DAY + timedelta(days=399)
    assert sum(bar.high - bar.low for bar in bars) == 400


def test_the_dashed_line_reaches_the_full_one() -> None:
    """
    The line of partial windows ends at the first full window.
    """
    points = [Point(DAY + timedelta(days=nth), nth, nth >= 2) for nth in range(5)]
    parts = averages.window_parts(points)
    assert [point.average for point in parts["partial"]] == [0, 1, 2]
    assert [point.average for point in parts["full"]] == [2, 3, 4]
    assert averages.window_parts(points[2:])["partial"] == []
    assert averages.window_parts(points[:2])["full"] == []


@given(
    values=st.lists(st.floats(0, 300), max_size=12),
    gap=st.floats(0.1, 20),
)
def test_labels_do_not_overlap(values: list[float], gap: float) -> None:
    """
    Labels keep the order of their lines, their distance, and the room that they have.
    """
    places = plot.spread(values, gap, 300)
    assert all(above - below >= gap * 0.999 for below, above in itertools.pairwise(sorted(places)))
    assert sorted(values) == [value for _, value in sorted(zip(places, values, strict=True))]
    assert all(-0.001 <= place <= 300.001 for place in places)


@given(number=st.integers(1, 4000))
def test_ticks_of_days(number: int) -> None:
    """
    Ticks are days of the period, at most eight, evenly apart.
    """
    span = Days(DAY, DAY + timedelta(days=number - 1))
    ticks = plot.day_ticks(span, 8)
    assert 1 <= len(ticks) <= 8
    assert all(tick in span for tick in ticks)
    assert ticks == sorted(ticks)
    assert len({after - before for before, after in itertools.pairwise(ticks)}) <= 1


@given(most=st.integers(1, 10**12), number=st.integers(3, 9))
def test_ticks_of_counts(most: int, number: int) -> None:
    """
    Ticks are whole numbers from 0, evenly apart, no more than asked for, none beyond the most.
    """
    ticks = plot.number_ticks(most, number)
    assert ticks[0] == 0
    assert 1 < len(ticks) <= number + 1
    assert all(isinstance(tick, int) and tick <= most for tick in ticks)
    assert len({after - before for before, after in itertools.pairwise(ticks)}) <= 1


@given(
    points=st.lists(st.tuples(st.integers(0, 900), st.integers(0, 500)), min_size=1, max_size=40)
)
def test_a_path_goes_through_its_points(points: list[tuple[int, int]]) -> None:
    """
    A path of distances leads to every point, with no digit lost on the way.
    """
    path = svg.line((x + 0.5, y) for x, y in points)
    numbers = [float(number) for number in re.findall(r"-?\d*\.?\d+", path)]
    steps = list(zip(numbers[::2], numbers[1::2], strict=True))
    places = itertools.accumulate(steps, lambda at, by: (at[0] + by[0], at[1] + by[1]))
    assert [(round(x - 0.5), round(y)) for x, y in places] == points


def test_numbers_have_no_needless_digits() -> None:
    """
    A number of the drawing has one decimal at most, and neither a zero before it nor after it.
    """
    numbers = (0, -0.04, 0.5, -0.5, 3.0, 12.34, 10.0, 100)
    assert [svg.short(number) for number in numbers] == "0 0 .5 -.5 3 12.3 10 100".split()


@given(numbers=st.lists(st.integers(1, 10**9), min_size=1))
def test_steps_of_heat(numbers: list[int]) -> None:
    """
    The least number has the first step; steps never fall, and none is beyond the last.
    """
    least, most = min(numbers), max(numbers)
    steps = [heat_step(number, least, most) for number in sorted(numbers)]
    assert steps[0] == 0
    assert steps == sorted(steps)
    assert steps[-1] < len(colours.HEAT)


def test_periods_zones_and_choices_in_words() -> None:
    """
    The period, the zone's offsets, and the filter are written as text.
    """
    first, last = date(2018, 3, 1), date(2018, 4, 1)
    zone = ZoneInfo("America/New_York")
    assert formatting.format_days(Days(first, last)) == "1 March to 1 April 2018"
    assert formatting.format_days(Days(first, first)) == "1 March 2018"
    over = Days(date(2017, 12, 31), first)
    assert formatting.format_days(over) == "31 December 2017 to 1 March 2018"
    assert formatting.format_days(Days(last, date(2018, 4, 7))) == "1 to 7 April 2018"
    zone_text = formatting.format_zone(zone.key, iter_offsets(first, last, zone))
    assert zone_text == "America/New_York (UTC−05:00 and UTC−04:00)"
    utc = ZoneInfo("UTC")
    assert formatting.format_zone("UTC", iter_offsets(first, last, utc)) == "UTC"
    assert formatting.format_moment(datetime(2018, 7, 13, 9, 5, tzinfo=zone)) == (
        "13 July 2018, 09:05 EDT"
    )
    choice = ReportFilter(Period(None, None, utc), live=True, time="timestamp", owners=(7,))
    assert formatting.describe_filter(choice) == (
        "Counted: live engagements only, each by when it happened (timestamp), of owner 7."
    )
    assert (percent(None), percent(0.125)) == ("–", "12.5 %")
    assert (plural(1, "call"), plural(1200, "call")) == (
        "1 call",
        "1,200 calls",
    )
