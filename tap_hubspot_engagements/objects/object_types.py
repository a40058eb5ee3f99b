"""
Object types beside engagements: their paths, their default properties, and their schemas. Pure.

Source of the default properties: HubSpot's documents, and recorded responses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from hubspot_api.activity_properties import ASSOCIATIONS, MODIFIED, OBJECT_TYPES
from tap_hubspot_engagements.config import RELATED_TYPES
from tap_hubspot_engagements.objects.columns import INNER_COLUMNS, METADATA_COLUMNS
from tap_hubspot_engagements.objects.values import Convert, to_bool, to_int, to_ms
from tap_hubspot_engagements.properties import EMAILS

Schema = Mapping[str, Any]

TEXT: Schema = {"type": ["null", "string"]}
NUMBER: Schema = {"type": ["null", "number"]}
INTEGER: Schema = {"type": ["null", "integer"]}
BOOLEAN: Schema = {"type": ["null", "boolean"]}
DATE: Schema = {"type": ["null", "string"], "format": "date"}
DATE_TIME: Schema = {"type": ["null", "string"], "format": "date-time"}
OBJECT: Schema = {"type": ["null", "object"]}

SCHEMA_OF_TYPE: Mapping[str, Schema] = {
    "number": NUMBER,
    "bool": BOOLEAN,
    "date": DATE,
    "datetime": DATE_TIME,
}
"""By HubSpot's type of a property; values of all other types are texts."""

FIRST_COLUMNS: Mapping[str, Schema] = {
    "id": {"type": "integer"},
    "createdAt": DATE_TIME,
    "updatedAt": DATE_TIME,
    "archived": BOOLEAN,
}
LAST_COLUMNS: Mapping[str, Schema] = {"isAssociated": BOOLEAN, "extra": OBJECT}
# Column names of MySQL differ in more than the case of letters.
RESERVED = frozenset(name.lower() for name in (*FIRST_COLUMNS, *LAST_COLUMNS))

MERGED_IDS = "hs_merged_object_ids"
"""The property with the ids that were merged into a record, separated by semicolons."""


@dataclass(frozen=True)
class ObjectType:
    """
    A type of HubSpot's objects; `name` is the stream's and stands in paths.

    `date_property` has the date of the last change. `defaults` are HubSpot's default properties
    with their schemas. `key` names the ids in a v1 engagement's associations, None if those have
    none.
    """

    name: str
    defaults: Mapping[str, Schema]
    date_property: str = MODIFIED
    key: str | None = None


def _to_schemas(names: str) -> dict[str, Schema]:
    """Return schemas by property, from pairs such as `amount:number`; others are texts."""
    pairs = (name.partition(":") for name in names.split())
    return {name: SCHEMA_OF_TYPE.get(kind, TEXT) for name, _, kind in pairs}


_DEFAULTS = {
    "contacts": "email firstname lastname createdate:datetime lastmodifieddate:datetime",
    "companies": "name domain createdate:datetime hs_lastmodifieddate:datetime",
    "deals": (
        "dealname amount:number closedate:datetime pipeline dealstage createdate:datetime"
        " hs_lastmodifieddate:datetime"
    ),
    "tickets": (
        "subject content hs_pipeline hs_pipeline_stage hs_ticket_category hs_ticket_priority"
        " createdate:datetime hs_lastmodifieddate:datetime"
    ),
}
_CUSTOM = "hs_createdate:datetime hs_lastmodifieddate:datetime"
_SCHEMA_OF_CONVERSION: Mapping[Convert | None, Schema] = {
    to_int: INTEGER,
    to_bool: BOOLEAN,
    to_ms: DATE_TIME,
}


def _related_type(name: str, defaults: str) -> ObjectType:
    schemas = {**_to_schemas(defaults), "hs_object_id": INTEGER}
    date_property = "lastmodifieddate" if name == "contacts" else MODIFIED
    return ObjectType(name, MappingProxyType(schemas), date_property, ASSOCIATIONS.get(name))


def _activity_type(name: str) -> ObjectType:
    columns = (*INNER_COLUMNS, *METADATA_COLUMNS[name])
    schemas = {column.name: _SCHEMA_OF_CONVERSION.get(column.convert, TEXT) for column in columns}
    return ObjectType(name, MappingProxyType({**schemas, "hs_object_id": INTEGER}))


_TYPES = {
    **{name: _related_type(name, _DEFAULTS[name]) for name in RELATED_TYPES},
    **{name: _activity_type(name) for name in OBJECT_TYPES},
}


def to_schema(value: Any) -> Schema:
    """Return the schema of a column that a catalog describes; a text if it is none of ours."""
    kinds = value.get("type") if isinstance(value, Mapping) else None
    form = value.get("format") if isinstance(value, Mapping) else None
    for schema in (DATE, DATE_TIME, NUMBER, INTEGER, BOOLEAN):
        if form == schema.get("format") and schema["type"][-1] in (kinds or ()):
            return schema
    return TEXT


_KINDS = {"NOTE": "notes", "CALL": "calls", "TASK": "tasks", "MEETING": "meetings"} | {
    "POSTAL_MAIL": "postal_mail",
    **dict.fromkeys(EMAILS, "emails"),
    # v1 alone has these.
    **dict.fromkeys(("PUBLISHING_TASK", "CONVERSATION_SESSION"), None),
}


def kind_of(engagement_type: str | None) -> str | None:
    """Return the name of an engagement's type in the objects API; None for a type of v1 alone."""
    return _KINDS.get(str(engagement_type), "communications")


def get_object_type(name: str) -> ObjectType:
    """Return the type of a name in RELATED_TYPES or OBJECT_TYPES; any other name is custom."""
    return _TYPES.get(name) or _related_type(name, _CUSTOM)


def build_schema(properties: Mapping[str, Schema]) -> dict[str, Any]:
    """Return the JSON Schema of a type's records; a property with a reserved name has no column."""
    columns = {name: one for name, one in properties.items() if name.lower() not in RESERVED}
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {**FIRST_COLUMNS, **columns, **LAST_COLUMNS},
    }
