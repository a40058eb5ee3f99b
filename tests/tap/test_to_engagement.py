"""From records of the objects API to engagements: columns, values, people, and the fast path."""

from __future__ import annotations

import json
from itertools import chain
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubspot_api.activity_properties import ASSOCIATIONS, OBJECT_TYPES, PERSON_PARTS
from hubspot_simulator.objects.behaviour import ObjectsBehaviour
from hubspot_simulator.objects.object_types import ACTIVITIES, RELATED
from hubspot_simulator.objects.views import RecordWriter
from hubspot_simulator.portal import Portal
from tap_hubspot_engagements.engagement import Engagement
from tap_hubspot_engagements.fast_records import fast_path_for
from tap_hubspot_engagements.objects.columns import METADATA_COLUMNS, properties_of
from tap_hubspot_engagements.objects.record_layout import ObjectEngagement
from tap_hubspot_engagements.objects.to_engagement import ObjectRecord, Partners, to_engagement
from tap_hubspot_engagements.objects.typed_records import read_page, to_engagements
from tap_hubspot_engagements.objects.values import to_bool, to_ids, to_int, to_ms, to_texts
from tap_hubspot_engagements.properties import PERSON_TYPES
from tap_hubspot_engagements.record_lines import to_lines
from tap_hubspot_engagements.records import to_calls, to_emails
from tap_hubspot_engagements.records import to_engagements as to_records
from tests.conftest import SHARED
from tests.tap.conftest import NOW_MS, Clock
from tests.tap.differences import as_objects_show, comparable
from tests.tap.objects import everything

RELATED_NAMES = tuple(ASSOCIATIONS)
PARTS = tuple(PERSON_PARTS)
RECORDINGS = SHARED / "hubspot" / "v3-recordings"
BEHAVIOURS = (
    ObjectsBehaviour(),
    ObjectsBehaviour(null_text="empty", time_text="epoch_ms"),
    ObjectsBehaviour(null_text="null", time_text="mixed", association_doubles=True),
)


def pages(portal: Portal, behaviour: ObjectsBehaviour) -> list[tuple[str, bytes]]:
    """Return each type's records as one page, written by the simulator's own table."""
    writer = RecordWriter(portal.objects, behaviour, portal.portal_id)
    texts = []
    for kind in ACTIVITIES:
        index = portal.objects.index(kind)
        view = writer.view(kind, properties_of(kind.name), RELATED[:6])
        bodies = writer.write(view, [(key, index.entries[key]) for key in index.ids])
        texts.append((kind.name, b'{"results":[%b]}' % b",".join(bodies)))
    return texts


def engagement(kind: str, properties: dict[str, Any], **record: Any) -> dict[str, Any]:
    """Return the v1 engagement of one record."""
    return to_engagement(kind, ObjectRecord("7", properties, **record), 62515, RELATED_NAMES)


def tables(engagements: list[Engagement]) -> dict[str, dict[tuple[Any, ...], Any]]:
    """Return all rows of the engagements, by stream and key."""
    found: dict[str, dict[tuple[Any, ...], Any]] = {}
    for selection in everything():
        stream = selection.stream
        if stream.read:
            continue
        takes = stream.takes_type or (lambda _: True)
        rows = chain.from_iterable(
            stream.to_records(one.whole)[0] for one in engagements if takes(one.type)
        )
        keys = stream.key_properties
        found[stream.tap_stream_id] = {tuple(row[key] for key in keys): row for row in rows}
    return found


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=["iso", "epoch", "mixed"])
def test_a_round_trip(behaviour: ObjectsBehaviour) -> None:
    """
    Every v1 engagement that is written as properties comes back, but for the listed differences.
    """
    portal = Portal.generate(1500, seed=3, clock=Clock())
    v1 = [
        Engagement.from_mapping(json.loads(json.dumps(one).replace("\\u0000", "")))
        for one in portal.records()
    ]
    objects = [
        one
        for kind, text in pages(portal, behaviour)
        for one in to_engagements(
            kind,
            read_page(kind, text.replace(b"\\u0000", b"")).results,
            portal.portal_id,
            RELATED_NAMES,
        )
    ]
    assert all(isinstance(one, ObjectEngagement) for one in objects), "all take the fast path"
    expected, found = comparable(as_objects_show(tables(v1))), comparable(tables(objects))
    for stream, rows in expected.items():
        assert found[stream] == rows, stream


