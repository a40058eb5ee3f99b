"""
The records of engagements that are as expected, as JSON, without making objects of them. Pure.

What is here gives what records.py gives, or None for what has to go that way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import product
from operator import attrgetter
from typing import Any

import msgspec

from tap_hubspot_engagements.json_text import to_json
from tap_hubspot_engagements.records import (
    EXTRA,
    INNER_TYPES,
    OUTER_TYPES,
    PERSON_TYPES,
)
from tap_hubspot_engagements.sent import Int64, Sent

Shortcut = Callable[[Sent], Sequence[bytes] | None]
"""From an engagement to the JSON of its records of one stream; None where it is not as expected."""

_FIRST = {list: b"[n", dict: b"{n"}  # how a value of the type begins, or null
_BEGIN = b"%.1b" * len(OUTER_TYPES)
_AS_EXPECTED = {bytes(one) for one in product(*map(_FIRST.__getitem__, OUTER_TYPES.values()))}
_NO_EXTRA = b',"extra":null}'
_TIES = msgspec.json.Decoder(dict[str, list[Int64] | None] | None).decode


def to_shortcut(stream: str, properties: Sequence[str], *, whole: bool) -> Shortcut | None:
    """Return the shortcut for a stream, if there is one for these of its properties."""
    if stream == "engagements":
        return _engagements(tuple(properties))
    return _CHILDREN.get(stream) if whole else None


def _engagements(properties: tuple[str, ...]) -> Shortcut | None:
    inner, rest = properties[: len(INNER_TYPES)], properties[len(INNER_TYPES) :]
    if inner != tuple(INNER_TYPES) or rest[-1:] != (EXTRA,):
        return None
    outer = attrgetter(*(f"f_{name}" for name in OUTER_TYPES))
    # What is not chosen is written with none of its characters.
    columns = [b',"%b":%%b' % name.encode() if name in rest else b"%.0b" for name in OUTER_TYPES]
    record = b"%b" + b"".join(columns) + _NO_EXTRA

    def shortcut(sent: Sent) -> Sequence[bytes] | None:
        values = outer(sent.decoded)
        if _BEGIN % values not in _AS_EXPECTED:
            return None  # one goes into `extra`, even where its own property is not chosen
        return (record % (to_json(sent.decoded.f_engagement)[:-1], *values),)

    return shortcut


def _typed(sent: Sent) -> Sequence[bytes] | None:
    details = sent.details()
    if details is None:
        return None
    return (b'{"engagementId":%d,%b%b' % (sent.id, details.members, _NO_EXTRA),)


def _emails(sent: Sent) -> Sequence[bytes] | None:
    details = sent.details()
    if details is None:
        return None
    people = b"".join(_columns(name, person) for name, person in details.people.items())
    begin = b'{"engagementId":%d,%b' % (sent.id, details.members)
    return (b"".join((begin, people, _NO_EXTRA)),)


def _columns(name: str, person: Any) -> bytes:
    """Return a person's columns in an e-mail's record, each with a comma before it."""
    return b"".join(
        [
            begin + (b"null" if person is None else to_json(getattr(person, field)))
            for begin, field in _person_columns(name)
        ]
    )


@cache
def _person_columns(name: str) -> tuple[tuple[bytes, str], ...]:
    return tuple(
        (b',"%b%b%b":' % (name.encode(), one[0].upper().encode(), one[1:].encode()), f"f_{one}")
        for one in PERSON_TYPES
    )


def _recipients(sent: Sent) -> Sequence[bytes] | None:
    details = sent.details()
    if details is None:
        return None
    key = b'{"engagementId":%d,"role":"%b","position":%d,%b%b'
    return [
        key % (sent.id, role.encode(), position, to_json(person)[1:-1], _NO_EXTRA)
        for role, people in details.recipients.items()
        for position, person in enumerate(people or ())
    ]


def _other(sent: Sent) -> Sequence[bytes] | None:
    metadata = bytes(sent.decoded.f_metadata)
    if metadata[0] not in _FIRST[dict]:
        return None
    record = b'{"engagementId":%d,"type":%b,"metadata":%b}'
    return (record % (sent.id, to_json(sent.kind), metadata),)


def _associations(sent: Sent) -> Sequence[bytes] | None:
    try:
        ties = _TIES(sent.decoded.f_associations) or {}
    except msgspec.ValidationError:
        return None
    begin = b'{"engagementId":%d,' % sent.id
    records = []
    for name, ids in ties.items():
        if ids:
            middle, end = _tie(name)
            records += [begin + middle + b"%d" % one + end for one in dict.fromkeys(ids)]
    return records


@cache
def _tie(name: str) -> tuple[bytes, bytes]:
    """Return what stands before and after the id in a tie's record."""
    object_type = to_json(name.removesuffix("Ids") or name)
    return (
        b'"objectType":%b,"objectId":' % object_type,
        b',"associationKey":%b}' % to_json(name),
    )


def _attachments(sent: Sent) -> Sequence[bytes] | None:
    return () if bytes(sent.decoded.f_attachments) in (b"[]", b"null") else None


_CHILDREN: dict[str, Shortcut] = {
    "engagement_notes": _typed,
    "engagement_emails": _emails,
    "engagement_tasks": _typed,
    "engagement_meetings": _typed,
    "engagement_calls": _typed,
    "engagement_other": _other,
    "engagement_email_recipients": _recipients,
    "engagement_associations": _associations,
    "engagement_attachments": _attachments,
}
