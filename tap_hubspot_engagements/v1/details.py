"""Decodes the `metadata` of a typed engagement, into columns and people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw

from tap_hubspot_engagements.properties import (
    EMAILS,
    CallDetails,
    EmailDetails,
    MeetingDetails,
    NoteDetails,
    TaskDetails,
)
from tap_hubspot_engagements.typed_engagement import Details, split_details

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


def decode_details(kind: str, metadata: Raw) -> Details:
    """
    Return the details of an engagement whose type has a stream.

    Raises msgspec.ValidationError for unknown properties and for type mismatches.
    """
    return split_details(_DECODE[kind](metadata) or _STRUCTS[kind]())
