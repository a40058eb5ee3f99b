"""A portal that the tap reads and the write-back writes to an empty one is the same portal."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from hubspot_simulator.objects.object_types import RELATED
from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator
from tests.conftest import run_program
from tests.tap.conftest import engagements_alone
from tests.write_back.conftest import TOKEN, Clock, Record, Serve

SIZE = 200
# HubSpot sets them; `source` and its id are those of whoever logs an engagement.
STAMPS = frozenset(
    "id portalId createdAt lastUpdated createdBy modifiedBy source sourceId bodyPreview"
    " bodyPreviewHtml bodyPreviewIsTruncated gdprDeleted extra scheduledTasks".split()
)
COUNTED_KEYS = ("contactIds", "companyIds", "dealIds", "ticketIds")


def read(hubspot: Simulator, folder: Path, api_version: str) -> list[Record]:
    """Return the engagements that the tap reads, as records; the tap may send one twice."""
    lines = read_lines(hubspot, folder, api_version).splitlines()
    messages = [json.loads(line) for line in lines]
    records = [message["record"] for message in messages if message["type"] == "RECORD"]
    return list({one["id"]: one for one in records}.values())


def read_lines(hubspot: Simulator, folder: Path, api_version: str) -> str:
    """Return the tap's output."""
    config = {
        "access_token": TOKEN,
        "base_url": hubspot.url,
        "api_version": api_version,
        "deletion_sweep_hours": None,
    }
    catalog = engagements_alone()
    for entry in catalog["streams"][0]["metadata"]:
        entry["metadata"]["selected"] = True
    (folder / "tap.json").write_text(json.dumps(config))
    (folder / "catalog.json").write_text(json.dumps(catalog))
    outcome = run_program(
        "tap-hubspot-engagements",
        *("--config", folder / "tap.json", "--catalog", folder / "catalog.json"),
    )
    assert outcome.code == 0, outcome.err
    return outcome.out


def content(record: Record) -> str:
    """Return a record without ids, stamps and empty values, as JSON."""
    kept = {name: value for name, value in record.items() if name not in STAMPS}
    associations = record["associations"] or {}
    kept["metadata"] = {**record["metadata"], "emailSendEventId": None}  # HubSpot's own id
    kept["associations"] = {key: associations.get(key) for key in COUNTED_KEYS}
    return json.dumps(_without_nothing(kept), sort_keys=True)


def _without_nothing(value: Any) -> Any:
    """Return a value without nulls, empty lists and empty objects: HubSpot shows either."""
    if not isinstance(value, dict):
        return value
    parts = {key: _without_nothing(one) for key, one in value.items()}
    return {key: one for key, one in parts.items() if one not in (None, [], {})}


def portal_with_the_same_partners(source: Portal, clock: Clock) -> Portal:
    """Return a portal without engagements, with the related records of another."""
    portal = Portal(clock)
    for object_type in RELATED:
        for record_id in [*source.objects.index(object_type).entries]:
            portal.objects.put_related(object_type, record_id, {})
    return portal


@pytest.mark.parametrize("reading", ["v1", "2026-09"])
@pytest.mark.parametrize("writing", ["v1", "2026-09"])
def test_a_portal_is_copied(
    serve: Serve, clock: Clock, tmp_path: Path, reading: str, writing: str
) -> None:
    """
    A lifelike portal, read, written to an empty one and read again, is equal but for ids and
    HubSpot's own stamps; a second run sends nothing.
    """
    original = Portal.lifelike(SIZE, clock=clock)
    source = serve(original)
    copy = serve(
        portal_with_the_same_partners(original, clock),
        settings={"api_version": writing, "requests_per_10_seconds": 10_000},
    )
    lines = read_lines(source.hubspot, tmp_path, reading)
    messages = [json.loads(line) for line in lines.splitlines()]

    outcome = copy.program("--new-ledger", stdin=messages)

    assert outcome.code == 0, outcome.err
    assert f"{SIZE} created" in outcome.err
    first, second = read(source.hubspot, tmp_path, reading), read(copy.hubspot, tmp_path, reading)
    assert len(first) == len(second) == SIZE
    originals, copies = Counter(map(content, first)), Counter(map(content, second))
    assert originals == copies, f"{list(originals - copies)[:1]}\n{list(copies - originals)[:1]}"
    again = copy.program(stdin=messages)
    assert (again.code, "0 created, 0 updated" in again.err and " 1 requests" in again.err) == (
        0,
        True,
    ), again.err
