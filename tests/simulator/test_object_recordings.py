"""Answers beside recorded ones: the same keys, and values of the same JSON types."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest

from hubspot_simulator.objects.object_types import DEALS
from hubspot_simulator.portal import Portal
from tests.conftest import SHARED
from tests.simulator.conftest import Hubspot, Serve
from tests.simulator.object_requests import add

RECORDINGS = SHARED / "hubspot" / "v3-recordings"
# What a recorder added or changed: the files say so in their notes.
DATES = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z")

pytestmark = pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason="the recorded answers are not beside this checkout"
)


def read(name: str) -> dict[str, Any]:
    """Return a recording: its request and its response."""
    recording: dict[str, Any] = msgspec.json.decode((RECORDINGS / f"{name}.json").read_bytes())
    return recording


def shape(value: Any) -> Any:
    """Return keys and types of a JSON value; a list's items are as one, texts may be null."""
    if isinstance(value, dict):
        return {key: shape(part) for key, part in value.items()}
    if isinstance(value, list):
        shapes: list[Any] = []
        for item in value:
            if shape(item) not in shapes:
                shapes.append(shape(item))
        return shapes
    if value is None or isinstance(value, str):
        return "date" if value and DATES.fullmatch(value) else "text"
    return type(value).__name__


def with_properties_apart(body: Any) -> tuple[Any, list[dict[str, Any]]]:
    """Return a body whose records have no properties, and these."""
    properties = [record.pop("properties") for record in body.get("results", [])]
    return body, properties


def replay(hubspot: Hubspot, recording: dict[str, Any], path: str | None = None) -> Any:
    """Return the body of the portal's answer to a recorded request."""
    request = recording["request"]
    url = urlsplit(request["url"])
    response = hubspot.request(
        request["method"],
        path or url.path,
        params=dict(parse_qsl(url.query)),
        **({"json": request["body"]} if "body" in request else {}),
    )
    assert response.status_code == recording["response"]["status"]
    return response.json()


@pytest.fixture
def hubspot(portal: Portal, serve: Serve) -> Hubspot:
    """A portal with more of everything than a recorded page shows."""
    body = {"title": "t", "body": "b", "startTime": 1_618_932_828_273, "endTime": 1_618_936_428_273}
    for number in range(12):
        add(portal, 12_642_321_179 + number, "MEETING", metadata=body)
        add(portal, 77_033_252_581 + number, "SMS")
    add(portal, 77_650_314_959, "EMAIL", associations={"contactIds": [1, 2], "dealIds": [1]})
    for number in range(10, 31):
        portal.objects.put_related(DEALS, number, {"closedate": None, "dealname": "Deal"})
    return serve(portal)


@pytest.mark.parametrize(
    "name",
    [
        "2022-11-03_meetings_list_page1",
        "2025-02_communications_list_10",
        "2025-02-18_emails_batch_read_with_history",
        "2026-03_deals_search_page1",
    ],
)
def test_records_have_the_recorded_shape(hubspot: Hubspot, name: str) -> None:
    """Records, paging and batches have the recorded keys; properties the recorded names."""
    recording = read(name)
    if name.startswith("2025-02-18"):  # the recorder kept no body
        recording["request"]["body"] = {
            "inputs": [{"id": "77650314959"}],
            "properties": ["hs_email_direction"],
            "propertiesWithHistory": ["hs_email_direction"],
        }
    answered, properties = with_properties_apart(replay(hubspot, recording))
    recorded, recorded_properties = with_properties_apart(recording["response"]["body"])
    assert shape(answered) == shape(recorded)
    assert {*properties[0]} == {*recorded_properties[0]}
    for values in properties + recorded_properties:
        assert {type(value) for value in values.values()} <= {str, type(None)}


