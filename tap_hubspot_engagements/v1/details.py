"""Decodes the `metadata` of a typed engagement, into columns and people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import UNSET, Raw

from hubspot_api.json_codec import to_json
from tap_hubspot_engagements.properties import (
    EMAILS,
    CallDetails,
    EmailDetails,
    MeetingDetails,
    NoteDetails,
    Person,
    TaskDetails,
)

_STRUCTS: Mapping[str, type[msgspec.Struct]] = {
    "NOTE": NoteDetails,
    "TASK": TaskDetails,
    "CALL": CallDetails,
    "MEETING": MeetingDetails,
    **dict.fromkeys(EMAILS, EmailDetails),
}
_DECODE: Mapping[str, Any] = {
    kind: msgspec.json.Decoder(struct | None).decode for kind, struct in _STRUCTS.items()
}


@dataclass(frozen=True)
class Details:
    """
    The metadata of an engagement: its own columns as members of a JSON object, and its people.

    `people` are an e-mail's `from` and `sender`, `recipients` its lists by role; None for nobody.
    """

    members: bytes
    people: Mapping[str, Person | None]
    recipients: Mapping[str, Sequence[Person] | None]


def decode_details(kind: str, metadata: Raw) -> Details:
    """
    Return the details of an engagement whose type has a stream.

    Raises msgspec.ValidationError for unknown properties and for type mismatches.
    """
    details = _DECODE[kind](metadata) or _STRUCTS[kind]()
    if not isinstance(details, EmailDetails):
        return Details(to_json(details)[1:-1], {}, {})
    people: dict[str, Any] = {"from": details.from_, "sender": details.sender}
    recipients: dict[str, Any] = {"to": details.to, "cc": details.cc, "bcc": details.bcc}
    # People are no members of their e-mail's record.
    details.from_ = details.sender = details.to = details.cc = details.bcc = UNSET
    return Details(to_json(details)[1:-1], people, recipients)
