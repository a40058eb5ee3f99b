"""The log of a run: metrics, redacted e-mails, keys that cannot be deselected."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hubspot_api.rate_limit import RateLimiter
from hubspot_simulator.portal import Portal
from tests.tap.conftest import DISCOVERED, Serve, Tap, build_client, engagements_alone, of_type
from tests.tap.conftest import Waits as FakeWaits


def test_metrics(serve: Serve, tmp_path: Path) -> None:
    """
    Orchestrators find a counter for each stream, and for requests, as singer-python writes them.
    """
    portal = Portal.generate(50, seed=1)
    run = Tap(tmp_path, serve(portal))(catalog=DISCOVERED)
    points = [
        json.loads(line.partition("METRIC: ")[2])
        for line in run.err.splitlines()
        if line.startswith("INFO METRIC: ")
    ]
    counted = {p["tags"]["endpoint"]: p["value"] for p in points if p["metric"] == "record_count"}
    records = of_type(run.messages, "RECORD")
    for stream, number in counted.items():
        assert number == sum(one["stream"] == stream for one in records)
    assert counted["engagements"] >= 50
    (requests,) = (p["value"] for p in points if p["metric"] == "http_request_count")
    assert requests > 2
    assert {p["type"] for p in points} == {"counter", "timer"}


def test_redacted_emails_are_counted(serve: Serve, tmp_path: Path) -> None:
    """
    Without sales-email-read the run succeeds, and says how many e-mails came without their text.
    """
    portal = Portal()
    for _ in range(3):
        portal.create({"engagement": {"type": "EMAIL"}, "metadata": {"html": "secret"}})
    hubspot = serve(portal, scopes=["crm.objects.contacts.read"])
    run = Tap(tmp_path, hubspot)(lookback_seconds=0)
    assert run.code == 0
    warnings = [line for line in run.err.splitlines() if "sales-email-read" in line]
    assert len(warnings) == 1
    assert "e-mails without their text" in warnings[0]


def test_a_key_cannot_be_deselected(serve: Serve, tmp_path: Path) -> None:
    """
    A catalog that deselects the key is told so, and the key is there.
    """
    catalog = engagements_alone()
    for field in catalog["streams"][0]["metadata"]:
        if list(field["breadcrumb"]) == ["properties", "id"]:
            field["metadata"]["selected"] = False
    run = Tap(tmp_path, serve(Portal.generate(5)))(catalog=catalog)
    assert "WARNING catalog: id of engagements cannot be deselected" in run.err
    assert all("id" in one["record"] for one in of_type(run.messages, "RECORD"))


@pytest.mark.parametrize("case", ["documented", "title", "lower"])
def test_the_pace_heeds_hubspots_limit(serve: Serve, case: str) -> None:
    """
    A limit below ours, in headers of any case, holds from the first answer on.
    """
    waits = FakeWaits()
    hubspot = serve(Portal.generate(40), rate_limit=5, rate_window_s=10, header_case=case)
    client = build_client(hubspot, waits)
    for _ in range(12):
        client.get("/account-info/v3/details", {}, lambda body: body)
        hubspot._limits._limit._times_s.clear()  # its clock is the real one, ours is not
    assert waits.now_s >= 20


def test_a_higher_limit_does_not_raise_ours() -> None:
    """
    requests_per_10_seconds is the most, whatever HubSpot allows.
    """
    waits = FakeWaits()
    rate_limiter = RateLimiter(2, waits.clock, waits.sleep)
    rate_limiter.update_from_headers(190, 100)
    for _ in range(5):
        with rate_limiter.slot():
            pass
    assert waits.now_s >= 20
