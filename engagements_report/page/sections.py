"""What each report says on the page: its picture, its table, and one sentence."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from engagements_report.page import charts, html
from engagements_report.page.charts import Point, Spec
from engagements_report.page.colours import OTHER, heat, in_order, shown_as
from engagements_report.page.formatting import percent, plural
from engagements_report.page.html import State, Table
from engagements_report.page.svg import draw
from engagements_report.queries.periods import ReportFilter, Span
from engagements_report.queries.reports import Answer

WIDE, NARROW, SMALL = 660, 320, 300  # pixels
MOST_OWNERS = 15  # in the chart; the table has all
REPLIED = ("no reply", "no contact")


@dataclass(frozen=True)
class SectionInput:
    """What a section is made from: the choice, its days, and the report's answer."""

    choice: ReportFilter
    span: Span
    answer: Answer

    @property
    def rows(self) -> list[dict[str, Any]]:
        columns = self.answer.rows.columns
        return [dict(zip(columns, row, strict=True)) for row in self.answer.rows.rows]


@dataclass(frozen=True)
class SectionContent:
    """What a report gives to its section, and to the figures on top."""

    lead: str = ""
    pictures: Sequence[str] = ()
    table: Table | None = None
    figure: tuple[str, str, bool] | None = None


# Of each report: what its section is called, and its question.
TITLES = {
    "daily": ("Engagements a day", "How many engagements of each type were there each day?"),
    "rolling": ("Rolling average", "How many a day, over the days up to each day?"),
    "owners": ("Owners", "What did each owner log, and get done?"),
    "calls": ("Call outcomes", "How did calls end, and how many reached someone?"),
    "meetings": ("Meeting outcomes", "What became of meetings?"),
    "hours": ("Weekdays and hours", "When in the week do engagements happen?"),
    "first-response": ("First response", "How soon were incoming e-mails answered?"),
    "quality": ("Data quality", "What in the data is missing or wrong?"),
}
# What there is none of, where a report has no rows.
NOTHING_FOUND = {
    **dict.fromkeys(("daily", "rolling", "hours", "quality"), "engagements"),
    "owners": "calls, e-mails, meetings, notes or tasks",
    "calls": "calls",
    "meetings": "meetings",
    "first-response": "incoming e-mails",
}


def _daily(asked: SectionInput) -> SectionContent:
    counts = {(row["type"], _day(row["day"])): row["num_engagements"] for row in asked.rows}
    span = asked.span
    total = sum(counts.values())
    kinds = sorted({kind for kind, _ in counts})
    weekly = charts.is_weekly(span.first, span.last)
    step = "week, since there are more days than one can see" if weekly else "day"
    lead = f"{plural(total, 'engagement')}, {total / span.days:.1f} a day. A bar is a {step}."
    days = sorted({day for _, day in counts}, reverse=True)
    rows = [
        [str(day), *(counts.get((kind, day), 0) for kind in kinds), _of_day(counts, day)]
        for day in days
    ]
    table = Table(
        "By day and type, the newest first",
        ["day", *kinds, "all"],
        rows,
    )
    pictures = _both(
        lambda width: charts.days(counts, span.first, span.last, width),
        f"Stacked bars of engagements a {'week' if weekly else 'day'} by type. {lead}",
    )
    others = [kind for kind in kinds if shown_as(kind) == OTHER]
    named = _legend(kinds)
    if others:
        lead += f" Other types: {', '.join(others)}."
    return SectionContent(lead, [named, pictures], table, ("Engagements", f"{total:,}", False))


def _of_day(counts: Mapping[tuple[str, date], int], day: date) -> int:
    return sum(number for (_, at), number in counts.items() if at == day)