def test_the_types_are_those_of_the_configuration() -> None:
    """
    The table has the types that skip_types accepts.
    """
    assert tuple(METADATA_COLUMNS) == OBJECT_TYPES


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-02-25T15:16:50.258Z", 1_772_032_610_258),
        ("2022-05-03T09:15:00Z", 1_651_569_300_000),
        ("1651569300000", 1_651_569_300_000),
        ("1651569300", 1_651_569_300),
        ("636418459634654854", 636_418_459_634_654_854),
        ("-1", -1),
        ("2022-05-03", 1_651_536_000_000),
        ("2022-05-03T11:15:00+02:00", 1_651_569_300_000),
        ("soon", "soon"),
        ("2022-05-03T09:15:00X", "2022-05-03T09:15:00X"),
    ],
)
def test_times(text: str, value: object) -> None:
    """
    ISO 8601 with or without milliseconds, and ms in digits, are Unix ms; other texts stay.
    """
    assert to_ms(text) == value


def test_other_values() -> None:
    """
    Numbers, booleans and lists convert; a text that does not stays.
    """
    assert [to_int(text) for text in ("12", "5000.0", "1.5", "x")] == [12, 5000, "1.5", "x"]
    assert [to_bool(text) for text in ("true", "FALSE", "maybe")] == [True, False, "maybe"]
    assert to_ids(";1;2;x") == [1, 2, "x"]
    assert to_texts("a;;b") == ["a", "b"]


def test_an_empty_text_is_null() -> None:
    """
    An empty text is null, on the fast path and on the fallback.
    """
    texts = {"hs_object_id": "7", "hubspot_owner_id": "", "hs_call_title": "", "hs_timestamp": ""}
    page = json.dumps({"results": [{"id": "7", "properties": texts}]}, separators=(",", ":"))
    (fast,) = to_engagements("calls", read_page("calls", page.encode()).results, 1, RELATED_NAMES)
    for whole in (fast.whole, engagement("calls", texts)):
        (record,), mismatches = to_records(whole)
        (call,), _ = to_calls(whole)
        assert (record["ownerId"], record["timestamp"], call["title"]) == (None, None, None)
        assert record["extra"] is None and not mismatches
    assert isinstance(fast, ObjectEngagement)


def test_nothing_is_dropped() -> None:
    """
    A text that does not convert is counted and kept in extra, and so is an unknown property.
    """
    whole = engagement(
        "calls", {"hs_call_duration": "long", "hs_timestamp": "soon", "mine": "x", "empty": ""}
    )
    (record,), mismatches = to_records(whole)
    assert record["extra"] == {"mine": "x", "timestamp": "soon"}
    assert list(mismatches) == ["timestamp"]
    (call,), mismatches = to_calls(whole)
    assert call["extra"] == {"durationMilliseconds": "long"}
    assert list(mismatches) == ["durationMilliseconds"]


def test_types_come_from_the_endpoint_or_a_property() -> None:
    """
    An e-mail's direction and a communication's channel are its type; else the endpoint is.
    """
    cases = {
        ("notes", ""): "NOTE",
        ("postal_mail", ""): "POSTAL_MAIL",
        ("emails", "INCOMING_EMAIL"): "INCOMING_EMAIL",
        ("emails", ""): "EMAIL",
        ("communications", "WHATS_APP"): "WHATS_APP",
        ("communications", ""): "COMMUNICATION",
    }
    names = {"emails": "hs_email_direction", "communications": "hs_communication_channel_type"}
    for (kind, text), expected in cases.items():
        found = engagement(kind, {names.get(kind, "hs_note_body"): text})["engagement"]["type"]
        assert found == expected


def test_people_keep_address_and_name_together() -> None:
    """
    The headers' people win; lists of their parts are the fallback, and complete the raw texts.
    """
    headers = json.dumps({"from": {"email": "a@x.example"}, "to": [{"email": "b@x.example"}, {}]})
    metadata = engagement(
        "emails",
        {
            "hs_email_headers": headers,
            "hs_email_from_firstname": "Ada",
            "hs_email_to_email": "shown as this<b@x.example>",
            "hs_email_to_raw": "B <b@x.example>;",
            "hs_email_cc_email": "c@x.example;d@x.example",
            "hs_email_cc_firstname": "Cy;",
            "hs_email_bcc_email": "e@x.example",
            "hs_email_bcc_firstname": "one;two",
        },
    )["metadata"]
    assert metadata["from"] == {"email": "a@x.example", "firstName": "Ada"}
    assert metadata["to"] == [{"email": "b@x.example", "raw": "B <b@x.example>"}, {}]
    assert metadata["cc"] == [
        {"email": "c@x.example", "firstName": "Cy"},
        {"email": "d@x.example"},
    ]
    assert metadata["bcc"] == [{"email": "e@x.example"}]
    assert metadata["hs_email_bcc_firstname"] == "one;two"


