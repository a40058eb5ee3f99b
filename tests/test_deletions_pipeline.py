"""Tap and target together: deletions that HubSpot lists reach the tables, children included."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator
from tests.conftest import TestDatabase
from tests.expected import KEYS, expected_tables
from tests.pipeline import Pipeline
from tests.tap.differences import MISSING_TYPES, as_objects_show, comparable

STREAMS = [stream for stream in KEYS if stream not in ("owners", "call_dispositions")]


@pytest.mark.parametrize("api_version", ["v1", "2026-09"])
@pytest.mark.parametrize("hard_delete", [False, True])
def test_deletions_reach_the_tables(
    api_version: str, hard_delete: bool, tmp_path: Path, database: TestDatabase
) -> None:
    """
    Live rows of all tables equal the portal's; deleted ones are flagged, or gone with hard_delete.
    """
    portal, pipeline = Portal.generate(150, seed=5), Pipeline(tmp_path, database)
    settings = {"TARGET_MYSQL_HARD_DELETE": str(hard_delete).lower()}
    with Simulator(portal) as simulator:
        pipeline.configure(simulator, api_version=api_version, deletion_sweep_hours=0)
        for round_ in range(2):
            if round_:
                inner = [record["engagement"] for record in portal.records()]
                gone = [one["id"] for one in inner if one["type"] not in MISSING_TYPES][::5]
                for engagement_id in gone:
                    portal.delete(engagement_id)
            tap, target = pipeline.run(settings)
            assert (tap.code, target.code) == (0, 0), tap.err + target.err
    expected = expected_tables(portal)
    expected = comparable(expected if api_version == "v1" else as_objects_show(expected))
    tables = comparable({stream: pipeline.table(stream) for stream in STREAMS})
    for stream in STREAMS:
        assert tables[stream] == expected[stream], stream
    flagged = "SELECT COUNT(*) FROM engagements WHERE _sdc_deleted_at IS NOT NULL AND NOT active"
    ((number,),) = database.query(flagged)
    assert number == (0 if hard_delete else len(gone))
