"""The sentences and figures of the page, computed from a portal's records in plain Python."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from tests.report import plain
from tests.report.june_2018 import EPOCH
from tests.report.plain import Options, Portal, Record

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
DAY = timedelta(days=1)


def of_reports(portal: Portal, options: Options) -> dict[str, list[str]]:
    """Return the sentences that each report's section must have."""
    records = options.matching(portal)
    return {
        "daily": [daily(records, options)],
        "people": [f"{len(active_owners(records))} people with engagements."],
        "calls": calls(portal, plain.of_types(records, ("CALL",))),
        "meetings": [meetings(plain.of_types(records, ("MEETING",)))],
        "hours": [hours(records, options)],
        "first-response": [first_response(portal, options)],
        "quality": [quality(portal, options)],
    }


def figures(portal: Portal, options: Options) -> list[str]:
    """Return each figure at the top: the number, the weeks, the change, and what was before."""
    days = (options.last - options.first).days + 1
    ends = [options.last - timedelta(days=7 * back) for back in range(12, -1, -1)]
    weeks = [sums(portal, replace(options, first=end - 6 * DAY, last=end)) for end in ends]
    covered = min(
        day for day, *_ in plain.measures(portal, replace(options, first=date(2000, 1, 1)))
    )
    weeks = [week for week, end in zip(weeks, ends, strict=True) if end - 6 * DAY >= covered]
    now = sums(portal, options)
    texts = []
    for name in FIGURES:
        numbers = ", ".join(f"{week[name]:,}" for week in weeks)
        texts.append(f"{name} {now[name]:,} {len(weeks)} weeks: {numbers}")
        back = replace(options, first=options.first - days * DAY, last=options.last - days * DAY)
        before = sums(portal, back)[name]
        if back.first >= covered and before:
            texts[-1] += f" {arrow(now[name], before)} {before:,} the {days} days before"
    return texts


FIGURES = (
    "Engagements",
    "Calls",
    "Calls connected",
    "E-mails sent",
    "Meetings held",
    "Tasks done",
)


def sums(portal: Portal, options: Options) -> Counter[str]:
    """Return the six figures of the days of the options."""
    counts: Counter[str] = Counter()
    for _, kind, _, number, connected, _, held, done in plain.measures(portal, options):
        counts["Engagements"] += number
        counts["Calls"] += number * (kind == "CALL")
        counts["E-mails sent"] += number * (kind == "EMAIL")
        counts["Calls connected"] += connected
        counts["Meetings held"] += held
        counts["Tasks done"] += done
    return counts


def arrow(now: int, before: int) -> str:
    """Return the change from `before` in whole percent."""
    percentage = round(100 * now / before - 100)
    sign = "▲" if now > before else "▼"
    return f"{sign} {'+' if now > before else '−'}{abs(percentage)} %" if percentage else "● ±0 %"


def percent(part: int, whole: int) -> str:
    return f"{float(plain.rounded(Decimal(part) / whole, 4)) * 100:.1f} %"


def daily(records: list[Record], options: Options) -> str:
    number = sum(record["engagement"].get("type") is not None for record in records)
    days = (options.last - options.first).days + 1
    return f"{number:,} engagements, {number / days:.1f} a day."


def active_owners(records: list[Record]) -> set[int]:
    """Return the ids of owners with engagements of any type."""
    typed = [one["engagement"] for one in records if one["engagement"].get("type") is not None]
    return {inner["ownerId"] for inner in typed if inner.get("ownerId")}


def people(portal: Portal, options: Options) -> dict[str, list[str]]:
    """Return calls, connected, e-mails, meetings held and tasks done of each person by name."""
    rows = {}
    for owner in {row[2] for row in plain.measures(portal, options)}:
        counts = sums(portal, replace(options, owners=(owner,)))
        name = portal.owners.get(owner, f"owner {owner}") if owner else "(no owner)"
        rate = Decimal(100 * counts["Calls connected"]) / (counts["Calls"] or 1)
        rows[name] = [
            f"{counts['Calls']}",
            f"{plain.rounded(rate, 0)} %" if counts["Calls"] else "–",
            *(f"{counts[name]}" for name in ("E-mails sent", "Meetings held", "Tasks done")),
        ]
    return rows


def calls(portal: Portal, records: list[Record]) -> list[str]:
    outcomes = [record["metadata"].get("disposition") or "" for record in records]
    connected = sum(portal.dispositions.get(outcome) == "Connected" for outcome in outcomes)
    all_ms = sum(record["metadata"].get("durationMilliseconds") or 0 for record in records)
    minutes = plain.rounded(Decimal(all_ms) / 60_000, 1)
    return [
        f"{percent(connected, len(records))} of {len(records):,} calls reached someone.",
        f"All calls together, answered or not, took {minutes:,} minutes.",
    ]


def meetings(records: list[Record]) -> str:
    """Return the sentence on meetings: the hours are of those that were held, and no others."""
    held = [one for one in records if one["metadata"].get("meetingOutcome") == "COMPLETED"]
    held_ms = sum(
        one["metadata"]["endTime"] - one["metadata"]["startTime"]
        for one in held
        if one["metadata"].get("startTime") is not None
        and one["metadata"].get("endTime") is not None
    )
    hours = plain.rounded(Decimal(held_ms) / 3_600_000, 1)
    return f"{len(records):,} meetings; {len(held):,} are known to have been held, {hours:,} hours."


def hours(records: list[Record], options: Options) -> str:
    """Return the sentence on the hour with most, of all its days, and the number of these days."""
    counts: Counter[tuple[int, int]] = Counter()
    for record in records:
        if record["engagement"].get("type") is not None:
            at = EPOCH + timedelta(milliseconds=record["engagement"][options.time])
            local = at.astimezone(options.zone)
            counts[local.weekday(), local.hour] += 1
    (weekday, hour), most = max(sorted(counts.items()), key=lambda item: item[1])
    days = (options.first + timedelta(n) for n in range((options.last - options.first).days + 1))
    number = sum(day.weekday() == weekday for day in days)
    return (
        f"{WEEKDAYS[weekday]} from {hour}:00 to {hour}:59, {most:,} in all on"
        f" {number} {WEEKDAYS[weekday]}s, {most / number:.1f} each."
    )


def answered_in_a_day(portal: Portal, options: Options) -> tuple[int, int]:
    """Return how many incoming e-mails were answered within a day, of how many."""
    rows = plain.first_response(portal, options)
    within = [row[1] for row in rows[: list(plain.SPANS).index("1 day") + 1]]
    return sum(within), sum(row[1] for row in rows)


def first_response(portal: Portal, options: Options) -> str:
    answered, number = answered_in_a_day(portal, options)
    share = percent(answered, number)
    return f"{number:,} incoming e-mails; {share} answered within a day."


def quality(portal: Portal, options: Options) -> str:
    rows = plain.quality(portal, options)
    wrong = sum(row[-1] == "wrong" for row in rows)
    return f"{wrong} of {len(rows)} checks found a fault."
