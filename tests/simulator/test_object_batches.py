"""Batch reads, associations, related records, definitions, owners and the account."""

from __future__ import annotations

from typing import Any

import pytest

from hubspot_simulator.contents import DISPOSITIONS
from hubspot_simulator.objects.behaviour import ObjectsBehaviour, read_behaviour
from hubspot_simulator.objects.object_types import COMPANIES, CONTACTS, NOTES
from hubspot_simulator.objects.related_records import value_property
from hubspot_simulator.portal import PORTAL_ID, Portal
from tests.simulator.conftest import Clock, Serve
from tests.simulator.object_requests import (
    add,
    associations_of,
    batch_read,
    ids_of,
    objects_path,
    post,
    walk,
)

VERSIONS = ("v3", "2026-03", "2026-09")


@pytest.fixture
def notes(portal: Portal) -> Portal:
    """Three notes; the second is archived."""
    for record_id in (5, 6, 7):
        add(portal, record_id, metadata={"body": f"Body {record_id}"})
    portal.delete(6)
    return portal


@pytest.mark.parametrize(("version", "status"), [("v3", 207), ("2026-03", 207), ("2026-09", 200)])
def test_missing_ids_are_errors_beside_the_results(
    notes: Portal, serve: Serve, version: str, status: int
) -> None:
    """Missing and archived ids are named in `errors`; the status depends on the version."""
    response = batch_read(serve(notes), "notes", 5, 6, 7, 99, version=version)
    body = response.json()
    assert response.status_code == status
    assert sorted(ids_of(body["results"])) == [5, 7]
    assert body["numErrors"] == 1
    assert body["errors"][0]["category"] == "OBJECT_NOT_FOUND"
    assert body["errors"][0]["context"] == {"ids": ["6", "99"]}
    assert batch_read(serve(notes), "notes", 5, version=version).status_code == 200


@pytest.mark.parametrize(("multi_status", "status"), [("always", 207), ("never", 200)])
def test_the_status_may_not_depend_on_the_version(
    notes: Portal, serve: Serve, multi_status: Any, status: int
) -> None:
    """A portal may answer 207 always or never."""
    hubspot = serve(notes, objects=ObjectsBehaviour(multi_status=multi_status))
    assert {batch_read(hubspot, "notes", 9, version=one).status_code for one in VERSIONS} == {
        status
    }


def test_archived_records_can_be_read_in_batches(notes: Portal, serve: Serve) -> None:
    """With `archived=true` the archived records come, and live ones are missing."""
    body = batch_read(serve(notes), "notes", 5, 6, archived="true").json()
    assert ids_of(body["results"]) == [6]
    assert body["results"][0]["archivedAt"] == "2026-11-20T08:00:00.000Z"
    assert body["errors"][0]["context"] == {"ids": ["5"]}


def test_batches_have_bounds(portal: Portal, serve: Serve) -> None:
    """A hundred ids at most, none twice, and 2026-09 wants every key of its specification."""
    hubspot = serve(portal)
    assert batch_read(hubspot, "notes", *range(1, 102)).status_code == 400
    assert batch_read(hubspot, "notes").status_code == 400
    doubles = batch_read(hubspot, "notes", 5, 5)
    assert doubles.status_code == 400
    assert doubles.json()["context"] == {"ids": ["5"]}
    path = f"{objects_path('notes')}/batch/read"
    incomplete = post(hubspot, path, {"inputs": [{"id": "5"}]})
    assert incomplete.status_code == 400
    assert "properties" in incomplete.json()["message"]
    v3 = f"{objects_path('notes', 'v3')}/batch/read"
    assert post(hubspot, v3, {"inputs": [{"id": "5"}]}).status_code == 207
    assert hubspot.request("POST", path, data=b"{").status_code == 400


def test_batch_reads_give_properties_without_associations(portal: Portal, serve: Serve) -> None:
    """A batch has the wanted properties, and never associations."""
    add(portal, 5, metadata={"body": "a"}, associations={"contactIds": [3]})
    body = {
        "inputs": [{"id": "5"}],
        "properties": ["hs_note_body"],
        "propertiesWithHistory": [],
        "associations": ["contacts"],
    }
    response = post(serve(portal), f"{objects_path('notes')}/batch/read", body).json()
    assert response["status"] == "COMPLETE"
    assert response["results"][0]["properties"]["hs_note_body"] == "a"
    assert "associations" not in response["results"][0]


