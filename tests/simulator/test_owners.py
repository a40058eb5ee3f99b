"""Owners: live and archived ones apart, page by page."""

from __future__ import annotations

from typing import Any

from hubspot_simulator.portal import Portal
from tests.simulator.conftest import Hubspot, Serve

OWNERS = "/crm/v3/owners"


def all_owners(hubspot: Hubspot, **params: Any) -> list[Any]:
    owners: list[Any] = []
    body: Any = hubspot.json(OWNERS, **params)
    while True:
        owners += body["results"]
        if "paging" not in body:
            return owners
        body = hubspot.json(OWNERS, after=body["paging"]["next"]["after"], **params)


def test_archived_owners_are_listed_apart(portal: Portal, serve: Serve) -> None:
    """
    Live owners are listed by default, archived owners with archived=true, none in both.
    """
    hubspot = serve(portal)
    live, former = all_owners(hubspot, limit=2), all_owners(hubspot, archived="true", limit=1)
    assert not any(owner["archived"] for owner in live)
    assert former and all(owner["archived"] and owner["userId"] is None for owner in former)
    ids = [int(owner["id"]) for owner in live + former]
    assert sorted(ids) == sorted(int(owner["id"]) for owner in portal.owners)


def test_owners_need_a_scope_of_their_own(portal: Portal, serve: Serve) -> None:
    """
    A token without the scope gets a 403 that names the missing scope.
    """
    refusal = serve(portal, scopes=["crm.objects.contacts.read"]).get(OWNERS)
    assert refusal.status_code == 403
    (error,) = refusal.json()["errors"]
    assert error["context"]["requiredGranularScopes"] == ["crm.objects.owners.read"]
