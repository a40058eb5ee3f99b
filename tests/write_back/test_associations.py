"""Associations that HubSpot refuses or a record drops: as in the record, or the run fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hubspot_simulator.faults import Fault
from hubspot_simulator.objects.object_types import COMPANIES, LEADS
from hubspot_simulator.responses import Response
from target_hubspot_engagements import write_back
from target_hubspot_engagements.exceptions import RejectedError
from target_hubspot_engagements.ledger import Ledger
from tests.write_back.conftest import Killed, Message, Serve, Target, call, record, schema, state
from tests.write_back.schedules import KilledLedger

RULE = {"category": "VALIDATION_ERROR", "message": "This user may not edit the association"}
LIMIT = {"category": "VALIDATION_ERROR", "message": "The limit of 50000 associations is reached"}
SMALL_LIMIT = {**LIMIT, "message": "The limit of 202 associations is reached"}
UNNAMED = {**RULE, "context": {"rule": ["202"]}}
INVALID = {
    "category": "VALIDATION_ERROR",
    "subCategory": "crm.associations.INVALID_IDENTIFIER",
    "message": "CONTACT=102 is not valid",
    "context": {"id": ["102"]},
}
NOT_FOUND = {
    "category": "OBJECT_NOT_FOUND",
    "message": "Could not get some CONTACT objects, they may be deleted or not exist.",
    "context": {"ids": ["102"]},
}


def errors_response(*errors: dict[str, Any], status: int = 200) -> Response:
    """Return a response of success, whose body has errors."""
    body = {"status": "COMPLETE", "results": [], "numErrors": len(errors), "errors": errors}
    return Response(status, json.dumps(body).encode())


def without(column: str, key: int, **values: Any) -> Message:
    """Return a call whose record lacks a column."""
    message = call(key, **values)
    del message["record"][column]
    return message


def partners(target: Target, kind: str = "contactIds") -> list[Any]:
    """Return the associations of the portal's engagements, in the order of their moments."""
    return [sorted(one["associations"].get(kind, ())) for one in target.engagements()]


@pytest.fixture
def target(serve: Serve, tmp_path: Path) -> Target:
    """The write-back by the objects API, which puts rejected records into a file."""
    settings = {"on_error": "skip", "rejected": str(tmp_path / "rejected.jsonl")}
    target = serve(settings=settings)
    target.hubspot.portal.objects.put_related(COMPANIES, 202, {})
    return target


@pytest.mark.parametrize("error", [RULE, LIMIT, SMALL_LIMIT, UNNAMED])
@pytest.mark.parametrize("status", [200, 207])
def test_a_removal_that_hubspot_refuses(target: Target, error: dict[str, Any], status: int) -> None:
    """
    An error in the response to a removal rejects the record; when it comes again, the association
    is removed.
    """
    fault = Fault(response=errors_response(error, status=status))
    target.run(schema(), call(1, contactIds=[101, 102]))
    target.hubspot.faults.add(fault.at(path="/contacts/batch/archive"))
    fewer = call(1, contactIds=[101])

    refused = target.run(schema(), fewer, on_error="stop")
    assert isinstance(refused.error, RejectedError)
    assert f"not associated as in the record; {error['message']}" in str(refused.error)
    assert partners(target) == [[101, 102]]

    assert target.run(schema(), fewer).error is None
    assert partners(target) == [[101]]


@pytest.mark.parametrize("error", [INVALID, NOT_FOUND])
def test_a_removal_from_a_deleted_contact(target: Target, error: dict[str, Any]) -> None:
    """
    A contact that HubSpot does not have any more is associated with nothing: its removal is done.
    """
    target.run(schema(), call(1, contactIds=[101, 102]))
    fault = Fault(response=errors_response(error))
    target.hubspot.faults.add(fault.at(path="/contacts/batch/archive"))
    fewer = call(1, contactIds=[101])

    assert target.run(schema(), fewer, state(1), on_error="stop").states == [1]
    assert target.run(schema(), fewer).counts == {"unchanged": 1}


@pytest.mark.parametrize("error", [RULE, NOT_FOUND])
@pytest.mark.parametrize("is_named", [True, False])
def test_an_archival_that_hubspot_refuses(
    target: Target, error: dict[str, Any], is_named: bool
) -> None:
    """
    An error in the response to archivals rejects the record of the id that it names. Without an id
    each is sent alone. An engagement that HubSpot does not have any more is archived.
    """
    target.run(schema(), call(1), call(2))
    named = str(target.engagements()[0]["engagement"]["id"])
    fault = Fault(response=errors_response({**error, "context": {"ids": [named] * is_named}}))
    target.hubspot.faults.add(fault.at(path="/calls/batch/archive", times=1 if is_named else None))
    deletions = [record(key, _sdc_deleted_at="2026-11-20") for key in (1, 2)]

    first = target.run(schema(), *deletions)
    expected = 0 if error is NOT_FOUND else 1 if is_named else 2
    assert first.run.rejections.count == expected
    target.hubspot.faults.clear()
    assert target.run(schema(), *deletions).counts.get("archived", 0) == expected


