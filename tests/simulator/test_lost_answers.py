"""Faults that carry a request out and lose its answer, or lose the request."""

from __future__ import annotations

import pytest
import requests

from hubspot_simulator.faults import (
    DONE_THEN_GATEWAY_TIMEOUT,
    DONE_THEN_SERVER_ERROR,
    LOST,
    SERVER_ERROR,
    Fault,
)
from hubspot_simulator.portal import Portal
from tests.simulator.conftest import ENGAGEMENTS, Serve

NOTE = {"engagement": {"type": "NOTE"}, "metadata": {"body": "x"}}


@pytest.mark.parametrize(
    ("fault", "status", "created"),
    [
        (DONE_THEN_SERVER_ERROR, 500, 1),
        (DONE_THEN_GATEWAY_TIMEOUT, 504, 1),
        (SERVER_ERROR, 500, 0),
    ],
)
def test_an_error_after_the_request_was_carried_out(
    serve: Serve, portal: Portal, fault: Fault, status: int, created: int
) -> None:
    """
    With `done` the portal has the engagement, whatever the answer says; without it has none.
    """
    hubspot = serve(portal, faults=[fault])
    response = hubspot.request("POST", ENGAGEMENTS, json=NOTE)
    assert (response.status_code, len(portal)) == (status, created)


def test_a_lost_request(serve: Serve, portal: Portal) -> None:
    """
    LOST drops the connection, and the portal has nothing.
    """
    hubspot = serve(portal, faults=[LOST])
    with pytest.raises(requests.ConnectionError):
        hubspot.request("POST", ENGAGEMENTS, json=NOTE)
    assert len(portal) == 0


def test_who_made_an_engagement(serve: Serve, portal: Portal) -> None:
    """
    hs_object_source tells an engagement of HubSpot's pages from a program's.
    """
    for source in ("CRM_UI", "INTEGRATION"):
        portal.create({"engagement": {"type": "NOTE", "source": source}, "metadata": {}})
    hubspot = serve(portal)
    path = "/crm/objects/2026-09/notes"
    results = hubspot.json(path, properties="hs_object_source")["results"]
    sources = [one["properties"]["hs_object_source"] for one in results]
    assert sources == ["CRM_UI", "INTEGRATION"]


def test_creations_of_v1(serve: Serve, portal: Portal) -> None:
    """
    v1 refuses a note beyond 65,536 characters, and drops null ids of associations silently.
    """
    hubspot = serve(portal)
    long_note = {**NOTE, "metadata": {"body": "x" * 65_537}}
    assert hubspot.request("POST", ENGAGEMENTS, json=long_note).status_code == 400
    note = {**NOTE, "associations": {"contactIds": [None, 101]}}
    created = hubspot.request("POST", ENGAGEMENTS, json=note).json()
    assert created["associations"]["contactIds"] == [101]
