"""
Adding and removing associations between an engagement and its related records.

They move no date of the engagement (recorded in 2022), so that no search shows the change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from hubspot_simulator.objects.batch_read import batch_response
from hubspot_simulator.objects.errors import ObjectsError, bad_request, not_found
from hubspot_simulator.objects.object_types import ObjectType
from hubspot_simulator.objects.requests import ObjectsRequest, batch_inputs
from hubspot_simulator.responses import Response, json_response

CREATE_MAX = 2_000
ARCHIVE_MAX = 100


def associate_one(request: ObjectsRequest) -> Response:
    """Associate two records by the default, unlabelled type."""
    from_type, to_type = _types(request)
    with request.store.lock:
        from_id, to_id = request.parts["id"], request.parts["to_id"]
        if not _exists(request, from_type, from_id) or not _exists(request, to_type, to_id):
            return not_found()
        _add(request, from_type, int(from_id), to_type, int(to_id))
    return json_response({"status": "COMPLETE", "results": [_row(request, from_id, to_id)]})


def associate_batch(request: ObjectsRequest) -> Response:
    """Associate up to 2,000 pairs; a pair with an unknown id is an error beside the results."""
    from_type, to_type = _types(request)
    inputs = batch_inputs(request.json(required_keys=("inputs",)), CREATE_MAX, "from", "to")
    rows, errors = [], []
    with request.store.lock:
        for item in inputs:
            from_id, to_id = str(item["from"]["id"]), str(item["to"]["id"])
            if not _exists(request, from_type, from_id):
                errors.append(_invalid(from_type, from_id))
            elif not _exists(request, to_type, to_id):
                errors.append(_invalid(to_type, to_id))
            else:
                _add(request, from_type, int(from_id), to_type, int(to_id))
                rows.append(msgspec.json.encode(_row(request, from_id, to_id)))
    status = request.behaviour.batch_status(request.version, bool(errors))
    if status == 200 and request.version != "2026-09":
        status = 201
    return batch_response(request, rows, errors, status)


def archive_batch(request: ObjectsRequest) -> Response:
    """Remove associations: 204 at v4, 200 with a body since 2026-03."""
    from_type, to_type = _types(request)
    inputs = batch_inputs(request.json(required_keys=("inputs",)), ARCHIVE_MAX, "from", "to")
    with request.store.lock:
        for item in inputs:
            for partner in item["to"]:
                from_id, to_id = str(item["from"]["id"]), str(partner["id"])
                if _exists(request, from_type, from_id) and to_id.isdecimal():
                    _remove(request, from_type, int(from_id), to_type, int(to_id))
    return Response(204) if request.version == "v4" else batch_response(request, [], [])


def _types(request: ObjectsRequest) -> tuple[ObjectType, ObjectType]:
    """Return both sides' types, which the token may write; one of them is an activity."""
    from_type, to_type = request.readable_type("type"), request.readable_type("to")
    for object_type in (from_type, to_type):
        request.check_scopes(object_type, object_type.write_scopes)
    if from_type.is_activity == to_type.is_activity:
        raise ObjectsError(bad_request("Only activities are associated with other records here"))
    return from_type, to_type


def _exists(request: ObjectsRequest, object_type: ObjectType, text: str) -> bool:
    return text.isdecimal() and int(text) in request.store.index(object_type).entries


def _invalid(object_type: ObjectType, text: str) -> Mapping[str, Any]:
    return {
        "status": "error",
        "category": "VALIDATION_ERROR",
        "subCategory": "crm.associations.INVALID_IDENTIFIER",
        "message": f"{object_type.singular.upper()}={text} is not valid",
        "context": {"id": [text]},
    }


def _row(request: ObjectsRequest, from_id: str, to_id: str) -> Mapping[str, Any]:
    from_type, to_type = _types(request)
    return {
        "fromObjectTypeId": from_type.type_id,
        "fromObjectId": int(from_id),
        "toObjectTypeId": to_type.type_id,
        "toObjectId": int(to_id),
        "labels": [],
    }


def _add(
    request: ObjectsRequest, from_type: ObjectType, from_id: int, to_type: ObjectType, to_id: int
) -> None:
    if to_type.is_activity:
        _add(request, to_type, to_id, from_type, from_id)
    else:
        key = str(to_type.association_key)
        request.portal.engagements.add_association(from_id, key, to_id)


def _remove(
    request: ObjectsRequest, from_type: ObjectType, from_id: int, to_type: ObjectType, to_id: int
) -> None:
    if to_type.is_activity:
        _remove(request, to_type, to_id, from_type, from_id)
        return
    engagements, key = request.portal.engagements, str(to_type.association_key)
    partners = engagements.record(from_id).get("associations", {}).get(key, [])
    engagements.associate(from_id, key, [partner for partner in partners if partner != to_id])
