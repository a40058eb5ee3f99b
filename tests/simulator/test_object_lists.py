"""Lists of the objects API: paging, properties, associations, archived records."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from hubspot_simulator.objects.behaviour import ObjectsBehaviour
from hubspot_simulator.portal import Portal
from tests.simulator.conftest import NOW_MS, Clock, Serve
from tests.simulator.object_requests import ACTIVITIES, add, batch_read, ids_of, objects_path, walk

V1_ONLY = {"PUBLISHING_TASK", "CONVERSATION_SESSION"}


@pytest.mark.parametrize("version", ["v3", "2026-03", "2026-09"])
def test_the_lists_hold_all_engagements_that_the_api_knows(serve: Serve, version: str) -> None:
    """Every version lists the portal's engagements, each type by itself, but two types of v1."""
    portal = Portal.generate(400, seed=3)
    hubspot = serve(portal)
    listed = [
        record_id
        for name in ACTIVITIES
        for record_id in ids_of(walk(hubspot, objects_path(name, version), limit=100))
    ]
    wanted = [
        record["engagement"]["id"]
        for record in portal.records()
        if record["engagement"]["type"] not in V1_ONLY
    ]
    assert sorted(listed) == wanted
    assert 300 < len(wanted) < 400


def test_the_cursor_is_the_last_id_plus_one(portal: Portal, serve: Serve) -> None:
    """`after` is an inclusive lower bound, so that ranges of ids can be walked apart."""
    for record_id in (5, 7, 8, 9, 20):
        add(portal, record_id)
    hubspot = serve(portal)
    page = hubspot.json(objects_path("notes"), limit=2)
    assert ids_of(page["results"]) == [5, 7]
    assert page["paging"]["next"]["after"] == "8"
    assert page["paging"]["next"]["link"].endswith("limit=2&after=8")
    last = hubspot.json(objects_path("0-46"), limit=2, after=9)
    assert ids_of(last["results"]) == [9, 20]
    assert "paging" not in last
    assert ids_of(hubspot.json(objects_path("notes"), after=6)["results"]) == [7, 8, 9, 20]


@pytest.mark.parametrize(("limit", "status"), [(100, 200), (101, 400), (0, 400), ("x", 400)])
def test_a_page_holds_a_hundred_at_most(
    portal: Portal, serve: Serve, limit: Any, status: int
) -> None:
    """A limit beyond 100 is refused, and so is none at all."""
    assert serve(portal).get(objects_path("notes"), limit=limit).status_code == status


def test_ten_records_are_a_page_by_default(portal: Portal, serve: Serve) -> None:
    """Without a limit a page has ten records."""
    for record_id in range(1, 13):
        add(portal, record_id)
    assert len(serve(portal).json(objects_path("notes"))["results"]) == 10


def test_three_properties_come_unasked(portal: Portal, serve: Serve) -> None:
    """Without `properties` dates and id come; unknown names are ignored."""
    add(portal, 5, metadata={"body": "hello"})
    hubspot = serve(portal)
    plain = hubspot.json(objects_path("notes"))["results"][0]
    assert list(plain["properties"]) == ["hs_createdate", "hs_lastmodifieddate", "hs_object_id"]
    more = hubspot.json(objects_path("notes"), properties="hs_note_body,no_such,hs_unique_id")
    assert more["results"][0]["properties"] == {
        **plain["properties"],
        "hs_note_body": "hello",
        "hs_unique_id": None,
    }


def test_dates_are_those_of_v1_to_the_millisecond(portal: Portal, serve: Serve) -> None:
    """hs_lastmodifieddate is lastUpdated; a full second has no milliseconds in properties."""
    add(portal, 5, inner={"createdAt": NOW_MS - 1_877, "lastUpdated": NOW_MS})
    record = serve(portal).json(f"{objects_path('notes')}/5")
    assert record["properties"]["hs_createdate"] == "2026-11-20T07:59:58.123Z"
    assert record["properties"]["hs_lastmodifieddate"] == "2026-11-20T08:00:00Z"
    assert record["createdAt"] == "2026-11-20T07:59:58.123Z"
    assert record["updatedAt"] == "2026-11-20T08:00:00.000Z"


