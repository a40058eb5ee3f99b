"""Answers that are lost, late, partial or refusals: what the run does, says, and ends with."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from typing import Any

import pytest

from hubspot_api.exceptions import ScopeError, TransientError
from hubspot_simulator.faults import (
    CUT_SHORT,
    DAILY_LIMIT_REACHED,
    DONE_THEN_GATEWAY_TIMEOUT,
    DONE_THEN_SERVER_ERROR,
    DROPPED,
    LOST,
    RATE_LIMITED,
    SERVER_ERROR,
    Fault,
)
from hubspot_simulator.objects.behaviour import ObjectsBehaviour
from hubspot_simulator.objects.object_types import CALLS, COMPANIES
from hubspot_simulator.responses import Response
from target_hubspot_engagements.exceptions import UndecidedError
from target_hubspot_engagements.run import Options
from tests.conftest import PROGRAMS, clean_environment
from tests.write_back.conftest import (
    TOKEN,
    Serve,
    Target,
    call,
    record,
    schema,
    state,
    to_lines,
)

CREATE = {"method": "POST"}
CREATION_PATHS = {"2026-09": "batch/create", "v3": "batch/create", "v1": "/engagements/v1"}
LOST_ANSWERS = [DROPPED, CUT_SHORT, DONE_THEN_SERVER_ERROR, DONE_THEN_GATEWAY_TIMEOUT]


def add_faults(target: Target, fault: Fault, **at: Any) -> None:
    """Let requests that create have a fault."""
    path = CREATION_PATHS[target.settings.get("api_version", "2026-09")]
    target.hubspot.faults.add(fault.at(path=path, method="POST", **at))


def titles(target: Target) -> list[str]:
    return sorted(one["metadata"]["title"] for one in target.engagements())


def creations(target: Target) -> int:
    path = CREATION_PATHS[target.settings.get("api_version", "2026-09")]
    return sum(path in one.path for one in target.hubspot.requests if one.method == "POST")


@pytest.mark.parametrize("fault", [*LOST_ANSWERS, LOST, SERVER_ERROR])
def test_a_lost_answer(target: Target, fault: Fault) -> None:
    """
    A creation without an answer is looked for after settle_seconds, and sent again only if HubSpot
    does not have it.
    """
    add_faults(target, fault)
    result = target.run(schema(), *(call(key) for key in range(3)), state(3))

    assert (result.error, result.states) == (None, [3])
    assert titles(target) == ["Call 0", "Call 1", "Call 2"]
    assert 50 < sum(target.clock.slept) <= 60
    before = len(target.hubspot.requests)
    target.run(schema(), *(call(key) for key in range(3)))
    assert len(target.hubspot.requests) == before + 1


@pytest.mark.parametrize("fault", LOST_ANSWERS)
def test_a_lost_answer_without_an_association(target: Target, fault: Fault) -> None:
    """
    The search shows an engagement late: one that it does not show yet is undecided, exit code 1;
    an hour later it is found.
    """
    target.hubspot.objects = ObjectsBehaviour(search_delay_ms=600_000)
    add_faults(target, fault)
    alone = call(1, contactIds=[])

    first = target.run(schema(), state(0), alone, state(1), call(2), state(2))

    assert isinstance(first.error, UndecidedError)
    assert "stream calls, key [1]: HubSpot does not show it, and may do so later" in str(
        first.error
    )
    assert (first.states, first.counts["pending"]) == ([0], 1)
    assert len(target.engagements()) == 2

    target.clock.sleep(7_200)
    second = target.run(schema(), alone, state(1), call(2), state(2))
    assert (second.error, second.states) == (None, [2])
    assert len(target.engagements()) == 2


def test_a_lost_creation_without_an_association(target: Target) -> None:
    """
    A creation that HubSpot never got, and that only the search can show, is sent an hour later;
    with --send-undecided at once.
    """
    add_faults(target, LOST)
    alone = call(1, contactIds=[])
    assert isinstance(target.run(schema(), alone).error, UndecidedError)
    still = target.run(schema(), alone)
    assert (isinstance(still.error, UndecidedError), creations(target)) == (True, 1)

    sent = target.run(schema(), alone, options=Options(resends=True))
    assert (sent.error, titles(target)) == (None, ["Call 1"])


def test_changes_of_what_is_pending(target: Target) -> None:
    """
    A change and a deletion of engagements in doubt are written once the doubt is over.
    """
    add_faults(target, DROPPED, times=2)
    calls = [call(1, contactIds=[]), call(2, contactIds=[])]
    target.run(schema(), *calls, workers=1)
    changed = [
        call(1, contactIds=[], hs_call_title="changed"),
        call(2, contactIds=[], _sdc_deleted_at="2026-11-20T08:00:00Z"),
        state(2),
    ]
    waiting = target.run(schema(), *changed)
    if waiting.error is not None:  # the search of the portal may show them at once
        assert waiting.states == []
        target.clock.sleep(7_200)
        waiting = target.run(schema(), *changed)
    assert (waiting.error, waiting.states) == (None, [2])
    assert titles(target) == ["changed"]


def test_all_answers_are_lost(target: Target) -> None:
    """
    After three tries without an answer the run names the record, ends with an error, and has
    created nothing twice.
    """
    add_faults(target, DROPPED, times=None)
    result = target.run(schema(), call(1), state(1))
    assert (result.error, result.states) == (None, [1])  # found after the first
    target.hubspot.faults.clear()
    add_faults(target, LOST, times=None)
    result = target.run(schema(), call(2), state(2))
    assert "key [2]: no answer to 3 requests" in str(result.error)
    assert (result.states, titles(target)) == ([], ["Call 1"])


def test_a_creation_that_hubspot_carries_out_late(serve: Serve) -> None:
    """
    A request that times out, and is carried out a second later, is not sent again.
    """
    target = serve(settings={"request_timeout": 0.3, "settle_seconds": 3})
    add_faults(target, Fault(delay_s=1.2))
    outcome = target.program("--new-ledger", stdin=[schema(), call(1), state(1)])
    assert (outcome.code, outcome.out) == (0, "1\n"), outcome.err
    assert (titles(target), creations(target)) == (["Call 1"], 1)


def test_a_rate_limit_is_no_doubt(target: Target) -> None:
    """
    A 429 is a refusal: the creation is sent again without a look into HubSpot.
    """
    add_faults(target, RATE_LIMITED, times=2)
    result = target.run(schema(), call(1), state(1))
    assert (result.error, result.states, titles(target)) == (None, [1], ["Call 1"])
    assert not any("associations" in one.path for one in target.hubspot.requests)


def test_the_daily_limit(target: Target) -> None:
    """
    At the daily limit the run ends with 3, and nothing is in doubt.
    """
    add_faults(target, DAILY_LIMIT_REACHED, times=None)
    outcome = target.program("--new-ledger", stdin=[schema(), call(1), state(1)])
    assert (outcome.code, outcome.out) == (3, ""), outcome.err
    target.hubspot.faults.clear()
    assert target.run(schema(), call(1), state(1)).states == [1]
    assert titles(target) == ["Call 1"]


def test_hubspot_cannot_be_reached(target: Target) -> None:
    """
    Without a connection nothing is sent, and nothing is in doubt.
    """
    result = target.run(schema(), call(1), base_url="http://127.0.0.1:1")
    assert isinstance(result.error, TransientError)
    assert target.run(schema(), call(1)).counts == {"created": 1}


@pytest.mark.parametrize("traces", [True, False])
@pytest.mark.parametrize("status", ["always", "never"])
def test_a_refused_input_of_a_batch(serve: Serve, status: Any, traces: bool) -> None:
    """
    The account's rule refuses one of three: the others are created, the one is named, with 207 as
    with 201, and without trace ids in the results.
    """
    behaviour = ObjectsBehaviour(
        required_on_create=("hs_call_title",), multi_status=status, trace_ids_in_results=traces
    )
    target = serve(objects=behaviour)
    rejected = target.folder / "rejected.jsonl"
    bad = call(2, hs_call_title=None)

    result = target.run(
        schema(), call(1), bad, call(3), state(3), on_error="skip", rejected=str(rejected)
    )

    assert (result.error, result.states) == (None, [3])
    assert titles(target) == ["Call 1", "Call 3"]
    assert creations(target) == 1
    (line,) = map(json.loads, rejected.read_text().splitlines())
    assert (line["line"], line["stream"], line["key"]) == (3, "calls", [2])
    assert line["record"] == bad["record"]
    assert "Some required properties were not set" in line["problems"][0]["message"]


@pytest.mark.parametrize("unique", [None, "source_key"])
def test_a_creation_that_is_refused_in_part(serve: Serve, unique: str | None) -> None:
    """
    A response has a result and an error of one input: the engagement is in the ledger and its
    record is rejected. When that comes again, the engagement is changed, and none is created.
    """
    target = serve(settings={"unique_property": unique} if unique else {})
    created = {"engagement": {"type": "CALL", "timestamp": 1_793_606_400_001}}
    hubspot_id = target.hubspot.portal.create(created)["engagement"]["id"]
    result = {
        "id": hubspot_id,
        "properties": {"source_key": "calls:[1]"},
        "objectWriteTraceId": "0",
    }
    error = {"message": "refused in part", "context": {"objectWriteTraceId": ["0"]}}
    body = {"status": "COMPLETE", "results": [result], "errors": [error]}
    response = Response(207, json.dumps(body).encode())
    action = "/batch/upsert" if unique else "/batch/create"
    target.hubspot.faults.add(Fault(response=response).at(path=action))

    refused = target.run(schema(), call(1))
    message = f"written as engagement {hubspot_id}, but not as in the record; refused in part"
    assert message in str(refused.error)
    assert target.run(schema(), call(1)).counts == {"updated": 1}
    assert titles(target) == ["Call 1"]


def test_a_change_that_is_refused_in_part(serve: Serve) -> None:
    """
    A response to changes has a result and an error of the same engagement: its record is rejected,
    and is sent when it comes again.
    """
    target = serve()
    target.run(schema(), call(1), call(2))
    ids = [one["engagement"]["id"] for one in target.engagements()]
    error = {"message": "refused in part", "context": {"ids": [str(ids[0])]}}
    results = [{"id": str(one), "properties": {}} for one in ids]
    body = {"status": "COMPLETE", "results": results, "errors": [error]}
    fault = Fault(response=Response(200, json.dumps(body).encode()))
    target.hubspot.faults.add(fault.at(path="/batch/update"))
    changed = [call(key, hs_call_title="new") for key in (1, 2)]

    refused = target.run(schema(), *changed)
    assert "key [1]: refused in part" in str(refused.error)
    assert target.run(schema(), *changed).counts == {"updated": 1, "unchanged": 1}


def test_stop_at_a_rejected_record(target: Target) -> None:
    """
    By default a record that cannot be written ends the run with 1, after the state before it.
    """
    messages = [schema(), call(1), state(1), call(2, hs_timestamp="soon"), state(2), call(3)]
    outcome = target.program("--new-ledger", stdin=messages)
    assert outcome.code == 1
    assert outcome.out == ""  # one window: the state is behind no other
    assert (
        "ERROR line 4, stream calls, key [2]: hs_timestamp: must be a date-time such as"
        in outcome.err
    )
    assert "1 rejected" in outcome.err


def test_skip_ends_with_one(target: Target) -> None:
    """
    With on_error skip everything else is written, states too, and the exit code is 1.
    """
    path = target.folder / "rejected.jsonl"
    messages = [schema(), call(1), call(2, hs_timestamp="soon"), call(3), state(3)]
    outcome = target.program("--new-ledger", stdin=messages, on_error="skip", rejected=str(path))
    assert (outcome.code, outcome.out) == (1, "3\n"), outcome.err
    assert f"ERROR 1 records were rejected: see {path}" in outcome.err
    assert titles(target) == ["Call 1", "Call 3"]


PROBLEMS = {
    "hs_timestamp": ("2026-31-12", "must be a date-time such as 2026-01-31T08:00:00Z"),
    "hs_call_duration": ("an hour", "must be a number"),
    "hs_call_status": ("DONE", "'DONE' is not one of BUSY, CALLING_CRM_USER"),
    "hs_call_disposition": ("Busy", "'Busy' is not one of 9d9162e7"),
    "hs_call_titel": ("x", "HubSpot has no such property"),
    "hs_created_by": (7, "is read-only"),
    "contactIds": ("Ada", "contactIds: 'Ada' is no id"),
    "hubspotId": ("x", "hubspotId must be an id, not 'x'"),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_validation_before_anything_is_sent(serve: Serve, name: str) -> None:
    """
    What HubSpot would refuse is named with line, key and property, and no request is sent for it.
    """
    target = serve()
    value, message = PROBLEMS[name]
    result = target.run(schema(), call(1, **{name: value}))
    assert message in str(result.error)
    assert "line 2, stream calls, key [1]: " in str(result.error)
    assert creations(target) == 0


def test_required_and_too_long(serve: Serve) -> None:
    """
    A new engagement needs its moment; a note takes 65,536 characters; both are named together.
    """
    target = serve()
    note = record(1, "notes", hs_note_body="x" * 65_537)
    result = target.run(schema("notes"), note)
    assert "hs_note_body: has 65537 characters; HubSpot takes 65536" in str(result.error)
    assert "hs_timestamp: is required" in str(result.error)


def test_a_bad_association(target: Target) -> None:
    """
    An association with a record that HubSpot does not have is named, whether the engagement is
    created with it or associated later.
    """
    bad = call(1, contactIds=[999])
    result = target.run(schema(), bad, call(2), state(2))
    if target.settings["api_version"] == "v1":
        assert result.error is None  # the simulated v1 takes any id
        return
    assert "key [1]: CONTACT=999 is not valid" in str(result.error)
    assert titles(target) == ["Call 2"]

    later = target.run(schema(), call(2, companyIds=[888]))
    assert "but not associated as in the record; COMPANY=888 is not valid" in str(later.error)
    target.hubspot.portal.objects.put_related(COMPANIES, 888, {})
    assert target.run(schema(), call(2, companyIds=[888])).error is None
    assert target.engagements()[0]["associations"]["companyIds"] == [888]


def test_a_unique_value_that_another_record_has(serve: Serve) -> None:
    """
    A conflict on a property of unique values refuses the record, and no other of its batch.
    """
    target = serve()
    from hubspot_simulator.objects.store import custom_property

    prop = custom_property("ticket_number", is_activity=True)._replace(is_unique=True)
    target.hubspot.portal.objects.define_property(CALLS, prop)
    assert target.run(schema(), call(1, ticket_number="A")).error is None
    result = target.run(schema(), call(2, ticket_number="A"), call(3, ticket_number="B"))
    assert "key [2]: Call already exists. Existing ID: " in str(result.error)
    assert titles(target) == ["Call 1", "Call 3"]
    doubles = target.run(schema(), call(4, ticket_number="C"), call(5, ticket_number="C"))
    assert "Call already exists" in str(doubles.error)
    assert len(target.engagements()) == 3


def test_a_unique_property_needs_no_look(serve: Serve) -> None:
    """
    With unique_property a lost answer is repeated at once, and a lost ledger makes no doubles.
    """
    target = serve(settings={"unique_property": "source_key"})
    target.hubspot.faults.add(DROPPED.at(path="batch/upsert", times=2))
    calls = [call(key, companyIds=[201]) for key in range(3)]
    result = target.run(schema(), *calls, state(3))
    assert (result.error, result.states) == (None, [3])
    assert sum(target.clock.slept) < 20
    target.ledger.unlink()
    again = target.run(schema(), *calls, state(3))
    assert (again.error, titles(target)) == (None, ["Call 0", "Call 1", "Call 2"])
    for one in target.engagements():
        assert one["associations"]["companyIds"] == [201]
        assert len(one["associations"]["contactIds"]) == 1


def test_a_portal_without_unique_properties(serve: Serve) -> None:
    """
    Where HubSpot does not let the property be made, the run ends before anything is written.
    """
    target = serve(objects=ObjectsBehaviour(activity_unique=False))
    outcome = target.program(
        "--new-ledger", stdin=[schema(), call(1)], unique_property="source_key"
    )
    assert outcome.code == 2
    assert "HubSpot does not let source_key of calls be created: leave unique_property out" in (
        outcome.err
    )
    assert target.engagements() == []


def test_a_token_without_the_scope(serve: Serve) -> None:
    """
    A missing scope to write ends the run with the scope's name, and leaves nothing in doubt.
    """
    target = serve(scopes=["crm.objects.contacts.read", "oauth"])
    result = target.run(schema(), call(1), state(1))
    assert isinstance(result.error, ScopeError)
    assert "crm.objects.contacts.write" in str(result.error)
    assert result.run.ledger is not None
    checked = target.program("--check")
    assert checked.code == 1
    assert "calls: " in checked.out and "crm.objects.contacts.write" in checked.out
    assert target.engagements() == []


def test_an_archived_engagement_is_archived_again(target: Target) -> None:
    """
    HubSpot answers 204 to the deletion of an id that it does not know; v1's 404 is as good.
    """
    target.run(schema(), call(1))
    target.hubspot.portal.delete(target.engagements()[0]["engagement"]["id"])
    result = target.run(schema(), call(1, _sdc_deleted_at="2026-11-20"), state(1))
    assert (result.error, result.states) == (None, [1])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_program(target: Target, number: int) -> None:
    """
    A program that is killed while HubSpot works on its request creates nothing twice.
    """
    path = target.folder / "config.json"
    settings = {"settle_seconds": 2.0}
    path.write_text(json.dumps(target.config(**settings)))
    add_faults(target, Fault(delay_s=1.0))
    lines = b"".join(line + b"\n" for line in to_lines([schema(), call(1), state(1)]))
    process = subprocess.Popen(
        [PROGRAMS / "target-hubspot-engagements", "--config", path, "--new-ledger"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean_environment(),
    )
    with process:
        assert process.stdin
        process.stdin.write(lines)
        process.stdin.close()
        deadline = time.monotonic() + 60
        while not creations(target) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(number)
        process.wait(60)
    assert process.returncode == (-number if number == signal.SIGKILL else 128 + number)

    outcome = target.program(stdin=[schema(), call(1), state(1)], **settings)
    assert (outcome.code, outcome.out) == (0, "1\n"), outcome.err
    assert (titles(target), creations(target)) == (["Call 1"], 1)


def test_no_secret_is_printed(target: Target) -> None:
    """
    Neither a token in a record nor the program's own is in the log.
    """
    path = target.folder / "rejected.jsonl"
    messages = [schema(), call(1, hs_timestamp=TOKEN), call(2, **{TOKEN: "x"})]
    outcome = target.program("--new-ledger", stdin=messages, on_error="skip", rejected=str(path))
    assert outcome.code == 1
    assert TOKEN not in outcome.err + outcome.out


@pytest.mark.parametrize("body", [b"<html>Sign in</html>", b'{"status": "error"}', b"{}"])
def test_a_success_that_is_none(target: Target, body: bytes) -> None:
    """
    A 200 with a body that is not HubSpot's, as of a proxy, is no success of any request that
    writes: it is sent again, and the portal is as the source.
    """
    target.run(schema(), call(1), call(2), call(3))
    fault = Fault(response=Response(200, body))
    for path in ("/update", "/archive", "/associations/"):
        target.hubspot.faults.add(fault.at(path=path))
    for method in ("PATCH", "DELETE"):
        target.hubspot.faults.add(fault.at(path="/engagements/v1", method=method))
    deletion = record(3, _sdc_deleted_at="2026-11-20")
    changed = call(1, hs_call_title="Changed", dealIds=[301])

    result = target.run(schema(), changed, call(2, contactIds=[101]), deletion, state(3))

    assert (result.error, result.states) == (None, [3])
    assert titles(target) == ["Call 2", "Changed"]
    partners = {one["metadata"]["title"]: one["associations"] for one in target.engagements()}
    assert partners["Changed"]["dealIds"] == [301]
    assert partners["Call 2"]["contactIds"] == [101]


@pytest.mark.parametrize(
    "body",
    [
        b'{"status": "error"}',
        b"{}",
        b'{"status": "COMPLETE", "results": [], "errors": [{"category": "INTERNAL_ERROR"}]}',
    ],
)
@pytest.mark.parametrize("contacts", [[101], []])
def test_a_look_into_hubspot_that_shows_nothing(
    target: Target, body: bytes, contacts: list[int]
) -> None:
    """
    A 200 without results, or with an error of a part of them, does not say that HubSpot lacks an
    engagement: no double.
    """
    add_faults(target, DROPPED)
    fault = Fault(response=Response(200, body))
    for path in ("/associations/", "batch/read", "/search"):
        target.hubspot.faults.add(fault.at(path=path))
    alone = call(1, contactIds=contacts)
    target.run(schema(), alone, settle_seconds=0, index_seconds=0)
    assert titles(target) == ["Call 1"]


def test_an_upsert_that_is_refused_in_part(serve: Serve) -> None:
    """
    An upsert of which HubSpot refuses an input is named with HubSpot's message, not as undecided.
    """
    target = serve(settings={"unique_property": "source_key", "on_error": "skip"})
    target.settings["rejected"] = str(target.folder / "rejected.jsonl")
    error = {"message": "A rule", "context": {"objectWriteTraceId": ["0"]}}
    body = {"status": "COMPLETE", "results": [], "errors": [error]}
    fault = Fault(response=Response(207, json.dumps(body).encode()))
    target.hubspot.faults.add(fault.at(path="/upsert"))
    result = target.run(schema(), call(1), state(1))
    assert (result.error, result.states) == (None, [1])
    rejected = json.loads((target.folder / "rejected.jsonl").read_text())
    assert rejected["problems"] == [{"message": "A rule", "property": None}]
