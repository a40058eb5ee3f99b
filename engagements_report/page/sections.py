"""The content of each report's section: charts, a table, and a sentence."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from engagements_report.page import charts
from engagements_report.page.charts import Point, Spec
from engagements_report.page.colours import OTHER, heat, in_order, legend_name, variable
from engagements_report.page.document import (
    Check,
    Figure,
    KeyFigure,
    Legend,
    Table,
    Value,
)
from engagements_report.page.formatting import change, percent, plural
from engagements_report.page.svg import draw
from engagements_report.queries.calendar import DAY
from engagements_report.queries.periods import ReportFilter, Span
from engagements_report.queries.reports import ReportResult

WIDE, NARROW = 960, 320  # pixels
MAX_LINES = 8  # of averages, beside that of all types
MAX_COLUMN_TYPES = 8  # that fit a page of paper; further types are one column
MAX_CHART_OWNERS = 15  # the table has all
TOO_RECENT = "too recent"
WITHOUT_REPLY = ("no reply", "no contact", TOO_RECENT)  # bars in grey
HELD = "COMPLETED"  # HubSpot's outcome of a meeting that took place
WEEKDAY_NAMES = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
WITHOUT_OUTCOME = ("(none)",)
TYPE_OF_COLUMN = {
    "calls": "CALL",
    "emails_sent": "EMAIL",
    "meetings": "MEETING",
    "notes": "NOTE",
    "tasks": "TASK",
}


@dataclass(frozen=True)
class SectionInput:
    """The input of a section: the filter, the days, and the report's result."""

    report_filter: ReportFilter
    span: Span
    result: ReportResult

    @property
    def rows(self) -> list[dict[str, Any]]:
        columns = self.result.rows.columns
        return [dict(zip(columns, row, strict=True)) for row in self.result.rows.rows]


@dataclass(frozen=True)
class SectionContent:
    """The parts of a section that depend on the result, and a key figure."""

    lead: str = ""
    pictures: Sequence[Legend | Figure] = ()
    table: Table | None = None
    figure: KeyFigure | None = None


# Of each report: the section's title, and the question that the report answers.
TITLES = {
    "daily": ("Engagements a day", "How many engagements of each type were there each day?"),
    "rolling": ("Rolling average", "How many a day, over the days up to each day?"),
    "owners": ("Owners", "What did each owner log, and get done?"),
    "calls": ("Call outcomes", "How did calls end, and how many reached someone?"),
    "meetings": ("Meeting outcomes", "How did meetings end?"),
    "hours": ("Weekdays and hours", "When in the week do engagements happen?"),
    "first-response": ("First response", "How soon were incoming e-mails answered?"),
    "quality": ("Data quality", "What in the data is missing or wrong?"),
}
# What an empty report has not found.
NOTHING_FOUND = {
    **dict.fromkeys(("daily", "rolling", "hours", "quality"), "engagements"),
    "owners": "calls, e-mails, meetings, notes or tasks",
    "calls": "calls",
    "meetings": "meetings",
    "first-response": "incoming e-mails",
}


def _daily(section_input: SectionInput) -> SectionContent:
    counts = {
        (row["type"], _to_day(row["day"])): row["num_engagements"] for row in section_input.rows
    }
    span = section_input.span
    volumes: dict[str, int] = {}
    for (type_name, _), number in counts.items():
        volumes[type_name] = volumes.get(type_name, 0) + number
    types = sorted(volumes, key=lambda type_name: (-volumes[type_name], type_name))
    weekly = charts.is_weekly(span.first, span.last)
    step = "week, since there are more days than fit the chart" if weekly else "day"
    lead = f"{_daily_sentence(counts, span)} A bar is a {step}."
    figure = _figure(
        lambda width: charts.days(counts, span.first, span.last, width),
        f"Stacked bars of engagements a {'week' if weekly else 'day'} by type. {lead}",
    )
    others = [type_name for type_name in types if legend_name(type_name) == OTHER]
    if others:
        lead += f" Other types: {', '.join(others)}."
    table = _daily_table(counts, types, span.partial_day)
    key_figure = KeyFigure("Engagements", f"{sum(counts.values()):,}")
    return SectionContent(lead, [_type_legend(types), figure], table, key_figure)


def _daily_sentence(counts: Mapping[tuple[str, date], int], span: Span) -> str:
    """Return the number of engagements, and how many there were a day on days that are over."""
    total = sum(counts.values())
    so_far = sum(number for (_, day), number in counts.items() if day == span.partial_day)
    sentence = plural(total, "engagement")
    if not span.complete_days:
        return f"{sentence} so far on {span.partial_day}."
    sentence += f", {(total - so_far) / span.complete_days:.1f} a day"
    return (
        f"{sentence}, {so_far:,} so far on {span.partial_day}."
        if span.partial_day
        else f"{sentence}."
    )