@pytest.mark.parametrize(
    ("style", "texts"),
    [("iso", ["2026-11-20T08:00:00Z"] * 2), ("epoch_ms", [str(NOW_MS)] * 2)],
)
def test_times_may_be_epoch_ms(portal: Portal, serve: Serve, style: Any, texts: list[str]) -> None:
    """A switch writes times as digits, in all records or in every other one."""
    for record_id in (4, 5):
        add(portal, record_id, inner={"createdAt": NOW_MS})
    results = serve(portal, objects=ObjectsBehaviour(time_text=style)).json(objects_path("notes"))
    assert [one["properties"]["hs_createdate"] for one in results["results"]] == texts
    mixed = serve(portal, objects=ObjectsBehaviour(time_text="mixed")).json(objects_path("notes"))
    assert [one["properties"]["hs_createdate"] for one in mixed["results"]] == [
        "2026-11-20T08:00:00Z",
        str(NOW_MS),
    ]


@pytest.mark.parametrize(
    ("style", "owner", "body"), [("null", None, None), ("empty", "", ""), ("mixed", "", None)]
)
def test_absent_values_are_null_or_empty(
    portal: Portal, serve: Serve, style: Any, owner: str | None, body: str | None
) -> None:
    """By default an absent owner is an empty text, as recorded, and other absent values null."""
    add(portal, 5)
    hubspot = serve(portal, objects=ObjectsBehaviour(null_text=style))
    record = hubspot.json(f"{objects_path('notes')}/5", properties="hubspot_owner_id,hs_note_body")
    assert record["properties"]["hubspot_owner_id"] == owner
    assert record["properties"]["hs_note_body"] == body


def test_absurd_times_stay_digits(portal: Portal, serve: Serve) -> None:
    """A time beyond the year 9999, e.g. .NET ticks, is written as digits."""
    add(portal, 5, inner={"timestamp": 638_700_000_000_000_000})
    record = serve(portal).json(f"{objects_path('notes')}/5", properties="hs_timestamp")
    assert record["properties"]["hs_timestamp"] == "638700000000000000"


def test_an_email_as_properties(portal: Portal, serve: Serve) -> None:
    """Recipients are in the headers, address and name together; lists are joined."""
    to = [{"email": "a@x.example", "firstName": "A", "raw": "A <a@x.example>"}, {"lastName": "B"}]
    add(
        portal,
        5,
        "INCOMING_EMAIL",
        attachments=[{"id": 31}, {"id": 32}],
        metadata={
            "from": {"email": "f@x.example", "raw": "f@x.example"},
            "to": to,
            "cc": [],
            "subject": "Offer",
            "attachedVideoOpened": False,
            "threadId": 12,
            "emailSendEventId": {"id": "e1", "created": NOW_MS},
        },
    )
    names = (
        "hs_email_direction hs_email_headers hs_email_to_email hs_email_to_raw hs_email_from_email"
        " hs_email_subject hs_attachment_ids hs_email_attached_video_opened hs_email_thread_id"
        " hs_email_send_event_id_created"
    )
    hubspot = serve(portal)
    record = hubspot.json(f"{objects_path('emails')}/5", properties=",".join(names.split()))
    properties = record["properties"]
    assert msgspec.json.decode(properties.pop("hs_email_headers")) == {
        "from": {"email": "f@x.example"},
        "to": [{"email": "a@x.example", "firstName": "A"}, {"lastName": "B"}],
        "cc": [],
    }
    assert {name: properties[name] for name in names.split() if name in properties} == {
        "hs_email_direction": "INCOMING_EMAIL",
        "hs_email_to_email": "a@x.example;",
        "hs_email_to_raw": "A <a@x.example>;",
        "hs_email_from_email": "f@x.example",
        "hs_email_subject": "Offer",
        "hs_attachment_ids": "31;32",
        "hs_email_attached_video_opened": "false",
        "hs_email_thread_id": "12",
        "hs_email_send_event_id_created": "2026-11-20T08:00:00Z",
    }