@pytest.mark.parametrize("headers", ["{", "[1]", '"x"'])
def test_headers_that_cannot_be_read_are_kept(headers: str) -> None:
    """
    A text of headers that is no JSON object goes to extra, and the lists have the people.
    """
    whole = engagement("emails", {"hs_email_headers": headers, "hs_email_to_email": "b@x.example"})
    assert whole["metadata"]["to"] == [{"email": "b@x.example"}]
    (record,), _ = to_emails(whole)
    assert record["extra"] == {"hs_email_headers": headers}


def test_associations_are_deduplicated_numbers() -> None:
    """
    Ids are texts or numbers and may come twice; unknown types keep their own name.
    """
    record = {
        "id": "7",
        "properties": {},
        "associations": {
            "contacts": {"results": [{"id": "5", "type": "a"}, {"id": "5", "type": "b"}]},
            "p1_machines": {"results": [{"id": 9}]},
        },
    }
    (record_,) = read_page("notes", msgspec.json.encode({"results": [record]})).results
    (found,) = to_engagements("notes", [record_], 1, ("contacts", "deals"))
    assert found.whole["associations"] == {"contactIds": [5], "dealIds": [], "p1_machines": [9]}


def test_a_record_without_an_id_makes_the_page_incomplete() -> None:
    """
    A page with a record without a number as id is an error, which the client retries.
    """
    for record in ({"id": "x", "properties": {}}, {"properties": {}}, 5):
        with pytest.raises(ValueError):
            read_page("notes", msgspec.json.encode({"results": [record]}))


PROPERTIES = sorted({name for kind in OBJECT_TYPES for name in properties_of(kind)})
TEXTS = st.one_of(
    st.sampled_from(
        [
            "",
            "true",
            "7",
            "1.0",
            ";1;a",
            "2026-02-25T15:16:50.258Z",
            "soon",
            "[]",
            "{}",
            '{"to":[{}]}',
        ]
    ),
    st.text(max_size=5),
    st.none(),
    st.integers(),
)


@given(
    kind=st.sampled_from(OBJECT_TYPES),
    texts=st.dictionaries(st.sampled_from([*PROPERTIES, "mine"]), TEXTS, max_size=12),
    archived=st.booleans(),
)
def test_the_fast_path_is_the_fallback(kind: str, texts: dict[str, Any], archived: bool) -> None:
    """
    Whatever the texts, both paths make the same records.
    """
    record = {"id": "7", "properties": texts, "archived": archived}
    text = msgspec.json.encode({"results": [record]})
    (fast,) = to_engagements(kind, read_page(kind, text).results, 1, RELATED_NAMES)
    slow = Engagement.from_mapping(
        to_engagement(kind, ObjectRecord("7", texts, archived), 1, RELATED_NAMES)
    )
    assert tables([fast]) == tables([slow])


PERSON = st.fixed_dictionaries(
    {}, optional={key: st.sampled_from(["a@b.example", "Zoë", "", None]) for key in PERSON_TYPES}
)
HEADERS_TEXT = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("from", "sender"), PERSON | st.none()),
        **dict.fromkeys(("to", "cc", "bcc"), st.lists(PERSON, max_size=3) | st.none()),
        "reply-to": st.just("unknown"),
    },
).map(json.dumps)
PEOPLE_TEXTS = st.dictionaries(
    st.sampled_from([name for name in properties_of("emails") if name.rsplit("_", 1)[-1] in PARTS]),
    st.sampled_from(["Zoë", "Ada;Zoë", ";", "", "Ada Bo <a@b.example>;;"]),
    max_size=6,
)