def _daily_table(
    counts: Mapping[tuple[str, date], int], types: Sequence[str], partial_day: date | None
) -> Table:
    """Return a row for each day: the counts of the types, and their sum."""
    totals: dict[date, int] = {}
    for (_, day), number in counts.items():
        totals[day] = totals.get(day, 0) + number
    shown, others = types[:MAX_COLUMN_TYPES], types[MAX_COLUMN_TYPES:]
    rows = []
    for day in sorted(totals, reverse=True):
        numbers = [counts.get((type_name, day), 0) for type_name in shown]
        rest = [totals[day] - sum(numbers)] if others else []
        rows.append([_day_name(day, partial_day), totals[day], *numbers, *rest])
    columns = ["day", "all", *shown, *([OTHER] if others else [])]
    return Table("By day and type, newest first", columns, rows)


def _day_name(day: date, partial_day: date | None) -> str:
    return f"{day} so far" if day == partial_day else str(day)


def _rolling(section_input: SectionInput) -> SectionContent:
    window = section_input.report_filter.window_days
    partial_day = section_input.span.partial_day
    average, full = f"avg_{window}d", f"avg_{window}d_full"
    points_by_type: dict[str, list[Point]] = {}
    for row in section_input.rows:
        point = Point(_to_day(row["day"]), float(row[average]), row[full] is not None)
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
    wide = draw(charts.averages(lines, labels, WIDE), summary, "wide")
    figure = Figure([wide, draw(charts.averages(lines, {}, NARROW), summary, "narrow")])
    legend = Legend([(label, charts.line_colour(name)) for name, label in labels.items()])
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
    return {charts.ALL: all_types, **lines}


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
    days_in_window = {_to_day(row["day"]): row["days_in_window"] for row in rows}
    averages = {(row["type"], _to_day(row["day"])): row[f"avg_{window}d"] for row in rows}
    table_rows = [
        [
            _day_name(day, partial_day),
            f"{number} of {window}",
            *(averages[name, day] for name in types),
        ]
        for day, number in sorted(days_in_window.items(), reverse=True)
    ]
    columns = ["day", "days in window", *types]
    return Table("Average a day, newest first", columns, table_rows)


def _owners(section_input: SectionInput) -> SectionContent:
    rows = section_input.rows
    bars = [
        (
            row["owner"],
            {name: row[column] for column, name in TYPE_OF_COLUMN.items() if row[column]},
        )
        for row in _with_distinct_names(rows)[:MAX_CHART_OWNERS]
    ]
    lead = plural(len(rows), "owner") + " with engagements of these types"
    is_cut = len(rows) > MAX_CHART_OWNERS
    lead += f"; the chart has the {MAX_CHART_OWNERS} with most." if is_cut else "."
    figure = _figure(
        lambda width: charts.owners(bars, width), f"Stacked bars of engagements by owner. {lead}"
    )
    columns = [name for name in section_input.result.rows.columns if name != "ownerId"]
    table = _plain_table("By owner", section_input, columns)
    return SectionContent(lead, [_type_legend(TYPE_OF_COLUMN.values()), figure], table)


