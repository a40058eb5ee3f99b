"""Associations and related records on the pipe: the tables in the database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubspot_simulator.objects.object_types import CONTACTS
from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator
from tap_hubspot_engagements.config import API_VERSIONS
from tests.conftest import TestDatabase
from tests.pipeline import Pipeline
from tests.tap.differences import MISSING_TYPES
from tests.tap.test_every_source import HOUR_MS, INDEX_DELAY_MS, TOKEN, Attempt, Clock, run_once
from tests.tap.test_related import catalog
from tests.tap.test_related_schedules import (
    ATTEMPTS,
    NAMES,
    check_related,
    check_stream,
    expected_pairs,
)
from tests.tap.test_related_schedules import FETCHED as SCHEDULED
from tests.test_schedules import RealTarget

FETCHED = {"engagements": ["contacts"], "deals": ["companies"]}


@pytest.fixture
def pipeline(tmp_path: Path, database: TestDatabase) -> Pipeline:
    return Pipeline(tmp_path, database)


def select(pipeline: Pipeline, *more: str) -> None:
    """Select streams that no table of tests/expected.py has."""
    catalog = json.loads((pipeline.folder / "catalog.json").read_text())
    shipped = json.loads((Path(__file__).parents[1] / "catalog.json").read_text())
    for entry in shipped["streams"]:
        if entry["stream"] in more:
            entry["metadata"][0]["metadata"]["selected"] = True
            catalog["streams"].append(entry)
    (pipeline.folder / "catalog.json").write_text(json.dumps(catalog))


def associated(portal: Portal, api_version: str) -> set[tuple[int, int]]:
    """Return the pairs of contacts and the engagements that an API has."""
    missing_types = () if api_version == "v1" else MISSING_TYPES
    return {
        (one["engagement"]["id"], contact)
        for one in portal.records()
        if one["engagement"]["type"] not in missing_types
        for contact in one.get("associations", {}).get("contactIds") or ()
    }


@pytest.mark.parametrize("api_version", API_VERSIONS)
def test_tables_of_associations(pipeline: Pipeline, api_version: str) -> None:
    """
    Pairs and related records are tables that join; an edit of an engagement replaces its pairs.
    """
    query = pipeline.database.query
    with Simulator(Portal.generate(200, seed=11)) as simulator:
        portal = simulator.portal
        pipeline.configure(simulator, fetch_associations=FETCHED, api_version=api_version)
        select(pipeline, "deals", "object_properties")
        tap, target = pipeline.run()
        assert (tap.code, target.code) == (0, 0), tap.err + target.err
        rows = query("SELECT from_id, to_id FROM associations_engagements_contacts")
        assert set(rows) == associated(portal, api_version)
        joined = "FROM associations_engagements_contacts a JOIN contacts c ON c.id = a.to_id"
        assert query(f"SELECT count(*) {joined} JOIN engagements e ON e.id = a.from_id") == [
            (len(rows),),
        ]
        assert query("SELECT DISTINCT isAssociated FROM contacts") == [(1,)]
        assert query("SELECT DISTINCT isAssociated FROM deals") == [(0,)]
        ((kind,),) = query(
            "SELECT DATA_TYPE FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = database()"
            " AND TABLE_NAME = 'contacts' AND COLUMN_NAME = 'createdate'"
        )
        assert kind == "datetime"
        assert query("SELECT count(*) FROM object_properties WHERE objectType = 'deals'")[0][0]

        edited = min(at for at, _ in rows)
        portal.associate(edited, "contactIds", [901, 902])
        portal.update(edited, metadata={"body": "edited"})
        portal.objects.put_related(CONTACTS, 901, {"firstname": "Zoë"})
        tap, target = pipeline.run()
        assert (tap.code, target.code) == (0, 0), tap.err + target.err
        rows = query("SELECT from_id, to_id FROM associations_engagements_contacts")
        assert set(rows) == associated(portal, api_version)
        assert {to for at, to in rows if at == edited} == {901, 902}
        assert query("SELECT firstname FROM contacts WHERE id = 901") == [("Zoë",)]


@settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    api_version=st.sampled_from(API_VERSIONS),
    seed=st.integers(0, 1000),
    attempts=st.lists(ATTEMPTS, min_size=1, max_size=3),
)
def test_no_schedule_loses_related_rows(
    database: TestDatabase, api_version: str, seed: int, attempts: list[Attempt]
) -> None:
    """
    Edits, deletions, merges, faults and kills leave no trace in any table of related records.
    """
    database.query(f"DROP DATABASE IF EXISTS `{database.name}`")
    clock, target = Clock(), RealTarget(database)
    portal = Portal.generate(25, seed, clock=clock)
    chosen = catalog("engagements", "deals")

    def run(attempt: Attempt) -> bool:
        return run_once(
            simulator, target, attempt, 3, api_version, chosen, fetch_associations=SCHEDULED
        )

    with Simulator(portal, token=TOKEN, index_delay_ms=INDEX_DELAY_MS) as simulator:
        for attempt in attempts:
            run(attempt)
            clock.now_ms += 26 * HOUR_MS
        assert run(Attempt(full_refresh=True))
    check_stream(portal, "deals", rows_of(database, "deals"))
    for root, names in SCHEDULED.items():
        for name in names:
            stream = f"associations_{root}_{name}"
            live = "_sdc_deleted_at IS NULL"
            pairs = set(database.query(f"SELECT from_id, to_id FROM `{stream}` WHERE {live}"))
            assert pairs == expected_pairs(portal, root, name, api_version), stream
            if name != "deals":
                related = {to_id for _, to_id in pairs}
                check_related(portal, name, related, rows_of(database, name))


def rows_of(database: TestDatabase, stream: str) -> dict[tuple[int], dict[str, object]]:
    """Return the live rows of a stream of objects by id, with the columns that are compared."""
    columns = (NAMES[stream], "isAssociated", "archived")
    rows = database.query(
        f"SELECT id, {', '.join(columns)} FROM `{stream}` WHERE _sdc_deleted_at IS NULL"
    )
    return {(key,): dict(zip(columns, values, strict=True)) for key, *values in rows}