@given(headers=HEADERS_TEXT | st.none(), texts=PEOPLE_TEXTS)
def test_the_fast_path_of_people_is_the_fallback(
    headers: str | None, texts: dict[str, Any]
) -> None:
    """
    Senders and recipients are the same by both paths, from headers, from lists, or from both.
    """
    properties = {"hs_email_headers": headers, **texts}
    text = msgspec.json.encode({"results": [{"id": "7", "properties": properties}]})
    (fast,) = to_engagements("emails", read_page("emails", text).results, 1, RELATED_NAMES)
    slow = Engagement.from_mapping(engagement("emails", properties))
    rows = tables([slow])
    for stream in ("engagement_emails", "engagement_email_recipients"):
        selection = next(one for one in everything() if one.stream.tap_stream_id == stream)
        lines, _ = to_lines(selection, fast_path_for(stream, (), has_all=True), [fast])
        keys = selection.stream.key_properties
        records = [json.loads(line) for line in lines]
        assert {tuple(row[key] for key in keys): row for row in records} == rows[stream]


def test_unknown_headers_are_kept() -> None:
    """
    A header that is neither sender nor recipient is in `extra` of the e-mail.
    """
    headers = json.dumps({"to": [{"email": "a@b.example"}], "reply-to": "c@d.example"})
    (record,), _ = to_emails(engagement("emails", {"hs_email_headers": headers}))
    assert record["extra"] == {"hs_email_headers": {"reply-to": "c@d.example"}}


@pytest.mark.parametrize("kind", [Partners, None])
@pytest.mark.parametrize("ids", [["1", 2, "1"], ["1", "one"], [2**70]])
def test_the_fast_path_of_associations_is_the_fallback(
    kind: type[Partners] | None, ids: list[str | int]
) -> None:
    """
    Ids are deduplicated numbers and all others stay, in a list's records and in a search's.
    """
    partners = {"results": [{"id": one} for one in ids]}
    record = {"id": "7", "properties": {}, "associations": {"contacts": partners, "new": partners}}
    (read,) = read_page("notes", msgspec.json.encode({"results": [record]})).results
    if kind:
        read.associations = msgspec.convert(record["associations"], dict[str, kind])
    (fast,) = to_engagements("notes", [read], 1, RELATED_NAMES)
    associations = msgspec.convert(record["associations"], dict[str, Partners])
    mapping = engagement("notes", {}, associations=associations)
    (selection,) = (
        one for one in everything() if one.stream.tap_stream_id == "engagement_associations"
    )
    path = fast_path_for("engagement_associations", (), has_all=True)
    lines, names = to_lines(selection, path, [fast])
    expected, expected_names = to_lines(selection, None, [Engagement.from_mapping(mapping)])
    assert (lines, names) == (expected, expected_names)


def test_u0000_is_found_by_the_record() -> None:
    """
    Of a page with U+0000, the engagement that has it alone is told apart.
    """
    records = [{"id": "7", "properties": {"hs_note_body": body}} for body in ("a", "a\0b")]
    page = read_page("notes", msgspec.json.encode({"results": records}))
    engagements = to_engagements("notes", page.results, 1, RELATED_NAMES)
    assert [one.has_nul() for one in engagements if isinstance(one, ObjectEngagement)] == [
        False,
        True,
    ]


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the recorded answers are not beside this")
def test_recorded_responses() -> None:
    """
    Every recorded engagement of the objects API takes the fast path, and has its dates.
    """
    kinds = {"meetings_list": "meetings", "communications_list": "communications"}
    kinds |= {"emails_batch": "emails"}
    singles = {"email_create": "emails", "note_create": "notes", "task_create": "tasks"}
    singles |= {"task_update": "tasks"}
    number = 0
    for path in sorted(RECORDINGS.glob("*.json")):
        body = json.loads(path.read_text())["response"].get("body")
        for mark, kind in {**kinds, **singles}.items():
            if mark not in path.name or not isinstance(body, dict) or "v1" in path.name:
                continue
            wanted = {*properties_of(kind)}
            results = body["results"] if mark in kinds else [body]
            for one in results:
                # As it was requested with the tap's own properties.
                asked = {key: text for key, text in one["properties"].items() if key in wanted}
                page = msgspec.json.encode({"results": [{**one, "properties": asked}]})
                records = read_page(kind, page).results
                (found,) = to_engagements(kind, records, 1, RELATED_NAMES)
                assert isinstance(found, ObjectEngagement)
                inner = found.whole["engagement"]
                assert inner["id"] == int(one["id"])
                assert inner["lastUpdated"] == to_ms(one["updatedAt"])
                assert 10**12 < inner["createdAt"] < NOW_MS
                number += 1
    assert number > 15