def test_a_cursor_is_made_as_recorded(portal: Portal, serve: Serve) -> None:
    """From the recorded ids follow the recorded cursors."""
    for page in ("1", "2"):
        body = read(f"2022-11-03_meetings_list_page{page}")["response"]["body"]
        last = int(body["results"][-1]["id"])
        add(portal, last, "MEETING")
        add(portal, last + 1, "MEETING")
        hubspot = serve(portal)
        answered = hubspot.json("/crm/v3/objects/meetings", limit=1, after=last)
        assert answered["paging"]["next"]["after"] == body["paging"]["next"]["after"]


def test_the_account_has_the_recorded_shape(hubspot: Hubspot) -> None:
    """Details of the account have the recorded keys and types."""
    recording = read("2026-03_account_info")
    assert shape(replay(hubspot, recording)) == shape(recording["response"]["body"])


def test_partners_have_the_recorded_shape(hubspot: Hubspot) -> None:
    """The partners of one record have the recorded keys; their ids are numbers."""
    recording = read("2022-08-08_associations_v4_get")
    path = "/crm/v4/objects/Email/77650314959/associations/Contact"
    assert shape(replay(hubspot, recording, path)) == shape(recording["response"]["body"])


def test_refusals_have_the_recorded_shape(portal: Portal, serve: Serve) -> None:
    """An unknown type and a missing scope are refused as recorded."""
    unknown = read("search_unknown_object_400")
    unknown["request"]["body"] = {}
    answered = replay(serve(portal), unknown)
    assert answered["message"] == unknown["response"]["body"]["message"]
    assert shape(answered) == shape(unknown["response"]["body"])
    missing = read("missing_scope_403")
    answered = replay(serve(portal, scopes=[]), missing, "/crm/v3/schemas")
    assert answered["message"] == missing["response"]["body"]["message"]
    assert shape(answered) == shape(missing["response"]["body"])


def test_schemas_are_a_list(hubspot: Hubspot) -> None:
    """Schemas are under `results`, as in a portal that has none."""
    recording = read("2026-03_schemas_empty")
    assert replay(hubspot, recording).keys() == recording["response"]["body"].keys()


def test_v1_knows_nothing_of_a_deleted_engagement(hubspot: Hubspot, portal: Portal) -> None:
    """After DELETE, 204, the record is a 404 in v1 and in the objects API."""
    recorded = read("2022-08-08_v1_delete_204")["response"]["status"]
    record_id = 77_650_314_959
    path = f"/engagements/v1/engagements/{record_id}"
    assert hubspot.request("DELETE", path).status_code == recorded
    assert hubspot.get(path).status_code == 404
    assert hubspot.get(f"/crm/v3/objects/emails/{record_id}").status_code == 404


def test_recorded_activities_are_properties_of_the_portal(hubspot: Hubspot) -> None:
    """Every recorded property that a client can map is one of the portal's definitions."""
    names = {
        "notes": read("2026-03-12_note_create"),
        "tasks": read("2026-03-12_task_update"),
        "meetings": read("2022-08-08_meeting_create_201"),
        "emails": read("2025-02-17_email_create"),
    }
    for name, recording in names.items():
        known = {one["name"] for one in hubspot.json(f"/crm/v3/properties/{name}")["results"]}
        recorded = recording["response"]["body"]["properties"].keys()
        assert {*recorded} - known <= DERIVED, name


# Counts, flags and copies that HubSpot works out by itself.
DERIVED = set(
    "hs_user_ids_of_all_owners hubspot_owner_assigneddate hs_engagements_last_contacted"
    " hs_start_date_with_fallback hs_pipeline hs_pipeline_stage hs_task_completion_count"
    " hs_task_is_completed_call hs_task_is_completed_email hs_task_is_completed_linked_in"
    " hs_task_is_completed_sequence hs_task_is_open hs_task_is_overdue hs_task_is_past_due_date"
    " hs_task_is_sub_task hs_task_missed_due_date hs_task_missed_due_date_count"
    " hs_email_click_rate hs_email_open_rate hs_email_reply_rate".split()
)