@pytest.mark.parametrize("kind", ["SMS", "WHATS_APP", "HOLOGRAM_VISIT"])
def test_channels_are_communications(portal: Portal, serve: Serve, kind: str) -> None:
    """A channel without an endpoint is a communication, and so is a type made up tomorrow."""
    add(portal, 5, kind, metadata={"body": "hi"})
    name = "hs_communication_channel_type"
    record = serve(portal).json(f"{objects_path('communications')}/5", properties=name)
    assert record["properties"][name] == kind


def test_a_list_shows_a_hundred_partners_inline(portal: Portal, serve: Serve) -> None:
    """Of more partners the first 100 come, and `paging`; a record without any has no key."""
    add(portal, 5, associations={"contactIds": list(range(1, 131)), "dealIds": [9]})
    add(portal, 6, associations={"contactIds": []})
    first, second = serve(portal).json(
        objects_path("notes"), associations="contacts,deals,nonsense"
    )["results"]
    contacts = first["associations"]["contacts"]
    assert [one["id"] for one in contacts["results"]] == [str(key) for key in range(1, 101)]
    assert contacts["paging"]["next"]["after"] == "101"
    assert first["associations"]["deals"] == {"results": [{"id": "9", "type": "note_to_deal"}]}
    assert "associations" not in second


def test_partners_may_come_twice(portal: Portal, serve: Serve) -> None:
    """With a labelled and an unlabelled type one id is on the list twice."""
    add(portal, 5, "MEETING", associations={"contactIds": [3, 4]})
    hubspot = serve(portal, objects=ObjectsBehaviour(association_doubles=True))
    record = hubspot.json(f"{objects_path('meetings')}/5", associations="contacts")
    assert record["associations"]["contacts"]["results"] == [
        {"id": "3", "type": "meeting_event_to_contact"},
        {"id": "3", "type": "meeting_event_to_contact_unlabeled"},
        {"id": "4", "type": "meeting_event_to_contact"},
    ]


def test_archived_records_are_a_list_of_their_own(
    portal: Portal, serve: Serve, clock: Clock
) -> None:
    """A deleted record leaves list and v1, and is archived for 90 days; no date moves."""
    for record_id in (5, 6, 7):
        add(portal, record_id)
    hubspot = serve(portal)
    before = hubspot.json(f"{objects_path('notes')}/6")
    clock.now_ms += 5_000
    assert hubspot.request("DELETE", "/engagements/v1/engagements/6").status_code == 204
    assert ids_of(hubspot.json(objects_path("notes"))["results"]) == [5, 7]
    archived = hubspot.json(objects_path("notes"), archived="true")["results"]
    assert archived == [
        {**before, "archived": True, "archivedAt": "2026-11-20T08:00:05.000Z"},
    ]
    assert hubspot.get(f"{objects_path('notes')}/6").status_code == 404
    assert hubspot.json(f"{objects_path('notes')}/6", archived="true") == archived[0]
    clock.now_ms += 91 * 86_400_000
    assert hubspot.json(objects_path("notes"), archived="true")["results"] == []


def test_deletions_before_the_first_request_are_listed(portal: Portal, serve: Serve) -> None:
    """The archived list knows deletions from before the objects API was asked."""
    add(portal, 5)
    portal.delete(5)
    assert ids_of(serve(portal).json(objects_path("notes"), archived="true")["results"]) == [5]


