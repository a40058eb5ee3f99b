"""
Converts a record of the objects API to an engagement in the shape of v1's JSON. Pure.

Nothing is dropped: a text that does not convert stays where its value would be, and a property that
v1 does not have stays at the top level of the engagement. records.py puts both into `extra`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from hubspot_api.activity_properties import (
    ASSOCIATIONS,
    ATTACHMENTS,
    CHANNEL,
    DIRECTION,
    SCHEDULED_TASKS,
    SEND_EVENT,
    SEND_EVENT_CREATED,
)
from hubspot_api.json_codec import to_json
from tap_hubspot_engagements.objects.columns import (
    ACTIVITY_TYPE,
    INNER_COLUMNS,
    METADATA_COLUMNS,
    SUBSTITUTES,
    Column,
    properties_of,
)
from tap_hubspot_engagements.objects.people import Get, Json, parse_text, read_people
from tap_hubspot_engagements.objects.values import to_ids, to_ms

ENGAGEMENT_TYPES = {
    "notes": "NOTE",
    "calls": "CALL",
    "tasks": "TASK",
    "meetings": "MEETING",
    "postal_mail": "POSTAL_MAIL",
    "emails": "EMAIL",
    "communications": "COMMUNICATION",
}
"""v1's types; an e-mail's direction and a communication's channel take precedence."""

TYPE_PROPERTIES = {"emails": DIRECTION, "communications": CHANNEL}
INNER_BY_KIND = {
    kind: (*INNER_COLUMNS, ACTIVITY_TYPE) if kind in ("calls", "meetings") else INNER_COLUMNS
    for kind in METADATA_COLUMNS
}
_KNOWN = {kind: frozenset(properties_of(kind)) for kind in METADATA_COLUMNS}


class Partner(msgspec.Struct, gc=False):
    """A record that another is associated with; HubSpot sends ids as texts or numbers."""

    id: str | int


class Partners(msgspec.Struct, gc=False):
    """The associations of a record with one type; with `paging`, more follow."""

    results: list[Partner] = []
    paging: Any = None


class ObjectRecord(msgspec.Struct, gc=False):
    """A record as HubSpot sends it; `archivedAt` is the text of its deletion's moment."""

    id: str
    properties: dict[str, Any]
    archived: bool = False
    archivedAt: str | None = None
    associations: dict[str, Partners] | None = None


def to_engagement(
    kind: str, record: ObjectRecord, portal_id: int | None, partner_types: Sequence[str]
) -> Json:
    """
    Return the v1 engagement of a record of type `kind`.

    `partner_types` are the types whose associations were requested: an engagement without any of a
    type has an empty list.
    """
    texts = {name: _to_text(value) for name, value in record.properties.items()}
    get = texts.get
    inner: Json = {
        "id": parse_id(record.id),
        "portalId": portal_id,
        "type": get(TYPE_PROPERTIES.get(kind, "")) or ENGAGEMENT_TYPES[kind],
        "active": not record.archived,
    }
    _convert(get, INNER_BY_KIND[kind], inner)
    for key, (name, convert) in SUBSTITUTES.items():
        if key not in inner and (text := get(name)):
            inner[key] = convert(text)
    engagement: Json = {
        "engagement": inner,
        "associations": to_associations(record.associations, partner_types),
        "attachments": read_attachments(get),
        "metadata": read_metadata(kind, get),
    }
    tasks = read_scheduled_tasks(get)
    if tasks is not None:
        engagement["scheduledTasks"] = tasks
    unknown = ((name, texts[name]) for name in sorted(texts.keys() - _KNOWN[kind]))
    return engagement | {name: text for name, text in unknown if text}


def read_metadata(kind: str, get: Get) -> Json:
    """Return v1's `metadata` of a record of type `kind`."""
    metadata: Json = {}
    _convert(get, METADATA_COLUMNS[kind], metadata)
    if kind == "emails":
        metadata |= read_people(get)
        if event := read_send_event(get):
            metadata["emailSendEventId"] = event
    return metadata


def to_associations(
    associations: Mapping[str, Partners] | None, partner_types: Sequence[str]
) -> dict[str, list[Any]]:
    """Return ids by v1's names, deduplicated: an association with a label comes twice."""
    ids_by_key: dict[str, list[Any]] = {ASSOCIATIONS.get(name, name): [] for name in partner_types}
    if associations:
        for name, partners in associations.items():
            ids = dict.fromkeys([parse_id(partner.id) for partner in partners.results])
            ids_by_key[ASSOCIATIONS.get(name, name)] = list(ids)
    return ids_by_key


def parse_id(value: str | int) -> str | int:
    """Return an id as a number; any other text stays as it is."""
    return int(value) if value.__class__ is str and value.isdecimal() else value


def read_attachments(get: Get) -> list[Json]:
    """Return the files of an engagement."""
    text = get(ATTACHMENTS)
    return [{"id": file_id} for file_id in to_ids(text)] if text else []


def read_scheduled_tasks(get: Get) -> Any:
    """Return the scheduled tasks, which HubSpot writes as JSON in a text; None without any."""
    text = get(SCHEDULED_TASKS)
    if not text:
        return None
    tasks = parse_text(text)
    return tasks.get("scheduledTasks", tasks) if isinstance(tasks, dict) else tasks


def read_send_event(get: Get) -> Json | None:
    """Return the event of an e-mail's sending."""
    event_id, created = get(SEND_EVENT), get(SEND_EVENT_CREATED)
    event = {"id": event_id or None, "created": to_ms(created) if created else None}
    return {key: value for key, value in event.items() if value is not None} or None


def _convert(get: Get, columns: Sequence[Column], target: Json) -> None:
    """Put the value of every column that has a text into `target`, under v1's name."""
    for name, key, convert in columns:
        text = get(name)
        if text:
            target[key] = convert(text) if convert else text


def _to_text(value: Any) -> str | None:
    """Return a property's text; HubSpot sends texts alone, the fast path has some converted."""
    return value if value is None or isinstance(value, str) else to_json(value).decode()
