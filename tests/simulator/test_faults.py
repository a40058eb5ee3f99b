"""Faults: which requests fail, and how."""

from __future__ import annotations

import http.client
import time
from pathlib import Path

import msgspec
import pytest
import requests

from hubspot_simulator import faults
from hubspot_simulator.faults import Fault, FaultsError, read_faults
from hubspot_simulator.portal import Portal
from hubspot_simulator.responses import Response
from tests.simulator.conftest import ENGAGEMENTS, PAGED, RECENT, Hubspot, Serve, ids, note


def statuses(hubspot: Hubspot, count: int, path: str = PAGED) -> list[int]:
    """Send `count` requests and return their statuses."""
    return [hubspot.get(path).status_code for _ in range(count)]


def test_a_fault_has_the_nth_matching_request(portal: Portal, serve: Serve) -> None:
    """Requests are counted by path and method, from 1, since the fault was added."""
    hubspot = serve(portal, faults=[faults.SERVER_ERROR.at(2, path="paged")])

    assert statuses(hubspot, 2, RECENT) == [200, 200]
    assert statuses(hubspot, 3) == [200, 500, 200]
    hubspot.simulator.faults.add(faults.LOCKED.at(1, method="POST"))
    assert statuses(hubspot, 1) == [200]
    assert hubspot.request("POST", ENGAGEMENTS).status_code == 423


def test_a_fault_may_last_and_repeat(portal: Portal, serve: Serve) -> None:
    """A fault applies `times` in a row, to every `every`-th request, or until `clear`."""
    hubspot = serve(portal)
    hubspot.simulator.faults.add(faults.SERVER_ERROR.at(2, times=2))
    assert statuses(hubspot, 4) == [200, 500, 500, 200]
    hubspot.simulator.faults.add(faults.SERVER_ERROR.at(1, every=3, times=2))
    assert statuses(hubspot, 7) == [500, 200, 200, 500, 200, 200, 200]
    hubspot.simulator.faults.add(faults.SERVER_ERROR.at(1, times=None))
    assert statuses(hubspot, 5) == [500] * 5
    hubspot.simulator.faults.clear()
    assert statuses(hubspot, 1) == [200]


def test_faults_added_together_come_one_after_the_other(portal: Portal, serve: Serve) -> None:
    """Only one fault replaces a response; the next fault waits for the next request."""
    hubspot = serve(portal)
    hubspot.simulator.faults.add(faults.RATE_LIMITED, faults.SERVER_ERROR, faults.BAD_GATEWAY)

    assert statuses(hubspot, 4) == [429, 500, 502, 200]
    assert [request.status for request in hubspot.simulator.requests] == [429, 500, 502, 200]


