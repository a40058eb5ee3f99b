"""
Reading records by their ids, a hundred at a time.

Results come in no promised order. Ids that are missing or archived come as errors: with 207 before
2026-09, with 200 since. An id that was merged answers with the surviving record, whose id differs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from hubspot_simulator.objects.errors import ObjectsError, bad_request, missing_objects
from hubspot_simulator.objects.object_types import CONTACTS
from hubspot_simulator.objects.properties import Property
from hubspot_simulator.objects.requests import ObjectsRequest, input_ids
from hubspot_simulator.objects.texts import iso_ms
from hubspot_simulator.objects.type_index import Entry
from hubspot_simulator.responses import Response

BATCH_MAX = 100
BATCH_MAX_WITH_HISTORY = 50


def read_batch(request: ObjectsRequest) -> Response:
    """Return the records of the `inputs`; `archived=true` in the query asks for archived ones."""
    object_type = request.object_type
    body = request.json(required_keys=("inputs", "properties", "propertiesWithHistory"))
    histories = names(body, "propertiesWithHistory")
    unique = _id_property(request, body)
    ids = input_ids(body, BATCH_MAX_WITH_HISTORY if histories else BATCH_MAX)
    if len(set(ids)) < len(ids):
        raise ObjectsError(duplicate_ids(ids))
    with request.store.lock:
        records, missing = _find(request, ids, unique)
        view = request.portal.writer.view(
            object_type, names(body, "properties"), histories=histories
        )
        bodies = request.portal.writer.write(view, records)
    errors = [missing_objects(object_type, missing)] if missing else []
    return batch_response(request, bodies, errors)


def unique_properties(request: ObjectsRequest) -> list[Property]:
    """Return the properties whose values are unique: an address for contacts, and custom ones."""
    object_type = request.object_type
    definitions = request.store.properties(object_type)
    unique = [prop for prop in definitions.values() if prop.is_unique]
    return [*unique, definitions["email"]] if object_type is CONTACTS else unique


def _id_property(request: ObjectsRequest, body: Mapping[str, Any]) -> Property | None:
    """Return the unique property that a batch's ids are values of; None for record ids."""
    name = body.get("idProperty")
    if name in (None, "", "hs_object_id"):
        return None
    for prop in unique_properties(request):
        if prop.name == name:
            return prop
    raise ObjectsError(bad_request(f"Property {name} is non-unique and cannot be an idProperty"))


def names(body: Mapping[str, Any], key: str) -> list[str]:
    """Return the texts under `key`; none for null or a missing key."""
    texts = body.get(key) or []
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ObjectsError(bad_request(f"{key} must be a list of strings"))
    return texts


def batch_response(
    request: ObjectsRequest,
    bodies: Sequence[bytes],
    errors: Sequence[Mapping[str, Any]],
    status: int | None = None,
) -> Response:
    """Return a batch's results and errors; without a `status` the version decides on it."""
    at = iso_ms(request.store.now_ms)
    parts = [
        b'"status":"COMPLETE"',
        b'"results":[%s]' % b",".join(bodies),
        b'"startedAt":"%s","completedAt":"%s"' % (at.encode(), at.encode()),
    ]
    if errors:
        parts.append(b'"numErrors":%d,"errors":%s' % (len(errors), msgspec.json.encode(errors)))
    if status is None:
        status = request.behaviour.batch_status(request.version, bool(errors))
    return Response(status, b"{%s}" % b",".join(parts))


def _find(
    request: ObjectsRequest, ids: Sequence[str], unique: Property | None
) -> tuple[list[tuple[int, Entry]], list[str]]:
    """Return the records of `ids`, newest id first, and the ids without a record."""
    index = request.store.index(request.object_type)
    entries = index.archive_entries if request.flag("archived") else index.entries
    records: dict[int, Entry] = {}
    missing = []
    for text in ids:
        if unique is None:
            record_id = int(text) if text.isdecimal() else -1
        else:
            record_id = request.store.find(request.object_type, unique, text) or -1
        record_id = index.survivors.get(record_id, record_id)
        entry = entries.get(record_id)
        if entry is None:
            missing.append(text)
        else:
            records[record_id] = entry
    return sorted(records.items(), reverse=True), missing


def duplicate_ids(ids: Sequence[str]) -> Response:
    """Return the 400 of a batch that names a record twice."""
    doubles = sorted({text for text in ids if ids.count(text) > 1})
    message = f"Duplicate IDs found in batch input: [{', '.join(doubles)}]. IDs must be unique"
    return bad_request(message, context={"ids": doubles})
