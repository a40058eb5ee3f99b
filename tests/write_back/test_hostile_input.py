"""Records and portals that are not as they should be: nothing is lost, or written twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hubspot_simulator.faults import DROPPED, Fault
from hubspot_simulator.objects.behaviour import ObjectsBehaviour
from hubspot_simulator.objects.engagement_properties import APP_ID
from hubspot_simulator.objects.object_types import CONTACTS
from hubspot_simulator.responses import error_response
from target_hubspot_engagements.config import Config
from target_hubspot_engagements.creating import SOURCE_ID
from target_hubspot_engagements.exceptions import InputError, UndecidedError
from target_hubspot_engagements.ledger import open_ledger
from target_hubspot_engagements.messages import SchemaMessage
from target_hubspot_engagements.source_streams import SourceStream
from tests.conftest import run_program
from tests.write_back.conftest import (
    Message,
    Serve,
    Target,
    call,
    empty_portal,
    record,
    schema,
    state,
    to_lines,
)

HUGE = 10**30


@pytest.fixture
def skipping(target: Target) -> Target:
    """The write-back by each API, which puts rejected records into a file."""
    target.settings |= {"on_error": "skip", "rejected": str(target.folder / "rejected.jsonl")}
    return target


KEEP = {"ids": "keep", "stream_map": {"copies": "engagements"}}


def problems(target: Target) -> list[str]:
    """Return the messages of the rejected records, in their order."""
    path = Path(target.settings["rejected"])
    lines = path.read_text().splitlines() if path.exists() else []
    return [one["message"] for line in lines for one in json.loads(line)["problems"]]


def keyed(key: Any, **values: Any) -> Message:
    """Return a call with a key of any JSON type."""
    return record(key, **{**call(1)["record"], "id": key, **values})


def note(key: int, **values: Any) -> Message:
    """Return a record of the stream `engagements`."""
    row = {"type": "NOTE", "timestamp": 10**12 + key, "metadata": {"body": f"Note {key}"}}
    return record(key, "engagements", **{**row, **values})


@pytest.mark.parametrize(
    ("first", "second"),
    [(1, 1.0), ({"a": 1, "b": 2}, {"b": 2, "a": 1}), ([1], [1])],
)
def test_one_key_in_two_forms(target: Target, first: Any, second: Any) -> None:
    """
    A key is the same whichever way its JSON is written, so that its call is written once.
    """
    target.run(schema(), keyed(first))
    assert target.run(schema(), keyed(second)).counts == {"unchanged": 1}
    assert len(target.engagements()) == 1


@pytest.mark.parametrize(
    ("first", "second"), [(1, "1"), (2**70, 2**70 + 1), ("a\u0000b", "a\u0000c"), ("ä", "Ä")]
)
def test_different_keys(target: Target, first: Any, second: Any) -> None:
    """
    Keys that differ are two calls, and each is found again.
    """
    assert target.run(schema(), keyed(first), keyed(second)).counts == {"created": 2}
    assert target.run(schema(), keyed(first), keyed(second)).counts == {"unchanged": 2}


def test_an_empty_key(skipping: Target) -> None:
    """
    Records of which the key is empty, as a CSV file has it, are rejected: they would be one call.
    """
    result = skipping.run(schema(), keyed(""), keyed("", hs_call_title="Another"), state(1))
    assert (result.run.rejections.count, len(skipping.engagements())) == (2, 0)
    assert problems(skipping) == ["no value of the key id"] * 2


def test_an_empty_mark_of_deletion(target: Target) -> None:
    """
    An empty _sdc_deleted_at, as a CSV file has it, archives nothing.
    """
    target.run(schema(), call(1))
    target.run(schema(), call(1, _sdc_deleted_at=""), call(2, _sdc_deleted_at=""))
    assert len(target.engagements()) == 2


def test_key_properties_in_another_order(target: Target) -> None:
    """
    A composite key is the same in any order of key_properties, which taps do not promise.
    """
    first = {**schema(), "key_properties": ["id", "part"]}
    second = {**schema(), "key_properties": ["part", "id"]}
    calls = [call(1, part=2), call(2, part=1)]
    target.run(first, *calls)
    assert target.run(second, *calls).counts == {"unchanged": 2}


def test_another_key(target: Target) -> None:
    """
    A stream with other key_properties ends the run, since each record would be written again.
    """
    target.run(schema(), call(1))
    other = {**schema(), "key_properties": ["id", "part"]}
    result = target.run(other, call(1, part=1), state(1))
    assert isinstance(result.error, InputError)
    assert "the key of stream calls was id, and is id, part now" in str(result.error)
    assert (result.states, len(target.engagements())) == ([], 1)


def test_another_key_before_anything_is_written(target: Target) -> None:
    """
    The key of a stream may still change while the ledger has none of its records.
    """
    target.run({**schema(), "key_properties": ["wrong"]})
    assert target.run(schema(), call(1)).error is None


@pytest.mark.parametrize("deleted", [{}, {"_sdc_deleted_at": "2026-11-20"}])
def test_an_id_that_is_too_large(skipping: Target, deleted: dict[str, str]) -> None:
    """
    An id past 64 bits rejects its record alone.
    """
    result = skipping.run(schema(), call(1, hubspotId=HUGE, **deleted), call(2), state(2))
    assert (result.error, result.states) == (None, [2])
    assert problems(skipping) == [f"hubspotId must be an id, not {HUGE}"]
    assert len(skipping.engagements()) == 1


def test_a_version_that_is_too_large(target: Target) -> None:
    """
    A version past 64 bits is named with its line.
    """
    result = target.run(schema(), {**call(1), "version": 2**70})
    assert "line 2: version" in str(result.error)


def test_the_id_of_another_engagement(skipping: Target) -> None:
    """
    A hubspotId other than that of the ledger is rejected: no engagement is changed in its place.
    """
    skipping.run(schema(), call(1), call(2))
    first, second = (one["engagement"]["id"] for one in skipping.engagements())
    skipping.run(schema(), call(1, hubspotId=second, hs_call_title="Of the second"))
    assert problems(skipping) == [f"is not {first}, which was written for this key"]
    assert sorted(one["metadata"]["title"] for one in skipping.engagements()) == [
        "Call 1",
        "Call 2",
    ]


def test_values_without_a_property(skipping: Target, caplog: pytest.LogCaptureFixture) -> None:
    """
    Values that HubSpot's API has no place for are named in one warning each, at most fifty a
    stream; empty values, stamps and Singer's columns are not.
    """
    stamps = {"emailSendEventId": None, "mood": None, "_sdc_x": 1}
    values = {
        "metadata": {"body": "x", "mood": "good", "tone": "", "nothing": None},
        "extra": {"campaign": "c", "none": None},
        "associations": {"contactIds": [101], "leadIds": [7], "dealIds": [], "ownerIds": []},
        "createdBy": 7,
        "scheduledTasks": [1],
        "colour": "red",
        "_sdc_batched_at": "2026-11-20",
    }
    notes = [note(1, **values), note(2, **values), note(3, metadata={"body": "x", **stamps})]
    result = skipping.run(schema("engagements"), *notes, state(3))
    assert (result.error, result.states) == (None, [3])
    texts = [one.getMessage() for one in caplog.records if "left out" in one.getMessage()]
    names = ("associations.leadIds", "colour", "extra.campaign", "metadata.mood")
    assert texts == [
        f"stream engagements: {name} is left out: HubSpot's API has no place for it"
        " (line 2 and perhaps others)"
        for name in names
    ]

    caplog.clear()
    many = {f"key_{number}": 1 for number in range(100)}
    skipping.run(schema("engagements"), note(4, metadata={"body": "x", **many}))
    texts = [one.getMessage() for one in caplog.records if "left out" in one.getMessage()]
    assert len(texts) == 50
    assert texts[-1].endswith("(line 2; further names are left out unnamed)")


def test_two_keys_of_one_engagement(skipping: Target) -> None:
    """
    An engagement has one key: of two records that name it, in a window or in two runs, the second
    is rejected with the first one's key. The first key may change it again.
    """
    engagement = {"engagement": {"type": "CALL"}, "associations": {}, "metadata": {"title": "old"}}
    existing = skipping.hubspot.portal.create(engagement)["engagement"]["id"]
    rows = [call(key, hubspotId=existing, hs_call_title=f"Of {key}") for key in (1, 2)]
    result = skipping.run(schema(), *rows, call(3), state(3))
    assert (result.states, result.counts["updated"], result.counts["created"]) == ([3], 1, 1)
    problem = f"{existing} is the engagement of stream calls, key [1]"
    assert problems(skipping) == [problem]
    result = skipping.run(schema(), call(4, hubspotId=str(existing)), state(4))
    assert (result.states, problems(skipping)) == ([4], [problem] * 2)
    tombstone = call(5, hubspotId=existing, _sdc_deleted_at="2026-11-20")
    skipping.run(schema(), tombstone)
    assert problems(skipping) == [problem] * 3
    result = skipping.run(schema(), call(1, hubspotId=existing, hs_call_title="Of 1 again"))
    assert result.error is None
    titles = {one["engagement"]["id"]: one["metadata"]["title"] for one in skipping.engagements()}
    assert titles[existing] == "Of 1 again"


def test_the_id_in_a_record_of_the_tap(skipping: Target) -> None:
    """
    A record in the shape of v1 names an engagement that exists by `hubspotId`, with `ids` `keep`
    by its `id`, which has to be one.
    """
    engagement = {"engagement": {"type": "NOTE"}, "associations": {}, "metadata": {"body": "old"}}
    existing = skipping.hubspot.portal.create(engagement)["engagement"]["id"]
    stream = schema("engagements")
    assert skipping.run(stream, note(1, hubspotId=existing)).counts == {"updated": 1}
    (one,) = skipping.engagements()
    assert (one["engagement"]["id"], one["metadata"]["body"]) == (existing, "Note 1")
    kept = {**stream, "key_properties": ["source_key"]}
    row = record(existing, "engagements", **{**note(2)["record"], "id": None, "source_key": 9})
    skipping.run({**kept, "stream": "copies"}, {**row, "stream": "copies"}, **KEEP)
    row["record"]["id"] = "x"
    skipping.run({**kept, "stream": "copies"}, {**row, "stream": "copies"}, **KEEP)
    assert problems(skipping) == ["has no id", "id must be an id, not 'x'"]


def test_the_engagement_of_a_rejected_record(skipping: Target) -> None:
    """
    A record that is rejected does not keep the engagement that it names from the next record.
    """
    engagement = {"engagement": {"type": "CALL"}, "associations": {}, "metadata": {"title": "old"}}
    existing = skipping.hubspot.portal.create(engagement)["engagement"]["id"]
    wrong = call(1, hubspotId=existing, hs_call_status="NO SUCH STATUS")
    skipping.run(schema(), wrong, call(2, hubspotId=existing, hs_call_title="Of 2"))
    (problem,) = problems(skipping)
    assert "'NO SUCH STATUS' is not one of" in problem
    assert skipping.engagements()[0]["metadata"]["title"] == "Of 2"


def test_two_columns_of_one_property(skipping: Target) -> None:
    """
    Two columns that are one property are rejected, as one value would be lost.
    """
    skipping.run(schema(), call(1, text="Text"), property_map={"calls": {"text": "hs_call_body"}})
    assert problems(skipping) == ["several columns are one property: hs_call_body, text"]


@pytest.mark.parametrize("name", ["../../x?y", "contacts/batch", ""])
def test_a_type_that_is_no_name(skipping: Target, name: str) -> None:
    """
    The type of an associated record, a part of a path, is a plain name.
    """
    skipping.run(schema(), call(1, associations=[{"objectType": name, "id": 5}]))
    assert problems(skipping) == [f"associations: {name!r} is no type of records"]


def test_an_unknown_type_of_records(skipping: Target) -> None:
    """
    A call whose associated record has a type that HubSpot refuses is named, the others written.
    """
    pets = [{"objectType": "pets", "id": 5}]
    result = skipping.run(schema(), call(1, associations=pets, contactIds=[]), call(2), state(2))
    assert (result.error, result.states, len(skipping.engagements())) == (None, [2], 2)
    assert "but not associated" in problems(skipping)[0]


@pytest.mark.parametrize("headers", ["no JSON", "[1]", '{"from":'])
def test_headers_that_are_no_object(skipping: Target, headers: str) -> None:
    """
    Sender and recipients of an e-mail that are no JSON object are rejected before they are sent.
    """
    email = record(1, "emails", hs_timestamp=1, hs_email_direction="EMAIL", contactIds=[101])
    email["record"]["hs_email_headers"] = headers
    skipping.run(schema("emails"), email)
    assert problems(skipping)[0].startswith("must be a JSON object")


@pytest.mark.parametrize(
    "values", [{"associations": {"contactIds": 5}}, {"attachments": [5]}, {"attachments": 7}]
)
def test_an_engagement_of_another_shape(skipping: Target, values: dict[str, Any]) -> None:
    """
    A record of the stream engagements whose lists are none is rejected alone.
    """
    result = skipping.run(schema("engagements"), note(1, **values), note(2), state(2))
    assert (result.error, result.states, len(skipping.engagements())) == (None, [2], 1)


def test_a_deletion_without_a_type(skipping: Target) -> None:
    """
    A deletion whose type is not known is rejected, and does not end every later run.
    """
    tombstone = record(5_000, "engagements", _sdc_deleted_at="2026-11-20")
    result = skipping.run(schema("engagements"), tombstone, state(1), ids="keep")
    assert (result.error, result.states) == (None, [1])
    assert problems(skipping) == ["is required, to archive an engagement that the ledger lacks"]


def test_a_refused_archival(skipping: Target) -> None:
    """
    A deletion that HubSpot refuses is rejected, and the next run is free to go on.
    """
    skipping.run(schema(), call(1), call(2))
    refusal = Fault(response=error_response(400, "This call is locked"))
    path = "/engagements/v1" if skipping.settings["api_version"] == "v1" else "/archive"
    skipping.hubspot.faults.add(refusal.at(path=path))
    deletion = record(1, _sdc_deleted_at="2026-11-20")
    result = skipping.run(schema(), deletion, state(2))
    assert (result.error, result.states) == (None, [2])
    assert problems(skipping) == ["This call is locked"]
    assert skipping.run(schema(), deletion).counts == {"archived": 1}


def test_a_version_with_a_record_without_a_key(skipping: Target) -> None:
    """
    A complete version archives nothing if one of its records has no key: which is not known.
    """
    skipping.settings["hard_delete"] = True
    first = [{**call(key), "version": 1} for key in (1, 2)]
    second = [{**one, "version": 2} for one in (call(1), keyed(None))]
    activate = {"type": "ACTIVATE_VERSION", "stream": "calls"}
    skipping.run(schema(), *first, {**activate, "version": 1})
    skipping.run(schema(), *second, {**activate, "version": 2})
    assert len(skipping.engagements()) == 2


def test_the_program_that_created(target: Target) -> None:
    """
    The ledger knows by which name HubSpot has this program, so that calls which another one
    creates are no sign of an old ledger; once known, it is not requested again.
    """
    target.run(schema(), call(1))
    ledger = open_ledger(str(target.ledger))
    assert ledger.fact(SOURCE_ID) == APP_ID
    ledger.close()
    before = len(target.hubspot.requests)
    target.run(schema(), call(2))
    assert not any("/read" in one.path for one in target.hubspot.requests[before:])


def test_a_contact_that_is_deleted_while_its_call_is_in_doubt(serve: Serve, clock: Any) -> None:
    """
    A creation without an answer whose contact is gone is looked for by the search.
    """
    objects = ObjectsBehaviour(unknown_ids="refuse", search_delay_ms=600_000)
    target = serve(empty_portal(clock), objects=objects, settings={"settle_seconds": 0})
    target.hubspot.faults.add(DROPPED.at(path="batch/create"))
    reads = Fault(response=error_response(400, "An id is unknown")).at(
        path="associations", times=100
    )
    target.hubspot.faults.add(reads)
    assert isinstance(target.run(schema(), call(1), state(1)).error, UndecidedError)
    target.clock.sleep(7_200)
    target.hubspot.portal.objects.archive_related(CONTACTS, 102)
    result = target.run(schema(), call(1), state(1))
    assert (result.error, result.states, len(target.engagements())) == (None, [1], 1)


def test_the_ledger_as_the_file_of_rejected_records(serve: Serve) -> None:
    """
    The configuration does not let rejected records be written into the ledger.
    """
    target = serve()
    outcome = target.program("--new-ledger", rejected=str(target.ledger))
    assert (outcome.code, "rejected: must be another file" in outcome.err) == (2, True)


def test_one_problem_for_one_value(skipping: Target) -> None:
    """
    A date-time that cannot be read is one problem: it is not missing, too.
    """
    skipping.run(schema(), call(1, hs_timestamp="20.11.2026"))
    assert len(problems(skipping)) == 1


def test_rejected_records_of_a_dry_run(serve: Serve) -> None:
    """
    A dry run, which writes no file of rejected records, does not name it.
    """
    target = serve(settings={"on_error": "skip", "rejected": "rejected.jsonl"})
    outcome = target.program("--dry-run", stdin=[schema(), call(1, hs_call_status="NEW")])
    assert (outcome.code, "1 records were rejected: see the log" in outcome.err) == (1, True)


DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize("name", ["record", "value", "schema"])
def test_a_line_that_is_nested_too_deep(serve: Serve, name: str) -> None:
    """
    A line whose JSON is nested a hundred thousand levels deep ends the run, and is named.
    """
    target = serve()
    path = target.folder / "config.json"
    path.write_text(json.dumps(target.config()))
    kind = "STATE" if name == "value" else name.upper()
    deep = f'{{"type": "{kind}", "stream": "calls", "{name}": {{"id": {DEEP}}}}}'
    lines = [*to_lines([schema(), call(1)]), deep.encode()]
    arguments = ("--config", path, "--new-ledger")
    outcome = run_program("target-hubspot-engagements", *arguments, stdin=b"\n".join(lines))
    assert (outcome.code, outcome.out) == (1, "")
    assert "line 3: not a Singer message: nested too deep" in outcome.err
    assert "Traceback" not in outcome.err


def test_a_key_that_is_nested_too_deep() -> None:
    """
    A record that no parser reads has no key; the error rejects it.
    """
    message = SchemaMessage("calls", ("id",), ("id",))
    stream = SourceStream(
        message, "calls", Config.from_dict({"access_token": "x", "ledger": "x"}, {})
    )
    with pytest.raises(ValueError, match="nested too deep"):
        stream.identify(f'{{"id": {DEEP}}}'.encode())