def test_a_restored_record_is_back_in_both_apis(portal: Portal, serve: Serve) -> None:
    """A restored engagement leaves the archived list; its date stays, or moves as wanted."""
    for record_id in (5, 6):
        add(portal, record_id)
    hubspot = serve(portal)
    hubspot.json(objects_path("notes"))
    for record_id, moved_ms in ((5, None), (6, NOW_MS)):
        known = portal.record(record_id)
        portal.delete(record_id)
        record = portal.restore(record_id, last_updated_ms=moved_ms)
        updated_ms = moved_ms or known["engagement"]["lastUpdated"]
        assert record["engagement"] == {**known["engagement"], "lastUpdated": updated_ms}
    assert hubspot.json(objects_path("notes"), archived="true")["results"] == []
    assert ids_of(hubspot.json(objects_path("notes"))["results"]) == [5, 6]
    assert hubspot.json("/engagements/v1/engagements/paged")["results"] == portal.records()


def test_a_purged_record_is_gone(portal: Portal, serve: Serve) -> None:
    """After a purge not even the archived list has the record."""
    add(portal, 5)
    portal.delete(5)
    hubspot = serve(portal)
    assert len(hubspot.json(objects_path("notes"), archived="true")["results"]) == 1
    portal.purge(5)
    assert hubspot.json(objects_path("notes"), archived="true")["results"] == []


def test_changes_by_v1_show_on_the_lists(portal: Portal, serve: Serve) -> None:
    """Creations, edits, associations and changes of type by v1 are seen by the next request."""
    hubspot = serve(portal)
    assert hubspot.json(objects_path("notes"))["results"] == []
    v1 = "/engagements/v1/engagements"
    made = hubspot.request(
        "POST", v1, json={"engagement": {"type": "NOTE"}, "metadata": {"body": "a"}}
    )
    record_id = made.json()["engagement"]["id"]
    hubspot.request("PATCH", f"{v1}/{record_id}", json={"metadata": {"body": "b"}})
    hubspot.request("PUT", f"{v1}/{record_id}/associations/contact/77")
    path = f"{objects_path('notes')}/{record_id}"
    record = hubspot.json(path, properties="hs_note_body", associations="contacts")
    assert record["properties"]["hs_note_body"] == "b"
    assert ids_of(record["associations"]["contacts"]["results"]) == [77]
    assert ids_of(hubspot.json(objects_path("contacts"))["results"]) == [77]
    portal.update(record_id, {"type": "TASK"})
    assert ids_of(hubspot.json(objects_path("tasks"))["results"]) == [record_id]
    assert hubspot.json(objects_path("notes"))["results"] == []


def test_engagements_of_sample_contacts_are_listed(portal: Portal, serve: Serve) -> None:
    """The objects API lists the sample contacts' engagements that v1's list leaves out."""
    add(portal, 5)
    portal.hide(5)
    hubspot = serve(portal)
    assert hubspot.json("/engagements/v1/engagements/paged")["results"] == []
    assert ids_of(hubspot.json(objects_path("notes"))["results"]) == [5]


def test_half_pages_are_not_the_last(portal: Portal, serve: Serve) -> None:
    """A page below the limit may be followed by others."""
    for record_id in range(1, 8):
        add(portal, record_id)
    hubspot = serve(portal, objects=ObjectsBehaviour(half_pages=True))
    page = hubspot.json(objects_path("notes"), limit=6)
    assert len(page["results"]) == 3
    assert page["paging"]["next"]["after"] == "4"
    assert ids_of(walk(hubspot, objects_path("notes"), limit=6)) == list(range(1, 8))


def test_an_opaque_cursor_cannot_be_made_up(portal: Portal, serve: Serve) -> None:
    """With opaque cursors a number is refused, and the walk by cursor is complete."""
    for record_id in range(1, 8):
        add(portal, record_id)
    hubspot = serve(portal, objects=ObjectsBehaviour(list_cursor="opaque"))
    assert ids_of(walk(hubspot, objects_path("notes"), limit=3)) == list(range(1, 8))
    after = hubspot.json(objects_path("notes"), limit=3)["paging"]["next"]["after"]
    assert not after.isdecimal()
    assert hubspot.get(objects_path("notes"), after=4).status_code == 400
    numeric = serve(portal).get(objects_path("notes"), after=after)
    assert numeric.status_code == 400
    assert "Cannot deserialize value of type" in numeric.json()["message"]


