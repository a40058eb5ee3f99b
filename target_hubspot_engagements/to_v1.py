"""
Converts properties to the JSON of HubSpot's engagements API, v1, if v1 has all of them. Pure.

v1 writes notes, e-mails that were sent, tasks, meetings and calls, and knows no custom properties.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hubspot_api.activity_properties import (
    ACTIVITY_TYPE,
    ATTACHMENTS,
    DIRECTION,
    HEADERS,
    INNER,
    METADATA,
)
from hubspot_api.json_codec import parse_json

V1_TYPES = {
    "notes": "NOTE",
    "emails": "EMAIL",
    "tasks": "TASK",
    "meetings": "MEETING",
    "calls": "CALL",
}
_INNER = {name: (key, kind) for name, key, kind in (*INNER, ACTIVITY_TYPE)}
_METADATA = {
    object_type: {name: (key, kind) for name, key, kind in properties}
    for object_type, properties in METADATA.items()
}


def _to_ids(text: str) -> list[int | str]:
    return [int(part) if part.isdecimal() else part for part in text.split(";") if part]


_CONVERSIONS: Mapping[str, Callable[[str], Any]] = {
    "text": str,
    "int": lambda text: int(text) if text.lstrip("-").isdecimal() else float(text),
    "ms": int,
    "bool": lambda text: text == "true",
    "ids": _to_ids,
    "texts": lambda text: [part for part in text.split(";") if part],
}


def to_v1(kind: str, texts: Mapping[str, str]) -> dict[str, Any] | None:
    """
    Return the body of a v1 request that writes `texts`; None if v1 cannot write all of them.

    An empty text clears the value.
    """
    if kind not in V1_TYPES or texts.get(DIRECTION) not in (None, "EMAIL"):
        return None
    body: dict[str, Any] = {"engagement": {"type": V1_TYPES[kind]}, "metadata": {}}
    for name, text in texts.items():
        if name == ATTACHMENTS:
            body["attachments"] = [{"id": one} for one in _to_ids(text)]
        elif name == HEADERS:
            body["metadata"] |= parse_json(text.encode()) if text else {}
        elif name in _INNER:
            key, value_kind = _INNER[name]
            body["engagement"][key] = _convert(value_kind, text)
        elif name in _METADATA[kind]:
            key, value_kind = _METADATA[kind][name]
            body["metadata"][key] = _convert(value_kind, text)
        elif name != DIRECTION:
            return None
    return body


def _convert(kind: str, text: str) -> Any:
    """Return a text, checked before, as v1 has the value."""
    return _CONVERSIONS[kind](text) if text else None
