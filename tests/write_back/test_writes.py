"""Engagements are created, changed and archived, each once, by every API."""

from __future__ import annotations

from typing import Any

import pytest

from target_hubspot_engagements import write_back
from target_hubspot_engagements.exceptions import RejectedError
from tests.write_back.conftest import Serve, Target, call, record, schema, state


def metadata(target: Target) -> dict[str, Any]:
    """Return the portal's engagements by title, with their contacts."""
    return {
        one["metadata"]["title"]: (one["metadata"], one["associations"]["contactIds"])
        for one in target.engagements()
    }


def test_a_call_is_logged(target: Target) -> None:
    """
    A record becomes an engagement with its values and its contact; its state is written.
    """
    result = target.run(schema(), call(7), state({"at": 7}))

    assert (result.error, result.states) == (None, [{"at": 7}])
    (engagement,) = target.engagements()
    assert engagement["engagement"]["type"] == "CALL"
    assert engagement["engagement"]["timestamp"] == 1_794_124_800_007
    assert engagement["metadata"] == {
        "title": "Call 7",
        "body": "Spoke to customer 7 🎉",
        "durationMilliseconds": 60_007,
    }
    assert engagement["associations"]["contactIds"] == [108]
    assert result.counts == {"created": 1}


def test_a_second_run_sends_only_what_changed(target: Target) -> None:
    """
    Of unchanged, changed, deleted and new records, the unchanged ones cost no request.
    """
    target.run(schema(), *(call(key) for key in range(5)))
    before = len(target.hubspot.requests)

    unchanged = target.run(schema(), *(call(key) for key in range(5)), state(1))
    assert [one.path.rpartition("/")[2] for one in target.hubspot.requests[before:]] == ["details"]
    assert (unchanged.counts, unchanged.states) == ({"unchanged": 5}, [1])

    changed = target.run(
        schema(),
        call(0),
        call(1, hs_call_body="They said yes", contactIds=[103, 104]),
        call(2, _sdc_deleted_at="2026-11-20T08:00:00Z"),
        call(3),
        call(4, hs_call_title=None),
        call(5),
    )
    assert changed.error is None
    assert changed.counts == {"created": 1, "updated": 2, "archived": 1, "unchanged": 2}
    assert len(target.engagements()) == 5
    by_body = {one["metadata"]["body"]: one for one in target.engagements()}
    assert by_body["They said yes"]["associations"]["contactIds"] == [103, 104]
    assert not by_body["Spoke to customer 4 🎉"]["metadata"]["title"]


def test_the_last_record_of_a_key_counts(target: Target) -> None:
    """
    Several records of a key in one window are one engagement, as the last one has it.
    """
    result = target.run(
        schema(),
        call(1, hs_call_title="first"),
        call(2),
        call(1, hs_call_title="second"),
        call(2, _sdc_deleted_at="2026-11-20T08:00:00Z"),
    )

    assert result.error is None
    assert [one["metadata"]["title"] for one in target.engagements()] == ["second"]


@pytest.mark.parametrize("is_in_ledger", [False, True])
@pytest.mark.parametrize("moment", ["same window", "state between"])
def test_a_record_that_completes_an_earlier_one(
    target: Target, moment: str, is_in_ledger: bool
) -> None:
    """
    A record with fewer columns than an earlier one of its window leaves the other columns as the
    earlier one has them: nothing depends on where a window ends.
    """
    part = record(1, hs_call_body="only the body")
    target.run(schema(), call(1))
    if is_in_ledger:
        target.run(schema(), part)
    newer = call(1, hs_call_title="newer", hs_call_body="a body", contactIds=[103])
    between = [state({"at": 1})] if moment == "state between" else []
    result = target.run(schema(), newer, *between, part, call(2), state({"at": 2}))

    assert result.error is None
    (found,) = [one for one in target.engagements() if one["metadata"]["title"] != "Call 2"]
    assert found["metadata"]["title"] == "newer"
    assert found["metadata"]["body"] == "only the body"
    assert found["associations"]["contactIds"] == [103]


def test_a_record_that_goes_back_behind_a_completed_one(target: Target) -> None:
    """
    A record that changes, and changes back, is as the last one has it, whatever another key does
    in between.
    """
    target.run(schema(), call(1), call(2))
    part = record(1, hs_call_body="only the body")
    changed = [call(2, hs_call_title="between"), call(1, hs_call_title="newer"), part]
    assert target.run(schema(), *changed, call(2)).error is None
    assert {*metadata(target)} == {"newer", "Call 2"}


