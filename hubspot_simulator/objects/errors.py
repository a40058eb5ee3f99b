"""Errors of the objects API, as recorded; every message is HubSpot's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hubspot_simulator.objects.object_types import ObjectType
from hubspot_simulator.responses import HTML_TYPE, Response, error_response

SCOPES_PAGE = "https://developers.hubspot.com/scopes"


class ObjectsError(Exception):
    """A request whose response is an error; `response` is that response."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def bad_request(message: str, **fields: Any) -> Response:
    """Return the 400 of an invalid value."""
    return error_response(400, message, **fields, category="VALIDATION_ERROR")


def unknown_type(name: str) -> Response:
    """Return the 400 of an object type that the portal does not have."""
    return error_response(400, f"Unable to infer object type from: {name}")


def missing_scopes(scopes: Iterable[str]) -> Response:
    """Return the 403 of a token without `scopes`."""
    return error_response(
        403,
        "One or more of the following scopes are required.",
        context={"requiredGranularScopes": list(scopes), "links": [SCOPES_PAGE]},
        category="MISSING_SCOPES",
    )


def not_found() -> Response:
    """Return the 404 of a record that is missing or archived."""
    return error_response(404, "resource not found", category="OBJECT_NOT_FOUND")


def conflict(object_type: ObjectType, existing_id: int) -> Response:
    """Return the 409 of a unique value that another record has."""
    return error_response(
        409,
        f"{object_type.singular.title()} already exists. Existing ID: {existing_id}",
        category="CONFLICT",
        context={"existingId": [str(existing_id)]},
    )


def too_long_url() -> Response:
    """Return the 414 of a URL beyond the portal's limit."""
    return Response(414, b"", HTML_TYPE)


def missing_objects(object_type: ObjectType, ids: Iterable[str]) -> Mapping[str, Any]:
    """Return the entry in `errors` of a batch read for ids that do not exist."""
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "message": f"Could not get some {object_type.singular.upper()} objects, they may be"
        " deleted or not exist. Check that ids are valid.",
        "context": {"ids": list(ids)},
    }


def unassociated(from_type: ObjectType, record_id: str, to_type: ObjectType) -> Mapping[str, Any]:
    """Return the entry in `errors` of an associations batch read for an id without partners."""
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
        "message": f"No {to_type.singular} is associated with {from_type.singular} {record_id}.",
        "context": {"fromObjectId": [record_id], "toObjectType": [to_type.type_id]},
    }
