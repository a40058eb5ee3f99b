"""Requests to the objects API, and engagements to send them about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import requests

from hubspot_simulator.portal import Portal
from tests.simulator.conftest import NOW_MS, Hubspot

VERSION = "2026-09"
ACTIVITIES = (
    "notes",
    "emails",
    "calls",
    "tasks",
    "meetings",
    "communications",
    "postal_mail",
)
Record = dict[str, Any]


def objects_path(object_type: str, version: str = VERSION) -> str:
    """Return the path of a type's records."""
    if version == "v3":
        return f"/crm/v3/objects/{object_type}"
    return f"/crm/objects/{version}/{object_type}"


def walk(hubspot: Hubspot, path: str, **params: Any) -> Iterator[Record]:
    """Yield the records of all pages."""
    after: str | None = None
    while True:
        page = hubspot.json(path, **params, **({"after": after} if after else {}))
        yield from page["results"]
        after = ((page.get("paging") or {}).get("next") or {}).get("after")
        if after is None:
            return


def post(hubspot: Hubspot, path: str, body: Record, **params: Any) -> requests.Response:
    """Return the response to a POST in JSON."""
    return hubspot.request("POST", path, json=body, params=params)


def search(hubspot: Hubspot, object_type: str, *filters: Record, **body: Any) -> requests.Response:
    """Return the response to a search with one group of filters."""
    groups = [{"filters": list(filters)}] if filters else []
    path = f"{objects_path(object_type)}/search"
    return post(hubspot, path, {"after": "", "filterGroups": groups, **body})


def batch_read(
    hubspot: Hubspot, object_type: str, *ids: object, version: str = VERSION, **params: Any
) -> requests.Response:
    """Return the response to a batch read of `ids`, without properties."""
    body = {
        "inputs": [{"id": str(record_id)} for record_id in ids],
        "properties": [],
        "propertiesWithHistory": [],
    }
    return post(hubspot, f"{objects_path(object_type, version)}/batch/read", body, **params)


def associations_of(
    hubspot: Hubspot, from_type: str, to_type: str, *inputs: Record, version: str = VERSION
) -> requests.Response:
    """Return the response to an associations batch read."""
    area = "v4/associations" if version == "v4" else f"associations/{version}"
    path = f"/crm/{area}/{from_type}/{to_type}/batch/read"
    return post(hubspot, path, {"inputs": list(inputs)})


def ids_of(records: Any) -> list[int]:
    """Return the ids of records of the objects API."""
    return [int(record["id"]) for record in records]


def add(portal: Portal, record_id: int, kind: str = "NOTE", **parts: Any) -> Record:
    """Create an engagement whose dates are its number of seconds after an hour before now."""
    at_ms = NOW_MS - 3_600_000 + record_id * 1000
    inner = {"id": record_id, "type": kind, "createdAt": at_ms, **parts.pop("inner", {})}
    return portal.create({"engagement": inner, "associations": {}, "metadata": {}, **parts})
