"""A request to the objects API: its parts, read and checked."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import msgspec

from hubspot_simulator import responses
from hubspot_simulator.objects.behaviour import ObjectsBehaviour
from hubspot_simulator.objects.errors import ObjectsError, bad_request, missing_scopes, unknown_type
from hubspot_simulator.objects.object_types import ObjectType, resolve
from hubspot_simulator.objects.store import ObjectStore
from hubspot_simulator.objects.views import RecordWriter
from hubspot_simulator.portal import Portal

HOST = "https://api.hubapi.com"


@dataclass(frozen=True)
class ServedPortal:
    """The served portal as the endpoints need it."""

    engagements: Portal
    portal_id: int
    store: ObjectStore
    writer: RecordWriter
    behaviour: ObjectsBehaviour
    scopes: Collection[str] | None = None
    search_delay_ms: int = 0


@dataclass(frozen=True)
class ObjectsRequest:
    """
    A request's parts; `version` is `v3` or a dated one, `parts` are the variable path segments.

    Its readers raise ObjectsError with the answer to a request that cannot be read.
    """

    portal: ServedPortal
    version: str
    path: str
    params: Mapping[str, str]
    body: bytes = b""
    parts: Mapping[str, str] = field(default_factory=dict)

    @property
    def store(self) -> ObjectStore:
        """The records."""
        return self.portal.store

    @property
    def behaviour(self) -> ObjectsBehaviour:
        """The switches."""
        return self.portal.behaviour

    @cached_property
    def object_type(self) -> ObjectType:
        """The type that the path names, which the token may read."""
        return self.readable_type("type")

    def readable_type(self, part: str) -> ObjectType:
        """Return the type that a segment of the path names, which the token may read."""
        object_type = resolve(self.parts[part], self.portal.portal_id)
        if object_type is None:
            raise ObjectsError(unknown_type(self.parts[part]))
        self.check_scopes(object_type)
        return object_type

    def check_writable(self) -> None:
        """Check that the token may write the type that the path names."""
        self.check_scopes(self.object_type, self.object_type.write_scopes)

    def check_scopes(self, object_type: ObjectType, scopes_of: Iterable[str] = ()) -> None:
        """Check that the token may read a type, or has `scopes_of` another action."""
        required_scopes = tuple(scopes_of) or object_type.scopes
        scopes = self.portal.scopes
        is_forbidden = object_type.name in self.behaviour.forbidden_types
        if is_forbidden or (scopes is not None and not {*required_scopes} <= {*scopes}):
            raise ObjectsError(missing_scopes(required_scopes))

    def limit(self, default: int, most: int) -> int:
        """Return the query parameter `limit`, 1 to `most`."""
        value = self.number("limit", default)
        if not 1 <= value <= most:
            raise ObjectsError(bad_request(f"limit must be between 1 and {most}, was {value}"))
        return value

    def number(self, name: str, default: int) -> int:
        """Return a query parameter of 1 to 18 digits."""
        text = self.params.get(name, "")
        if not text:
            return default
        if not re.fullmatch(r"\d{1,18}", text):
            raise ObjectsError(responses.bad_parameter(name))
        return int(text)

    def names(self, name: str) -> list[str]:
        """Return the names in a query parameter, separated by commas."""
        return [text for text in self.params.get(name, "").split(",") if text]

    def flag(self, name: str) -> bool:
        """Return a query parameter that is `true` or `false`."""
        return self.params.get(name, "false").lower() == "true"

    def json(self, required_keys: Iterable[str] = ()) -> dict[str, Any]:
        """Return the body; `required_keys` are the keys that 2026-09 insists on."""
        try:
            value = msgspec.json.decode(self.body)
        except msgspec.DecodeError:
            raise ObjectsError(bad_request("Invalid input JSON on line 1, column 1")) from None
        if not isinstance(value, dict):
            raise ObjectsError(bad_request("Invalid input JSON: an object is expected"))
        if self.version == "2026-09" and self.behaviour.complete_requests:
            missing = [key for key in required_keys if key not in value]
            if missing:
                message = f"Some required fields were not set: [{', '.join(missing)}]"
                raise ObjectsError(bad_request(message))
        return value

    def link(self, after: str) -> str:
        """Return the URL of the next page, as lists show it beside `after`."""
        params = [(name, text) for name, text in self.params.items() if name != "after"]
        query = "&".join(f"{name}={text.replace(',', '%2C')}" for name, text in params)
        return f"{HOST}{self.path}?{query}{'&' if query else ''}after={after}"


def input_ids(body: Mapping[str, Any], most: int) -> list[str]:
    """Return the ids of a batch's `inputs`. Raises ObjectsError for none, too many or no ids."""
    return [str(item["id"]) for item in batch_inputs(body, most, "id")]


def batch_inputs(body: Mapping[str, Any], most: int, *keys: str) -> list[dict[str, Any]]:
    """
    Return a batch's `inputs`, 1 to `most`.

    Raises ObjectsError for none, for too many, and for an input without one of `keys`.
    """
    inputs = body.get("inputs")
    if not isinstance(inputs, list) or not all(
        isinstance(item, dict) and {*keys} <= item.keys() for item in inputs
    ):
        raise ObjectsError(bad_request("Some required fields were not set: [inputs]"))
    if not 1 <= len(inputs) <= most:
        message = f"The maximum number of inputs supported in a batch request is {most}."
        raise ObjectsError(bad_request(message))
    return inputs