@pytest.mark.parametrize(
    ("fault", "status", "fields"),
    [
        (
            faults.RATE_LIMITED,
            429,
            {
                "message": "You have reached your ten_secondly_rolling limit.",
                "errorType": "RATE_LIMIT",
                "policyName": "TEN_SECONDLY_ROLLING",
            },
        ),
        (
            faults.DAILY_LIMIT_REACHED,
            429,
            {"message": "You have reached your daily limit.", "policyName": "DAILY"},
        ),
        (
            faults.EXPIRED_TOKEN,
            401,
            {
                "message": "The OAuth token used to make this call expired 75 second(s) ago.",
                "category": "EXPIRED_AUTHENTICATION",
                "context": {"expire time": ["2022-06-21T10:37:52.040Z"]},
            },
        ),
        (faults.UNDECODABLE_TOKEN, 401, {"context": {"expire time": ["1970-01-01T00:00:00Z"]}}),
        (faults.NO_CREDENTIALS, 401, {"category": "INVALID_AUTHENTICATION"}),
        (
            faults.MISSING_SCOPES,
            403,
            {
                "category": "MISSING_SCOPES",
                "links": {"scopes": "https://developers.hubspot.com/scopes"},
            },
        ),
        (
            faults.BAD_PARAMETER,
            400,
            {"message": "Unable to parse value for query parameter: startTimestamp"},
        ),
        (faults.NOT_FOUND, 404, {"message": "resource not found"}),
        (faults.SERVER_ERROR, 500, {"message": "internal error", "status": "error"}),
    ],
)
def test_documented_errors_in_json(
    portal: Portal, serve: Serve, fault: Fault, status: int, fields: dict[str, object]
) -> None:
    """Each documented error has HubSpot's status and words."""
    response = serve(portal, faults=[fault]).get(PAGED)
    body = response.json()

    assert status == response.status_code
    assert fields == {key: body[key] for key in fields}
    assert body["status"] == "error"
    assert body["correlationId"]


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (faults.UNKNOWN_ROUTE, 404),
        (faults.BAD_GATEWAY, 502),
        (faults.UNAVAILABLE, 503),
        (faults.GATEWAY_TIMEOUT, 504),
        (faults.ORIGIN_TIMEOUT, 524),
        (faults.BAD_TOKEN_FORM, 530),
        (faults.NOT_JSON, 200),
        (faults.BROKEN_JSON, 200),
        (faults.EMPTY_BODY, 200),
        (faults.MIGRATING, 477),
    ],
)
def test_responses_that_are_not_json(
    portal: Portal, serve: Serve, fault: Fault, status: int
) -> None:
    """Proxies and migrating portals respond with HTML, with truncated JSON, or with nothing."""
    response = serve(portal, faults=[fault]).get(PAGED)

    assert status == response.status_code
    with pytest.raises(requests.JSONDecodeError):
        response.json()


def test_retry_after_is_sent_as_documented(portal: Portal, serve: Serve) -> None:
    """A 477 has Retry-After, in seconds; a 429 may lack the header."""
    hubspot = serve(portal)
    hubspot.simulator.faults.add(
        faults.MIGRATING, faults.RATE_LIMITED, faults.RATE_LIMITED_WITH_RETRY_AFTER
    )

    assert [hubspot.get(PAGED).headers.get("Retry-After") for _ in range(3)] == ["1", None, "1"]


