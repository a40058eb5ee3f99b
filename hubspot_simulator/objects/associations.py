"""
Associations of many records at a time, and of a single one.

A row holds the first partners of an input; `paging` in the row leads to the others. Ids of partners
are numbers in every recording and texts in every specification.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import msgspec

from hubspot_simulator.objects.batch_read import batch_response
from hubspot_simulator.objects.errors import ObjectsError, bad_request, not_found, unassociated
from hubspot_simulator.objects.object_types import ObjectType
from hubspot_simulator.objects.requests import ObjectsRequest, input_ids
from hubspot_simulator.objects.views import association_types
from hubspot_simulator.responses import Response, json_response

INPUTS_MAX = 1_000
SINGLE_DEFAULT = SINGLE_MAX = 500
_CURSOR = "partner:"


def read_associations(request: ObjectsRequest) -> Response:
    """Return a row for each input that has partners of the second type."""
    from_type, to_type = request.readable_type("type"), request.readable_type("to")
    body = request.json(required_keys=("inputs",))
    input_ids(body, INPUTS_MAX)
    rows, errors = [], []
    with request.store.lock:
        for item in body["inputs"]:
            text = str(item["id"])
            start = _read_cursor(item.get("after"))
            partners = _partner_ids(request, from_type, text, to_type)
            if partners:
                rows.append(msgspec.json.encode(_row(request, text, partners, start)))
            elif request.behaviour.unassociated == "error":
                errors.append(unassociated(from_type, text, to_type))
    return batch_response(request, rows, errors)


def list_associations(request: ObjectsRequest) -> Response:
    """Return the partners of a single record, 500 a page; 2026-09 has no such endpoint."""
    from_type, to_type = request.readable_type("type"), request.readable_type("to")
    limit = request.limit(SINGLE_DEFAULT, SINGLE_MAX)
    with request.store.lock:
        index = request.store.index(from_type)
        record_id = int(request.parts["id"])
        entry = index.entries.get(record_id)
        if entry is None:
            return not_found()
        partners = request.store.partners(from_type, record_id, entry, to_type)
    results, paging = _page(request, partners, _read_cursor(request.params.get("after")), limit)
    return json_response({"results": results, **paging})


def _partner_ids(
    request: ObjectsRequest, from_type: ObjectType, text: str, to_type: ObjectType
) -> list[int]:
    """Return the partners of an input's record; none for an unknown id, unless that is refused."""
    entry = request.store.index(from_type).entries.get(int(text) if text.isdecimal() else -1)
    if entry is not None:
        return request.store.partners(from_type, int(text), entry, to_type)
    if request.behaviour.unknown_ids == "refuse":
        message = f"{from_type.singular.upper()}={text} is not valid"
        raise ObjectsError(bad_request(message, context={"id": [text]}))
    return []


def _row(
    request: ObjectsRequest, from_id: str, partners: list[int], start: int
) -> Mapping[str, Any]:
    page = request.behaviour.association_page
    results, paging = _page(request, partners, start, page)
    return {"from": {"id": from_id}, "to": results, **paging}


def _page(
    request: ObjectsRequest, partners: list[int], start: int, limit: int
) -> tuple[list[Mapping[str, Any]], Mapping[str, Any]]:
    """Return partners from place `start` on, and `paging` where more follow."""
    from_type, to_type = request.readable_type("type"), request.readable_type("to")
    is_text = request.behaviour.association_ids == "text"
    results: list[Mapping[str, Any]] = [
        {
            "toObjectId": str(key) if is_text else key,
            "associationTypes": association_types(from_type, to_type, key, request.behaviour),
        }
        for key in partners[start : start + limit]
    ]
    if start + limit >= len(partners):
        return results, {}
    after = base64.urlsafe_b64encode(f"{_CURSOR}{start + limit}".encode()).decode()
    return results, {"paging": {"next": {"after": after, "link": request.link(after)}}}


def _read_cursor(text: Any) -> int:
    """Return the place in a row that a cursor leads to, 0 without one."""
    if not text:
        return 0
    try:
        cursor_text = base64.urlsafe_b64decode(str(text).encode()).decode()
        return int(cursor_text.removeprefix(_CURSOR))
    except ValueError:
        raise ObjectsError(bad_request(f"after is not a valid cursor: {text}")) from None
