"""An engagement whose parts are decoded into typed structs: what the fast path to records reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec
from msgspec import UNSET, Raw

from hubspot_api.json_codec import to_json
from tap_hubspot_engagements.engagement import Engagement
from tap_hubspot_engagements.properties import (
    EmailDetails,
    InnerEngagement,
    Int64,
    Person,
    StrictStruct,
)

NULL = Raw(b"null")
_decode_associations = msgspec.json.Decoder(dict[str, list[Int64] | None] | None).decode


class Parts(StrictStruct):
    """An engagement's top level; values that pass through stay serialized."""

    engagement: InnerEngagement
    scheduledTasks: Raw = NULL
    attachments: Raw = NULL
    associations: Raw = NULL
    metadata: Raw = NULL


class Details(msgspec.Struct, frozen=True, gc=False):
    """
    The metadata of an engagement: its own columns as members of a JSON object, and its people.

    `people` are an e-mail's `from` and `sender`, `recipients` its lists by role; None for nobody.
    """

    members: bytes
    people: Mapping[str, Person | None]
    recipients: Mapping[str, Sequence[Person] | None]


class TypedEngagement(Engagement, gc=False):
    """An engagement on the fast path; a source's own class decodes `details`."""

    has_fast_path: ClassVar[bool] = True
    parts: Parts
    decoded_details: Details | None

    def details(self) -> Details | None:
        """Return the metadata of a type with a stream; None for a type mismatch."""
        raise NotImplementedError

    def association_ids(self) -> Mapping[str, Sequence[int] | None]:
        """Return the ids by key; raise ValidationError for a type mismatch."""
        return _decode_associations(self.parts.associations) or {}


def split_details(details: msgspec.Struct) -> Details:
    """Return the details that a typed metadata has; an e-mail loses its people."""
    if not isinstance(details, EmailDetails):
        return Details(to_json(details)[1:-1], {}, {})
    people: dict[str, Any] = {"from": details.from_, "sender": details.sender}
    recipients: dict[str, Any] = {"to": details.to, "cc": details.cc, "bcc": details.bcc}
    # People are no members of their e-mail's record.
    details.from_ = details.sender = details.to = details.cc = details.bcc = UNSET
    return Details(to_json(details)[1:-1], people, recipients)
