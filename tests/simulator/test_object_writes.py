"""Writing by the objects API: records, batches, unique properties, associations."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import requests

from hubspot_simulator import faults
from hubspot_simulator.objects.behaviour import ObjectsBehaviour
from hubspot_simulator.objects.object_types import COMPANIES, CONTACTS
from hubspot_simulator.portal import Portal
from tests.conftest import SHARED
from tests.simulator.conftest import NOW_MS, Clock, Hubspot, Serve
from tests.simulator.object_requests import (
    VERSION,
    Record,
    add,
    associations_of,
    batch_read,
    ids_of,
    objects_path,
    post,
)

RECORDINGS = SHARED / "hubspot" / "v3-recordings"
AT = "2026-11-19T08:00:00Z"
AT_MS = NOW_MS - 86_400_000
NOTES = objects_path("notes")
UNIQUE = {"name": "source_key", "label": "Source key", "hasUniqueValue": True}

needs_recordings = pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason="the recorded responses are not beside this checkout"
)


@pytest.fixture(autouse=True)
def people(portal: Portal) -> None:
    """Two contacts and a company to associate with."""
    for contact in (3, 4):
        portal.objects.put_related(CONTACTS, contact, {"email": f"p{contact}@x.example"})
    portal.objects.put_related(COMPANIES, 8)


def new(text: str = "hello", **more: Any) -> Record:
    """Return a note to be created."""
    properties = {"hs_timestamp": AT, "hs_note_body": text, **more.pop("properties", {})}
    return {"properties": properties, "associations": [], **more}


def partner(type_id: int, record_id: int) -> Record:
    """Return an association of a record to be created."""
    kind = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type_id}
    return {"to": {"id": str(record_id)}, "types": [kind]}


def batch(hubspot: Hubspot, action: str, *inputs: Record, path: str = NOTES) -> requests.Response:
    return post(hubspot, f"{path}/batch/{action}", {"inputs": list(inputs)})


@pytest.mark.parametrize("version", ["v3", "2026-03", "2026-09"])
def test_a_record_is_created_in_both_apis(portal: Portal, serve: Serve, version: str) -> None:
    """A note with associations: 201 and its place; v1 shows the same engagement."""
    hubspot = serve(portal)
    path = objects_path("notes", version)
    note = new(associations=[partner(202, 3), partner(190, 8)])
    note["properties"]["hubspot_owner_id"] = "70"
    response = post(hubspot, path, note)
    assert response.status_code == 201
    body = response.json()
    assert response.headers["Location"] == f"{path}/{body['id']}"
    assert body["properties"]["hs_timestamp"] == AT
    assert body["properties"]["hs_body_preview"] == "hello"
    record = hubspot.json(f"/engagements/v1/engagements/{body['id']}")
    inner = record["engagement"]
    assert (inner["type"], inner["timestamp"], inner["ownerId"]) == ("NOTE", AT_MS, 70)
    assert inner["createdAt"] == inner["lastUpdated"] == NOW_MS
    assert record["metadata"] == {"body": "hello"}
    assert record["associations"] == {"contactIds": [3], "companyIds": [8]}


@pytest.mark.parametrize(
    ("name", "properties", "kind", "metadata"),
    [
        (
            "emails",
            {
                "hs_email_direction": "INCOMING_EMAIL",
                "hs_email_headers": '{"from":{"email":"f@x.example"},"to":[],"cc":[]}',
            },
            "INCOMING_EMAIL",
            {"from": {"email": "f@x.example"}, "to": [], "cc": []},
        ),
        (
            "calls",
            {"hs_call_duration": "5000", "hs_call_status": "COMPLETED"},
            "CALL",
            {"durationMilliseconds": 5000, "status": "COMPLETED"},
        ),
        (
            "tasks",
            {"hs_task_reminders": "1795161600000;1795161700000", "hs_task_is_all_day": "true"},
            "TASK",
            {"reminders": [1795161600000, 1795161700000], "isAllDay": True},
        ),
        ("meetings", {"hs_meeting_start_time": AT}, "MEETING", {"startTime": AT_MS}),
        (
            "communications",
            {"hs_communication_channel_type": "SMS", "hs_communication_body": "hi"},
            "SMS",
            {"body": "hi"},
        ),
        ("postal_mail", {"hs_postal_mail_body": "Dear"}, "POSTAL_MAIL", {"body": "Dear"}),
    ],
)
def test_every_type_can_be_written(
    portal: Portal, serve: Serve, name: str, properties: Record, kind: str, metadata: Record
) -> None:
    """Texts become v1's values, and are read again as they were written."""
    hubspot = serve(portal)
    written = {"hs_timestamp": AT, "hs_attachment_ids": "31;32", **properties}
    path = objects_path(name)
    record_id = post(hubspot, path, {"properties": written, "associations": []}).json()["id"]
    record = portal.record(int(record_id))
    assert (record["engagement"]["type"], record["metadata"]) == (kind, metadata)
    assert record["attachments"] == [{"id": 31}, {"id": 32}]
    shown = hubspot.json(f"{path}/{record_id}", properties=",".join(written))["properties"]
    headers = "hs_email_headers"
    if headers in written:
        assert msgspec.json.decode(shown.pop(headers)) == msgspec.json.decode(written.pop(headers))
    assert written.items() <= shown.items()


