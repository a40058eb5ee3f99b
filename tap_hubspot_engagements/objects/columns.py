"""
Which property of the objects API is which property of a v1 engagement, with the conversion.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from hubspot_api import activity_properties
from hubspot_api.activity_properties import (
    ATTACHMENTS,
    CHANNEL,
    DIRECTION,
    HEADERS,
    ID,
    INNER,
    METADATA,
    PEOPLE,
    PERSON_PARTS,
    ROLES,
    SCHEDULED_TASKS,
    SEND_EVENT,
    SEND_EVENT_CREATED,
)
from tap_hubspot_engagements.objects.values import Convert, to_bool, to_ids, to_int, to_ms, to_texts

_CONVERSIONS: Mapping[str, Convert | None] = {
    "text": None,
    "int": to_int,
    "ms": to_ms,
    "bool": to_bool,
    "ids": to_ids,
    "texts": to_texts,
}


class Column(NamedTuple):
    """A property, its name in v1, and the conversion of its text; None leaves the text as it is."""

    name: str
    key: str
    convert: Convert | None = None


def _columns(properties: Iterable[activity_properties.Property]) -> tuple[Column, ...]:
    return tuple(Column(name, key, _CONVERSIONS[kind]) for name, key, kind in properties)


INNER_COLUMNS = _columns(INNER)
"""Of every type, in a v1 engagement's inner `engagement`."""

SUBSTITUTES = {
    "createdBy": ("hs_created_by_user_id", to_int),
    "modifiedBy": ("hs_updated_by_user_id", to_int),
}
"""Properties that have the value if the one of INNER_COLUMNS is empty, by v1's name."""

(ACTIVITY_TYPE,) = _columns([activity_properties.ACTIVITY_TYPE])
METADATA_COLUMNS = {kind: _columns(properties) for kind, properties in METADATA.items()}
"""By the type's name in the objects API, in a v1 engagement's `metadata`."""

_OTHERS: Mapping[str, tuple[str, ...]] = {
    "emails": (
        DIRECTION,
        HEADERS,
        SEND_EVENT,
        SEND_EVENT_CREATED,
        *(f"hs_email_{role}_{part}" for role in (*PEOPLE, *ROLES) for part in PERSON_PARTS),
    ),
    "calls": (ACTIVITY_TYPE.name,),
    "tasks": (SCHEDULED_TASKS,),
    "meetings": (SCHEDULED_TASKS,),
    "communications": (CHANNEL,),
}


def properties_of(kind: str) -> tuple[str, ...]:
    """Return the names of all properties that a type's engagements are made of."""
    names = [column.name for column in (*INNER_COLUMNS, *METADATA_COLUMNS[kind])]
    names += [name for name, _ in SUBSTITUTES.values()]
    return tuple(dict.fromkeys((ID, ATTACHMENTS, *names, *_OTHERS.get(kind, ()))))
