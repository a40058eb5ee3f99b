"""Tests the write scopes of a token; changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

from hubspot_api.activity_properties import OBJECT_TYPES
from hubspot_api.client import HubspotClient
from hubspot_api.endpoints import Endpoints
from hubspot_api.exceptions import BadRequestError, NotFoundError, RefusedError

NO_ID = 0
"""HubSpot has no engagement of this id: a change of it shows the token's scopes, and no more."""


def check_types(client: HubspotClient, version: str) -> Iterator[tuple[str, RefusedError | None]]:
    """Yield each type of engagements, and the refusal of the token; None if the token may write."""
    endpoints = Endpoints(version)
    for kind in OBJECT_TYPES:
        try:
            path = endpoints.record(kind, NO_ID)
            client.write("PATCH", path, {"properties": {}}, bytes, once=False)
        except (NotFoundError, BadRequestError):
            yield kind, None
        except RefusedError as error:
            yield kind, error
        else:
            yield kind, None
