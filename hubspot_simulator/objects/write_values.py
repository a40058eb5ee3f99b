"""
Property texts to be written: checked as HubSpot does, and turned into a v1 engagement's values.

An empty text clears a property. The errors of all properties of a record come together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from hubspot_simulator.objects.errors import bad_request
from hubspot_simulator.objects.object_types import (
    CALLS,
    COMMUNICATIONS,
    EMAILS,
    MEETINGS,
    NOTES,
    POSTAL_MAIL,
    TASKS,
    ObjectType,
)
from hubspot_simulator.objects.properties import Property
from hubspot_simulator.objects.texts import to_ms
from hubspot_simulator.responses import Response

NOTE_MAX_CHARS = 65_536
PREVIEW_CHARS = 100
ENGAGEMENT_TYPES = {
    NOTES: "NOTE",
    EMAILS: "EMAIL",
    CALLS: "CALL",
    TASKS: "TASK",
    MEETINGS: "MEETING",
    COMMUNICATIONS: "CUSTOM_CHANNEL_CONVERSATION",
    POSTAL_MAIL: "POSTAL_MAIL",
}
# Read-only by definition, but the way to say a record's type at its creation.
TYPE_PROPERTIES = ("hs_email_direction", "hs_communication_channel_type")

Definitions = Mapping[str, Property]


class Problem(NamedTuple):
    """Why a value cannot be written: HubSpot's message and code."""

    name: str
    message: str
    code: str


class EngagementParts(NamedTuple):
    """Parts of a v1 engagement, and the values that v1 does not know."""

    engagement: dict[str, Any]
    metadata: dict[str, Any]
    attachments: list[dict[str, Any]] | None
    custom_values: dict[str, str]


def check_values(definitions: Definitions, properties: Mapping[str, Any]) -> list[Problem]:
    """Return the problems of `properties`; none if all can be written."""
    problems = []
    for name, value in properties.items():
        prop = definitions.get(name)
        if prop is None:
            message = f'Property "{name}" does not exist'
            problems.append(Problem(name, message, "PROPERTY_DOESNT_EXIST"))
        elif prop.read_only:
            message = f'"{name}" is a read only property; its value cannot be set.'
            problems.append(Problem(name, message, "READ_ONLY_VALUE"))
        else:
            problems += _check_value(prop, "" if value is None else str(value))
    return problems


def problems_response(problems: list[Problem]) -> Response:
    """Return the 400 for values that cannot be written."""
    listed = [
        {"isValid": False, "message": message, "error": code, "name": name}
        for name, message, code in problems
    ]
    errors = [
        {"message": message, "code": code, "context": {"propertyName": [name]}}
        for name, message, code in problems
    ]
    text = msgspec.json.encode(listed).decode()
    return bad_request(f"Property values were not valid: {text}", errors=errors)


def _check_value(prop: Property, text: str) -> list[Problem]:
    """Return the problem of one value; an empty text is always right."""
    if not text:
        return []
    if prop.options and text not in dict(prop.options):
        message = f"{text} was not one of the allowed options"
        return [Problem(prop.name, message, "INVALID_OPTION")]
    if prop.name == "hs_note_body" and len(text) > NOTE_MAX_CHARS:
        message = f"Property hs_note_body was too long; the maximum is {NOTE_MAX_CHARS}"
        return [Problem(prop.name, message, "PROPERTY_VALUE_TOO_LONG")]
    try:
        from_text(prop, text)
    except ValueError:
        return [Problem(prop.name, f"{text} was not a valid long.", "INVALID_LONG")]
    return []


def from_text(prop: Property, text: str) -> Any:
    """Return a property's text as v1 has the value. Raises ValueError for an invalid text."""
    if not text:
        return None
    if prop.kind == "time":
        return to_ms(text)
    if prop.kind == "number":
        return int(text) if text.lstrip("-").isdecimal() else float(text)
    if prop.kind == "bool":
        if text not in ("true", "false"):
            raise ValueError(text)
        return text == "true"
    if prop.kind == "list":
        items = [item for item in text.split(";") if item]
        return [int(item) if item.isdecimal() else item for item in items]
    return text


def to_engagement(
    object_type: ObjectType, definitions: Definitions, properties: Mapping[str, Any]
) -> EngagementParts:
    """Return the parts of a v1 engagement that `properties`, checked before, describe."""
    parts: dict[str, dict[str, Any]] = {"engagement": {}, "metadata": {}}
    attachments, custom_values = None, {}
    for name, value in properties.items():
        prop, text = definitions[name], "" if value is None else str(value)
        if name == "hs_attachment_ids":
            attachments = [{"id": key} for key in from_text(prop, text) or ()]
        elif name == "hs_email_headers":
            parts["metadata"].update(msgspec.json.decode(text) if text else {})
        elif prop.path is not None:
            part, key = prop.path
            parts[part][key] = from_text(prop, text)
        else:
            custom_values[name] = text
    body = parts["metadata"].get("body")
    if isinstance(body, str):
        parts["engagement"]["bodyPreview"] = body[:PREVIEW_CHARS]
    if not any(name in properties for name in TYPE_PROPERTIES):
        parts["engagement"].pop("type", None)
    return EngagementParts(parts["engagement"], parts["metadata"], attachments, custom_values)