def _rolling(asked: SectionInput) -> SectionContent:
    window = asked.choice.window_days
    average, full = f"avg_{window}d", f"avg_{window}d_full"
    by_kind: dict[str, list[Point]] = {}
    covered: dict[date, int] = {}
    for row in asked.rows:
        day = _day(row["day"])
        covered[day] = row["days_in_window"]
        point = Point(day, float(row[average]), row[full] is not None)
        by_kind.setdefault(row["type"], []).append(point)
    pictures = [_average(kind, points, window) for kind, points in by_kind.items()]
    averages = {(row["type"], _day(row["day"])): row[average] for row in asked.rows}
    rows = [
        [
            str(day),
            f"{covered[day]} of {window}",
            *(averages[kind, day] for kind in by_kind),
        ]
        for day in sorted(covered, reverse=True)
    ]
    table = Table("Average a day, the newest first", ["day", "days in window", *by_kind], rows)
    lead = (
        f"Each type's average over the {window} days up to each day, each picture with a scale of"
        f" its own. Dashed: fewer than {window} days are covered."
    )
    return SectionContent(lead, [html.multiples(pictures)], table)


def _average(kind: str, points: Sequence[Point], window: int) -> tuple[str, str]:
    """Return the heading and the picture of a type's average."""
    last = points[-1]
    label = f"{kind}: average over {window} days, as a line; {last.average:.4f} on {last.day}"
    picture = draw(charts.rolling(kind, points, SMALL), label)
    return f"{kind}: {last.average:.2f} a day", picture


def _owners(asked: SectionInput) -> SectionContent:
    columns = {
        "calls": "CALL",
        "emails_sent": "EMAIL",
        "meetings": "MEETING",
        "notes": "NOTE",
        "tasks": "TASK",
    }
    rows = asked.rows
    shown = [
        (row["owner"], {kind: row[column] for column, kind in columns.items() if row[column]})
        for row in _distinct(rows)[:MOST_OWNERS]
    ]
    names = [column for column in asked.answer.rows.columns if column not in ("ownerId",)]
    table = _plain_table("By owner", asked, names)
    lead = plural(len(rows), "owner") + " with engagements of these types"
    lead += f"; the {MOST_OWNERS} with most are drawn." if len(rows) > MOST_OWNERS else "."
    pictures = _both(
        lambda width: charts.owners(shown, width), f"Stacked bars of engagements by owner. {lead}"
    )
    return SectionContent(lead, [_legend(columns.values()), pictures], table)