@pytest.mark.parametrize("version", ["v4", "2026-03", "2026-09"])
def test_associations_of_many_records(portal: Portal, serve: Serve, version: str) -> None:
    """Rows come for records with partners alone; ids of partners are numbers."""
    add(portal, 5, associations={"contactIds": [3, 4]})
    add(portal, 6)
    inputs = [{"id": "5"}, {"id": "6"}, {"id": "99"}]
    response = associations_of(serve(portal), "notes", "contacts", *inputs, version=version)
    kind = {"category": "HUBSPOT_DEFINED", "typeId": 202, "label": None}
    assert response.status_code == 200
    assert response.json()["results"] == [
        {
            "from": {"id": "5"},
            "to": [{"toObjectId": key, "associationTypes": [kind]} for key in (3, 4)],
        }
    ]
    assert "errors" not in response.json()


def test_a_row_goes_on_by_its_own_cursor(portal: Portal, serve: Serve) -> None:
    """Each row has a `paging` of its own, and `after` in the input goes on there."""
    add(portal, 5, associations={"contactIds": list(range(1, 8))})
    hubspot = serve(portal, objects=ObjectsBehaviour(association_page=3, association_ids="text"))
    ids: list[str] = []
    after = None
    while True:
        item = {"id": "5", **({"after": after} if after else {})}
        (row,) = associations_of(hubspot, "notes", "contacts", item).json()["results"]
        assert len(row["to"]) <= 3
        ids += [partner["toObjectId"] for partner in row["to"]]
        if "paging" not in row:
            break
        after = row["paging"]["next"]["after"]
        assert not after.isdecimal()
    assert ids == [str(key) for key in range(1, 8)]


def test_ids_without_partners_may_be_errors(portal: Portal, serve: Serve) -> None:
    """A portal may name ids without associations in `errors`, or refuse unknown ids outright."""
    add(portal, 5)
    errors = serve(portal, objects=ObjectsBehaviour(unassociated="error"))
    response = associations_of(errors, "notes", "contacts", {"id": "5"}, version="2026-03")
    assert response.status_code == 207
    assert response.json()["errors"][0]["message"] == "No contact is associated with note 5."
    refusing = serve(portal, objects=ObjectsBehaviour(unknown_ids="refuse"))
    assert associations_of(refusing, "notes", "contacts", {"id": "9"}).status_code == 400
    assert associations_of(refusing, "notes", "contacts", {"id": "5"}).status_code == 200


def test_labels_come_as_a_second_type(portal: Portal, serve: Serve) -> None:
    """A labelled association has two types, of which one has the label."""
    add(portal, 5, associations={"contactIds": [3]})
    hubspot = serve(portal, objects=ObjectsBehaviour(association_doubles=True))
    (row,) = associations_of(hubspot, "notes", "contacts", {"id": "5"}).json()["results"]
    types = row["to"][0]["associationTypes"]
    assert [one["label"] for one in types] == ["Decision maker", None]


def test_a_thousand_inputs_at_most(portal: Portal, serve: Serve) -> None:
    """An associations batch read has up to 1,000 inputs."""
    hubspot = serve(portal)
    inputs = [{"id": str(key)} for key in range(1, 1_002)]
    assert associations_of(hubspot, "notes", "contacts", *inputs[:1_000]).status_code == 200
    assert associations_of(hubspot, "notes", "contacts", *inputs).status_code == 400


def test_associations_of_one_record(portal: Portal, serve: Serve) -> None:
    """A single record's partners are at v4 and 2026-03; 2026-09 has no such path."""
    add(portal, 5, associations={"contactIds": [3]})
    hubspot = serve(portal)
    for path in ("/crm/v4/objects", "/crm/objects/2026-03"):
        page = hubspot.json(f"{path}/note/5/associations/contact")
        assert [one["toObjectId"] for one in page["results"]] == [3]
    assert hubspot.get("/crm/objects/2026-09/notes/5/associations/contacts").status_code == 404


def test_both_sides_need_their_scope(portal: Portal, serve: Serve) -> None:
    """Associations with deals need the deals' scope."""
    add(portal, 5)
    hubspot = serve(portal, scopes=["crm.objects.contacts.read"])
    assert associations_of(hubspot, "notes", "contacts", {"id": "5"}).status_code == 200
    assert associations_of(hubspot, "notes", "deals", {"id": "5"}).status_code == 403


