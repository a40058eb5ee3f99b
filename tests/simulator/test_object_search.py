"""Searches: filters, sorts, the cap, the lag, the limit of five a second."""

from __future__ import annotations

import time
from typing import Any

import pytest

from hubspot_simulator.objects.behaviour import ObjectsBehaviour
from hubspot_simulator.objects.object_types import CONTACTS
from hubspot_simulator.portal import Portal
from tests.simulator.conftest import NOW_MS, Clock, Serve
from tests.simulator.object_requests import add, ids_of, objects_path, post, search

MODIFIED = "hs_lastmodifieddate"


def where(name: str, operator: str, value: Any = None, **more: Any) -> dict[str, Any]:
    """Return a filter."""
    filled = {} if value is None else {"value": str(value)}
    return {"propertyName": name, "operator": operator, **filled, **more}


def found(hubspot: Any, *filters: dict[str, Any], **body: Any) -> list[int]:
    """Return the ids of the first page of notes that match."""
    response = search(hubspot, "notes", *filters, limit=200, **body)
    assert response.status_code == 200, response.text
    return ids_of(response.json()["results"])


@pytest.fixture
def notes(portal: Portal) -> Portal:
    """Seven notes, of which two were changed in the same millisecond; one has no body."""
    for record_id in range(1, 8):
        metadata = {"body": f"Body {record_id}"} if record_id < 7 else {}
        add(portal, record_id, metadata=metadata, inner={"ownerId": record_id % 2 + 70})
    for record_id in (2, 5):
        portal.update(record_id, last_updated_ms=NOW_MS - 10)
    return portal


def at(portal: Portal, record_id: int) -> int:
    """Return a record's date of change."""
    return int(portal.record(record_id)["engagement"]["lastUpdated"])


def test_changes_in_order_of_their_date(notes: Portal, serve: Serve) -> None:
    """A search by date of change, oldest first, has total, page and row offset."""
    hubspot = serve(notes)
    sorts = [{"propertyName": MODIFIED, "direction": "ASCENDING"}]
    since = where(MODIFIED, "GTE", at(notes, 3))
    first = search(hubspot, "notes", since, sorts=sorts, limit=4).json()
    assert ids_of(first["results"]) == [3, 4, 6, 7]
    assert first["total"] == 6
    assert first["paging"] == {"next": {"after": "4"}}
    last = search(hubspot, "notes", since, sorts=sorts, limit=4, after="4").json()
    assert ids_of(last["results"]) == [2, 5]
    assert "paging" not in last
    assert found(hubspot, since, sorts=[f"-{MODIFIED}"]) == [5, 2, 7, 6, 4, 3]


def test_a_page_is_ten_by_default_and_two_hundred_at_most(notes: Portal, serve: Serve) -> None:
    """A limit beyond 200 is refused; unsorted, the oldest record comes first."""
    hubspot = serve(notes)
    assert search(hubspot, "notes", limit=201).status_code == 400
    assert search(hubspot, "notes", limit=200).status_code == 200
    for record_id in range(8, 13):
        add(notes, record_id)
    assert ids_of(search(hubspot, "notes").json()["results"]) == list(range(1, 11))