def test_a_body_is_truncated(portal: Portal, serve: Serve) -> None:
    """Content-Length promises all of the body, half is sent, and the connection closes."""
    portal.create(note(1))
    hubspot = serve(portal, faults=[faults.CUT_SHORT])
    connection = http.client.HTTPConnection("127.0.0.1", hubspot.simulator.port, timeout=60)
    connection.request("GET", PAGED, headers={"Authorization": "Bearer pat-test"})
    response = connection.getresponse()
    length = int(response.headers["Content-Length"])

    with pytest.raises(http.client.IncompleteRead) as error:
        response.read()
    connection.close()
    whole = hubspot.get(PAGED).content
    assert len(whole) == length
    assert error.value.partial == whole[: length // 2]


def test_a_connection_is_dropped(portal: Portal, serve: Serve) -> None:
    """The client gets no response; the simulator records the request with status 0."""
    hubspot = serve(portal, faults=[faults.DROPPED])

    with pytest.raises(requests.ConnectionError):
        hubspot.get(PAGED)
    assert statuses(hubspot, 1) == [200]
    assert [request.status for request in hubspot.simulator.requests] == [0, 200]


def test_a_response_is_delayed(portal: Portal, serve: Serve) -> None:
    """A delay holds up one response; a client with a shorter timeout gives up."""
    hubspot = serve(portal, faults=[Fault(delay_s=0.2), Fault(on=2, delay_s=30)])
    start = time.monotonic()
    hubspot.get(PAGED)
    assert time.monotonic() - start >= 0.2

    with pytest.raises(requests.Timeout):
        hubspot.session.get(hubspot.simulator.url + PAGED, timeout=0.05)


def test_a_fault_changes_the_portal(portal: Portal, serve: Serve) -> None:
    """The response shows the change of `before`; only the next response shows that of `then`."""
    portal.create(note(1))
    hubspot = serve(
        portal,
        faults=[
            Fault(on=2, before=lambda portal: portal.create(note(2))),
            Fault(on=2, then=lambda portal: portal.delete(1)),
        ],
    )

    assert [ids(hubspot.json(PAGED)) for _ in range(3)] == [[1], [1, 2], [2]]


def test_a_replaced_response_has_no_effect(portal: Portal, serve: Serve) -> None:
    """A request whose response a fault replaces has no effect; a dropped request has."""
    record = {"engagement": {"type": "NOTE"}, "metadata": {}}
    hubspot = serve(portal, faults=[faults.SERVER_ERROR, faults.DROPPED])

    assert hubspot.request("POST", ENGAGEMENTS, json=record).status_code == 500
    assert len(portal) == 0
    with pytest.raises(requests.ConnectionError):
        hubspot.request("POST", ENGAGEMENTS, json=record)
    assert len(portal) == 1


@pytest.mark.parametrize(
    "wrong", [{"on": 0}, {"every": 0}, {"times": 0}, {"sent": 2.0}, {"delay_s": -1.0}]
)
def test_impossible_faults_are_rejected(wrong: dict[str, float]) -> None:
    """A fault that could never apply raises an error at once."""
    with pytest.raises(ValueError, match="from"):
        Fault(**wrong)  # type: ignore[arg-type]  # that is the point


SCRIPT = [
    {"fault": "RATE_LIMITED", "on": 2, "path": "paged"},
    {"on": 3, "status": 418, "json": {"tea": 1}, "headers": {"Retry-After": "9"}},
    {"on": 4, "body": "<p>no</p>"},
    {
        "then": [
            {"create": note(2)},
            {"update": {"id": 1, "metadata": {"body": "new"}, "last_updated_ms": 3}},
            {"associate": {"id": 1, "key": "dealIds", "objectIds": [5]}},
        ]
    },
    {"on": 5, "before": [{"delete": 2}]},
]


def test_faults_come_from_a_file(portal: Portal, serve: Serve, tmp_path: Path) -> None:
    """A file can name faults, define responses, and change the portal."""
    portal.create(note(1))
    path = tmp_path / "faults.json"
    path.write_bytes(msgspec.json.encode(SCRIPT))
    hubspot = serve(portal, faults=read_faults(path))
    first, second, third, fourth, fifth = (hubspot.get(PAGED) for _ in range(5))

    assert ids(first.json()) == [1]
    assert second.status_code == 429
    assert (third.status_code, third.json()) == (418, {"tea": 1})
    assert third.headers["Retry-After"] == "9"
    assert (fourth.status_code, fourth.text) == (200, "<p>no</p>")
    [record] = fifth.json()["results"]
    assert record["metadata"]["body"] == "new"
    assert record["associations"]["dealIds"] == [5]
    assert record["engagement"]["lastUpdated"] == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "not JSON"),
        ("{}", "must be a list of faults"),
        ('[{"on": 1}, {"fault": "GREMLINS"}]', "fault 2: no fault named GREMLINS"),
        ('[{"wat": 1}]', "fault 1: .*wat"),
        ('[{"on": 0}]', "fault 1: on, every and times"),
        ('[{"then": [{"explode": 1}]}]', "fault 1: a change is one of"),
        ("[5]", "fault 1"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    """The error names the file, the fault and the reason."""
    path = tmp_path / "faults.json"
    path.write_text(text)

    with pytest.raises(FaultsError, match=message):
        read_faults(path)


def test_a_fault_can_send_any_response(portal: Portal, serve: Serve) -> None:
    """A fault's response can have any status, bytes and headers."""
    replacement = Response(299, b"\xff\x00", "application/x-thing", {"X-Odd": "yes"})
    response = serve(portal, faults=[Fault(response=replacement)]).get(PAGED)

    assert (
        response.status_code,
        response.content,
        response.headers["Content-Type"],
        response.headers["X-Odd"],
    ) == (299, b"\xff\x00", "application/x-thing", "yes")
