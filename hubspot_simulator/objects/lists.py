"""
Lists of records by id, and one record.

The list ascends by id, and its cursor is an inclusive lower bound: the last id + 1 (recorded for
four types from 2022 to 2025). Archived records are a list of their own.
"""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_left
from collections.abc import Sequence

from hubspot_simulator.objects.errors import ObjectsError, bad_request, not_found
from hubspot_simulator.objects.object_types import ObjectType, resolve
from hubspot_simulator.objects.requests import ObjectsRequest
from hubspot_simulator.objects.store import iter_types
from hubspot_simulator.objects.type_index import Entry, TypeIndex
from hubspot_simulator.objects.views import View
from hubspot_simulator.responses import Response

LIST_DEFAULT, LIST_MAX = 10, 100
LIST_MAX_WITH_HISTORY = 50
DAY_MS = 86_400_000
_OPAQUE = "list:"
# An odd factor permutes the numbers below the power of two: ids in no order, each at its place.
_FACTOR, _MODULUS = 0x9E3779B97F5, 2**44

Records = Sequence[tuple[int, Entry]]


def list_records(request: ObjectsRequest) -> Response:
    """Return a page of a type's records."""
    object_type = request.object_type
    histories = request.names("propertiesWithHistory")
    limit = request.limit(LIST_DEFAULT, LIST_MAX_WITH_HISTORY if histories else LIST_MAX)
    if request.behaviour.half_pages:
        limit = max(1, limit // 2)
    after = _read_cursor(request)
    with request.store.lock:
        index = request.store.index(object_type)
        records, cursor = _page(request, index, after, limit)
        bodies = request.portal.writer.write(_view(request, object_type), records, request.path)
    return _page_response(request, bodies, cursor)


def get_record(request: ObjectsRequest) -> Response:
    """Return one record; with `archived=true` an archived one. A merged id gives its survivor."""
    object_type = request.object_type
    record_id = int(request.parts["id"])
    with request.store.lock:
        index = request.store.index(object_type)
        record_id = index.survivors.get(record_id, record_id)
        entries = index.archive_entries if request.flag("archived") else index.entries
        entry = entries.get(record_id)
        if entry is None:
            return not_found()
        path = request.path.rpartition("/")[0]
        view = _view(request, object_type)
        return Response(200, request.portal.writer.write(view, [(record_id, entry)], path)[0])


def _view(request: ObjectsRequest, object_type: ObjectType) -> View:
    """Return the properties and associations that the query names; unknown names are ignored."""
    portal_id = request.portal.portal_id
    partner_types = iter_types(request.names("associations"), lambda name: resolve(name, portal_id))
    histories = request.names("propertiesWithHistory")
    return request.portal.writer.view(
        object_type, request.names("properties"), partner_types, histories
    )


def _read_cursor(request: ObjectsRequest) -> int:
    """Return the lower bound in `after`, 0 without a cursor."""
    text = request.params.get("after", "")
    if not text or text.isdecimal():
        if text and request.behaviour.list_cursor == "opaque":
            raise ObjectsError(_bad_cursor(text))
        return request.number("after", 0)
    try:
        cursor_text = base64.urlsafe_b64decode(text.encode()).decode()
        if request.behaviour.list_cursor == "opaque" and cursor_text.startswith(_OPAQUE):
            return int(cursor_text.removeprefix(_OPAQUE))
    except (binascii.Error, ValueError):
        pass
    raise ObjectsError(_bad_cursor(text))


def _bad_cursor(text: str) -> Response:
    return bad_request(f'Cannot deserialize value of type `long` from String "{text}"')


def _page(
    request: ObjectsRequest, index: TypeIndex, after: int, limit: int
) -> tuple[Records, int | None]:
    """Return the records from the bound `after` on, and the next bound, None at the end."""
    ids, entries = index.ids, index.entries
    if request.flag("archived"):
        entries = _listed_archived(request, index)
        ids = [key for key in index.archive_ids if key in entries]
    if request.behaviour.list_order == "shuffled":
        places = {key * _FACTOR % _MODULUS: key for key in ids}
        bounds = sorted(places)
        start = bisect_left(bounds, after)
        page_bounds = bounds[start : start + limit]
        records = [(places[key], entries[places[key]]) for key in page_bounds]
    else:
        bounds = ids
        start = bisect_left(bounds, after)
        page_bounds = bounds[start : start + limit]
        records = [(key, entries[key]) for key in page_bounds]
    has_more = start + limit < len(bounds)
    return records, page_bounds[-1] + 1 if has_more else None


def _listed_archived(request: ObjectsRequest, index: TypeIndex) -> dict[int, Entry]:
    """Return the archived records that are young enough to be listed."""
    first_ms = request.store.now_ms - request.behaviour.archived_days * DAY_MS
    return {
        key: entry
        for key, entry in index.archive_entries.items()
        if entry.archived_ms is not None and entry.archived_ms >= first_ms
    }


def _page_response(
    request: ObjectsRequest, bodies: Sequence[bytes], lower_bound: int | None
) -> Response:
    results = b'{"results":[%s]' % b",".join(bodies)
    if lower_bound is None:
        is_null = request.behaviour.last_paging == "null"
        return Response(200, results + (b',"paging":null}' if is_null else b"}"))
    after = str(lower_bound)
    if request.behaviour.list_cursor == "opaque":
        after = base64.urlsafe_b64encode(f"{_OPAQUE}{lower_bound}".encode()).decode()
    paging = b',"paging":{"next":{"after":"%s","link":"%s"}}}'
    return Response(200, results + paging % (after.encode(), request.link(after).encode()))