def test_a_list_may_be_out_of_order(portal: Portal, serve: Serve) -> None:
    """A shuffled list is complete by its cursors, and does not ascend."""
    for record_id in range(1, 40):
        add(portal, record_id)
    hubspot = serve(portal, objects=ObjectsBehaviour(list_order="shuffled"))
    ids = ids_of(walk(hubspot, objects_path("notes"), limit=7))
    assert sorted(ids) == list(range(1, 40)) != ids


def test_the_last_page_may_have_null_for_paging(portal: Portal, serve: Serve) -> None:
    """By default the last page has no such key; a switch makes it null."""
    hubspot = serve(portal, objects=ObjectsBehaviour(last_paging="null"))
    assert hubspot.json(objects_path("notes")) == {"results": [], "paging": None}


def test_a_type_may_be_forbidden(portal: Portal, serve: Serve) -> None:
    """Any type can answer 403; e-mails need a scope beyond that of the others."""
    hubspot = serve(portal, objects=ObjectsBehaviour(forbidden_types=("calls",)))
    assert hubspot.get(objects_path("calls")).status_code == 403
    assert hubspot.get(objects_path("notes")).status_code == 200
    scoped = serve(portal, scopes=["crm.objects.contacts.read"])
    assert scoped.get(objects_path("notes")).status_code == 200
    refused = scoped.get(objects_path("emails"))
    assert refused.status_code == 403
    assert refused.json()["category"] == "MISSING_SCOPES"
    assert "sales-email-read" in refused.json()["context"]["requiredGranularScopes"]
    assert scoped.get(objects_path("companies")).status_code == 403
    assert batch_read(scoped, "emails", 5).status_code == 403


def test_unknown_paths_and_types(portal: Portal, serve: Serve) -> None:
    """An unknown type is a 400, an unknown version HTML, a wrong method 405."""
    hubspot = serve(portal)
    unknown = hubspot.get(objects_path("butterflies"))
    assert unknown.status_code == 400
    assert unknown.json()["message"] == "Unable to infer object type from: butterflies"
    assert hubspot.get(objects_path("notes", "2024-01")).status_code == 404
    assert hubspot.request("POST", f"{objects_path('notes')}/5").status_code == 405
    assert hubspot.get(objects_path("machines")).status_code == 400


def test_a_long_url_is_refused(portal: Portal, serve: Serve) -> None:
    """A portal may answer 414 to a long URL."""
    hubspot = serve(portal, objects=ObjectsBehaviour(url_max=2_000))
    assert hubspot.get(objects_path("notes"), properties="a" * 1_000).status_code == 200
    assert hubspot.get(objects_path("notes"), properties="a" * 2_000).status_code == 414


def test_history_is_the_value_of_today(portal: Portal, serve: Serve) -> None:
    """A property with its history has one version; a page then holds fifty at most."""
    add(portal, 5, metadata={"body": "a"})
    hubspot = serve(portal)
    page = hubspot.json(objects_path("notes"), propertiesWithHistory="hs_note_body")
    history = page["results"][0]["propertiesWithHistory"]["hs_note_body"]
    assert [one["value"] for one in history] == ["a"]
    refused = hubspot.get(objects_path("notes"), propertiesWithHistory="hs_note_body", limit=51)
    assert refused.status_code == 400


def test_ids_need_not_follow_creation(clock: Clock, serve: Serve) -> None:
    """A portal can be made whose ids are not in the order of creation."""
    portal = Portal.generate(300, seed=3, clock=clock, creation_order="jumbled")
    made = [record["engagement"]["createdAt"] for record in portal.records()]
    assert made != sorted(made)
    assert len(portal) == 300