def test_a_record_is_updated(portal: Portal, serve: Serve, clock: Clock) -> None:
    """A PATCH changes what it names, an empty text clears, and the date moves."""
    add(portal, 5, metadata={"body": "a"}, inner={"ownerId": 70})
    hubspot = serve(portal)
    clock.now_ms += 1_000
    body = {"properties": {"hs_note_body": "b", "hubspot_owner_id": ""}}
    response = hubspot.request("PATCH", f"{NOTES}/5", json=body)
    assert response.status_code == 200
    assert response.json()["properties"]["hs_note_body"] == "b"
    inner = portal.record(5)["engagement"]
    assert (inner["lastUpdated"], inner["ownerId"]) == (clock.now_ms, None)
    assert hubspot.request("PATCH", f"{NOTES}/99", json=body).status_code == 404


def test_archiving_answers_204_always(portal: Portal, serve: Serve) -> None:
    """DELETE and batch archive answer 204, for unknown ids, too."""
    for record_id in (5, 6, 7):
        add(portal, record_id)
    hubspot = serve(portal)
    for record_id in (5, 5, 99):
        assert hubspot.request("DELETE", f"{NOTES}/{record_id}").status_code == 204
    assert batch(hubspot, "archive", {"id": "6"}, {"id": "99"}).status_code == 204
    assert ids_of(hubspot.json(NOTES)["results"]) == [7]
    assert ids_of(hubspot.json(NOTES, archived="true")["results"]) == [5, 6]


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"no_such": "1"}, "PROPERTY_DOESNT_EXIST"),
        ({"hs_createdate": AT}, "READ_ONLY_VALUE"),
        ({"hs_timestamp": "invalid"}, "INVALID_LONG"),
        ({"hubspot_owner_id": "x"}, "INVALID_LONG"),
        ({"hs_note_body": "x" * 65_537}, "PROPERTY_VALUE_TOO_LONG"),
    ],
)
def test_wrong_values_are_refused(
    portal: Portal, serve: Serve, properties: Record, code: str
) -> None:
    """A value that does not fit its property is a 400 that names the property."""
    response = post(serve(portal), NOTES, new(properties=properties))
    assert response.status_code == 400
    (error,) = response.json()["errors"]
    assert error["code"] == code
    assert error["context"] == {"propertyName": [next(iter(properties))]}
    assert portal.records() == []


def test_a_time_and_known_partners_are_required(portal: Portal, serve: Serve) -> None:
    """Without hs_timestamp, or with an unknown partner, nothing is created."""
    hubspot = serve(portal)
    without = post(hubspot, NOTES, {"properties": {"hs_note_body": "a"}, "associations": []})
    assert without.status_code == 400
    assert without.json()["context"] == {"properties": ["hs_timestamp"]}
    unknown = post(hubspot, NOTES, new(associations=[partner(202, 99)]))
    assert unknown.status_code == 400
    assert unknown.json()["message"] == "CONTACT=99 is not valid"
    assert portal.records() == []


def test_the_account_may_require_more(portal: Portal, serve: Serve) -> None:
    """2026-09 checks the account's own rules, which v3 does not."""
    behaviour = ObjectsBehaviour(required_on_create=("hubspot_owner_id",))
    hubspot = serve(portal, objects=behaviour)
    assert post(hubspot, objects_path("notes", "v3"), new()).status_code == 201
    refused = post(hubspot, NOTES, new())
    assert refused.status_code == 400
    assert refused.json()["context"] == {"properties": ["hubspot_owner_id"]}


def test_one_bad_input_fails_a_batch_without_traces(portal: Portal, serve: Serve) -> None:
    """Without objectWriteTraceId in every input nothing of the batch is created."""
    hubspot = serve(portal)
    bad = new(properties={"no_such": "1"})
    assert batch(hubspot, "create", new(), {**bad, "objectWriteTraceId": "1"}).status_code == 400
    assert portal.records() == []
    assert batch(hubspot, "create", new(), new()).status_code == 201
    assert len(portal.records()) == 2


