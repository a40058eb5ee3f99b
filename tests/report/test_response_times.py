"""Median, percentile and working hours of answers."""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from engagements_report.queries.periods import Hours
from engagements_report.queries.response_times import (
    Pair,
    median,
    nearest_rank,
    summarize,
    working_ms,
)

BERLIN = ZoneInfo("Europe/Berlin")
HOUR_MS = 3_600_000
NINE_TO_FIVE = Hours(9, 17)


def at(text: str) -> int:
    """Return a time of Berlin's clock in Unix ms."""
    return int(datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp() * 1000)


@pytest.mark.parametrize(
    ("came", "answered", "hours"),
    [
        ("2026-03-06T16:00", "2026-03-09T10:00", 2),  # over a weekend
        ("2026-03-06T18:00", "2026-03-09T08:00", 0),
        ("2026-03-07T12:00", "2026-03-08T12:00", 0),
        ("2026-03-09T10:30", "2026-03-09T11:00", 0.5),
        ("2026-03-27T16:00", "2026-03-30T10:00", 2),  # clocks go forward on the Sunday
        ("2026-03-02T00:00", "2026-03-30T00:00", 160),
    ],
)
def test_only_working_hours_count(came: str, answered: str, hours: float) -> None:
    """
    Nights and weekends do not count, by the zone's clock.
    """
    length_ms = at(answered) - at(came)
    assert working_ms(at(came), length_ms, NINE_TO_FIVE, BERLIN) == hours * HOUR_MS
    assert working_ms(at(came), length_ms, None, BERLIN) == length_ms


def test_working_hours_equal_the_minutes_counted_one_by_one() -> None:
    """
    For random spans the time equals the number of its minutes in these hours.
    """
    rng = random.Random(7)
    start = datetime(2026, 1, 1, tzinfo=timezone.utc)
    for _ in range(40):
        came = start + timedelta(minutes=rng.randrange(60 * 24 * 200))
        minutes = rng.randrange(60 * 24 * 9)
        first = rng.randrange(4, 12)  # clocks change at night, on a Sunday
        hours = Hours(first, rng.randrange(first + 1, 24))
        moments = ((came + timedelta(minutes=n)).astimezone(BERLIN) for n in range(minutes))
        counted = sum(
            moment.weekday() < 5 and hours.first <= moment.hour < hours.last for moment in moments
        )
        came_ms = int(came.timestamp() * 1000)
        assert working_ms(came_ms, minutes * 60_000, hours, BERLIN) == counted * 60_000


def test_median_and_percentile() -> None:
    """
    The median of an even number is the mean of the two in the middle; nine in ten do not exceed
    the 90th percentile, which is one of the values.
    """
    assert (median([]), median([5]), median([1, 4])) == (None, 5, Fraction(5, 2))
    ninth = [nearest_rank(list(range(1, n + 1)), Fraction(9, 10)) for n in (0, 1, 9, 10, 11, 20)]
    assert ninth == [None, 1, 9, 9, 10, 18]


def test_what_is_recent_or_without_contact_counts_apart() -> None:
    """
    Recent e-mails are in no share, answered or not; without a contact no reply can be found.
    """
    pairs = [
        Pair(70, 0, 600_000, has_contact=True, is_recent=False),
        Pair(70, 0, None, has_contact=True, is_recent=False),
        Pair(70, 0, None, has_contact=False, is_recent=False),
        Pair(70, 0, 1, has_contact=True, is_recent=True),
    ]
    it = summarize(pairs, None, BERLIN)
    assert (it.num_emails, it.answered, it.no_reply, it.no_contact, it.too_recent) == (
        4,
        1,
        1,
        1,
        1,
    )
    assert (it.median_ms, it.p90_ms) == (600_000, 600_000)