@pytest.mark.parametrize("error", [RULE, LIMIT, SMALL_LIMIT, UNNAMED])
@pytest.mark.parametrize("number", [1, 2])
def test_an_association_that_hubspot_refuses(
    target: Target, error: dict[str, Any], number: int
) -> None:
    """
    An error that names no association of a request may mean any: each is sent alone, and only the
    records of those that are refused again are rejected.
    """
    fault = Fault(response=errors_response(error, status=207))
    target.hubspot.faults.add(fault.at(path="/associate/default", times=1 + number))
    calls = [call(1, companyIds=[201]), call(2, companyIds=[202])]

    refused = target.run(schema(), *calls, on_error="stop")
    assert refused.run.rejections.count == number
    assert f"but not associated as in the record; {error['message']}" in str(refused.error)
    assert sum(map(len, partners(target, "companyIds"))) == 2 - number

    assert target.run(schema(), *calls).error is None
    assert partners(target, "companyIds") == [[201], [202]]


COMPANY, CONTACT = ("companyIds", 201, 202), ("contactIds", 101, 102)
BY_CREATION = [({}, COMPANY), ({"unique_property": "source_key"}, CONTACT)]


@pytest.mark.parametrize(("settings", "columns"), BY_CREATION)
def test_an_association_beside_a_refused_one_is_removed(
    target: Target, settings: dict[str, Any], columns: tuple[str, int, int]
) -> None:
    """
    Of two associations of a new engagement HubSpot refuses one: the other is removed when the
    corrected record does not have it.
    """
    column, old, new = columns
    refused = target.run(schema(), call(1, **{column: [old, 999]}), **settings)
    assert (refused.run.rejections.count, partners(target, column)) == (1, [[old]])

    assert target.run(schema(), call(1, **{column: [new]}), **settings).error is None
    assert partners(target, column) == [[new]]


def kill_at_third_change(ledger: Ledger) -> Any:
    """Return a ledger that ends the run after the associations: creation, its answer, the end."""
    return KilledLedger(ledger, 2, after=False)


@pytest.mark.parametrize(("settings", "columns"), BY_CREATION)
def test_an_association_of_a_killed_run_is_removed(
    target: Target, settings: dict[str, Any], columns: tuple[str, int, int]
) -> None:
    """
    A run that is killed before it notes the associations of a new engagement has them in the
    ledger: they are removed when the record changes.
    """
    column, old, new = columns
    killed = target.run(schema(), call(1, **{column: [old]}), wrap=kill_at_third_change, **settings)
    assert (type(killed.error), partners(target, column)) == (Killed, [[old]])

    assert target.run(schema(), call(1, **{column: [new]}), **settings).error is None
    assert partners(target, column) == [[new]]


@pytest.mark.parametrize("is_new", [True, False])
def test_a_refused_association_is_made_later(target: Target, is_new: bool) -> None:
    """
    An association that HubSpot refused is made once HubSpot has the company, even if the record
    came without the column in between.
    """
    if not is_new:
        target.run(schema(), call(1))
    both = call(1, companyIds=[201, 888])
    assert target.run(schema(), both).run.rejections.count == 1
    between = target.run(schema(), call(1, hs_call_title="between"))
    assert (between.error, between.counts) == (None, {"updated": 1})
    assert target.run(schema(), call(1, hs_call_title="between")).counts == {"unchanged": 1}
    target.hubspot.portal.objects.put_related(COMPANIES, 888, {})

    assert target.run(schema(), both).error is None
    assert partners(target, "companyIds") == [[201, 888]]


CHANGES = (
    call(1),
    without("contactIds", 1, hs_call_title="new"),
    call(1, hs_call_title="new", contactIds=[]),
)


def test_an_empty_list_after_a_record_without_the_column(target: Target) -> None:
    """
    A record without the column leaves the contact alone; the same record with an empty list
    removes it.
    """
    for change, contacts in zip(CHANGES, ([102], [102], []), strict=True):
        assert target.run(schema(), change).error is None
        assert partners(target) == [contacts]
    assert target.run(schema(), CHANGES[-1]).counts == {"unchanged": 1}


def test_an_empty_list_in_a_later_window(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The three records in as many windows of one run end with the last one's associations.
    """
    monkeypatch.setattr(write_back, "CHUNK_RECORDS", 1)
    monkeypatch.setattr(write_back, "WINDOW_RECORDS", 1)
    result = target.run(schema(), *CHANGES)
    assert (result.error, result.counts) == (None, {"created": 1, "updated": 2})
    assert partners(target) == [[]]


LEAD, CONTACT_101 = {"objectType": "leads", "id": 501}, {"objectType": "contact", "id": 101}


@pytest.mark.parametrize(("rest", "contacts"), [([], []), (None, []), ([CONTACT_101], [101])])
def test_an_association_of_a_type_without_a_column(
    target: Target, rest: Any, contacts: list[int]
) -> None:
    """
    A lead that `associations` no longer names is removed; a record without the column leaves the
    lead alone.
    """
    target.hubspot.portal.objects.put_related(LEADS, 501, {})
    target.run(schema(), without("contactIds", 1, associations=[CONTACT_101, LEAD]))
    target.run(schema(), call(1, hs_call_title="between", contactIds=[101]))
    assert (partners(target), partners(target, "leadIds")) == ([[101]], [[501]])

    fewer = without("contactIds", 1, associations=rest)
    assert target.run(schema(), fewer).error is None
    assert (partners(target), partners(target, "leadIds")) == ([contacts], [[]])
    stamped = without("contactIds", 1, associations=rest, _sdc_extracted_at="2026-11-20")
    assert target.run(schema(), stamped).counts == {"unchanged": 1}