@pytest.mark.parametrize(
    ("operator", "more", "ids"),
    [
        ("EQ", {"value": "3"}, [3]),
        ("NEQ", {"value": "3"}, [1, 2, 4, 5, 6, 7]),
        ("LT", {"value": "3"}, [1, 2]),
        ("LTE", {"value": "3"}, [1, 2, 3]),
        ("GT", {"value": "5"}, [6, 7]),
        ("GTE", {"value": "5"}, [5, 6, 7]),
        ("BETWEEN", {"value": "2", "highValue": "4"}, [2, 3, 4]),
        ("IN", {"values": ["2", "6"]}, [2, 6]),
        ("NOT_IN", {"values": ["2", "6"]}, [1, 3, 4, 5, 7]),
        ("HAS_PROPERTY", {}, [1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_operators_on_ids(
    notes: Portal, serve: Serve, operator: str, more: dict[str, Any], ids: list[int]
) -> None:
    """Each operator of HubSpot's guide works on numbers."""
    by_id = [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]
    assert found(serve(notes), where("hs_object_id", operator, **more), sorts=by_id) == ids


def test_operators_on_texts(notes: Portal, serve: Serve) -> None:
    """Texts are compared in lower case; an absent value is no property."""
    hubspot = serve(notes)
    assert found(hubspot, where("hs_note_body", "EQ", "body 3")) == [3]
    assert found(hubspot, where("hs_note_body", "IN", values=["body 4"])) == [4]
    assert found(hubspot, where("hs_note_body", "CONTAINS_TOKEN", "*dy 5")) == [5]
    assert found(hubspot, where("hs_note_body", "NOT_HAS_PROPERTY")) == [7]
    assert found(hubspot, where("hubspot_owner_id", "EQ", "70")) == [2, 4, 6]
    assert found(hubspot, query="body 6") == [6]


def test_one_millisecond_by_id(notes: Portal, serve: Serve) -> None:
    """Records of one millisecond can be told apart: EQ on the date, GT and sort on the id."""
    hubspot = serve(notes)
    same = where(MODIFIED, "EQ", NOW_MS - 10)
    sorts = [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]
    assert found(hubspot, same, sorts=sorts) == [2, 5]
    assert found(hubspot, same, where("hs_object_id", "GT", 2), sorts=sorts) == [5]


@pytest.mark.parametrize("text", [str(NOW_MS - 10), "2026-11-20T07:59:59.990Z"])
def test_times_are_ms_or_iso(notes: Portal, serve: Serve, text: str) -> None:
    """A filter takes both forms of a time."""
    assert found(serve(notes), where(MODIFIED, "EQ", text)) == [2, 5]


def test_finer_parts_of_a_time_are_cut_off(notes: Portal, serve: Serve) -> None:
    """Only whole milliseconds are compared."""
    text = "2026-11-20T07:59:59.990999Z"
    assert found(serve(notes), where(MODIFIED, "EQ", text)) == [2, 5]


def test_epoch_zero_fails(notes: Portal, serve: Serve) -> None:
    """HubSpot answers 500 to a filter with epoch 0, and not a second later."""
    hubspot = serve(notes)
    assert search(hubspot, "notes", where(MODIFIED, "GTE", 0)).status_code == 500
    assert len(found(hubspot, where(MODIFIED, "GTE", 1_000))) == 7


def test_groups_are_alternatives(notes: Portal, serve: Serve) -> None:
    """A record matches if it matches all filters of any group."""
    groups = [
        {"filters": [where("hs_object_id", "LT", 4), where("hs_object_id", "GT", 2)]},
        {"filters": [where("hs_object_id", "EQ", 6)]},
    ]
    response = post(
        serve(notes), f"{objects_path('notes')}/search", {"after": "", "filterGroups": groups}
    )
    assert ids_of(response.json()["results"]) == [3, 6]


def test_contacts_can_be_a_filter(portal: Portal, serve: Serve) -> None:
    """`associations.contact` finds a contact's engagements; results show no associations."""
    add(portal, 5, associations={"contactIds": [3]})
    add(portal, 6, associations={"contactIds": [4]})
    response = search(serve(portal), "notes", where("associations.contact", "EQ", 3))
    assert ids_of(response.json()["results"]) == [5]
    assert "associations" not in response.json()["results"][0]


@pytest.mark.parametrize(
    "body",
    [
        {"filterGroups": [{"filters": [where("no_such", "EQ", 1)]}]},
        {"filterGroups": [{"filters": [where("hs_object_id", "LIKE", 1)]}]},
        {"filterGroups": [{"filters": [where("hs_object_id", "EQ")]}]},
        {"filterGroups": [{"filters": [where(MODIFIED, "EQ", "yesterday")]}]},
        {"filterGroups": [{"filters": [where("hs_object_id", "EQ", 1)] * 7}]},
        {"filterGroups": [{"filters": []}] * 6},
        {"sorts": [MODIFIED, "hs_object_id"]},
        {"after": "x"},
        {"filterGroups": [{"filters": [where("hs_body_preview_html", "HAS_PROPERTY")]}]},
    ],
)
def test_bad_searches_are_refused(portal: Portal, serve: Serve, body: dict[str, Any]) -> None:
    """Unknown names and operators, too many filters and sorts, bad cursors: 400."""
    path = f"{objects_path('notes')}/search"
    assert post(serve(portal), path, {"after": "", **body}).status_code == 400


def test_2026_09_wants_complete_requests(portal: Portal, serve: Serve) -> None:
    """The newest version requires `after`, older ones and a lenient portal do not."""
    for version, status in (("2026-09", 400), ("2026-03", 200), ("v3", 200)):
        path = f"{objects_path('notes', version)}/search"
        assert post(serve(portal), path, {}).status_code == status
    lenient = serve(portal, objects=ObjectsBehaviour(complete_requests=False))
    assert post(lenient, f"{objects_path('notes')}/search", {}).status_code == 200


def test_no_more_than_the_cap(notes: Portal, serve: Serve) -> None:
    """Beyond the cap of results a search answers 400, though `total` counts all."""
    hubspot = serve(notes, objects=ObjectsBehaviour(search_cap=5))
    page = search(hubspot, "notes", limit=3, after="3").json()
    assert len(page["results"]) == 2
    assert page["total"] == 7
    assert page["paging"]["next"]["after"] == "5"
    assert search(hubspot, "notes", limit=3, after="5").status_code == 400


def test_twelve_thousand_changes_in_a_millisecond(serve: Serve) -> None:
    """A portal can be made with more changes in one millisecond than a search returns."""
    portal = Portal.generate(12_050, seed=3, bulk_edit=12_000, only_type="NOTE", clock=Clock())
    hubspot = serve(portal)
    same = where(MODIFIED, "EQ", NOW_MS)
    page = search(hubspot, "notes", same, limit=200, after="9800").json()
    assert page["total"] >= 12_000
    assert page["paging"]["next"]["after"] == "10000"
    assert search(hubspot, "notes", same, limit=200, after="10000").status_code == 400


def test_changes_show_late(portal: Portal, serve: Serve, clock: Clock) -> None:
    """A young change is not found; until then the record is found as it was before."""
    add(portal, 5, metadata={"body": "old"})
    hubspot = serve(portal, objects=ObjectsBehaviour(search_delay_ms=5_000))
    old_ms = at(portal, 5)
    portal.update(5, metadata={"body": "new"})
    add(portal, 6, inner={"createdAt": clock.now_ms})

    def bodies(*filters: dict[str, Any]) -> list[str]:
        response = search(hubspot, "notes", *filters, properties=["hs_note_body"]).json()
        return [record["properties"]["hs_note_body"] for record in response["results"]]

    assert bodies() == ["old"]
    assert bodies(where(MODIFIED, "LTE", old_ms)) == ["old"]
    assert len(hubspot.json(objects_path("notes"))["results"]) == 2
    clock.now_ms += 5_000
    assert bodies() == ["new", None]
    assert bodies(where(MODIFIED, "LTE", old_ms)) == []
    portal.delete(5)
    assert bodies() == [None]


def test_archived_records_are_never_found(notes: Portal, serve: Serve) -> None:
    """A deleted record is in no search."""
    hubspot = serve(notes)
    notes.delete(3)
    assert found(hubspot) == [1, 2, 4, 5, 6, 7]
    notes.restore(3)
    assert found(hubspot) == [1, 2, 3, 4, 5, 6, 7]


def test_searches_have_a_limit_of_their_own(portal: Portal, serve: Serve) -> None:
    """The sixth search of a second is a 429 without rate headers; lists go on."""
    hubspot = serve(portal, search_limit=5, rate_limit=100)
    start_s = time.monotonic()
    responses = [search(hubspot, "notes") for _ in range(6)]
    if time.monotonic() - start_s < 1:  # a slow machine may need more than the second
        assert [one.status_code for one in responses] == [200] * 5 + [429]
        assert responses[-1].json()["policyName"] == "SECONDLY"
    assert not any("ratelimit" in name.lower() for name in responses[0].headers)
    assert hubspot.get(objects_path("notes")).headers["X-HubSpot-RateLimit-Remaining"] == "93"


def test_a_long_search_may_be_refused(portal: Portal, serve: Serve) -> None:
    """A portal may refuse a search of more than 3,000 characters."""
    hubspot = serve(portal, objects=ObjectsBehaviour(search_body_max=3_000))
    assert search(hubspot, "notes", properties=["a" * 2_000]).status_code == 200
    assert search(hubspot, "notes", properties=["a" * 3_000]).status_code == 400


def test_related_records_are_found_by_their_date(portal: Portal, serve: Serve) -> None:
    """Contacts have `lastmodifieddate`; a changed one is found at its new date."""
    add(portal, 5, associations={"contactIds": [3, 4]})
    hubspot = serve(portal)
    recent = where("lastmodifieddate", "GTE", NOW_MS)
    assert search(hubspot, "contacts", recent).json()["total"] == 0
    portal.objects.put_related(CONTACTS, 4, {"firstname": "Zed"}, updated_ms=NOW_MS)
    page = search(hubspot, "contacts", recent, properties=["firstname"]).json()
    assert ids_of(page["results"]) == [4]
    assert page["results"][0]["properties"]["firstname"] == "Zed"