def _distinct(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows whose owners' names differ, by their ids where two have one name."""
    names = [row["owner"] for row in rows]
    return [
        {**row, "owner": f"{row['owner']} ({row['ownerId']})"}
        if names.count(row["owner"]) > 1
        else row
        for row in rows
    ]


def _calls(asked: SectionInput) -> SectionContent:
    *rows, every = asked.rows
    rate = percent(every["connect_rate"])
    calls = plural(every["num_calls"], "call")
    lead = f"{rate} of {calls} reached someone, in {every['total_minutes']:,} minutes."
    counts = [(row["disposition"], row["num_calls"]) for row in rows]
    pictures = _both(
        lambda width: charts.bars(counts, "CALL", width, ["(none)"]),
        f"Bars of calls by outcome. {lead}",
    )
    table = _plain_table("By outcome", asked)
    return SectionContent(lead, [pictures], table, ("Calls that reached someone", rate, False))


def _meetings(asked: SectionInput) -> SectionContent:
    *rows, every = asked.rows
    meetings = plural(every["num_meetings"], "meeting")
    lead = f"{meetings}, {every['total_hours']:,} hours."
    counts = [(row["outcome"], row["num_meetings"]) for row in rows]
    pictures = _both(
        lambda width: charts.bars(counts, "MEETING", width, ["(none)"]),
        f"Bars of meetings by outcome. {lead}",
    )
    return SectionContent(lead, [pictures], _plain_table("By outcome", asked))


def _hours(asked: SectionInput) -> SectionContent:
    counts = {(row["weekday"], row["hour"]): row["num_engagements"] for row in asked.rows}
    (weekday, hour), most = max(counts.items(), key=lambda item: item[1])
    when = f"{charts.WEEKDAYS[weekday]} from {hour}:00 to {hour}:59"
    lead = f"Most in one hour: {most:,}, {when}. Hours are those of {asked.choice.period.zone.key}."
    pictures = _both(
        lambda width: charts.hours(counts, width), f"Engagements by weekday and hour. {lead}"
    )
    rows = [
        [f"{hour}:00", *(counts.get((weekday, hour), 0) for weekday in range(7))]
        for hour in range(24)
    ]
    table = Table("By hour and weekday", ["hour", *charts.WEEKDAYS], rows)
    return SectionContent(lead, [_heat_legend(counts.values()), pictures], table)


def _heat_legend(numbers: Collection[int]) -> str:
    """Return the legend of the steps that occur, with the numbers of each."""
    by_step: dict[int, list[int]] = {}
    for number in numbers:
        step = charts.heat_step(number, min(numbers), max(numbers))
        by_step.setdefault(step, []).append(number)
    named = {
        heat(step): f"{min(there):,}" if len({*there}) == 1 else f"{min(there):,} to {max(there):,}"
        for step, there in sorted(by_step.items())
    }
    return html.legend(list(named.values()), list(named))


def _first_response(asked: SectionInput) -> SectionContent:
    rows = asked.rows
    total = sum(row["num_emails"] for row in rows)
    within = {row["replied_within"]: row["share_so_far"] for row in rows}
    half = next((name for name, share in within.items() if share and share >= 0.5), None)
    lead = f"{plural(total, 'incoming e-mail')}; {percent(within['1 day'])} answered"
    lead += " within a day. "
    lead += (
        f"Half of them were answered within {half}."
        if half and half != "longer"
        else "Fewer than half of them were answered within 7 days."
    )
    counts = [(row["replied_within"], row["num_emails"]) for row in rows]
    pictures = _both(
        lambda width: charts.bars(counts, "INCOMING_EMAIL", width, REPLIED),
        f"Bars of incoming e-mails by how soon they were answered. {lead}",
    )
    figure = ("E-mails answered within a day", percent(within["1 day"]), False)
    return SectionContent(
        lead, [pictures], _plain_table("By time to the next e-mail", asked), figure
    )


def _quality(asked: SectionInput) -> SectionContent:
    rows = asked.rows
    wrong = sum(row["state"] == "wrong" for row in rows)
    lead = (
        f"{wrong} of {len(rows)} checks found something wrong."
        if wrong
        else "Nothing that was checked is wrong."
    )
    table = Table(
        "By check; the first two are of all days",
        ["check", "state", "found", "of", "share"],
        [
            [row["what"], State(row["state"]), row["num"], row["out_of"], _share_of(row)]
            for row in rows
        ],
    )
    said = f"✕ {plural(wrong, 'check')} wrong" if wrong else "✓ nothing wrong"
    return SectionContent(lead, [], table, ("Data quality", said, bool(wrong)))


def _share_of(row: Mapping[str, Any]) -> str | None:
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


def _both(spec: Callable[[int], Spec], label: str) -> str:
    """Return a chart drawn twice, for wide and for narrow windows; the style shows one of them."""
    return html.figure(draw(spec(WIDE), label, "wide"), draw(spec(NARROW), label, "narrow"))


def _legend(kinds: Iterable[str]) -> str:
    return html.legend(in_order(kinds))


def _plain_table(caption: str, asked: SectionInput, names: Sequence[str] | None = None) -> Table:
    """Return the report's rows as they are, its columns' names in words."""
    columns = names or asked.answer.rows.columns
    rows = [[_shown(name, row[name]) for name in columns] for row in asked.rows]
    return Table(caption, [name.removeprefix("num_").replace("_", " ") for name in columns], rows)


def _shown(name: str, value: Any) -> object:
    """Return a value of a column, shares of one as shares of a hundred."""
    is_share = name.startswith("share") or name.endswith("rate")
    return percent(value) if is_share else value


def _day(value: object) -> date:
    """Return a day as the driver gives it, a date, or as a text."""
    return value if isinstance(value, date) else date.fromisoformat(str(value))
