"""
A portal of a sales team at work: office hours, weekends, replies, teams, a trend and a dip.

For reports that people look at. `generate` gives the oddities that a tap must bear; this module
gives none of them. The same seed, size and time give the same records.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, timezone
from itertools import accumulate
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from hubspot_simulator import contents
from hubspot_simulator.generate import ASSOCIATION_KEYS, FIRST_ID, Record
from hubspot_simulator.team import PEOPLE, TEAM_IDS, WHO_CALLS_LESS, Person, user_id

HISTORY_DAYS = 540
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000

GROWTH = 0.6  # the last day has so much more than the first
DIP_DAYS = (200, 225)  # days before today of a dip: a quarter lost to a reorganisation
DIP_SHARE = 0.45
# What `falls` plants in the last whole week, Monday to Sunday in UTC.
CALLS_LOST = 1 / 3
CALLS_LOST_BY_ONE = 0.6
HOLIDAYS = (((12, 22), (12, 31)), ((1, 1), (1, 3)))
HOLIDAY_SHARE = 0.15
WEEKDAY_SHARES = (1.0, 1.08, 1.1, 1.02, 0.8, 0.05, 0.03)  # Monday to Sunday
# Shares of the hours 7 to 19 of the owner's day: a lunch hour, and some late ones.
HOUR_SHARES = (1, 4, 9, 11, 10, 4, 6, 10, 10, 8, 5, 2, 1)
FIRST_HOUR = 7
REPLY_SHARE = 0.42
ANSWER_SHARE = 0.85
MEDIAN_REPLY_MS = 5 * HOUR_MS
MEDIAN_ANSWER_MS = 2 * HOUR_MS
ENGAGEMENTS_PER_CONTACT = 9
CONTACTS_PER_COMPANY = 3
FIRST_CONTACT_ID = 18_000_001
FIRST_COMPANY_ID = 7_400_000_001
FIRST_DEAL_ID = 9_100_000_001


# What a person of a team starts with, by type.
TYPE_SHARES = {
    "Sales EMEA": {"EMAIL": 30, "CALL": 26, "NOTE": 18, "TASK": 18, "MEETING": 8},
    "Sales Americas": {"EMAIL": 24, "CALL": 36, "NOTE": 14, "TASK": 18, "MEETING": 8},
    "Customer Success": {
        "INCOMING_EMAIL": 34,
        "EMAIL": 14,
        "NOTE": 24,
        "TASK": 14,
        "CALL": 8,
        "WHATS_APP": 6,
    },
}
CALL_OUTCOMES = {
    "Connected": 34,
    "Left voicemail": 24,
    "No answer": 30,
    "Busy": 8,
    "Wrong number": 4,
}
MEETING_OUTCOMES = {"COMPLETED": 72, "NO_SHOW": 10, "CANCELED": 8, "RESCHEDULED": 4, "SCHEDULED": 6}
_DISPOSITION_IDS = {label: key for key, label in contents.DISPOSITIONS.items()}


class Event(NamedTuple):
    """An engagement before its id is known; `metadata` overrides the made-up details."""

    at_ms: int
    kind: str
    person: Person
    contact: int
    metadata: dict[str, Any]
    timestamp_ms: int | None = None


def engagements(
    count: int, seed: int, now_ms: int, portal_id: int, *, falls: bool = False
) -> Iterator[Record]:
    """
    Yield `count` records, ids and `createdAt` rising, over the 18 months up to `now_ms`.

    With `falls`, the last whole week has a third of calls fewer than usual, and WHO_CALLS_LESS
    makes 60 % fewer: what a report on changes must find.
    """
    rng = random.Random(seed)
    events = sorted(_events(rng, count, now_ms, falls=falls), key=lambda event: event.at_ms)
    record_id = FIRST_ID
    for event in events:
        record_id += rng.randrange(1, 40_000)
        yield _record(rng, event, record_id, portal_id, now_ms)


def _events(rng: random.Random, count: int, now_ms: int, *, falls: bool) -> list[Event]:
    """Return `count` events in no order: conversations until there are enough."""
    days = _days(now_ms)
    week = last_whole_week(days[-1]) if falls else range(0)
    weights = [*accumulate(_weight(rng, day, days[-1]) for day in days)]
    activity = [*accumulate(person.activity for person in PEOPLE)]
    contacts = max(1, count // ENGAGEMENTS_PER_CONTACT)
    events: list[Event] = []
    while len(events) < count:
        (day,) = rng.choices(days, cum_weights=weights)
        (person,) = rng.choices(PEOPLE, cum_weights=activity)
        at_ms = _office_moment(rng, day, person)
        # A few customers take most of the work; each stays with one person.
        contact = int(contacts * rng.random() ** 2) // len(PEOPLE) * len(PEOPLE)
        conversation = [*_conversation(rng, at_ms, person, contact + PEOPLE.index(person))]
        if at_ms in week and conversation[0].kind == "CALL" and _is_lost(rng, person):
            continue
        events += [event for event in conversation if event.at_ms <= now_ms]
    return events[:count]


def last_whole_week(today: date) -> range:
    """Return the Unix ms of the last week before that of `today`, from Monday, in UTC."""
    monday = today - timedelta(days=today.weekday() + 7)
    start = datetime.combine(monday, time(), tzinfo=timezone.utc)
    start_ms = int(start.timestamp() * 1000)
    return range(start_ms, start_ms + 7 * DAY_MS)


def _is_lost(rng: random.Random, person: Person) -> bool:
    """Whether a call of the week of `falls` is not made."""
    return rng.random() < (CALLS_LOST_BY_ONE if person == WHO_CALLS_LESS else CALLS_LOST)


def _days(now_ms: int) -> list[date]:
    today = datetime.fromtimestamp(now_ms / 1000, tz=timezone.utc).date()
    return [today - timedelta(days=ago) for ago in range(HISTORY_DAYS, -1, -1)]


def _weight(rng: random.Random, day: date, today: date) -> float:
    """Return a day's share of the work: weekday, growth, dip, holidays, and some chance."""
    ago = (today - day).days
    weight = WEEKDAY_SHARES[day.weekday()] * (1 + GROWTH * (1 - ago / HISTORY_DAYS))
    if DIP_DAYS[0] <= ago <= DIP_DAYS[1]:
        weight *= DIP_SHARE
    if any(first <= (day.month, day.day) <= last for first, last in HOLIDAYS):
        weight *= HOLIDAY_SHARE
    return weight * rng.uniform(0.85, 1.15)