@pytest.mark.parametrize(("version", "status"), [("v3", 207), ("2026-03", 207), ("2026-09", 201)])
def test_traces_tell_the_good_from_the_bad(
    portal: Portal, serve: Serve, version: str, status: int
) -> None:
    """With traces the good inputs are created, and the bad ones named by their traces."""
    hubspot = serve(portal)
    inputs = [
        new("a", objectWriteTraceId="first"),
        new(objectWriteTraceId="second", properties={"no_such": "1"}),
        new("c", objectWriteTraceId="third"),
    ]
    response = batch(hubspot, "create", *inputs, path=objects_path("notes", version))
    body = response.json()
    assert response.status_code == status
    traces = {
        one["objectWriteTraceId"]: one["properties"]["hs_note_body"] for one in body["results"]
    }
    assert traces == {"first": "a", "third": "c"}
    assert [one["context"]["objectWriteTraceId"] for one in body["errors"]] == [["second"]]
    assert body["numErrors"] == 1


def test_results_may_have_no_traces(portal: Portal, serve: Serve) -> None:
    """A portal may leave the traces out of the results, as recorded."""
    hubspot = serve(portal, objects=ObjectsBehaviour(trace_ids_in_results=False))
    body = batch(hubspot, "create", new(objectWriteTraceId="first")).json()
    assert "objectWriteTraceId" not in body["results"][0]


def test_batches_of_updates(portal: Portal, serve: Serve) -> None:
    """Missing ids are errors; doubles, unknown properties and ids as properties fail the batch."""
    for record_id in (5, 6):
        add(portal, record_id)
    hubspot = serve(portal)

    def change(record_id: int, **properties: str) -> Record:
        return {"id": str(record_id), "properties": properties or {"hs_note_body": "b"}}

    body = batch(hubspot, "update", change(5), change(6), change(99)).json()
    assert sorted(ids_of(body["results"])) == [5, 6]
    assert body["errors"][0]["context"] == {"ids": ["99"]}
    assert batch(hubspot, "update", change(5), change(5)).status_code == 400
    assert batch(hubspot, "update", change(5), change(6, no_such="1")).status_code == 400
    by_id = {**change(5), "idProperty": "hs_object_id"}
    assert batch(hubspot, "update", by_id).status_code == 400
    assert batch(hubspot, "update", *(change(key) for key in range(101))).status_code == 400


@pytest.mark.parametrize("name", ["notes", "companies"])
def test_upserts_by_a_unique_property(portal: Portal, serve: Serve, name: str) -> None:
    """A custom property of unique values makes a creation repeatable."""
    hubspot = serve(portal)
    made = post(hubspot, f"/crm/properties/{VERSION}/{name}", UNIQUE)
    assert made.status_code == 201
    assert made.json()["hasUniqueValue"] is True
    assert post(hubspot, f"/crm/properties/{VERSION}/{name}", UNIQUE).status_code == 409
    path, time = objects_path(name), {"hs_timestamp": AT} if name == "notes" else {}

    def upsert(*keys: str) -> Any:
        inputs = [{"idProperty": "source_key", "id": key, "properties": time} for key in keys]
        response = batch(hubspot, "upsert", *inputs, path=path)
        assert response.status_code == 200
        return {one["properties"]["source_key"]: one["new"] for one in response.json()["results"]}

    assert upsert("a", "b") == {"a": True, "b": True}
    assert upsert("b", "c") == {"b": False, "c": True}
    conflict = {"properties": {**time, "source_key": "a"}, "associations": []}
    refused = post(hubspot, path, conflict)
    assert refused.status_code == 409
    assert refused.json()["category"] == "CONFLICT"
    body = {"inputs": [{"id": "a"}], "idProperty": "source_key", "properties": ["source_key"]}
    read = post(hubspot, f"{path}/batch/read", {**body, "propertiesWithHistory": []}).json()
    assert read["results"][0]["properties"]["source_key"] == "a"
    assert refused.json()["context"] == {"existingId": [read["results"][0]["id"]]}


def test_activities_may_have_no_unique_properties(portal: Portal, serve: Serve) -> None:
    """A portal may refuse unique properties of activities."""
    hubspot = serve(portal, objects=ObjectsBehaviour(activity_unique=False))
    assert post(hubspot, f"/crm/properties/{VERSION}/notes", UNIQUE).status_code == 400
    assert post(hubspot, f"/crm/properties/{VERSION}/contacts", UNIQUE).status_code == 201


def test_upserts_take_no_associations(portal: Portal, serve: Serve) -> None:
    """Associations in an upsert, and a property whose values are not unique, are refused."""
    hubspot = serve(portal)
    item = {"idProperty": "hs_note_body", "id": "a", "properties": {"hs_timestamp": AT}}
    assert batch(hubspot, "upsert", item).status_code == 400
    assert batch(hubspot, "upsert", {**item, "associations": []}).status_code == 400
    assert portal.records() == []


