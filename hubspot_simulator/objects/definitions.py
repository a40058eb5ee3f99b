"""Definitions of properties and of custom objects; neither list has pages."""

from __future__ import annotations

import re
from typing import Any

from hubspot_simulator.objects.errors import ObjectsError, bad_request, missing_scopes
from hubspot_simulator.objects.object_types import CONTACTS, CUSTOM, qualified_name
from hubspot_simulator.objects.properties import definition
from hubspot_simulator.objects.requests import ObjectsRequest
from hubspot_simulator.objects.store import custom_property
from hubspot_simulator.objects.texts import iso_ms
from hubspot_simulator.responses import Response, error_response, json_response

SCHEMAS_SCOPE = "crm.schemas.custom.read"


def list_properties(request: ObjectsRequest) -> Response:
    """Return the definitions of a type's properties."""
    object_type = request.object_type
    with request.store.lock:
        definitions = [
            definition(prop, object_type.singular)
            for prop in request.store.properties(object_type).values()
        ]
    return json_response({"results": [] if request.flag("archived") else definitions})


def get_property(request: ObjectsRequest) -> Response:
    """Return one definition, with the options of an enumeration."""
    object_type = request.object_type
    name = request.parts["name"]
    prop = request.store.properties(object_type).get(name)
    if prop is None:
        return error_response(404, f'Property "{name}" does not exist', category="OBJECT_NOT_FOUND")
    return json_response(definition(prop, object_type.singular))


def create_property(request: ObjectsRequest) -> Response:
    """Create a custom property; one of unique values must be unique from its creation."""
    request.check_writable()
    object_type, body = request.object_type, request.json()
    name, is_unique = str(body.get("name", "")), bool(body.get("hasUniqueValue"))
    if not re.fullmatch(r"[a-z]\w*", name):
        raise ObjectsError(bad_request(f"Invalid property name {name!r}"))
    if is_unique and object_type.is_activity and not request.behaviour.activity_unique:
        raise ObjectsError(bad_request("Unique properties are not supported for this object type"))
    with request.store.lock:
        if name in request.store.properties(object_type):
            message = f"A property named '{name}' already exists."
            return error_response(409, message, category="OBJECT_ALREADY_EXISTS")
        prop = custom_property(name, is_activity=object_type.is_activity)
        prop = prop._replace(label=str(body.get("label", name)), is_unique=is_unique)
        request.store.define_property(object_type, prop)
    return json_response(definition(prop, object_type.singular), 201)


def list_schemas(request: ObjectsRequest) -> Response:
    """Return the portal's custom object types."""
    scopes = request.portal.scopes
    if scopes is not None and SCHEMAS_SCOPE not in scopes:
        raise ObjectsError(missing_scopes((SCHEMAS_SCOPE,)))
    return json_response({"results": [_schema(request)]})


def _schema(request: ObjectsRequest) -> dict[str, Any]:
    at = iso_ms(request.store.born_ms)
    return {
        "id": CUSTOM.type_id.removeprefix("2-"),
        "objectTypeId": CUSTOM.type_id,
        "fullyQualifiedName": qualified_name(request.portal.portal_id),
        "name": CUSTOM.name,
        "labels": {"singular": "Machine", "plural": "Machines"},
        "primaryDisplayProperty": "serial_number",
        "secondaryDisplayProperties": [],
        "searchableProperties": ["serial_number"],
        "requiredProperties": ["serial_number"],
        "properties": [
            definition(prop, CUSTOM.singular) for prop in request.store.properties(CUSTOM).values()
        ],
        "associations": [
            {
                "id": "61",
                "name": "machine_to_contact",
                "fromObjectTypeId": CUSTOM.type_id,
                "toObjectTypeId": CONTACTS.type_id,
                "cardinality": "ONE_TO_MANY",
                "inverseCardinality": "ONE_TO_MANY",
                "hasUserEnforcedMaxToObjectIds": False,
                "hasUserEnforcedMaxFromObjectIds": False,
                "maxToObjectIds": 10_000,
                "maxFromObjectIds": 10_000,
            }
        ],
        "archived": False,
        "createdAt": at,
        "updatedAt": at,
    }