def _office_moment(rng: random.Random, day: date, person: Person) -> int:
    """Return a moment of the person's office hours on a day of the person's zone, in Unix ms."""
    (hour,) = rng.choices(range(FIRST_HOUR, FIRST_HOUR + len(HOUR_SHARES)), HOUR_SHARES)
    clock = time(hour, rng.randrange(60), rng.randrange(60), rng.randrange(1_000_000))
    moment = datetime.combine(day, clock, tzinfo=ZoneInfo(person.zone))
    return int(moment.timestamp() * 1000)


def _conversation(rng: random.Random, at_ms: int, person: Person, contact: int) -> Iterator[Event]:
    """Yield what a person starts at a moment, and what follows from that."""
    shares = TYPE_SHARES[person.team]
    (kind,) = rng.choices([*shares], [*shares.values()])
    if kind.endswith("EMAIL"):
        yield from _thread(rng, at_ms, person, contact, kind)
    elif kind == "TASK":
        yield _task(rng, at_ms, person, contact)
    elif kind == "CALL":
        yield from _call(rng, at_ms, person, contact)
    elif kind == "MEETING":
        yield _meeting(at_ms, person, contact)
    else:
        yield Event(at_ms, kind, person, contact, {})


def _thread(
    rng: random.Random, at_ms: int, person: Person, contact: int, kind: str
) -> Iterator[Event]:
    """Yield the e-mails of a thread: customers reply to some, and get an answer to most."""
    thread = {"threadId": f"{rng.getrandbits(60):x}", "subject": contents.text(rng, 1)}
    while True:
        yield Event(at_ms, kind, person, contact, dict(thread))
        is_ours = kind == "EMAIL"
        if rng.random() > (REPLY_SHARE if is_ours else ANSWER_SHARE):
            return
        at_ms += _delay(rng, MEDIAN_REPLY_MS if is_ours else MEDIAN_ANSWER_MS)
        if is_ours:
            kind = "INCOMING_EMAIL"
        else:
            kind, at_ms = "EMAIL", _next_office_moment(rng, at_ms, person)
        if not thread["subject"].startswith("Re: "):
            thread["subject"] = f"Re: {thread['subject']}"


def _call(rng: random.Random, at_ms: int, person: Person, contact: int) -> Iterator[Event]:
    """Yield a call, and for some that reached somebody a note or a meeting."""
    (outcome,) = rng.choices([*CALL_OUTCOMES], [*CALL_OUTCOMES.values()])
    is_connected = outcome == "Connected"
    duration_ms = int(rng.lognormvariate(5.2, 0.7) * 1000) if is_connected else 0
    metadata = {
        "disposition": _DISPOSITION_IDS[outcome],
        "durationMilliseconds": duration_ms,
        "status": "COMPLETED" if is_connected else "NO_ANSWER",
    }
    yield Event(at_ms, "CALL", person, contact, metadata)
    if is_connected and rng.random() < 0.3:
        after_ms = at_ms + duration_ms + rng.randrange(10 * MINUTE_MS)
        follow_up = rng.choice(("NOTE", "NOTE", "MEETING"))
        is_meeting = follow_up == "MEETING"
        yield (
            _meeting(after_ms, person, contact)
            if is_meeting
            else Event(after_ms, follow_up, person, contact, {})
        )


def _meeting(at_ms: int, person: Person, contact: int) -> Event:
    """Return a meeting that is agreed on, for office hours of the next two weeks."""
    rng = random.Random(at_ms)
    start_ms = _next_office_moment(rng, at_ms + rng.randrange(1, 14) * DAY_MS, person)
    (outcome,) = rng.choices([*MEETING_OUTCOMES], [*MEETING_OUTCOMES.values()])
    times = {"startTime": start_ms, "endTime": start_ms + rng.choice((30, 30, 60)) * MINUTE_MS}
    return Event(at_ms, "MEETING", person, contact, {**times, "meetingOutcome": outcome}, start_ms)


