"""Associations and related records on the pipe: the tables in the database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hubspot_simulator.objects.object_types import CONTACTS
from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator
from tests.conftest import TestDatabase
from tests.pipeline import Pipeline

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


def associated(portal: Portal) -> set[tuple[int, int]]:
    return {
        (one["engagement"]["id"], contact)
        for one in portal.records()
        for contact in one.get("associations", {}).get("contactIds") or ()
    }


def test_tables_of_associations(pipeline: Pipeline) -> None:
    """
    Pairs and related records are tables that join; an edit of an engagement replaces its pairs.
    """
    query = pipeline.database.query
    with Simulator(Portal.generate(200, seed=11)) as simulator:
        portal = simulator.portal
        pipeline.configure(simulator, fetch_associations=FETCHED)
        select(pipeline, "deals", "object_properties")
        tap, target = pipeline.run()
        assert (tap.code, target.code) == (0, 0), tap.err + target.err
        rows = query("SELECT from_id, to_id FROM associations_engagements_contacts")
        assert set(rows) == associated(portal)
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
        assert set(rows) == associated(portal)
        assert {to for at, to in rows if at == edited} == {901, 902}
        assert query("SELECT firstname FROM contacts WHERE id = 901") == [("Zoë",)]
