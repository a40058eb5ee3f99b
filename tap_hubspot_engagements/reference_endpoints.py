"""HubSpot's endpoints beside engagements: owners, call dispositions, the token's account."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hubspot_api.client import HubspotClient
from hubspot_api.json_codec import parse_json
from tap_hubspot_engagements.engagement import is_int64
from tap_hubspot_engagements.pagination import check_cursor_is_new

DISPOSITIONS = "/calling/v1/dispositions"
ACCOUNT = "/account-info/v3/details"
OWNERS = "/crm/v3/owners"
MAX_OWNERS = 500  # HubSpot's limit for a page


def iter_owners(client: HubspotClient, path: str = OWNERS) -> Iterator[Sequence[Mapping[str, Any]]]:
    """Yield all owners page by page, active owners first, then archived owners."""
    for archived in ("false", "true"):
        params: dict[str, object] = {"limit": MAX_OWNERS, "archived": archived}
        cursors: set[str] = set()
        while True:
            body = client.get(path, params, _parse_owners).body
            yield body["results"]
            after = ((body.get("paging") or {}).get("next") or {}).get("after")
            if after is None:
                break
            check_cursor_is_new(path, after, cursors)
            params = {**params, "after": after}


def get_dispositions(client: HubspotClient) -> Sequence[Mapping[str, Any]]:
    """Return the outcomes that calls may have; HubSpot lists all in one response."""
    return client.get(DISPOSITIONS, {}, _parse_dispositions).body


def get_portal(client: HubspotClient) -> int:
    """Return the id of the token's portal; a hint, since engagements name their portal, too."""
    return client.get(ACCOUNT, {}, _parse_account, hint=True).body


def check_owners(client: HubspotClient, path: str = OWNERS) -> None:
    """Raise HubspotError if the token cannot read owners."""
    client.get(path, {"limit": 1}, _parse_owners)


def _parse_owners(text: bytes) -> Mapping[str, Any]:
    body = parse_json(text)
    if not isinstance(body, dict) or not isinstance(body.get("results"), list):
        raise ValueError("results is missing")
    if not all(
        isinstance(owner, dict) and str(owner.get("id")).isdigit() for owner in body["results"]
    ):
        raise ValueError("an owner without an id")
    return body


def _parse_dispositions(text: bytes) -> list[Mapping[str, Any]]:
    body = parse_json(text)
    if not isinstance(body, list) or not all(isinstance(item, dict) for item in body):
        raise ValueError("not a list of dispositions")
    if not all(isinstance(item.get("id"), str) for item in body):
        raise ValueError("a disposition without an id")
    return body


def _parse_account(text: bytes) -> int:
    body = parse_json(text)
    portal = body.get("portalId") if isinstance(body, dict) else None
    if not is_int64(portal):
        raise ValueError("portalId is missing")
    return int(portal)  # type: ignore[arg-type]  # is_int64