def _task(rng: random.Random, at_ms: int, person: Person, contact: int) -> Event:
    """Return a task: three in four are done, most of them in time; others are overdue or due."""
    due_ms = at_ms + rng.randrange(1, 15) * DAY_MS
    metadata: dict[str, Any] = {"status": "NOT_STARTED", "completionDate": None}
    if rng.random() < 0.75:
        done_ms = due_ms + int(rng.gauss(-1.0, 1.2) * DAY_MS)
        metadata = {"status": "COMPLETED", "completionDate": max(done_ms, at_ms + MINUTE_MS)}
    return Event(at_ms, "TASK", person, contact, metadata, due_ms)


def _delay(rng: random.Random, median_ms: int) -> int:
    """Return how long somebody takes to reply: mostly hours, now and then days."""
    return int(median_ms * rng.lognormvariate(0, 1.1)) + MINUTE_MS


def _next_office_moment(rng: random.Random, at_ms: int, person: Person) -> int:
    """Return `at_ms` within office hours of a working day; else a moment of the next morning."""
    local = datetime.fromtimestamp(at_ms / 1000, tz=ZoneInfo(person.zone))
    is_working = local.weekday() < 5 and FIRST_HOUR <= local.hour < FIRST_HOUR + len(HOUR_SHARES)
    if is_working:
        return at_ms
    day = local.date() + timedelta(days=local.hour >= FIRST_HOUR)
    while day.weekday() >= 5:
        day += timedelta(days=1)
    clock = time(rng.choice((8, 9, 9, 10)), rng.randrange(60), rng.randrange(60))
    return int(datetime.combine(day, clock, tzinfo=ZoneInfo(person.zone)).timestamp() * 1000)


def _record(
    rng: random.Random, event: Event, record_id: int, portal_id: int, now_ms: int
) -> Record:
    """Return an event as an engagement with its details."""
    metadata = contents.metadata(rng, event.kind, event.at_ms) | _people(event) | event.metadata
    metadata = {key: value for key, value in metadata.items() if value is not None}
    done_ms = metadata.get("completionDate", event.at_ms)
    updated_ms = min(max(event.at_ms + rng.choice((0, 0, 0, HOUR_MS)), done_ms), now_ms)
    if metadata.get("startTime", 0) > now_ms:
        metadata["meetingOutcome"] = "SCHEDULED"
    if done_ms > now_ms:  # not done yet
        metadata["status"] = "NOT_STARTED"
        del metadata["completionDate"]
    ids = {"id": record_id, "portalId": portal_id}
    preview = {"bodyPreview": metadata["body"][:100]} if metadata.get("body") else {}
    return {
        "engagement": ids | _inner(event, updated_ms) | preview,
        "associations": _associations(event),
        "attachments": [],
        "metadata": metadata,
    }


def _inner(event: Event, updated_ms: int) -> dict[str, Any]:
    """Return what HubSpot tells of every type of engagement."""
    user, team_id = user_id(event.person), TEAM_IDS[event.person.team]
    return {
        "active": True,
        "createdAt": event.at_ms,
        "lastUpdated": updated_ms,
        "createdBy": user,
        "modifiedBy": user,
        "ownerId": event.person.owner_id,
        "teamId": team_id,
        "type": event.kind,
        "timestamp": event.timestamp_ms or event.at_ms,
        "source": "CRM_UI",
        "sourceId": f"userId:{user}",
        "allAccessibleTeamIds": [team_id],
        "queueMembershipIds": [],
        "bodyPreviewIsTruncated": False,
        "gdprDeleted": False,
    }


def _people(event: Event) -> dict[str, Any]:
    """Return sender and recipients of an e-mail: the person and the contact."""
    if not event.kind.endswith("EMAIL"):
        return {}
    person = event.person
    ours = {
        "email": f"{person.first_name.lower()}@seller.example",
        "firstName": person.first_name,
        "lastName": person.last_name,
    }
    theirs = {"email": f"c{FIRST_CONTACT_ID + event.contact}@customer.example"}
    sender, recipient = (ours, theirs) if event.kind == "EMAIL" else (theirs, ours)
    return {"from": sender, "to": [recipient], "cc": [], "sender": {"email": sender["email"]}}


def _associations(event: Event) -> dict[str, list[int]]:
    """Return contact and company, and for every fourth customer a deal."""
    company = event.contact // CONTACTS_PER_COMPANY
    associations: dict[str, list[int]] = {key: [] for key in ASSOCIATION_KEYS}
    associations["contactIds"] = [FIRST_CONTACT_ID + event.contact]
    associations["companyIds"] = [FIRST_COMPANY_ID + company]
    if company % 4 == 0:
        associations["dealIds"] = [FIRST_DEAL_ID + company]
    return associations
