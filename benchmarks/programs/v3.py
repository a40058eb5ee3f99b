"""
A portal's engagements as objects of HubSpot's v3 API, serialized once.

The objects are small, in favour of other taps: properties are single values of the metadata.
HubSpot's many other properties, mostly null, are missing, and so are associations.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

import msgspec

from hubspot_simulator.responses import Response, json_response

Properties = dict[str, str | None]

# The kind of object of each type of engagement; v3 has no objects of other types.
KINDS: Mapping[str, str] = {
    "CALL": "calls",
    "EMAIL": "emails",
    "INCOMING_EMAIL": "emails",
    "FORWARDED_EMAIL": "emails",
    "LINKEDIN_MESSAGE": "communications",
    "MEETING": "meetings",
    "NOTE": "notes",
    "POSTAL_MAIL": "postal_mail",
    "SMS": "communications",
    "TASK": "tasks",
    "WHATS_APP": "communications",
}
PAGE_DEFAULT, PAGE_MAX = 10, 100  # objects
OBJECTS, PROPERTIES = "/crm/v3/objects/", "/crm/v3/properties/"
# Requested before a sync; this portal has no such objects.
EMPTY: Mapping[str, Any] = {
    "/crm/v3/schemas": {"results": []},
    "/companies/v2/properties": [],
    "/properties/v1/deals/properties": [],
}


class Objects:
    """The objects of each kind as JSON, in the order of their engagements."""

    def __init__(self, engagements: Iterable[dict[str, Any]]) -> None:
        of_kind: dict[str, list[Properties]] = {kind: [] for kind in KINDS.values()}
        for one in engagements:
            of_kind[KINDS[one["engagement"]["type"]]].append(to_properties(one))
        self._names = {
            kind: list(dict.fromkeys(name for one in objects for name in one))
            for kind, objects in of_kind.items()
        }
        self._bodies = {
            kind: [_to_json(one, self._names[kind]) for one in objects]
            for kind, objects in of_kind.items()
        }

    def respond(self, path: str, params: Mapping[str, str]) -> Response | None:
        """Return HubSpot's response, None for any other path."""
        if path in EMPTY:
            return json_response(EMPTY[path])
        if path.startswith(PROPERTIES):
            return self._properties(path.removeprefix(PROPERTIES))
        if path.removeprefix(OBJECTS) in self._bodies:
            return self._page(path.removeprefix(OBJECTS), params)
        return None

    def _properties(self, kind: str) -> Response:
        names = self._names.get(kind, [])
        return json_response({"results": [{"name": name, "type": "string"} for name in names]})

    def _page(self, kind: str, params: Mapping[str, str]) -> Response:
        bodies = self._bodies[kind]
        start = int(params.get("after", 0))
        end = start + min(int(params.get("limit", PAGE_DEFAULT)), PAGE_MAX)
        paging = b',"paging":{"next":{"after":"%d"}}' % end if end < len(bodies) else b""
        return Response(200, b'{"results":[%b]%b}' % (b",".join(bodies[start:end]), paging))


def to_properties(engagement: dict[str, Any]) -> Properties:
    """Return an engagement's v3 properties as text, without lists and objects."""
    inner = engagement["engagement"]
    prefix = f"hs_{KINDS[inner['type']].removesuffix('s')}_"
    return {
        "hs_object_id": str(inner["id"]),
        "hs_createdate": _to_text(inner["createdAt"]),
        "hs_lastmodifieddate": _to_text(inner["lastUpdated"]),
        "hs_timestamp": _to_text(inner["timestamp"]),
        "hs_body_preview": inner.get("bodyPreview"),
        "hubspot_owner_id": str(inner["ownerId"]) if "ownerId" in inner else None,
        **{
            prefix + re.sub("([A-Z])", r"_\1", key).lower(): str(value)
            for key, value in engagement["metadata"].items()
            if not isinstance(value, (dict, list))
        },
    }


def _to_text(at_ms: int) -> str:
    at = datetime.fromtimestamp(at_ms / 1000, tz=timezone.utc)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"


def _to_json(properties: Properties, names: Iterable[str]) -> bytes:
    """Return an object with all properties of the kind, as v3 does for requested properties."""
    whole = {
        "id": properties["hs_object_id"],
        "properties": {name: properties.get(name) for name in names},
        "createdAt": properties["hs_createdate"],
        "updatedAt": properties["hs_lastmodifieddate"],
        "archived": False,
    }
    return msgspec.json.encode(whole)
