"""
Definitions of properties, and how each is read from a record of the portal.

A definition serves three purposes: record texts, search filters and the properties endpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from hubspot_simulator.objects.texts import Kind

Values = Mapping[str, Any]

_PUBLIC_TYPES = {
    "text": ("string", "text"),
    "time": ("datetime", "date"),
    "number": ("number", "number"),
    "bool": ("bool", "booleancheckbox"),
    "list": ("enumeration", "checkbox"),
    "json": ("json", "text"),
}


class Property(NamedTuple):
    """
    A property: `read` takes its value from a record, in JSON's types; absent values are None.

    `options` are (value, label) pairs of an enumeration. `path` is part and key of the value in a
    v1 engagement, None for a value that is worked out. A `is_unique` value occurs once in a type.
    """

    name: str
    kind: Kind
    read: Callable[[Values], Any]
    label: str = ""
    options: tuple[tuple[str, str], ...] = ()
    read_only: bool = False
    is_custom: bool = False
    path: tuple[str, str] | None = None
    is_unique: bool = False


def definition(prop: Property, object_name: str) -> dict[str, Any]:
    """Return a definition as the properties endpoint shows it."""
    public_type, field_type = _PUBLIC_TYPES[prop.kind]
    if prop.options:
        public_type, field_type = "enumeration", "select"
    label = prop.label or prop.name.removeprefix("hs_").replace("_", " ")
    return {
        "name": prop.name,
        "label": label,
        "type": public_type,
        "fieldType": field_type,
        "description": "",
        "groupName": f"{object_name}information",
        "options": [
            {"label": text, "value": value, "displayOrder": order, "hidden": False}
            for order, (value, text) in enumerate(prop.options)
        ],
        "displayOrder": -1,
        "calculated": False,
        "externalOptions": False,
        "hasUniqueValue": prop.is_unique,
        "hidden": False,
        "hubspotDefined": not prop.is_custom,
        "archived": False,
        "modificationMetadata": {
            "archivable": prop.is_custom,
            "readOnlyDefinition": not prop.is_custom,
            "readOnlyValue": prop.read_only,
        },
        "formField": False,
        "dataSensitivity": "non_sensitive",
    }
