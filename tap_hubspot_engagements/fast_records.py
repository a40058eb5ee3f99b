"""
Assembles records from the bytes of typed engagements: the fast path. Pure.

Each function returns the same as records.py, serialized, or None for an engagement that
has to take the fallback. A property test compares both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import product
from operator import attrgetter
from typing import cast

import msgspec

from hubspot_api.json_codec import to_json
from tap_hubspot_engagements.engagement import FastPath
from tap_hubspot_engagements.properties import (
    EXTRA,
    INNER_TYPES,
    OUTER_TYPES,
    PEOPLE,
    PERSON_TYPES,
    Int64,
    Person,
    StrictStruct,
)
from tap_hubspot_engagements.typed_engagement import TypedEngagement

FIRST_BYTE = {list: b"[n", dict: b"{n"}  # of a JSON value: of the expected type, or of null
FIRST_BYTES_FORMAT = b"%.1b" * len(OUTER_TYPES)
EXPECTED_FIRST_BYTES = {
    bytes(first) for first in product(*map(FIRST_BYTE.__getitem__, OUTER_TYPES.values()))
}
_NO_EXTRA = b',"extra":null}'


class _File(StrictStruct):
    """A file of an engagement; one with further properties takes the fallback."""

    id: Int64


_decode_files = msgspec.json.Decoder(list[_File] | None).decode
_get_outer_values = attrgetter(*OUTER_TYPES)

_get_parts = attrgetter(*PERSON_TYPES)
_NOBODY = Person()
_PEOPLE_COLUMNS = msgspec.defstruct(
    "PeopleColumns",
    [
        (f"{name}{part[0].upper()}{part[1:]}", str | None)
        for name in PEOPLE
        for part in PERSON_TYPES
    ],
    gc=False,
)

Assemble = Callable[[TypedEngagement], "Sequence[bytes] | None"]


def fast_path_for(stream: str, properties: Sequence[str], *, has_all: bool) -> FastPath | None:
    """
    Return the fast path to a stream's records with these properties, if one exists.

    `has_all` says that no property is deselected.
    """
    if stream == "engagements":
        assemble = _engagements(tuple(properties))
    else:
        assemble = _CHILDREN.get(stream) if has_all else None
    # A caller passes engagements with `has_fast_path` alone: those are TypedEngagement.
    return cast("FastPath | None", assemble)


def _engagements(properties: tuple[str, ...]) -> Assemble | None:
    inner, rest = properties[: len(INNER_TYPES)], properties[len(INNER_TYPES) :]
    if inner != tuple(INNER_TYPES) or rest[-1:] != (EXTRA,):
        return None
    # `%.0b` formats a value to nothing: a deselected property consumes its argument and writes no
    # bytes.
    columns = [b',"%b":%%b' % name.encode() if name in rest else b"%.0b" for name in OUTER_TYPES]
    record = b"%b" + b"".join(columns) + _NO_EXTRA

    def assemble(engagement: TypedEngagement) -> Sequence[bytes] | None:
        values = _get_outer_values(engagement.parts)
        if FIRST_BYTES_FORMAT % values not in EXPECTED_FIRST_BYTES:
            return None  # a type mismatch goes into `extra`, also from a deselected property
        return (record % (to_json(engagement.parts.engagement)[:-1], *values),)

    return assemble


def _details(engagement: TypedEngagement) -> Sequence[bytes] | None:
    details = engagement.details()
    if details is None:
        return None
    return (b'{"engagementId":%d,%b%b' % (engagement.id, details.members, _NO_EXTRA),)


def _emails(engagement: TypedEngagement) -> Sequence[bytes] | None:
    details = engagement.details()
    if details is None:
        return None
    people = [value for name in PEOPLE for value in _get_parts(details.people[name] or _NOBODY)]
    columns = to_json(_PEOPLE_COLUMNS(*people))[1:-1]
    record = b'{"engagementId":%d,%b,%b%b'
    return (record % (engagement.id, details.members, columns, _NO_EXTRA),)


def _recipients(engagement: TypedEngagement) -> Sequence[bytes] | None:
    details = engagement.details()
    if details is None:
        return None
    record = b'{"engagementId":%d,"role":"%b","position":%d,%b%b'
    return [
        record % (engagement.id, role.encode(), position, to_json(person)[1:-1], _NO_EXTRA)
        for role, people in details.recipients.items()
        for position, person in enumerate(people or ())
    ]


def _other(engagement: TypedEngagement) -> Sequence[bytes] | None:
    metadata = bytes(engagement.parts.metadata)
    if metadata[0] not in FIRST_BYTE[dict]:
        return None
    record = b'{"engagementId":%d,"type":%b,"metadata":%b}'
    return (record % (engagement.id, to_json(engagement.type), metadata),)


def _associations(engagement: TypedEngagement) -> Sequence[bytes] | None:
    try:
        associations = engagement.association_ids()
    except msgspec.ValidationError:
        return None
    engagement_id = engagement.id
    records: list[bytes] = []
    for name, ids in associations.items():
        if ids:
            record = _association_format(name)
            unique_ids = dict.fromkeys(ids) if len(ids) > 1 else ids
            records += [record % (engagement_id, object_id) for object_id in unique_ids]
    return records


@cache
def _association_format(name: str) -> bytes:
    """Return an association's record as a format of the engagement's id and the object's."""
    object_type, key = to_json(name.removesuffix("Ids") or name), to_json(name)
    return b'{"engagementId":%%d,"objectType":%b,"objectId":%%d,"associationKey":%b}' % (
        object_type.replace(b"%", b"%%"),
        key.replace(b"%", b"%%"),
    )


def _attachments(engagement: TypedEngagement) -> Sequence[bytes] | None:
    text = bytes(engagement.parts.attachments)
    if text in (b"[]", b"null"):
        return ()
    try:
        files = _decode_files(text) or ()
    except msgspec.ValidationError:
        return None
    record = b'{"engagementId":%d,"attachmentId":%d%b'
    ids = dict.fromkeys([file.id for file in files])
    return [record % (engagement.id, attachment_id, _NO_EXTRA) for attachment_id in ids]


_CHILDREN: Mapping[str, Assemble] = {
    "engagement_notes": _details,
    "engagement_emails": _emails,
    "engagement_tasks": _details,
    "engagement_meetings": _details,
    "engagement_calls": _details,
    "engagement_other": _other,
    "engagement_email_recipients": _recipients,
    "engagement_associations": _associations,
    "engagement_attachments": _attachments,
}