def _with_distinct_names(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows, with the id added to each owner's name that occurs more than once."""
    names = [row["owner"] for row in rows]
    return [
        {**row, "owner": f"{row['owner']} ({row['ownerId']})"}
        if names.count(row["owner"]) > 1
        else row
        for row in rows
    ]


def _calls(section_input: SectionInput) -> SectionContent:
    *rows, total = section_input.rows
    rate = percent(total["connect_rate"])
    calls = plural(total["num_calls"], "call")
    lead = (
        f"{rate} of {calls} reached someone."
        f" All calls together, answered or not, took {total['total_minutes']:,} minutes."
    )
    counts = [(row["disposition"], row["num_calls"]) for row in rows]
    figure = _figure(
        lambda width: charts.bars(counts, "CALL", width, WITHOUT_OUTCOME),
        f"Bars of calls by outcome. {lead}",
    )
    table = _plain_table("By outcome", section_input)
    return SectionContent(lead, [figure], table, KeyFigure("Calls that reached someone", rate))


def _meetings(section_input: SectionInput) -> SectionContent:
    *rows, total = section_input.rows
    meetings = plural(total["num_meetings"], "meeting")
    held = next((row for row in rows if row["outcome"] == HELD), None)
    lead = f"{meetings}; {held['num_meetings'] if held else 0:,} are known to have been held"
    lead += f", {held['total_hours']:,} hours." if held else "."
    counts = [(row["outcome"], row["num_meetings"]) for row in rows]
    figure = _figure(
        lambda width: charts.bars(counts, "MEETING", width, WITHOUT_OUTCOME),
        f"Bars of meetings by outcome. {lead}",
    )
    return SectionContent(
        lead, [figure], _plain_table("By outcome; hours as planned", section_input)
    )


def _hours(section_input: SectionInput) -> SectionContent:
    counts = {(row["weekday"], row["hour"]): row["num_engagements"] for row in section_input.rows}
    (weekday, hour), most = max(counts.items(), key=lambda item: item[1])
    span, zone = section_input.span, section_input.report_filter.period.zone.key
    number_of_days = sum((span.first + n * DAY).weekday() == weekday for n in range(span.days))
    name = WEEKDAY_NAMES[weekday]
    lead = (
        f"Busiest hour of the week: {name} from {hour}:00 to {hour}:59, {most:,} in all on"
        f" {plural(number_of_days, name)}, {most / number_of_days:.1f} each."
        f" Hours are in the time zone {zone}."
    )
    figure = _figure(
        lambda width: charts.hours(counts, width), f"Engagements by weekday and hour. {lead}"
    )
    rows = [
        [f"{hour}:00", *(counts.get((weekday, hour), 0) for weekday in range(7))]
        for hour in range(24)
    ]
    table = Table("By hour and weekday", ["hour", *charts.WEEKDAYS], rows)
    return SectionContent(lead, [_heat_legend(counts.values()), figure], table)


def _heat_legend(numbers: Collection[int]) -> Legend:
    """Return the colour steps that occur, with the range of their numbers."""
    by_step: dict[int, list[int]] = {}
    for number in numbers:
        step = charts.heat_step(number, min(numbers), max(numbers))
        by_step.setdefault(step, []).append(number)
    return Legend(
        [
            (_format_range(min(in_step), max(in_step)), heat(step))
            for step, in_step in sorted(by_step.items())
        ]
    )


def _format_range(least: int, most: int) -> str:
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


def _first_response(section_input: SectionInput) -> SectionContent:
    rows = section_input.rows
    shares = {row["replied_within"]: row["share_so_far"] for row in rows}
    within_a_day = percent(shares["1 day"])
    lead = _response_sentence(rows, shares)
    counts = [(row["replied_within"], row["num_emails"]) for row in rows]
    figure = _figure(
        lambda width: charts.bars(counts, "INCOMING_EMAIL", width, WITHOUT_REPLY),
        f"Bars of incoming e-mails by the time to the answer. {lead}",
    )
    key_figure = KeyFigure("E-mails answered within a day", within_a_day)
    table = _plain_table("By time to the next e-mail", section_input)
    return SectionContent(lead, [figure], table, key_figure)


def _response_sentence(
    rows: Sequence[Mapping[str, Any]], shares: Mapping[str, Decimal | None]
) -> str:
    """Return how many e-mails were answered within a day, of those that have had a day."""
    numbers = {row["replied_within"]: row["num_emails"] for row in rows}
    recent = numbers[TOO_RECENT]
    old_enough = sum(numbers.values()) - recent
    sentences = []
    if old_enough:
        half = next((name for name, share in shares.items() if share and share >= 0.5), "longer")
        within = f"within {half}" if half != "longer" else "within 7 days"
        sentences = [
            f"{plural(old_enough, 'incoming e-mail')}; {percent(shares['1 day'])} answered within"
            " a day.",
            f"{'Half' if half != 'longer' else 'Fewer than half'} of them were answered {within}.",
        ]
    if recent:
        sentences.append(
            f"{plural(recent, 'e-mail')} of the last day before the load: too recent to judge."
        )
    return " ".join(sentences)


def _quality(section_input: SectionInput) -> SectionContent:
    rows = section_input.rows
    wrong = sum(row["state"] == "wrong" for row in rows)
    lead = f"{wrong} of {len(rows)} checks found a fault." if wrong else "No check found a fault."
    table = Table(
        "By check; the first four cover all days",
        ["check", "state", "found", "of", "share"],
        [
            [row["what"], Check(row["state"]), row["num"], row["out_of"], _quality_share(row)]
            for row in rows
        ],
    )
    summary = f"✕ {plural(wrong, 'check')} wrong" if wrong else "✓ nothing wrong"
    return SectionContent(lead, [], table, KeyFigure("Data quality", summary, bool(wrong)))


def _quality_share(row: Mapping[str, Any]) -> str | None:
    return None if row["share"] is None else percent(row["share"])


SECTION_BUILDERS: Mapping[str, Callable[[SectionInput], SectionContent]] = {
    "daily": _daily,
    "rolling": _rolling,
    "owners": _owners,
    "calls": _calls,
    "meetings": _meetings,
    "hours": _hours,
    "first-response": _first_response,
    "quality": _quality,
}


def _figure(spec: Callable[[int], Spec], label: str) -> Figure:
    """Return a chart in two widths; the style shows the width that fits the window."""
    return Figure([draw(spec(WIDE), label, "wide"), draw(spec(NARROW), label, "narrow")])


def _type_legend(types: Iterable[str]) -> Legend:
    return Legend([(name, variable(name)) for name in in_order(types)])


def _plain_table(
    caption: str, section_input: SectionInput, columns: Sequence[str] | None = None
) -> Table:
    """Return the report's rows unchanged, with column names in words."""
    columns = columns or section_input.result.rows.columns
    rows = [[_to_value(name, row[name]) for name in columns] for row in section_input.rows]
    return Table(caption, [name.removeprefix("num_").replace("_", " ") for name in columns], rows)


def _to_value(name: str, value: Any) -> Value:
    """Return a column's value, a share as a percentage."""
    is_share = name.startswith("share") or name.endswith("rate")
    return percent(value) if is_share else value


def _to_day(value: object) -> date:
    """Return a day; the driver gives a date or a text."""
    return value if isinstance(value, date) else date.fromisoformat(str(value))
