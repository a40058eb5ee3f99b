"""
Checks a record's properties by HubSpot's definitions, before anything is sent. Pure.

HubSpot's 400s name a single record at a time. This check names all problems, without a request.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from hubspot_api.activity_properties import CHANNEL, CREATED, DIRECTION, HEADERS, ID, MODIFIED
from hubspot_api.json_codec import parse_json
from target_hubspot_engagements.values import CONVERSIONS, to_text

TIMESTAMP = "hs_timestamp"
STAMPS = frozenset((ID, CREATED, MODIFIED))
"""HubSpot sets them: a record that has them, as one that was read from HubSpot, keeps them."""

TYPE_PROPERTIES = frozenset((DIRECTION, CHANNEL))
MAX_CHARS: Mapping[str, int] = {"hs_note_body": 65_536}  # HubSpot's guide for notes
# HubSpot's guides for each type. A portal's own options, where its definition has some, come first.
OPTIONS: Mapping[str, tuple[str, ...]] = {
    "hs_task_status": ("NOT_STARTED", "IN_PROGRESS", "WAITING", "DEFERRED", "COMPLETED"),
    "hs_task_priority": ("NONE", "LOW", "MEDIUM", "HIGH"),
    "hs_call_direction": ("INBOUND", "OUTBOUND"),
    "hs_call_status": (
        *("BUSY", "CALLING_CRM_USER", "CANCELED", "COMPLETED", "CONNECTING", "FAILED"),
        *("IN_PROGRESS", "MISSED", "NO_ANSWER", "QUEUED", "RINGING"),
    ),
    "hs_meeting_outcome": ("SCHEDULED", "COMPLETED", "RESCHEDULED", "NO_SHOW", "CANCELED"),
    "hs_email_direction": ("EMAIL", "INCOMING_EMAIL", "FORWARDED_EMAIL"),
    "hs_email_status": ("BOUNCED", "FAILED", "SCHEDULED", "SENDING", "SENT"),
    "hs_communication_channel_type": ("WHATS_APP", "LINKEDIN_MESSAGE", "SMS"),
}


class _Option(msgspec.Struct):
    value: str


class _Modification(msgspec.Struct):
    readOnlyValue: bool = False


class Definition(msgspec.Struct):
    """HubSpot's definition of a property."""

    name: str
    type: str = "string"
    fieldType: str = "text"
    options: list[_Option] = []
    hasUniqueValue: bool = False
    modificationMetadata: _Modification | None = None

    @property
    def is_read_only(self) -> bool:
        """Whether HubSpot alone sets the value."""
        modification = self.modificationMetadata
        return modification is not None and modification.readOnlyValue

    def allowed(self) -> tuple[str, ...]:
        """Return the values of an enumeration, none for any value."""
        return tuple(option.value for option in self.options) or OPTIONS.get(self.name, ())


Definitions = Mapping[str, Definition]


class Problem(NamedTuple):
    """A reason not to write a record: a message, and the property at fault, if any."""

    message: str
    property: str | None = None


class Checked(NamedTuple):
    """The texts to write, and the problems; with any, nothing is written."""

    texts: dict[str, str]
    problems: list[Problem]


def check_properties(definitions: Definitions, values: Mapping[str, Any]) -> Checked:
    """Return the texts of a record's values, and every problem that HubSpot would refuse."""
    checked = Checked({}, [])
    for name, value in values.items():
        if name in STAMPS:
            continue
        try:
            checked.texts[name] = _to_property_text(definitions.get(name), name, to_text(value))
        except ValueError as error:
            checked.problems.append(Problem(str(error), name))
    return checked


def writable(definitions: Definitions, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values without those that HubSpot alone sets, for an engagement that was read."""
    return {
        name: value
        for name, value in values.items()
        if name in TYPE_PROPERTIES or (name in definitions and not definitions[name].is_read_only)
    }


def missing_on_creation(kind: str, texts: Mapping[str, str]) -> list[Problem]:
    """Return the problems of properties that HubSpot requires of a new engagement."""
    required = [TIMESTAMP, *([CHANNEL] if kind == "communications" else [])]
    return [Problem("is required", name) for name in required if not texts.get(name)]


def _to_property_text(definition: Definition | None, name: str, text: str) -> str:
    """Return a value's text. Raises ValueError for a value that HubSpot would refuse."""
    if definition is None:
        raise ValueError(
            "HubSpot has no such property: map it in property_map, to null to leave it out"
        )
    if definition.is_read_only and name not in TYPE_PROPERTIES:
        raise ValueError("is read-only")
    if not text:
        return text
    if name == HEADERS:
        _check_headers(text)
    _check_length(name, text)
    _check_option(definition, text)
    return CONVERSIONS.get(definition.type, str)(text)


def _check_length(name: str, text: str) -> None:
    most = MAX_CHARS.get(name)
    if most is not None and len(text) > most:
        raise ValueError(f"has {len(text)} characters; HubSpot takes {most}")


def _check_headers(text: str) -> None:
    """Raise ValueError unless the sender and recipients of an e-mail are a JSON object."""
    try:
        is_object = isinstance(parse_json(text.encode()), dict)
    except ValueError:
        is_object = False
    if not is_object:
        raise ValueError('must be a JSON object such as {"from": {"email": "ana@example.com"}}')


def _check_option(definition: Definition, text: str) -> None:
    allowed = definition.allowed()
    if not allowed:
        return
    parts = text.split(";") if definition.fieldType == "checkbox" else [text]
    if wrong := [part for part in parts if part and part not in allowed]:
        raise ValueError(f"{wrong[0]!r} is not one of {', '.join(allowed)}")
