"""How long answers take: each owner's median and 90th percentile, of all hours or some. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, time
from fractions import Fraction
from typing import NamedTuple
from zoneinfo import ZoneInfo

from engagements_report.queries.calendar import EPOCH, MS
from engagements_report.queries.measures import rounded
from engagements_report.queries.people import People
from engagements_report.queries.periods import Hours

COLUMNS = tuple(
    "ownerId owner num_emails answered answered_rate median_hours p90_hours no_reply"
    " no_contact too_recent".split()
)
ALL_OWNERS = "(all owners)"
HOUR_MS = 3_600_000
WEEK_DAYS, WORKING_DAYS = 7, 5  # Monday to Friday


class Pair(NamedTuple):
    """
    An incoming e-mail and the time to its answer in ms, None without one; see response_pairs.sql.

    `owner` is 0 for none. An e-mail that is recent has not had a day to be answered.
    """

    owner: int
    came_ms: int
    response_ms: int | None
    has_contact: bool
    is_recent: bool


class Responses(NamedTuple):
    """Counts of e-mails, and times of the answered ones in ms; recent e-mails count apart."""

    num_emails: int
    answered: int
    no_reply: int
    no_contact: int
    too_recent: int
    median_ms: Fraction | None
    p90_ms: int | None


def to_pairs(rows: Iterable[Sequence[int | None]]) -> list[Pair]:
    """Return the rows of response_pairs.sql as pairs."""
    return [
        Pair(owner or 0, came_ms or 0, response_ms, bool(contacts), bool(is_recent))
        for _, owner, came_ms, response_ms, contacts, is_recent in rows
    ]


def summarize(pairs: Iterable[Pair], hours: Hours | None, zone: ZoneInfo) -> Responses:
    """Return counts, median and 90th percentile of these e-mails; with `hours` in those alone."""
    pairs = list(pairs)
    old_enough = [pair for pair in pairs if not pair.is_recent]
    times_ms = sorted(
        working_ms(pair.came_ms, pair.response_ms, hours, zone)
        for pair in old_enough
        if pair.response_ms is not None
    )
    no_contact = sum(pair.response_ms is None and not pair.has_contact for pair in old_enough)
    return Responses(
        num_emails=len(pairs),
        answered=len(times_ms),
        no_reply=len(old_enough) - len(times_ms) - no_contact,
        no_contact=no_contact,
        too_recent=len(pairs) - len(old_enough),
        median_ms=median(times_ms),
        p90_ms=nearest_rank(times_ms, Fraction(9, 10)),
    )


def by_owner(pairs: Iterable[Pair], hours: Hours | None, zone: ZoneInfo) -> dict[int, Responses]:
    """Return each owner's responses."""
    groups: dict[int, list[Pair]] = defaultdict(list)
    for pair in pairs:
        groups[pair.owner].append(pair)
    return {owner: summarize(group, hours, zone) for owner, group in groups.items()}


def to_rows(
    pairs: Sequence[Pair], people: People, hours: Hours | None, zone: ZoneInfo
) -> list[list[object]]:
    """Return a row for each owner, who got most e-mails first, and a last one for all owners."""
    owners = sorted(by_owner(pairs, hours, zone).items(), key=lambda it: (-it[1].num_emails, it[0]))
    rows = [[owner or None, people.name(owner), *_cells(it)] for owner, it in owners]
    return [*rows, [None, ALL_OWNERS, *_cells(summarize(pairs, hours, zone))]] if rows else []


def _cells(it: Responses) -> list[object]:
    old_enough = it.num_emails - it.too_recent
    rate = Fraction(it.answered, old_enough) if old_enough else None
    return [
        *(it.num_emails, it.answered, rounded(rate, 4)),
        *(_hours(it.median_ms), _hours(it.p90_ms)),
        *(it.no_reply, it.no_contact, it.too_recent),
    ]


def _hours(time_ms: Fraction | int | None) -> object:
    return None if time_ms is None else rounded(Fraction(time_ms) / HOUR_MS, 2)


def median(ordered: Sequence[int]) -> Fraction | None:
    """Return the middle value, or the mean of the two in the middle; None for none."""
    middle = len(ordered) // 2
    if not ordered:
        return None
    return Fraction(ordered[middle] + ordered[-1 - middle], 2)


def nearest_rank(ordered: Sequence[int], share: Fraction) -> int | None:
    """Return the least value that at least `share` of the values do not exceed; None for none."""
    rank = -(-len(ordered) * share // 1)  # rounded up
    return ordered[int(rank) - 1] if ordered else None


def working_ms(start_ms: int, length_ms: int, hours: Hours | None, zone: ZoneInfo) -> int:
    """Return how much of a span of time is in these hours of Mondays to Fridays; all for None."""
    if hours is None:
        return length_ms
    end_ms = start_ms + length_ms
    return max(0, _worked_ms(end_ms, hours, zone) - _worked_ms(start_ms, hours, zone))


def _worked_ms(at_ms: int, hours: Hours, zone: ZoneInfo) -> int:
    """Return the working time from the year 1 to a moment, by the zone's clock."""
    local = (EPOCH + at_ms * MS).astimezone(zone).replace(tzinfo=None)
    days = local.toordinal() - 1  # since a Monday
    weeks, weekday = divmod(days, WEEK_DAYS)
    day_ms = (hours.last - hours.first) * HOUR_MS
    since_start_ms = (local - datetime.combine(local.date(), time(hours.first))) // MS
    today_ms = min(max(since_start_ms, 0), day_ms) if weekday < WORKING_DAYS else 0
    return (weeks * WORKING_DAYS + min(weekday, WORKING_DAYS)) * day_ms + today_ms
