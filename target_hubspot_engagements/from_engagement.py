"""
Reads a record of the stream `engagements`, in the shape of v1's JSON, as the tap writes it. Pure.

The tables of names are those by which the tap reads, backwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hubspot_api.activity_properties import (
    ACTIVITY_TYPE,
    ASSOCIATIONS,
    ATTACHMENTS,
    CHANNEL,
    DIRECTION,
    HEADERS,
    INNER,
    METADATA,
    PEOPLE,
    ROLES,
)
from hubspot_api.json_codec import to_json
from target_hubspot_engagements.engagement import HUBSPOT_ID, METADATA_PREFIX, Engagement

KINDS = {
    "NOTE": "notes",
    "EMAIL": "emails",
    "INCOMING_EMAIL": "emails",
    "FORWARDED_EMAIL": "emails",
    "CALL": "calls",
    "TASK": "tasks",
    "MEETING": "meetings",
    "SMS": "communications",
    "WHATS_APP": "communications",
    "LINKEDIN_MESSAGE": "communications",
    "POSTAL_MAIL": "postal_mail",
}
TYPE_PROPERTIES = {"emails": DIRECTION, "communications": CHANNEL}
# HubSpot sets them by itself, and shows them without a place in `values`.
LEFT_OUT = frozenset(
    "createdAt lastUpdated createdBy modifiedBy bodyPreview bodyPreviewHtml"
    " bodyPreviewIsTruncated gdprDeleted".split()
)
ADDRESS_KEYS = ("email", "firstName", "lastName")
EXTRA, SEND_EVENT = "extra", "emailSendEventId"
# What a record may have without a warning: it is written, or HubSpot's own. Other values are lost.
KNOWN_KEYS = LEFT_OUT.union(
    "id portalId type active metadata associations attachments ownerId activityType".split(),
    ("scheduledTasks", EXTRA, HUBSPOT_ID),
    (key for _, key, _ in INNER),
)
KNOWN_METADATA = {
    kind: frozenset((*(key for _, key, _ in properties), *PEOPLE, *ROLES, SEND_EVENT))
    for kind, properties in METADATA.items()
}


def read_engagement(record: Mapping[str, Any], hubspot_id: int | None) -> Engagement:
    """
    Return the content of a record; `hubspot_id` is the id of an engagement that exists, if any.

    Raises ValueError for a type that cannot be written, or a record without its metadata.
    """
    engagement_type, metadata = record.get("type"), record.get("metadata")
    kind = KINDS.get(str(engagement_type))
    if kind is None:
        raise ValueError(f"engagements of type {engagement_type} cannot be written")
    if not isinstance(metadata, Mapping):
        raise ValueError("has no metadata: select the property in the tap's catalog")
    return Engagement(
        kind,
        values=_values(kind, record, metadata),
        partners=_partners(record.get("associations")),
        hubspot_id=hubspot_id,
        is_deleted=record.get("active") is False,
        complete=True,
        optional=frozenset((ACTIVITY_TYPE.name, *(name for name, *_ in INNER))),
        left_out=tuple(_left_out(kind, record, metadata)),
    )


def _left_out(kind: str, record: Mapping[str, Any], metadata: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of values that no property takes, such as `metadata.mood`."""
    yield from _filled(record, record.keys() - KNOWN_KEYS, "")
    yield from _filled(metadata, metadata.keys() - KNOWN_METADATA[kind], "metadata.")
    for name, known in ((EXTRA, ()), ("associations", ASSOCIATIONS.values())):
        value = record.get(name)
        if isinstance(value, Mapping):
            yield from _filled(value, value.keys() - {*known}, f"{name}.")
        elif value:
            yield name


def _filled(values: Mapping[str, Any], names: Iterable[str], prefix: str) -> Iterator[str]:
    for name in names:
        if values[name] not in (None, "", [], {}) and not name.startswith(METADATA_PREFIX):
            yield prefix + name


def _values(kind: str, record: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of properties; null for what the record has not, and may have had."""
    values: dict[str, Any] = {}
    if kind in TYPE_PROPERTIES:
        values[TYPE_PROPERTIES[kind]] = record.get("type")
    for name, key, _ in INNER:
        if key not in LEFT_OUT and record.get(key) not in (None, []):
            values[name] = record[key]
    if "ownerId" in record:
        values["hubspot_owner_id"] = record["ownerId"] or None  # 0 is v1's way to say: none
    if "activityType" in record:
        values[ACTIVITY_TYPE.name] = record["activityType"]
    for name, key, _ in METADATA[kind]:
        if metadata.get(key) not in (None, [], {}):
            values[name] = metadata[key]
    if kind == "emails" and (headers := _headers(metadata)):
        values[HEADERS] = to_json(headers).decode()
    if "attachments" in record:
        values[ATTACHMENTS] = [_attachment_id(one) for one in _to_list(record, "attachments")]
    return values


def _headers(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return sender and recipients of an e-mail, by role."""
    roles = [role for role in (*PEOPLE, *ROLES) if metadata.get(role)]
    return {role: _addresses(metadata[role]) for role in roles}


def _addresses(people: Any) -> Any:
    if isinstance(people, list):
        return [_addresses(person) for person in people]
    if not isinstance(people, Mapping):
        return people
    return {key: people[key] for key in ADDRESS_KEYS if key in people}


def _partners(associations: Any) -> dict[str, list[str]] | None:
    """Return the associations that can be written; None for a record that does not tell any."""
    if not isinstance(associations, Mapping):
        return None
    return {
        kind: sorted({str(one) for one in _to_list(associations, key)})
        for kind, key in ASSOCIATIONS.items()
        if associations.get(key) is not None
    }


def _to_list(record: Mapping[str, Any], key: str) -> list[Any]:
    """Return a record's list, empty for null. Raises ValueError for another value."""
    value = record.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(f"{key} must be a list")
    return value


def _attachment_id(item: Any) -> Any:
    if not isinstance(item, Mapping):
        raise ValueError("attachments must be objects with an id")
    return item.get("id")
