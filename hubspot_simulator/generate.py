"""
Generates engagements from a seed: shares of types, ids, times and oddities as in real portals.

The same seed, size and time give the same records. `contents` generates their texts.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any, Literal, NamedTuple

from hubspot_simulator import contents

Record = dict[str, Any]
Distribution = Literal["uneven", "even", "dense"]
CreationOrder = Literal["rising", "jumbled"]

DAY_MS = 86_400_000
HISTORY_MS = 3 * 365 * DAY_MS
EARLY_EDIT_MS = 14 * DAY_MS
FIRST_ID = 4_318_933
PAST_INT_32 = 2**31
LARGEST_ID = 999_999_999_999
UNEVEN_TOP_ID = 400_000_000_000  # about the highest of uneven ids: twelve digits
CLUMP = 200  # ids with small gaps before the next large gap
TICKS_AT_EPOCH = 621_355_968_000_000_000  # 1970 in .NET ticks, 10,000 to a millisecond
LARGE_EVERY = 4_000
BULK_EDITS = 5  # times at which one job edited many records in the same millisecond
USER_IDS = (215482, 100097, 9586504, 4417, 62070341)
OWNER_IDS = (70, 71, 13316, 2978720, 3764996, 41629779, 1)
ASSOCIATION_KEYS = (
    "contactIds",
    "companyIds",
    "dealIds",
    "ownerIds",
    "workflowIds",
    "ticketIds",
    "contentIds",
    "quoteIds",
    "marketingEventIds",
)
UNKNOWN_TYPE = "HOLOGRAM_VISIT"  # HubSpot adds types: "be prepared to gracefully handle" them
TYPE_SHARES = {
    "NOTE": 0.22,
    "EMAIL": 0.22,
    "INCOMING_EMAIL": 0.14,
    "FORWARDED_EMAIL": 0.02,
    "TASK": 0.16,
    "MEETING": 0.06,
    "CALL": 0.12,
    "PUBLISHING_TASK": 0.015,
    "CONVERSATION_SESSION": 0.015,
    "SMS": 0.01,
    "WHATS_APP": 0.008,
    "LINKEDIN_MESSAGE": 0.006,
    "POSTAL_MAIL": 0.003,
    UNKNOWN_TYPE: 0.003,
}
# Engagements a UTC day of June and July 2018: (type, month, day, count).
JUNE_2018 = (
    ("CALL", 7, 10, 1),
    ("EMAIL", 6, 28, 1),
    ("EMAIL", 6, 30, 1),
    ("INCOMING_EMAIL", 6, 28, 1),
    ("INCOMING_EMAIL", 7, 1, 1),
    ("NOTE", 7, 2, 1),
    ("NOTE", 7, 9, 2),
    ("NOTE", 7, 10, 2),
    ("NOTE", 7, 11, 8),
    ("NOTE", 7, 12, 11),
    ("PUBLISHING_TASK", 6, 25, 1),
    ("PUBLISHING_TASK", 6, 28, 2),
    ("TASK", 6, 15, 1),
    ("TASK", 6, 17, 1),
    ("TASK", 6, 18, 6),
    ("TASK", 6, 19, 1),
    ("TASK", 6, 21, 2),
    ("TASK", 6, 25, 2),
    ("TASK", 6, 26, 1),
    ("TASK", 6, 28, 1),
    ("TASK", 6, 29, 2),
    ("TASK", 7, 1, 10),
    ("TASK", 7, 10, 1),
    ("TASK", 7, 13, 4),
)


class Shape(NamedTuple):
    """
    How a generated portal's ids, types and dates are distributed.

    `distribution`: see `ids`. `creation_order`: `createdAt` rises with the id, or is `jumbled`
    among neighbours, as recorded. `bulk_edit`: so many records, the first, have the same
    `lastUpdated`.
    `only_type`: the type of all records; None for HubSpot's types by their shares.
    """

    distribution: Distribution = "uneven"
    creation_order: CreationOrder = "rising"
    bulk_edit: int = 0
    only_type: str | None = None


def engagements(
    count: int, seed: int, now_ms: int, portal_id: int, shape: Shape
) -> Iterator[Record]:
    """
    Yield `count` records of the three years before `now_ms`, ids ascending.

    The first records have one type each, so that a small portal has every type.
    """
    rng = random.Random(seed)
    start_ms = now_ms - HISTORY_MS
    bulk_edits = [start_ms + rng.randrange(HISTORY_MS) for _ in range(BULK_EDITS)]
    kinds = [*TYPE_SHARES, *rng.choices([*TYPE_SHARES], [*TYPE_SHARES.values()], k=count)]
    for number, record_id in enumerate(ids(rng, count, shape.distribution)):
        place = number if shape.creation_order == "rising" else _neighbour(number, count)
        created_ms = start_ms + int(HISTORY_MS * (place + rng.random()) / count)
        updated_ms = _updated_ms(rng, created_ms, now_ms, bulk_edits)
        if number < shape.bulk_edit:
            updated_ms = now_ms
        kind = shape.only_type or kinds[number]
        large = number % LARGE_EVERY == LARGE_EVERY // 2 and not shape.only_type
        kind = "EMAIL" if large else kind
        record = _record(rng, kind, record_id, portal_id, created_ms, updated_ms)
        if large:
            record["metadata"] = contents.large_email(rng, created_ms)
        _make_odd(rng, record, old=number * 3 < count)
        yield record


def _neighbour(number: int, count: int) -> int:
    """Return another place for `number`: places are reversed within groups of four."""
    place = number ^ 3
    return place if place < count and number | 3 < count else number


def june_2018(portal_id: int) -> Iterator[Record]:
    """
    Yield 64 records with the daily counts of `JUNE_2018`, half of the ids above 2**31.

    All times are between 10:00 and 15:00 UTC, so the day is the same from UTC-9 to UTC+8.
    """
    rng = random.Random(2018)
    times_ms = []
    for kind, month, day, count in JUNE_2018:
        ten = datetime(2018, month, day, 10, tzinfo=timezone.utc)
        for _ in range(count):
            times_ms.append((int(ten.timestamp() * 1000) + rng.randrange(5 * 3_600_000), kind))
    times_ms.sort()
    for number, (created_ms, kind) in enumerate(times_ms):
        base = FIRST_ID if number * 2 < len(times_ms) else PAST_INT_32 + 1
        updated_ms = created_ms + rng.choice((0, 0, 0, rng.randrange(DAY_MS)))
        yield _record(rng, kind, base + number * 977, portal_id, created_ms, updated_ms)


def ids(rng: random.Random, count: int, distribution: Distribution) -> list[int]:
    """
    Return `count` ascending ids.

    `uneven`: half below 2**31 with small gaps, half above in clumps up to twelve digits;
    `even`: one in each equal part of twelve digits; `dense`: without gaps, across 2**31.
    """
    if distribution == "dense":
        first = PAST_INT_32 - count // 2
        return list(range(first, first + count))
    if distribution == "even":
        part = (LARGEST_ID - FIRST_ID) // max(count, 1)
        return [FIRST_ID + number * part + rng.randrange(part) for number in range(count)]
    low = count // 2
    return [*_close_ids(rng, low), *_clumped_ids(rng, count - low)]


def _close_ids(rng: random.Random, count: int) -> Iterator[int]:
    """Yield `count` ids below 2**31, with gaps below 40."""
    gap = max(2, min(40, (PAST_INT_32 - FIRST_ID) // max(count, 1)))
    record_id = FIRST_ID
    for _ in range(count):
        record_id += rng.randrange(1, gap)
        yield record_id


def _clumped_ids(rng: random.Random, count: int) -> Iterator[int]:
    """Yield `count` ids above 2**31, with a large gap after each clump."""
    large_gap = UNEVEN_TOP_ID // (count // CLUMP + 1)
    record_id = PAST_INT_32
    for number in range(count):
        is_first = number % CLUMP == 0
        record_id += (
            rng.randrange(large_gap // 4, large_gap) if is_first else rng.randrange(1, 1_000)
        )
        yield record_id


def _updated_ms(rng: random.Random, created_ms: int, now_ms: int, bulk_edits: list[int]) -> int:
    """Return the last change of a record in Unix ms: mostly the creation or soon after."""
    draw = rng.random()
    if draw < 0.55:
        return created_ms
    if draw < 0.90:
        return min(created_ms + rng.randrange(EARLY_EDIT_MS), now_ms)
    if draw < 0.97:
        return max(rng.choice(bulk_edits), created_ms)
    return rng.randrange(created_ms, now_ms + 1)


def _record(
    rng: random.Random, kind: str, record_id: int, portal_id: int, created_ms: int, updated_ms: int
) -> Record:
    """Return a record in the form that HubSpot has used since 2020."""
    metadata = contents.metadata(rng, kind, created_ms)
    inner = _inner(rng, kind, record_id, portal_id, created_ms, updated_ms)
    body = metadata.get("body")
    if body:
        inner["bodyPreview"] = body[:100]
    record = {
        "engagement": inner,
        "associations": _associations(rng),
        "attachments": [{"id": rng.randrange(10**11)}] if rng.random() < 0.05 else [],
        "metadata": metadata,
    }
    if kind in ("TASK", "MEETING", "PUBLISHING_TASK"):
        record["scheduledTasks"] = _scheduled(rng, inner) if kind == "TASK" else []
    return record


def _inner(
    rng: random.Random, kind: str, record_id: int, portal_id: int, created_ms: int, updated_ms: int
) -> Record:
    """Return the `engagement` part of a record."""
    user_id = rng.choice(USER_IDS)
    return {
        "id": record_id,
        "portalId": portal_id,
        "active": True,
        "createdAt": created_ms,
        "lastUpdated": updated_ms,
        "createdBy": user_id,
        "modifiedBy": user_id,
        "ownerId": rng.choice(OWNER_IDS),
        "type": kind,
        "timestamp": created_ms,
        "source": "CRM_UI",
        "sourceId": f"userId:{user_id}",
        "allAccessibleTeamIds": [],
        "queueMembershipIds": [],
        "bodyPreviewIsTruncated": False,
        "gdprDeleted": False,
    }


def _associations(rng: random.Random) -> dict[str, list[int]]:
    associations: dict[str, list[int]] = {key: [] for key in ASSOCIATION_KEYS}
    contacts = range(rng.choice((0, 1, 1, 1, 2, 3)))
    associations["contactIds"] = [rng.randrange(1, 10**9) for _ in contacts]
    if rng.random() < 0.4:
        associations["companyIds"] = [rng.randrange(10**11, 10**12)]
    if rng.random() < 0.2:
        associations["dealIds"] = [rng.randrange(1, 10**10)]
    return associations


def _scheduled(rng: random.Random, inner: Record) -> list[Record]:
    return [
        {
            "engagementId": inner["id"],
            "portalId": inner["portalId"],
            "engagementType": "TASK",
            "taskType": "REMINDER",
            "timestamp": inner["timestamp"],
            "uuid": f"TASK:{contents.guid(rng)}",
        }
    ]


def _make_odd(rng: random.Random, record: Record, old: bool) -> None:
    """Add the oddities of recorded responses to a new record, each at its rate."""
    draw = rng.random
    _make_engagement_odd(rng, record["engagement"])
    metadata = record["metadata"]
    if old and draw() < 0.4:
        del record["attachments"]
    if draw() < 0.004:
        record["metadata"] = {}
    elif draw() < 0.01:
        metadata["sentimentScore"] = round(draw(), 3)
    elif draw() < 0.0005 and "body" in metadata:
        metadata["body"] += " \x00 pasted from a terminal"
    if draw() < 0.005:
        record["listMemberships"] = [{"listId": rng.randrange(1_000)}]
    if draw() < 0.01:
        record["associations"]["leadIds"] = [rng.randrange(10**12)]


def _make_engagement_odd(rng: random.Random, inner: Record) -> None:
    draw = rng.random
    if draw() < 0.2:  # created through the API: by no user
        del inner["createdBy"], inner["modifiedBy"]
        inner["source"] = "INTEGRATION"
    owner = draw()
    if owner < 0.02:
        inner["ownerId"] = 0
    elif owner < 0.15:
        del inner["ownerId"]
    _make_timestamp_odd(rng, inner)
    if draw() < 0.1:
        inner["uid"] = rng.choice((contents.guid(rng), f"null-{rng.getrandbits(32)}"))
    if draw() < 0.15:
        inner["teamId"] = 112117
        inner["allAccessibleTeamIds"] = [112117]
    if draw() < 0.01:
        inner["conversionIdentifier"] = {"score": rng.randrange(100)}


def _make_timestamp_odd(rng: random.Random, inner: Record) -> None:
    """Replace some timestamps by .NET ticks, by seconds, or by a time within 30 days."""
    created_ms = inner["createdAt"]
    draw = rng.random()
    if draw < 0.005:
        inner["timestamp"] = TICKS_AT_EPOCH + created_ms * 10_000 + rng.randrange(10_000)
    elif draw < 0.007:
        inner["timestamp"] = created_ms // 1000
    elif draw < 0.15:
        inner["timestamp"] = created_ms + rng.randrange(-30 * DAY_MS, 30 * DAY_MS)