def test_every_partner_is_a_record(clock: Clock, serve: Serve) -> None:
    """Whatever engagements are associated with can be read, by list and by batch."""
    portal = Portal.generate(200, seed=3, clock=clock)
    hubspot = serve(portal)
    for name, key in (
        ("contacts", "contactIds"),
        ("companies", "companyIds"),
        ("deals", "dealIds"),
    ):
        wanted = {one for record in portal.records() for one in record["associations"][key]}
        assert set(ids_of(walk(hubspot, objects_path(name), limit=100))) == wanted
        some = sorted(wanted)[:100]
        assert sorted(ids_of(batch_read(hubspot, name, *some).json()["results"])) == some


def test_related_records_are_the_same_each_time(clock: Clock, serve: Serve) -> None:
    """A seed gives the same contacts each time; another seed gives others."""
    names = "firstname,lastname,email,favourite_tier"
    pages = [
        serve(Portal.generate(100, seed=seed, clock=clock)).json(
            objects_path("contacts"), properties=names
        )
        for seed in (3, 3, 4)
    ]
    assert pages[0] == pages[1] != pages[2]
    properties = [one["properties"] for one in pages[0]["results"]]
    assert any(one["email"] for one in properties)
    assert all(one["favourite_tier"] in ("gold", "silver", "bronze") for one in properties)


@pytest.mark.parametrize(
    ("name", "defaults"),
    [
        ("contacts", "createdate email firstname hs_object_id lastmodifieddate lastname"),
        ("companies", "createdate domain hs_lastmodifieddate hs_object_id name"),
        (
            "deals",
            "amount closedate createdate dealname dealstage hs_lastmodifieddate hs_object_id"
            " pipeline",
        ),
    ],
)
def test_default_properties(clock: Clock, serve: Serve, name: str, defaults: str) -> None:
    """Without `properties` a related record has those that HubSpot's guides name."""
    hubspot = serve(Portal.generate(100, seed=3, clock=clock))
    (record, *_) = hubspot.json(objects_path(name))["results"]
    assert [*record["properties"]] == defaults.split()


def test_a_created_record_has_nothing_made_up(portal: Portal, serve: Serve) -> None:
    """A record that a test adds has its properties only; a change keeps the made-up ones."""
    add(portal, 5, associations={"contactIds": [3]})
    hubspot = serve(portal)
    path, names = objects_path("contacts"), "firstname,city"
    made_up = hubspot.json(f"{path}/3", properties=names)["properties"]
    portal.objects.put_related(CONTACTS, 3, {"city": "Oslo"})
    portal.objects.put_related(CONTACTS, 4, {"city": "Oslo"})
    changed = hubspot.json(f"{path}/3", properties=names)["properties"]
    created = hubspot.json(f"{path}/4", properties=names)["properties"]
    assert (changed["firstname"], changed["city"]) == (made_up["firstname"], "Oslo")
    assert (created["firstname"], created["city"]) == (None, "Oslo")


def test_partners_of_partners(portal: Portal, serve: Serve) -> None:
    """A contact's engagements and the companies that share one with it are its partners."""
    add(portal, 5, associations={"contactIds": [3], "companyIds": [8]})
    add(portal, 6, "CALL", associations={"contactIds": [3]})
    record = serve(portal).json(
        f"{objects_path('contacts')}/3", associations="companies,notes,calls,deals"
    )
    partners = {name: ids_of(part["results"]) for name, part in record["associations"].items()}
    assert partners == {"companies": [8], "notes": [5], "calls": [6]}


def test_a_merged_record_answers_with_another_id(portal: Portal, serve: Serve) -> None:
    """The id of a merged contact gives the surviving record, under the survivor's id."""
    add(portal, 5, associations={"contactIds": [3, 4]})
    hubspot = serve(portal)
    portal.objects.merge_related(CONTACTS, 3, 4)
    assert ids_of(batch_read(hubspot, "contacts", 3).json()["results"]) == [4]
    assert hubspot.json(f"{objects_path('contacts')}/3")["id"] == "4"
    assert ids_of(hubspot.json(objects_path("contacts"))["results"]) == [4]
    assert portal.record(5)["associations"]["contactIds"] == [3, 4]


def test_related_records_are_archived_and_restored(portal: Portal, serve: Serve) -> None:
    """An archived company is in the archived list alone, and comes back."""
    add(portal, 5, associations={"companyIds": [8, 9]})
    hubspot = serve(portal)
    portal.objects.archive_related(COMPANIES, 8)
    assert ids_of(hubspot.json(objects_path("companies"))["results"]) == [9]
    assert ids_of(hubspot.json(objects_path("companies"), archived="true")["results"]) == [8]
    portal.objects.restore_related(COMPANIES, 8)
    assert ids_of(hubspot.json(objects_path("companies"))["results"]) == [8, 9]