def test_completed_records_share_requests(serve: Serve) -> None:
    """
    A hundred new records, each of which a later one completes, take one request to create them and
    one to change them.
    """
    target = serve()
    keys = range(100)
    pairs = [(call(key), record(key, hs_call_body="only the body")) for key in keys]
    result = target.run(schema(), *(one for pair in pairs for one in pair))
    assert (result.error, result.counts) == (None, {"created": 100, "updated": 100})
    written = [one.path for one in target.hubspot.requests if "/batch/" in one.path]
    assert len(written) == 2
    assert {one["metadata"]["body"] for one in target.engagements()} == {"only the body"}


def test_a_window_of_a_single_key_ends(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Records of a single key that complete each other are written when they are many bytes, too.
    """
    monkeypatch.setattr(write_back, "CHUNK_RECORDS", 1)
    monkeypatch.setattr(write_back, "WINDOW_BYTES", 300)
    target, messages = serve(), [schema(), call(1)]
    for place in range(10):
        body, title = f"Body {place}", f"Title {place}"
        messages += [record(1, hs_call_body=body), record(1, hs_call_title=title), state(place)]
    result = target.run(*messages)
    assert (result.error, result.states[-1], len(result.states) > 1) == (None, 9, True)
    (found,) = target.engagements()
    assert (found["metadata"]["body"], found["metadata"]["title"]) == ("Body 9", "Title 9")


def test_a_deletion_behind_the_id_of_its_engagement(target: Target) -> None:
    """
    A deletion archives the engagement that an earlier record of its window names.
    """
    existing = target.hubspot.portal.create({"engagement": {"type": "CALL"}})["engagement"]["id"]
    deleted = record(1, _sdc_deleted_at="2026-11-20T08:00:00Z")
    result = target.run(schema(), call(1, hubspotId=existing), deleted)
    assert (result.error, result.counts) == (None, {"updated": 1, "archived": 1})
    assert target.engagements() == []


@pytest.mark.parametrize("later", [None, {}, {"companyIds": [201]}, {"contactIds": None}])
def test_an_engagement_that_tells_fewer_associations(target: Target, later: Any) -> None:
    """
    A record in v1's shape leaves the associations alone that it does not list, in one window too.
    """
    copied = {"type": "NOTE", "timestamp": 1_790_000_000_000, "metadata": {"body": "first"}}
    first = record(1, "engagements", **copied, associations={"contactIds": [101]})
    copied["metadata"] = {"body": "second"}
    second = record(1, "engagements", **copied, associations=later)
    assert target.run(schema("engagements"), first, second).error is None
    (note,) = target.engagements()
    assert (note["metadata"]["body"], note["associations"]["contactIds"]) == ("second", [101])


def test_a_state_waits_for_records_behind_a_completed_one(target: Target) -> None:
    """
    No state is written before the records that come after one that had to be written early.
    """
    part, refused = record(1, hs_call_body="only the body"), call(2, hs_timestamp="no time")
    result = target.run(schema(), call(1), part, refused, state({"at": 1}))
    assert isinstance(result.error, RejectedError)
    assert (result.states, len(target.engagements())) == ([], 1)


def test_a_record_that_goes_back_in_a_window(target: Target) -> None:
    """
    A record that changes, and changes back, is not written as it was in between.
    """
    target.run(schema(), call(1))
    result = target.run(schema(), call(1, hs_call_title="between"), call(1))
    assert result.counts == {"unchanged": 1}
    assert [*metadata(target)] == ["Call 1"]


def test_a_deleted_record_that_comes_back(target: Target) -> None:
    """
    An archived engagement whose record comes back is created anew: HubSpot has no restoring.
    """
    deleted = call(1, _sdc_deleted_at="2026-11-20T08:00:00Z")
    target.run(schema(), call(1))
    assert target.run(schema(), deleted).counts == {"archived": 1}
    assert target.run(schema(), deleted).counts == {"unchanged": 1}
    assert target.engagements() == []

    assert target.run(schema(), call(1)).counts == {"created": 1}
    assert [*metadata(target)] == ["Call 1"]
    assert target.engagements()[0]["associations"]["contactIds"] == [102]


def test_activate_version_archives_what_is_gone(target: Target) -> None:
    """
    With hard_delete, engagements that a new version of the table lacks are archived.
    """
    first = [{**call(key), "version": 1} for key in range(3)]
    second = [{**call(key), "version": 2} for key in range(2)]
    activate = {"type": "ACTIVATE_VERSION", "stream": "calls", "version": 2}

    target.run(schema(), *first)
    assert target.run(schema(), *second, activate).counts == {"unchanged": 2}
    result = target.run(schema(), *second, activate, hard_delete=True)

    assert result.error is None
    assert result.counts == {"unchanged": 2, "archived": 1}
    assert {*metadata(target)} == {"Call 0", "Call 1"}


def test_a_version_that_is_activated_before_its_records(target: Target) -> None:
    """
    Taps that read without a state activate a version first: nothing is archived then, and what the
    version lacks is archived at its end.
    """
    activate = {"type": "ACTIVATE_VERSION", "stream": "calls", "version": 2}
    target.run(schema(), *({**call(key), "version": 1} for key in range(3)))
    second = [{**call(key), "version": 2} for key in range(2)]

    cut = target.run(schema(), activate, second[0], hard_delete=True)
    assert cut.counts == {"unchanged": 1}
    whole = target.run(schema(), activate, *second, activate, hard_delete=True)
    assert whole.counts == {"unchanged": 2, "archived": 1}
    assert len(target.engagements()) == 2


def test_every_type_is_written(serve: Serve) -> None:
    """
    Records of all seven types arrive with their associations, also those made afterwards.
    """
    target = serve()
    at = "2026-11-20T08:00:00Z"
    bodies = {
        "notes": {"hs_note_body": "x"},
        "emails": {"hs_email_direction": "INCOMING_EMAIL", "hs_email_subject": "x"},
        "calls": {"hs_call_body": "x"},
        "tasks": {"hs_task_subject": "x"},
        "meetings": {"hs_meeting_title": "x"},
        "communications": {
            "hs_communication_channel_type": "WHATS_APP",
            "hs_communication_logged_from": "CRM",
            "hs_communication_body": "x",
        },
        "postal_mail": {"hs_postal_mail_body": "x"},
    }
    messages = []
    for kind, values in bodies.items():
        messages += [
            schema(kind),
            record(1, kind, hs_timestamp=at, **values, contactIds=[101], companyIds="201"),
        ]

    result = target.run(*messages, state(1))

    assert (result.error, result.states) == (None, [1])
    engagements = target.engagements()
    assert {one["engagement"]["type"] for one in engagements} == {
        *("NOTE", "INCOMING_EMAIL", "CALL", "TASK", "MEETING", "WHATS_APP", "POSTAL_MAIL")
    }
    for one in engagements:
        associations = one["associations"]
        assert (associations["contactIds"], associations["companyIds"]) == ([101], [201]), one
    assert target.run(*messages).counts == {"unchanged": 7}


def test_contacts_by_email(target: Target) -> None:
    """
    `contactEmails` names contacts whose ids are looked up; an unknown one rejects the record.
    """
    call_by_email = call(1, contactIds=[], contactEmails="C105@customer.example; ")
    result = target.run(schema(), call_by_email)
    assert result.error is None
    assert target.engagements()[0]["associations"]["contactIds"] == [105]

    unknown = target.run(schema(), call(2, contactEmails=["nobody@customer.example"]))
    assert "no contact has the e-mail nobody@customer.example" in str(unknown.error)
    assert len(target.engagements()) == 1


def test_an_existing_engagement_by_its_id(target: Target) -> None:
    """
    `hubspotId` names an engagement of the portal, which is changed instead of a new one.
    """
    existing = target.hubspot.portal.create(
        {"engagement": {"type": "CALL"}, "associations": {}, "metadata": {"title": "old"}}
    )["engagement"]["id"]
    result = target.run(schema(), call(1, hubspotId=str(existing), hs_call_title="new"))

    assert (result.error, result.counts) == (None, {"updated": 1})
    (engagement,) = target.engagements()
    assert (engagement["engagement"]["id"], engagement["metadata"]["title"]) == (existing, "new")
    assert engagement["associations"]["contactIds"] == [102]


def test_an_engagement_that_was_deleted_in_hubspot(target: Target) -> None:
    """
    A change of an engagement that somebody deleted in HubSpot is rejected, and not created anew.
    """
    target.run(schema(), call(1), call(2))
    target.hubspot.portal.delete(target.engagements()[0]["engagement"]["id"])
    rejected = target.folder / "rejected.jsonl"

    result = target.run(
        schema(),
        call(1, hs_call_title="new"),
        call(2, hs_call_title="new"),
        on_error="skip",
        rejected=str(rejected),
    )

    assert result.counts == {"updated": 1}
    assert result.run.rejections.count == 1
    assert len(target.engagements()) == 1


@pytest.mark.parametrize("with_traces", [True, False])
def test_ten_thousand_creations(serve: Serve, with_traces: bool) -> None:
    """
    10,000 creations take at most 110 requests, even without trace ids in the results.
    """
    from hubspot_simulator.objects.behaviour import ObjectsBehaviour

    target = serve(objects=ObjectsBehaviour(trace_ids_in_results=with_traces))
    number = 10_000 if with_traces else 1_000
    result = target.run(schema(), *(call(key) for key in range(number)), state(1))
    assert (result.error, result.states) == (None, [1])
    assert result.counts == {"created": number}
    assert len(target.hubspot.portal) == number
    assert len(target.hubspot.requests) <= number / 100 + 10
