"""The sentences and figures of the page, computed from a portal's records in plain Python."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from decimal import Decimal

from tests.report import plain
from tests.report.june_2018 import EPOCH
from tests.report.plain import Options, Portal, Record

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
DAY_MS = 86_400_000


def of_reports(portal: Portal, options: Options) -> dict[str, list[str]]:
    """Return the sentences that each report's section must have."""
    records = options.matching(portal)
    return {
        "daily": [daily(records, options)],
        "owners": [owners(records)],
        "calls": calls(portal, plain.of_types(records, ("CALL",))),
        "meetings": [meetings(plain.of_types(records, ("MEETING",)))],
        "hours": [hours(records, options)],
        "first-response": [first_response(portal, options)],
        "quality": [quality(portal, options)],
    }


def figures(portal: Portal, options: Options) -> list[str]:
    """Return the names and values of the figures at the top."""
    records = options.matching(portal)
    number = sum(record["engagement"].get("type") is not None for record in records)
    wrong = sum(row[-1] == "wrong" for row in plain.quality(portal, options))
    connected = calls(portal, plain.of_types(records, ("CALL",)))[0].split(" of ")[0]
    return [
        f"Engagements {number:,}",
        f"Calls that reached someone {connected}",
        f"E-mails answered within a day {percent(*answered_in_a_day(portal, options))}",
        f"Data quality ✕ {wrong} check{'s' * (wrong != 1)} wrong",
    ]


def percent(part: int, whole: int) -> str:
    return f"{float(plain.rounded(Decimal(part) / whole, 4)) * 100:.1f} %"


def daily(records: list[Record], options: Options) -> str:
    number = sum(record["engagement"].get("type") is not None for record in records)
    days = (options.last - options.first).days + 1
    return f"{number:,} engagements, {number / days:.1f} a day."


def owners(records: list[Record]) -> str:
    own = plain.of_types(records, plain.OWN_WORK)
    ids = {record["engagement"].get("ownerId") or None for record in own}
    return f"{len(ids)} owners with engagements of these types."


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
