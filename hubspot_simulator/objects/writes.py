"""
Creating, updating, upserting and archiving records, one or a hundred at a time.

One bad input fails a whole batch of creations, unless every input has an `objectWriteTraceId`.
Results come in no promised order. No idempotency key exists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from hubspot_simulator.objects.batch_read import batch_response, duplicate_ids, unique_properties
from hubspot_simulator.objects.errors import (
    ObjectsError,
    bad_request,
    conflict,
    missing_objects,
    not_found,
)
from hubspot_simulator.objects.object_types import (
    RELATED,
    ObjectType,
    association_type_id,
)
from hubspot_simulator.objects.properties import Property
from hubspot_simulator.objects.requests import ObjectsRequest, batch_inputs
from hubspot_simulator.objects.write_values import (
    ENGAGEMENT_TYPES,
    Problem,
    check_values,
    from_text,
    problems_response,
    to_engagement,
)
from hubspot_simulator.responses import Response

BATCH_MAX = 100
TRACE = "objectWriteTraceId"

Input = Mapping[str, Any]


def create_record(request: ObjectsRequest) -> Response:
    """Create a record with its associations: 201, and its place in `Location`."""
    request.check_writable()
    item = request.json(required_keys=("properties", "associations"))
    with request.store.lock:
        _check_creation(request, item)
        record_id = _create(request, item)
        body = _written(request, [record_id])[0]
    return Response(201, body, headers={"Location": f"{request.path}/{record_id}"})


def update_record(request: ObjectsRequest) -> Response:
    """Change some properties of a record."""
    request.check_writable()
    object_type = request.object_type
    record_id = int(request.parts["id"])
    with request.store.lock:
        if record_id not in request.store.index(object_type).entries:
            return not_found()
        properties = _properties(request.json())
        _check_update(request, properties)
        _update(request, record_id, properties)
        return Response(200, _written(request, [record_id])[0])


def archive_record(request: ObjectsRequest) -> Response:
    """Archive a record: 204, for an id that never existed, too (recorded in 2026)."""
    request.check_writable()
    with request.store.lock:
        _archive(request, request.parts["id"])
    return Response(204)


def archive_batch(request: ObjectsRequest) -> Response:
    """Archive up to a hundred records: 204, whether they exist or not."""
    request.check_writable()
    inputs = batch_inputs(request.json(), BATCH_MAX, "id")
    with request.store.lock:
        for item in inputs:
            _archive(request, str(item["id"]))
    return Response(204)


def create_batch(request: ObjectsRequest) -> Response:
    """Create up to a hundred records, with their associations."""
    request.check_writable()
    inputs = batch_inputs(request.json(), BATCH_MAX, "properties")
    is_traced = all(TRACE in item for item in inputs)
    bodies, errors = [], []
    with request.store.lock:
        _check_doubles(request, inputs)
        if not is_traced:
            for item in inputs:
                _check_creation(request, item)
        for item in inputs:
            try:
                _check_creation(request, item)
            except ObjectsError as error:
                if not is_traced:
                    raise
                errors.append(_traced_error(error, item))
            else:
                body = _written(request, [_create(request, item)])[0]
                bodies.append(_with_trace(request, body, item))
    status = request.behaviour.creation_status(request.version, bool(errors))
    return batch_response(request, bodies[::-1], errors, status)


def update_batch(request: ObjectsRequest) -> Response:
    """Update up to a hundred records by id, or by a unique property."""
    request.check_writable()
    inputs = batch_inputs(request.json(), BATCH_MAX, "id", "properties")
    ids = [str(item["id"]) for item in inputs]
    if len(set(ids)) < len(ids):
        raise ObjectsError(duplicate_ids(ids))
    with request.store.lock:
        places = [_place(request, item) for item in inputs]
        problems = [_problems(request, _properties(item)) for item in inputs]
        if any(problems):
            raise ObjectsError(problems_response([one for some in problems for one in some]))
        found = [(key, item) for key, item in zip(places, inputs, strict=True) if key is not None]
        for record_id, item in found:
            _update(request, record_id, _properties(item))
        bodies = _written(request, [record_id for record_id, _ in found])
    missing = [text for text, key in zip(ids, places, strict=True) if key is None]
    errors = [missing_objects(request.object_type, missing)] if missing else []
    return batch_response(request, bodies[::-1], errors)


def upsert_batch(request: ObjectsRequest) -> Response:
    """Create or update up to a hundred records by a unique property; associations are refused."""
    request.check_writable()
    inputs = batch_inputs(request.json(), BATCH_MAX, "id", "idProperty", "properties")
    if any("associations" in item for item in inputs):
        raise ObjectsError(bad_request("Invalid input JSON: Unrecognized field associations"))
    ids = [str(item["id"]) for item in inputs]
    if len(set(ids)) < len(ids):
        raise ObjectsError(duplicate_ids(ids))
    bodies = []
    with request.store.lock:
        for item in inputs:
            _check_update(request, _upsert_properties(item))
        for item in inputs:
            record_id = _place(request, item)
            is_new = record_id is None
            if record_id is None:
                record_id = _create(request, {"properties": _upsert_properties(item)})
            else:
                _update(request, record_id, _properties(item))
            record = msgspec.json.decode(_written(request, [record_id])[0])
            bodies.append(msgspec.json.encode({**record, "new": is_new}))
    return batch_response(request, bodies[::-1], [])


# Checks


def _properties(item: Input) -> Mapping[str, Any]:
    properties = item.get("properties")
    if not isinstance(properties, dict):
        raise ObjectsError(bad_request("Some required fields were not set: [properties]"))
    return properties


def _upsert_properties(item: Input) -> Mapping[str, Any]:
    """Return an input's properties with the one that names the record."""
    return {**_properties(item), str(item["idProperty"]): str(item["id"])}


