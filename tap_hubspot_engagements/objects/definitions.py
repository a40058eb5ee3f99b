"""The outcomes that calls may have: the options of a property."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hubspot_api.client import HubspotClient
from hubspot_api.endpoints import Endpoints
from hubspot_api.json_codec import parse_json

DISPOSITION = "hs_call_disposition"


def get_dispositions(client: HubspotClient, endpoints: Endpoints) -> Sequence[Mapping[str, Any]]:
    """Return the outcomes that calls may have; an option that HubSpot hides is deleted in v1."""
    return client.get(endpoints.definition("calls", DISPOSITION), {}, _parse).body


def _parse(text: bytes) -> list[Mapping[str, Any]]:
    body = parse_json(text)
    options = body.get("options") if isinstance(body, dict) else None
    if not isinstance(options, list) or not all(
        isinstance(option, dict) and isinstance(option.get("value"), str) for option in options
    ):
        raise ValueError("options are missing")
    return [
        {"id": option["value"], "label": option.get("label"), "deleted": option.get("hidden")}
        for option in options
    ]