def test_contacts_are_found_by_their_address(portal: Portal, serve: Serve) -> None:
    """A batch read by e-mail finds contacts; a second contact of an address is a conflict."""
    hubspot = serve(portal)
    body = {"inputs": [{"id": "P4@x.example"}, {"id": "nobody@x.example"}], "idProperty": "email"}
    response = post(hubspot, f"{objects_path('contacts', 'v3')}/batch/read", body)
    assert ids_of(response.json()["results"]) == [4]
    assert response.json()["errors"][0]["context"] == {"ids": ["nobody@x.example"]}
    double = {"properties": {"email": "p4@x.example"}, "associations": []}
    assert post(hubspot, objects_path("contacts"), double).status_code == 409


def test_a_lost_answer_leaves_the_record(portal: Portal, serve: Serve) -> None:
    """A creation whose answer is lost was carried out: sent again, it makes a double."""
    hubspot = serve(portal, faults=[faults.DROPPED.at(1, method="POST")])
    with pytest.raises(requests.ConnectionError):
        post(hubspot, NOTES, new())
    assert len(portal.records()) == 1
    assert post(hubspot, NOTES, new()).status_code == 201
    assert len(portal.records()) == 2


def test_associations_are_added_and_removed(portal: Portal, serve: Serve, clock: Clock) -> None:
    """Pairs by the default type, from either side; no date of the engagement moves."""
    before = add(portal, 5)["engagement"]
    clock.now_ms += 1_000
    hubspot = serve(portal)
    single = f"{NOTES}/5/associations/default/companies/8"
    assert hubspot.request("PUT", single).status_code == 200
    pairs = [{"from": {"id": "3"}, "to": {"id": "5"}}, {"from": {"id": "4"}, "to": {"id": 5}}]
    area = f"/crm/associations/{VERSION}"
    made = post(hubspot, f"{area}/contacts/notes/batch/associate/default", {"inputs": pairs})
    assert made.status_code == 200
    assert portal.record(5)["associations"] == {"companyIds": [8], "contactIds": [3, 4]}
    assert portal.record(5)["engagement"] == before
    gone = {"inputs": [{"from": {"id": "5"}, "to": [{"id": "3"}]}]}
    assert post(hubspot, f"{area}/notes/contacts/batch/archive", gone).status_code == 200
    v4 = "/crm/v4/associations/notes/contacts/batch/archive"
    assert post(hubspot, v4, gone).status_code == 204
    (row,) = associations_of(hubspot, "notes", "contacts", {"id": "5"}).json()["results"]
    assert [one["toObjectId"] for one in row["to"]] == [4]
    assert hubspot.request("PUT", f"{NOTES}/5/associations/default/companies/9").status_code == 404


def test_writing_has_scopes_of_its_own(portal: Portal, serve: Serve) -> None:
    """A token that may read may not write."""
    add(portal, 5)
    hubspot = serve(portal, scopes=["crm.objects.contacts.read"])
    assert batch_read(hubspot, "notes", 5).status_code == 200
    responses = (
        post(hubspot, NOTES, new()),
        hubspot.request("PATCH", f"{NOTES}/5", json={"properties": {}}),
        hubspot.request("DELETE", f"{NOTES}/5"),
        *(batch(hubspot, name) for name in ("create", "update", "upsert", "archive")),
    )
    assert {response.status_code for response in responses} == {403}
    assert len(portal.records()) == 1


@needs_recordings
def test_refusals_are_as_recorded(portal: Portal, serve: Serve) -> None:
    """Bodies of refused writes have the recorded keys, and messages the recorded beginnings."""
    hubspot = serve(portal)
    meeting = {"properties": {"hs_timestamp": AT, "hs_meeting_start_time": "invalid"}}
    double = {"properties": {"email": "p4@x.example"}}
    wrong = {"properties": {"first000name": "a", "last000name": "b"}}
    contacts = objects_path("contacts", "v3")
    twice = [{"id": "3", "properties": {"city": "x"}}] * 2
    for name, response in {
        "2022-08-08_meeting_create_400_invalid_property": post(
            hubspot, objects_path("meetings", "v3"), meeting
        ),
        "2025-11_contacts_batch_create_400": batch(hubspot, "create", wrong, path=contacts),
        "2025-11_contacts_batch_create_409": batch(hubspot, "create", double, path=contacts),
        "2025-11_contacts_batch_update_400_duplicate_ids": batch(
            hubspot, "update", *twice, path=contacts
        ),
    }.items():
        recorded = msgspec.json.decode((RECORDINGS / f"{name}.json").read_bytes())["response"]
        assert response.status_code == recorded["status"], name
        assert recorded["body"].keys() <= response.json().keys(), name
        assert response.json()["message"][:22] == recorded["body"]["message"][:22], name