def _problems(request: ObjectsRequest, properties: Mapping[str, Any]) -> list[Problem]:
    return check_values(request.store.properties(request.object_type), properties)


def _check_update(request: ObjectsRequest, properties: Mapping[str, Any]) -> None:
    problems = _problems(request, properties)
    if problems:
        raise ObjectsError(problems_response(problems))


def _check_creation(request: ObjectsRequest, item: Input) -> None:
    """Check values, required properties, unique values and partners of a record to create."""
    properties = _properties(item)
    _check_update(request, properties)
    required_names = ["hs_timestamp"] if request.object_type.is_activity else []
    if request.version == "2026-09":
        required_names += request.behaviour.required_on_create
    missing = [name for name in required_names if properties.get(name) in (None, "")]
    if missing:
        message = f"Error creating {request.object_type.singular.upper()}. Some required properties"
        context = {"properties": missing}
        raise ObjectsError(bad_request(f"{message} were not set.", context=context))
    for prop in unique_properties(request):
        text = str(properties.get(prop.name) or "")
        existing_id = request.store.find(request.object_type, prop, text) if text else None
        if existing_id is not None:
            raise ObjectsError(conflict(request.object_type, existing_id))
    _partners(request, item)


def _partners(request: ObjectsRequest, item: Input) -> dict[str, list[int]]:
    """Return the associations of a record to create, by their keys in v1."""
    partners: dict[str, list[int]] = {}
    for association in item.get("associations") or ():
        text = str(association["to"]["id"])
        to_type = _type_of_association(request, association)
        key = int(text) if text.isdecimal() else -1
        if key not in request.store.index(to_type).entries or to_type.association_key is None:
            message = f"{to_type.singular.upper()}={text} is not valid"
            raise ObjectsError(bad_request(message, context={"id": [text]}))
        partners.setdefault(to_type.association_key, []).append(key)
    return partners


def _type_of_association(request: ObjectsRequest, association: Input) -> ObjectType:
    """Return the type of an association's other side, which the association type's id says."""
    type_ids = [int(kind["associationTypeId"]) for kind in association.get("types") or ()]
    for to_type in RELATED:
        if association_type_id(request.object_type, to_type) in type_ids:
            return to_type
    raise ObjectsError(bad_request(f"Invalid association types {type_ids}"))