def test_a_custom_property_is_shown(portal: Portal, serve: Serve) -> None:
    """A property that the portal defines is in the definitions and in the records."""
    portal.objects.define_property(CONTACTS, value_property("shoe_size", "number", is_custom=True))
    portal.objects.put_related(CONTACTS, 3, {"shoe_size": 44})
    hubspot = serve(portal)
    record = hubspot.json(f"{objects_path('contacts')}/3", properties="shoe_size")
    assert record["properties"]["shoe_size"] == "44"
    (made,) = [
        one
        for one in hubspot.json("/crm/properties/2026-09/contacts")["results"]
        if one["name"] == "shoe_size"
    ]
    assert (made["type"], made["hubspotDefined"]) == ("number", False)


@pytest.mark.parametrize("area", ["/crm/v3/properties", "/crm/properties/2026-03"])
def test_definitions_of_properties(portal: Portal, serve: Serve, area: str) -> None:
    """Each type has its definitions; dispositions are the options of one of them."""
    hubspot = serve(portal)
    names = {one["name"] for one in hubspot.json(f"{area}/0-48")["results"]}
    assert {"hs_object_id", "hs_call_disposition", "hs_timestamp"} <= names
    options = hubspot.json(f"{area}/calls/hs_call_disposition")["options"]
    assert {one["value"]: one["label"] for one in options} == DISPOSITIONS
    assert hubspot.get(f"{area}/calls/no_such").status_code == 404


@pytest.mark.parametrize("path", ["/crm/v3/schemas", "/crm-object-schemas/2026-09/schemas"])
def test_custom_objects(portal: Portal, serve: Serve, path: str) -> None:
    """Schemas name the custom type; its records are at its id and its qualified name."""
    add(portal, 10, "CALL")
    hubspot = serve(portal)
    (schema,) = hubspot.json(path)["results"]
    assert schema["fullyQualifiedName"] == f"p{PORTAL_ID}_machines"
    by_id = hubspot.json(objects_path(schema["objectTypeId"]), properties="serial_number")
    by_name = hubspot.json(objects_path(schema["fullyQualifiedName"]), properties="serial_number")
    assert by_id["results"] == by_name["results"]
    assert all(one["properties"]["serial_number"] for one in by_id["results"])
    call = hubspot.json(f"{objects_path('calls')}/10", associations=schema["objectTypeId"])
    assert ids_of(call["associations"][schema["fullyQualifiedName"]]["results"])
    refused = serve(portal, scopes=[]).get(path)
    assert refused.status_code == 403


@pytest.mark.parametrize("path", ["/crm/v3/owners", "/crm/owners/2026-03", "/crm/owners/2026-09"])
def test_owners_at_every_version(portal: Portal, serve: Serve, path: str) -> None:
    """Owners are in pages, archived ones apart."""
    hubspot = serve(portal)
    live = list(walk(hubspot, path, limit=2))
    archived = list(walk(hubspot, path, limit=2, archived="true"))
    assert live + archived == sorted(portal.owners, key=lambda one: one["archived"])


@pytest.mark.parametrize("version", VERSIONS)
def test_the_account_at_every_version(portal: Portal, serve: Serve, version: str) -> None:
    """The portal's id and time zone are in the account's details."""
    details = serve(portal).json(f"/account-info/{version}/details")
    assert details["portalId"] == PORTAL_ID
    assert details["timeZone"]


def test_switches_from_the_command_line() -> None:
    """Settings are read by name and type; unknown names and values are refused."""
    behaviour = read_behaviour(["search_cap=50", "half_pages=true", "forbidden_types=calls,notes"])
    assert behaviour == ObjectsBehaviour(
        search_cap=50, half_pages=True, forbidden_types=("calls", "notes")
    )
    for setting in ("no_such=1", "search_cap=many", "null_text=none"):
        with pytest.raises(ValueError, match=setting.partition("=")[0]):
            read_behaviour([setting])


def test_engagements_are_changed_in_the_portal(portal: Portal) -> None:
    """The store refuses to change an engagement: both APIs would differ."""
    with pytest.raises(ValueError, match="notes are engagements"):
        portal.objects.put_related(NOTES, 5)
