"""
The objects API's paths: the same endpoints at `v3` and at dated paths, to the same bodies.

`/crm/v3/objects/notes` is `/crm/objects/2026-09/notes`; associations are at `v4` and dated paths.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import unquote

from hubspot_simulator.objects import (
    association_writes,
    associations,
    batch_read,
    definitions,
    lists,
    search,
    writes,
)
from hubspot_simulator.objects.errors import ObjectsError, too_long_url
from hubspot_simulator.objects.requests import ObjectsRequest, ServedPortal
from hubspot_simulator.responses import Response, html_response

DATED_VERSIONS = ("2026-03", "2026-09")
PREFIXES = ("/crm/", "/crm-object-schemas/")

_DATED = f"(?P<version>{'|'.join(DATED_VERSIONS)})"


class Route(NamedTuple):
    """A method, a pattern of the path, and the function that answers."""

    method: str
    pattern: re.Pattern[str]
    respond: Callable[[ObjectsRequest], Response]


def _versions(area: str, legacy: str = "v3") -> str:
    """Return the pattern of an area's prefix: `/crm/v3/objects` and `/crm/objects/2026-09`."""
    return f"/crm/(?:(?P<legacy>{legacy})/{area}|{area}/{_DATED})"


def _route(method: str, pattern: str, respond: Callable[[ObjectsRequest], Response]) -> Route:
    return Route(method, re.compile(pattern), respond)


_OBJECTS = _versions("objects") + r"/(?P<type>[\w-]+)"
_PROPERTIES = _versions("properties") + r"/(?P<type>[\w-]+)"
_PAIRS = _versions("associations", "v4") + r"/(?P<type>[\w-]+)/(?P<to>[\w-]+)"
_DEFAULT = r"/(?P<type>[\w-]+)/(?P<id>\d+)/associations/default/(?P<to>[\w-]+)/(?P<to_id>\d+)"
_SINGLE = r"/(?P<type>[\w-]+)/(?P<id>\d+)/associations/(?P<to>[\w-]+)"
_SCHEMAS = f"/(?:crm/(?P<legacy>v3)|crm-object-schemas/{_DATED})/schemas"

ROUTES = (
    _route("GET", _OBJECTS, lists.list_records),
    _route("POST", f"{_OBJECTS}/search", search.search),
    _route("POST", f"{_OBJECTS}/batch/read", batch_read.read_batch),
    _route("GET", rf"{_OBJECTS}/(?P<id>\d+)", lists.get_record),
    _route("POST", _OBJECTS, writes.create_record),
    _route("PATCH", rf"{_OBJECTS}/(?P<id>\d+)", writes.update_record),
    _route("DELETE", rf"{_OBJECTS}/(?P<id>\d+)", writes.archive_record),
    _route("POST", f"{_OBJECTS}/batch/create", writes.create_batch),
    _route("POST", f"{_OBJECTS}/batch/update", writes.update_batch),
    _route("POST", f"{_OBJECTS}/batch/upsert", writes.upsert_batch),
    _route("POST", f"{_OBJECTS}/batch/archive", writes.archive_batch),
    _route("POST", f"{_PAIRS}/batch/read", associations.read_associations),
    _route("POST", f"{_PAIRS}/batch/create", association_writes.associate_batch),
    _route("POST", f"{_PAIRS}/batch/associate/default", association_writes.associate_batch),
    _route("POST", f"{_PAIRS}/batch/archive", association_writes.archive_batch),
    _route("PUT", _versions("objects", "v4") + _DEFAULT, association_writes.associate_one),
    _route("GET", f"/crm/(?P<legacy>v4)/objects{_SINGLE}", associations.list_associations),
    _route("GET", f"/crm/objects/(?P<version>2026-03){_SINGLE}", associations.list_associations),
    _route("GET", _PROPERTIES, definitions.list_properties),
    _route("POST", _PROPERTIES, definitions.create_property),
    _route("GET", rf"{_PROPERTIES}/(?P<name>\w+)", definitions.get_property),
    _route("GET", _SCHEMAS, definitions.list_schemas),
)


def respond(
    portal: ServedPortal, method: str, path: str, params: dict[str, str], body: bytes = b""
) -> Response | None:
    """Return the answer to a request; None for a path that is not of the objects API."""
    is_known = False
    path = unquote(path)
    for route in ROUTES:
        match = route.pattern.fullmatch(path)
        if match is None:
            continue
        is_known = True
        if route.method == method:
            parts = match.groupdict()
            version = parts.get("version") or parts["legacy"]
            request = ObjectsRequest(portal, version, path, params, body, parts)
            return _respond(route, request)
    return html_response(405) if is_known else None


def is_search(method: str, path: str) -> bool:
    """Tell whether a request is a search, which has a rate limit of its own."""
    return method == "POST" and path.startswith("/crm/") and path.endswith("/search")


def _respond(route: Route, request: ObjectsRequest) -> Response:
    most = request.behaviour.url_max
    if most is not None and len(request.link("")) > most:
        return too_long_url()
    try:
        return route.respond(request)
    except ObjectsError as error:
        return error.response