def _check_doubles(request: ObjectsRequest, inputs: Sequence[Input]) -> None:
    """Check that no two inputs have the same unique value."""
    for prop in unique_properties(request):
        texts = [str(text) for item in inputs if (text := _properties(item).get(prop.name))]
        if len(set(texts)) < len(texts):
            raise ObjectsError(bad_request(f"Duplicate values of {prop.name} in batch input"))


def _place(request: ObjectsRequest, item: Input) -> int | None:
    """Return the id of the record that an input names; None without such a record."""
    object_type = request.object_type
    name, text = item.get("idProperty"), str(item["id"])
    if name is None:
        record_id = int(text) if text.isdecimal() else -1
        return record_id if record_id in request.store.index(object_type).entries else None
    for prop in unique_properties(request):
        if prop.name == name:
            return request.store.find(object_type, prop, text)
    raise ObjectsError(bad_request(f"Property {name} is non-unique and cannot be an idProperty"))


# Changes


def _create(request: ObjectsRequest, item: Input) -> int:
    """Create a record that was checked, and return its id."""
    object_type, store = request.object_type, request.store
    properties = _properties(item)
    definitions = store.properties(object_type)
    if not object_type.is_activity:
        return store.create_related(object_type, _related_values(definitions, properties))
    parts = to_engagement(object_type, definitions, properties)
    at_ms = store.now_ms
    record = request.portal.engagements.create(
        {
            "engagement": {
                "type": ENGAGEMENT_TYPES[object_type],
                "createdAt": at_ms,
                "lastUpdated": at_ms,
                **parts.engagement,
            },
            "associations": _partners(request, item),
            "attachments": parts.attachments or [],
            "metadata": parts.metadata,
        }
    )
    record_id = int(record["engagement"]["id"])
    store.set_custom_values(record_id, parts.custom_values)
    return record_id


def _update(request: ObjectsRequest, record_id: int, properties: Mapping[str, Any]) -> None:
    """Change properties of a record; its date moves to now."""
    object_type, store = request.object_type, request.store
    definitions = store.properties(object_type)
    if not object_type.is_activity:
        store.put_related(object_type, record_id, _related_values(definitions, properties))
        return
    parts = to_engagement(object_type, definitions, properties)
    store.set_custom_values(record_id, parts.custom_values)
    request.portal.engagements.update(
        record_id, parts.engagement, parts.metadata, attachments=parts.attachments
    )


def _related_values(
    definitions: Mapping[str, Property], properties: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        name: from_text(definitions[name], "" if value is None else str(value))
        for name, value in properties.items()
    }


def _archive(request: ObjectsRequest, text: str) -> None:
    object_type = request.object_type
    record_id = int(text) if text.isdecimal() else -1
    if record_id not in request.store.index(object_type).entries:
        return
    if object_type.is_activity:
        request.portal.engagements.delete(record_id)
    else:
        request.store.archive_related(object_type, record_id)


# Answers


def _written(request: ObjectsRequest, ids: Sequence[int]) -> list[bytes]:
    """Return records as answers to writes show them: with every property that has a value."""
    entries = request.store.index(request.object_type).entries
    bodies = []
    for record_id in ids:
        names = request.store.properties(request.object_type)
        view = request.portal.writer.view(request.object_type, names)
        record = msgspec.json.decode(
            request.portal.writer.write(view, [(record_id, entries[record_id])])[0]
        )
        record["properties"] = {key: text for key, text in record["properties"].items() if text}
        bodies.append(msgspec.json.encode(record))
    return bodies


def _with_trace(request: ObjectsRequest, body: bytes, item: Input) -> bytes:
    if TRACE not in item or not request.behaviour.trace_ids_in_results:
        return body
    return msgspec.json.encode({**msgspec.json.decode(body), TRACE: str(item[TRACE])})


def _traced_error(error: ObjectsError, item: Input) -> Mapping[str, Any]:
    """Return the entry in `errors` of a bad input, which its trace id names."""
    problem = msgspec.json.decode(error.response.body)
    context = {TRACE: [str(item[TRACE])], **problem.get("context", {})}
    return {
        "status": "error",
        "category": problem["category"],
        "message": problem["message"],
        "context": context,
    }
