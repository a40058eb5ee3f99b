"""The meaning of each of HubSpot's responses: a typed error, or a retry."""

from __future__ import annotations

import gzip
import json
import logging
import resource
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests

from hubspot_api.client import FIRST_CONTACT_S, RETRY_LIMIT_S, RETRY_WAIT_MAX_S, HubspotClient
from hubspot_api.exceptions import (
    ApiError,
    AuthError,
    BadRequestError,
    BusyError,
    ContactError,
    DailyLimitError,
    HubspotError,
    NotFoundError,
    RefusedError,
    ScopeError,
    ServerError,
    SettingsError,
    TransientError,
)
from hubspot_simulator import faults
from hubspot_simulator.faults import Fault
from hubspot_simulator.portal import Portal
from hubspot_simulator.responses import Response, error_response, json_response, rate_limited
from hubspot_simulator.server import Simulator
from tap_hubspot_engagements.config import Config
from tap_hubspot_engagements.source import Page
from tap_hubspot_engagements.v1.endpoints import (
    get_newest,
    get_recent,
    iter_modified_after,
    iter_paged,
)
from tap_hubspot_engagements.v1.page_size import PageSizes
from tests.tap.conftest import (
    TOKEN,
    Serve,
    Tap,
    Waits,
    build_client,
    build_config,
    last_state,
)


def first_page(client: HubspotClient) -> Page:
    return next(iter_paged(client, PageSizes(), 0))


@pytest.fixture
def longest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jitter that is always at the maximum."""
    monkeypatch.setattr("backoff.full_jitter", lambda most: most)


def json_fault(value: Any) -> Fault:
    return Fault(response=json_response(value))


def status(number: int, **headers: str) -> Fault:
    return Fault(response=Response(number, b"<html>nothing to see</html>", headers=headers))


TRANSIENT = {
    "429": faults.RATE_LIMITED,
    "429 of the second": faults.RATE_LIMITED_SECONDLY,
    "429 with Retry-After": faults.RATE_LIMITED_WITH_RETRY_AFTER,
    "429 without a body": status(429),
    "408": status(408),
    "423": faults.LOCKED,
    "477": faults.MIGRATING,
    "500": faults.SERVER_ERROR,
    "502": faults.BAD_GATEWAY,
    "503": faults.UNAVAILABLE,
    "504": faults.GATEWAY_TIMEOUT,
    **{str(number): status(number) for number in (*range(520, 527), 599)},
    "524": faults.ORIGIN_TIMEOUT,
    "dropped": faults.DROPPED,
    "cut": faults.CUT_SHORT,
    "cut after the headers": Fault(sent=0.0),
    "200 not JSON": faults.NOT_JSON,
    "200 half of a JSON": faults.BROKEN_JSON,
    "200 empty": faults.EMPTY_BODY,
    "200 null": json_fault(None),
    "200 a list": json_fault([]),
    "200 without results": json_fault({"hasMore": False, "offset": 0}),
    "200 results null": json_fault({"results": None, "hasMore": False}),
    "200 without hasMore": json_fault({"results": []}),
    "200 hasMore null": json_fault({"results": [], "hasMore": None}),
    "200 an error": json_fault({"status": "error", "message": "internal error"}),
    "200 no engagement": json_fault({"results": [None], "hasMore": False}),
    "200 without an id": json_fault({"results": [{"engagement": {}}], "hasMore": False}),
    "200 id true": json_fault({"results": [{"engagement": {"id": True}}], "hasMore": False}),
    "200 id too long": json_fault({"results": [{"engagement": {"id": 2**63}}], "hasMore": False}),
}


@pytest.mark.parametrize("fault", TRANSIENT.values(), ids=TRANSIENT)
def test_what_may_pass_is_asked_again(
    fault: Fault, hubspot: Simulator, client: HubspotClient, waits: Waits
) -> None:
    """
    A transient fault costs a wait and a second request, and no record.
    """
    hubspot.faults.add(fault)
    page = first_page(client)
    assert len(page.engagements) == 60
    assert (client.requests, client.retries) == (2, 1)
    assert len(waits.slept) == 1


REFUSALS: dict[str, tuple[Fault, type[Exception], str]] = {
    "401 expired": (faults.EXPIRED_TOKEN, AuthError, "access_token"),
    "401 not decoded": (faults.UNDECODABLE_TOKEN, AuthError, "access_token"),
    "401 none": (faults.NO_CREDENTIALS, AuthError, "access_token"),
    "401 in HTML": (status(401), AuthError, "access_token"),
    "403": (faults.MISSING_SCOPES, ScopeError, "grant the token crm.objects.contacts.read"),
    "403 in HTML": (status(403), RefusedError, "refused by HubSpot or by a proxy"),
    "403 of other wording": (
        Fault(response=error_response(403, "missing required 'workflows' scope")),
        ScopeError,
        "'workflows' scope",
    ),
    "403 of odd shape": (
        Fault(
            response=error_response(
                403, "no", errors=[5, {"context": ["a"]}, {"context": {"a": 1}}]
            )
        ),
        RefusedError,
        "refused by HubSpot or by a proxy",
    ),
    "403 of odder shape": (Fault(response=error_response(403, "no", errors=7)), RefusedError, "no"),
    "403 for an address": (
        Fault(response=error_response(403, "This IP address may not use this account")),
        RefusedError,
        "IP addresses",
    ),
    "302 to a sign-in page": (
        status(302, Location="https://sign-in.example/"),
        HubspotError,
        "redirects are not followed",
    ),
    "400": (faults.BAD_PARAMETER, BadRequestError, "Unable to parse value for query parameter"),
    "404": (faults.NOT_FOUND, NotFoundError, "resource not found"),
    "404 in HTML": (faults.UNKNOWN_ROUTE, NotFoundError, "404 Not Found"),
    "404 empty": (Fault(response=Response(404)), NotFoundError, "404"),
    "405": (status(405), HubspotError, "405"),
    "414": (status(414), HubspotError, "414"),
    "204": (Fault(response=Response(204)), HubspotError, "204"),
    "429 of the day": (faults.DAILY_LIMIT_REACHED, DailyLimitError, "midnight"),
    "429 of the day, by its message": (
        Fault(response=error_response(429, "You have reached your daily limit.")),
        DailyLimitError,
        "midnight",
    ),
}


@pytest.mark.parametrize(("fault", "kind", "text"), REFUSALS.values(), ids=REFUSALS)
def test_what_will_not_pass_is_an_error_at_once(
    fault: Fault,
    kind: type[Exception],
    text: str,
    hubspot: Simulator,
    client: HubspotClient,
    waits: Waits,
) -> None:
    """
    A refusal is a typed error after a single request, with the remedy in a single line.
    """
    hubspot.faults.add(fault)
    with pytest.raises(kind) as excinfo:
        first_page(client)
    assert type(excinfo.value) is kind
    assert text in str(excinfo.value)
    assert "\n" not in str(excinfo.value)
    assert (client.requests, waits.slept) == (1, [])


def test_the_correlation_id_is_shown(hubspot: Simulator, client: HubspotClient) -> None:
    """
    An error has the id that HubSpot's support needs.
    """
    answer = error_response(400, "Invalid\n  input " + 500 * "x")
    hubspot.faults.add(Fault(response=answer))
    with pytest.raises(BadRequestError) as excinfo:
        first_page(client)
    text = str(excinfo.value)
    assert json.loads(answer.body)["correlationId"] in text
    assert "Invalid input x" in text
    assert len(text) < 500


def test_a_message_of_null(hubspot: Simulator, client: HubspotClient) -> None:
    """
    Every field of an error may be null or missing.
    """
    body = {"message": None, "errors": None, "category": None, "policyName": None}
    hubspot.faults.add(Fault(response=json_response(body, 403)))
    with pytest.raises(RefusedError):
        first_page(client)
    hubspot.faults.add(Fault(response=json_response(body, 429)))
    assert first_page(client).engagements


@pytest.mark.parametrize(
    ("fault", "wait_s"),
    [
        (faults.RATE_LIMITED, 10.0),
        (faults.RATE_LIMITED_SECONDLY, 1.0),
        (Fault(response=replace(rate_limited(), headers={"Retry-After": "3"})), 3.0),
        (Fault(response=replace(rate_limited("SECONDLY"), headers={"retry-after": "0.5"})), 0.5),
        (Fault(response=replace(rate_limited(), headers={"Retry-After": "0"})), 10.0),
        (
            Fault(
                response=replace(
                    rate_limited(), headers={"Retry-After": "Fri, 20 Nov 2026 08:00:00 GMT"}
                )
            ),
            10.0,  # it lies before the answer's own Date
        ),
        (Fault(response=error_response(429, "You have reached your secondly limit.")), 1.0),
        (
            Fault(
                response=error_response(429, "You have reached your ten_secondly_rolling limit.")
            ),
            10,
        ),
        (status(477, **{"Retry-After": "90"}), 90.0),
        (status(503, **{"Retry-After": "7"}), 7.0),
        (faults.LOCKED, 2.0),
    ],
)
def test_hubspot_says_how_long(
    fault: Fault, wait_s: float, hubspot: Simulator, client: HubspotClient, waits: Waits
) -> None:
    """
    Retry-After is waited for exactly; without it the window of the limit that was reached.
    """
    hubspot.faults.add(fault)
    first_page(client)
    assert waits.slept == [wait_s]


@pytest.mark.usefixtures("longest")
def test_waits_grow(hubspot: Simulator, client: HubspotClient, waits: Waits) -> None:
    """
    Other faults wait twice as long each time, up to a minute, and begin anew with each question.
    """
    hubspot.faults.add(faults.CUT_SHORT.at(times=8))
    first_page(client)
    assert waits.slept == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    hubspot.faults.add(faults.DROPPED)
    first_page(client)
    assert waits.slept[8:] == [1.0]


def test_jitter_is_full(hubspot: Simulator, client: HubspotClient, waits: Waits) -> None:
    """
    A wait is anything from nothing to its most: clients that failed together do not come together.
    """
    hubspot.faults.add(faults.CUT_SHORT.at(times=7))
    first_page(client)
    most = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, RETRY_WAIT_MAX_S]
    assert all(0 <= wait_s <= top for wait_s, top in zip(waits.slept, most, strict=True))
    assert waits.slept != most


@pytest.mark.parametrize(
    "fault",
    [
        faults.SERVER_ERROR,
        faults.DROPPED,
        faults.RATE_LIMITED,
        faults.NOT_JSON,
        status(503, **{"Retry-After": "0"}),
    ],
)
def test_asking_again_ends(fault: Fault, hubspot: Simulator, waits: Waits) -> None:
    """
    A fault that stays is raised after some ten minutes, and without hammering until then.
    """
    client = build_client(hubspot, waits, request_timeout=60)
    first_page(client)
    hubspot.faults.add(fault.at(times=None))
    with pytest.raises(TransientError):
        first_page(client)
    assert RETRY_LIMIT_S - RETRY_WAIT_MAX_S <= waits.now_s <= RETRY_LIMIT_S
    assert client.requests < 100


def test_a_wait_past_the_end_is_not_begun(
    hubspot: Simulator, client: HubspotClient, waits: Waits
) -> None:
    """
    A portal that moves for a day ends the run at once, with the state so far.
    """
    hubspot.faults.add(status(477, **{"Retry-After": "86400"}))
    with pytest.raises(TransientError, match="run again in 86400 s"):
        first_page(client)
    assert waits.slept == []


@pytest.mark.parametrize("number", [429, 503])
def test_retry_after_as_a_date(
    number: int, hubspot: Simulator, client: HubspotClient, waits: Waits
) -> None:
    """
    Proxies say when, and not how long: by the clock of the answer.
    """
    hubspot.portal.clock = lambda: 1_795_161_600_000
    until = "Fri, 20 Nov 2026 08:00:25 GMT"
    hubspot.faults.add(status(number, **{"Retry-After": until}))
    assert first_page(client).engagements
    assert waits.slept == [25.0]


CONTACTS = {
    "dropped": faults.DROPPED,
    "a sign-in page": faults.NOT_JSON,
    "530": faults.BAD_TOKEN_FORM,
}


@pytest.mark.parametrize("fault", CONTACTS.values(), ids=CONTACTS)
def test_first_contact_is_given_up_soon(
    fault: Fault, hubspot: Simulator, client: HubspotClient, waits: Waits
) -> None:
    """
    If HubSpot was never reached, a setting is probably wrong: seconds, not minutes.
    """
    hubspot.faults.add(fault.at(times=None))
    with pytest.raises(ContactError) as excinfo:
        first_page(client)
    assert waits.now_s <= FIRST_CONTACT_S
    assert "access_token" not in str(excinfo.value)
    hubspot.faults.clear()
    assert first_page(client).engagements
    hubspot.faults.add(fault.at(times=4))
    assert first_page(client).engagements


def test_a_host_that_is_not_there(hubspot: Simulator, waits: Waits) -> None:
    """
    A name that nobody knows, and a port that nobody listens at, are said within seconds.
    """
    for url in ("https://api.hubapi.invalid", "https://127.0.0.1:9"):
        client = build_client(hubspot, waits, base_url=url)
        with pytest.raises(ContactError):
            first_page(client)
        assert client.requests < 10


def test_a_bundle_that_is_not_there(
    hubspot: Simulator, waits: Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    REQUESTS_CA_BUNDLE that names no file is a fault of the settings, in a single line.
    """
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    with pytest.raises(SettingsError, match="REQUESTS_CA_BUNDLE"):
        first_page(build_client(hubspot, waits, base_url="https://127.0.0.1:9"))


def test_hubspots_message_in_a_200(hubspot: Simulator, client: HubspotClient, caplog: Any) -> None:
    """
    An error under a 200 is retried, and the log has the message.
    """
    body = {"status": "error", "message": "We are sorry, an internal error"}
    hubspot.faults.add(json_fault(body))
    assert first_page(client).engagements
    assert "200 with an error: We are sorry, an internal error" in caplog.text


def test_a_header_of_thousands_of_digits(hubspot: Simulator, client: HubspotClient) -> None:
    """
    A limit that no computer counts to is no limit.
    """
    digits = 5000 * "9"
    names = ("X-HubSpot-RateLimit-Interval-Milliseconds", "X-HubSpot-RateLimit-Max")
    answer = Response(503, headers={**dict.fromkeys(names, digits), "Date": digits})
    hubspot.faults.add(Fault(response=answer))
    assert first_page(client).engagements


def test_a_bomb(hubspot: Simulator, waits: Waits) -> None:
    """
    An answer that unpacks to more than max_response_bytes is not unpacked: less is asked for.
    """
    client = build_client(hubspot, waits, max_response_bytes=1_000_000)
    bomb = gzip.compress(b" " * 300_000_000)
    headers = {"Content-Encoding": "gzip"}
    hubspot.faults.add(Fault(response=Response(200, bomb, headers=headers), times=2))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert first_page(client).engagements
    assert limits(hubspot) == [250, 250, 125]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KB


PAGE = b'{"results":[{"engagement":{"id":1}}],"hasMore":false,"offset":1}'


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(PAGE)),
        ("x-gzip", gzip.compress(PAGE)),
        ("gzip", gzip.compress(PAGE[:20]) + gzip.compress(PAGE[20:])),
        ("deflate", zlib.compress(PAGE)),
        ("identity", PAGE),
    ],
    ids=["gzip", "x-gzip", "two gzip members", "deflate", "identity"],
)
def test_encodings(encoding: str, body: bytes, hubspot: Simulator, waits: Waits) -> None:
    """
    A proxy may change the encoding of a body: each leads to the same page, at the first attempt.
    """
    client = build_client(hubspot, waits)
    headers = {"Content-Encoding": encoding}
    hubspot.faults.add(Fault(response=Response(200, body, headers=headers)))
    assert [one.id for one in first_page(client).engagements] == [1]
    assert client.retries == 0


@pytest.mark.parametrize("body", [gzip.compress(PAGE)[:-9], b"not gzip", PAGE])
def test_gzip_that_is_incomplete(body: bytes, hubspot: Simulator, waits: Waits) -> None:
    """
    Data that is no gzip, or truncated, is a transient fault: a retry brings the page.
    """
    client = build_client(hubspot, waits)
    headers = {"Content-Encoding": "gzip"}
    hubspot.faults.add(Fault(response=Response(200, body, headers=headers)))
    assert len(first_page(client).engagements) == 60
    assert client.retries == 1


BEGINNINGS = {
    "in its status line": b"HTTP/1.1 200 ",
    "in a header": b"HTTP/1.1 200 OK\r\nX-Drip: ",
    "in its body": b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n",
    "in a body that ends with the connection": b"HTTP/1.0 200 OK\r\n\r\n",
    "in a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nF4240\r\n",
    "on its way to the body": b"HTTP/1.1 100 Continue\r\nX-Drip: ",
}


@pytest.mark.parametrize("begin", BEGINNINGS.values(), ids=BEGINNINGS)
def test_a_response_that_drips(begin: bytes) -> None:
    """
    request_timeout is for the whole response, headers included: a slow drip is cut.
    """
    with dripping(begin) as url:
        config = Config.from_dict(
            {"access_token": TOKEN, "base_url": url, "request_timeout": 0.5}, {}
        )
        with pytest.raises(ServerError, match="no complete response in 0.5 s"):
            HubspotClient(config).get("/", {}, lambda body: body, hint=True)


def test_a_tls_handshake_that_drips() -> None:
    """
    The deadline holds before there is a connection to speak HTTP on.
    """
    # A TLS record of a handshake, 16 KB long, that never ends.
    with dripping(b"\x16\x03\x03\x40\x00", ending=b"\x00") as url:
        config = Config.from_dict(
            {
                "access_token": TOKEN,
                "base_url": url.replace("http:", "https:"),
                "request_timeout": 0.5,
            },
            {},
        )
        with pytest.raises(ServerError, match="response in 0.5 s"):
            HubspotClient(config).get("/", {}, lambda body: body, hint=True)


def test_a_token_response_that_drips(tmp_path: Path) -> None:
    """
    The token endpoint's response has the same deadline.
    """
    with dripping(b"HTTP/1.1 200 OK\r\nX-Drip: ") as url:
        oauth = {"client_id": "a", "client_secret": "secret-b", "refresh_token": "secret-c"}
        config = Config.from_dict({**oauth, "base_url": url, "request_timeout": 0.5}, {})
        with pytest.raises(BusyError, match="no response in 0.5 s"):
            HubspotClient(config).get("/", {}, lambda body: body, hint=True)


def test_clients_leave_no_threads(hubspot: Simulator, waits: Waits) -> None:
    """
    However many clients there have been in a process, a single thread watches over their responses.
    """
    first_page(build_client(hubspot, waits))
    before = set(threading.enumerate())
    for _ in range(5):
        first_page(build_client(hubspot, waits))
    rest = set(threading.enumerate()) - before
    # The portal has a thread for each connection.
    assert not [thread for thread in rest if thread.daemon]


@contextmanager
def dripping(begin: bytes, ending: bytes = b" ") -> Iterator[str]:
    """Yield the URL of a server that sends `begin`, and then twenty bytes a second without end."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        connection, _ = listener.accept()
        connection.recv(65536)
        with suppress(OSError), connection:
            connection.sendall(begin)
            while True:
                connection.sendall(ending)
                time.sleep(0.05)

    thread = threading.Thread(target=answer)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.close()
    thread.join()


def test_nobody_there(hubspot: Simulator, client: HubspotClient) -> None:
    """
    A refused connection is a transient fault; the message names no Python objects.
    """
    hubspot.stop()
    with pytest.raises(TransientError) as excinfo:
        first_page(client)
    assert "refused" in str(excinfo.value)
    assert "object at" not in str(excinfo.value)


def test_no_answer_in_time(hubspot: Simulator, waits: Waits) -> None:
    """
    A request that takes longer than request_timeout is given up and made again.
    """
    client = build_client(hubspot, waits, request_timeout=0.5)
    hubspot.faults.add(Fault(delay_s=60))
    assert len(first_page(client).engagements) == 60
    assert client.retries >= 1  # on a slow machine others may be late, too


@pytest.fixture
def stalling() -> Iterator[str]:
    """The URL of a server that stops after half of each response."""
    listener = socket.create_server(("127.0.0.1", 0))
    connections = []

    def answer() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connections.append(connection)
            connection.recv(65536)
            connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"results":')

    thread = threading.Thread(target=answer)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()
    for connection in connections:
        connection.close()


def test_no_rest_of_an_answer_in_time(stalling: str, waits: Waits) -> None:
    """
    A response that stalls counts as a time-out: a smaller page may arrive whole.
    """
    config = Config.from_dict(
        {"access_token": TOKEN, "base_url": stalling, "request_timeout": 0.1}, {}
    )

    class Enough(Exception):
        pass

    def stop(failures: tuple[TransientError, ...]) -> dict[str, object]:
        for error in failures:
            raise Enough(type(error).__name__)
        return {}

    client = HubspotClient(config, clock=waits.clock)
    with pytest.raises(Enough, match="ServerError"):
        client.get("/", stop, lambda body: body)


def limits(hubspot: Simulator) -> list[int]:
    return [int(request.params["limit"]) for request in hubspot.requests]


@pytest.mark.parametrize("path", ["paged", "modified/after"])
def test_failures_halve_the_page(path: str, hubspot: Simulator, client: HubspotClient) -> None:
    """
    From the second server error in a row on half of a page is asked for each time.
    """
    hubspot.faults.add(faults.SERVER_ERROR.at(times=4))
    if path == "paged":
        most = 250
        for _ in iter_paged(client, PageSizes(), 0):
            pass
    else:
        most = 1000
        for _ in iter_modified_after(client, PageSizes(), 0):
            pass
    assert limits(hubspot)[:5] == [most, most, most // 2, most // 4, most // 8]


def test_one_failure_is_no_reason_to_halve(hubspot: Simulator, client: HubspotClient) -> None:
    """
    A single error, two errors with a response in between, and rate limits keep the page size.
    """
    hubspot.faults.add(
        faults.SERVER_ERROR,
        faults.RATE_LIMITED.at(2, times=3),
        faults.BAD_GATEWAY.at(5),
        faults.CUT_SHORT.at(6),
        faults.UNAVAILABLE.at(7),
    )
    first_page(client)
    assert limits(hubspot) == [250] * 8


def test_a_page_grows_back(serve: Serve, waits: Waits) -> None:
    """
    A halved page grows with every response, up to the full size.
    """
    hubspot = serve(Portal.generate(900), faults=[faults.SERVER_ERROR.at(times=2)])
    pages = iter_paged(build_client(hubspot, waits), PageSizes(20), 0)
    ids = [one.id for page in pages for one in page.engagements]
    assert len(ids) == len(set(ids)) == 900
    sizes = limits(hubspot)
    assert sizes[:4] == [20, 20, 10, 11]
    assert sizes[-3:] == [20, 20, 20]


def test_a_portal_that_fails_at_large_pages(serve: Serve, waits: Waits) -> None:
    """
    If 250 is always too much, all records arrive, and few requests fail.
    """
    hubspot = serve(Portal.generate(4000), server_error_above=100)
    client = build_client(hubspot, waits)
    assert sum(len(page.engagements) for page in iter_paged(client, PageSizes(), 0)) == 4000
    assert client.retries / client.requests < 0.15


def test_the_size_that_works_is_remembered(serve: Serve, tmp_path: Path) -> None:
    """
    The parts of a pass share the size that works.
    """
    hubspot = serve(Portal.generate(900), server_error_above=100)
    tap = Tap(tmp_path, hubspot)
    first = tap(backfill_workers=3)
    assert first.code == 0, first.err
    failed = sum(request.status == 500 for request in hubspot.requests)
    assert failed <= 3 * 4


def test_a_size_that_fails_is_seldom_tried(serve: Serve, waits: Waits) -> None:
    """
    However small the pages have to be, few requests fail.
    """
    hubspot = serve(Portal.generate(1500), server_error_above=10)
    client = build_client(hubspot, waits)
    assert sum(len(page.engagements) for page in iter_paged(client, PageSizes(), 0)) == 1500
    assert client.retries / client.requests < 0.15


def test_the_next_run_begins_with_it(serve: Serve, tmp_path: Path) -> None:
    """
    The state keeps the size that works.
    """
    hubspot = serve(Portal.generate(900), server_error_above=100)
    tap = Tap(tmp_path, hubspot)
    first = tap()
    hubspot.requests.clear()
    again = tap("--full-refresh", state=last_state(first.messages))
    assert again.code == 0
    assert hubspot.requests[0].status == 200
    assert int(hubspot.requests[0].params["limit"]) <= 100


def test_the_smallest_page(serve: Serve, waits: Waits) -> None:
    """
    A page of a single record is retried until the limit; a page of none is never requested.
    """
    hubspot = serve(Portal.generate(5), server_error_above=0)
    with pytest.raises(ServerError):
        next(iter_paged(build_client(hubspot, waits), PageSizes(2), 0))
    assert set(limits(hubspot)) == {2, 1}


def test_timeouts_leave_time_for_a_smaller_page(
    hubspot: Simulator, waits: Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Two time-outs of the default five minutes are not the end: half of the page is asked for.
    """
    client = build_client(hubspot, waits)
    session = client._transport._session()
    monkeypatch.setattr(session, "request", slow_above(150, waits, session.request))
    assert len(first_page(client).engagements) == 60
    assert limits(hubspot) == [125]


def slow_above(size: int, waits: Waits, request: Any) -> Any:
    """Return a `request` that takes all of its time for pages above `size`."""

    def slow(method: str, url: str, **options: Any) -> Any:
        if int(parse_qs(options["params"])["limit"][0]) > size:
            waits.now_s += options["timeout"]
            raise requests.ReadTimeout
        return request(method, url, **options)

    return slow


def test_what_is_sent(serve: Serve, waits: Waits) -> None:
    """
    Each request names the tap and bears the token, as a header and nowhere else.
    """
    hubspot = serve(Portal.generate(3))
    first_page(build_client(hubspot, waits, user_agent="acme <it@acme.example>"))
    (request,) = hubspot.requests
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert headers["user-agent"] == "acme <it@acme.example>"
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in request.path + str(request.params)


def test_netrc_does_not_replace_the_token(
    hubspot: Simulator, client: HubspotClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A login that ~/.netrc has for the host is not used.
    """
    (tmp_path / "netrc").write_text("default login someone password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert first_page(client).engagements


def test_a_proxy_of_the_environment_is_asked(
    hubspot: Simulator, waits: Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Requests go through $HTTP_PROXY, except to the hosts of $NO_PROXY.
    """
    monkeypatch.setenv("HTTP_PROXY", hubspot.url)
    with closing(socket.create_server(("127.0.0.1", 0))) as nobody:
        elsewhere = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    assert first_page(build_client(hubspot, waits, base_url=elsewhere)).engagements
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(TransientError, match="refused"):
        first_page(build_client(hubspot, waits, base_url=elsewhere))


@pytest.mark.parametrize("number", [400, 401, 403, 404, 408, 418, 423, 429, 500, 530])
def test_the_token_is_never_shown(
    number: int,
    hubspot: Simulator,
    waits: Waits,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """
    Though HubSpot repeats the token in its message, no error, log line or repr shows the token.
    """
    caplog.set_level(logging.DEBUG)
    client = build_client(hubspot, waits)
    message = 230 * "x" + f" This oauth-token ({TOKEN}) does not have proper permissions!"
    hubspot.faults.add(Fault(response=error_response(number, message), times=None))
    with pytest.raises(ApiError) as excinfo:
        first_page(client)
    texts = [str(excinfo.value), repr(excinfo.value), repr(client), repr(build_config(hubspot))]
    texts += [record.getMessage() for record in caplog.records]
    for secret in (TOKEN, TOKEN[:12]):
        assert not [text for text in texts if secret in text]


def test_the_clocks(hubspot: Simulator, client: HubspotClient) -> None:
    """
    A page has HubSpot's time of the request, however long the response took, beside ours.
    """
    hubspot.portal.clock = lambda: 1_795_161_600_999
    answered_at = datetime(2026, 11, 20, 8, tzinfo=timezone.utc)
    hubspot.faults.add(Fault(delay_s=0.3))
    page = first_page(client)
    assert page.hubspot_at <= answered_at - timedelta(seconds=0.3)
    assert page.hubspot_at > answered_at - timedelta(seconds=30)
    assert page.received_at.tzinfo is not None


def test_gzip_and_other_headers(serve: Serve, waits: Waits) -> None:
    """
    A compressed answer is read; the case of headers does not matter.
    """
    for case in ("lower", "title"):
        hubspot = serve(Portal.generate(9), compress=True, header_case=case, rate_limit=100)
        assert len(first_page(build_client(hubspot, waits)).engagements) == 9


def test_get_newest_and_recent(hubspot: Simulator, client: HubspotClient, serve: Serve) -> None:
    """
    The newest change and some recent changes are found; an empty portal has none.
    """
    records = [one["engagement"] for one in hubspot.portal.records()]
    newest = get_newest(client)
    recent = {one.id for one in get_recent(client)}
    assert recent <= {one["id"] for one in records}
    assert newest is None or newest.last_updated_ms == max(one["lastUpdated"] for one in records)
    nothing = build_client(serve(Portal()), Waits())
    assert (get_newest(nothing), get_recent(nothing)) == (None, [])


SEARCH = "/crm/objects/2026-09/notes/search"
SEARCH_BODY = {"filterGroups": [], "sorts": [], "properties": [], "limit": 1, "after": ""}


def test_a_post_that_reads_is_retried(
    hubspot: Simulator, client: HubspotClient, waits: Waits
) -> None:
    """
    A POST is retried as a GET is; its 429 holds up the requests of its own rate limiter alone.
    """
    hubspot.faults.add(faults.SERVER_ERROR, faults.CUT_SHORT, faults.RATE_LIMITED)
    searches = client.rate_limiter.special(5, 1.0)
    response = client.post(SEARCH, SEARCH_BODY, json.loads, rate_limiter=searches)
    assert len(response.body["results"]) == 1
    assert [one.method for one in hubspot.requests] == ["POST"] * 4
    assert waits.slept
    slept = len(waits.slept)
    searches.pause(60.0)
    client.get("/account-info/v3/details", {}, json.loads)
    assert len(waits.slept) == slept


def test_a_batch_with_errors_is_a_response(hubspot: Simulator, client: HubspotClient) -> None:
    """
    207 is no error: the body has the results, and names the inputs that failed.
    """
    body = {"inputs": [{"id": "1"}], "properties": [], "propertiesWithHistory": []}
    response = client.post("/crm/v3/objects/notes/batch/read", body, json.loads)
    assert response.body["errors"][0]["category"] == "OBJECT_NOT_FOUND"


def test_the_scopes_of_the_objects_api_are_named(serve: Serve, waits: Waits) -> None:
    """
    The objects API names scopes beside its errors; links are none.
    """
    client = build_client(serve(Portal.generate(5), scopes=["x"]), waits)
    with pytest.raises(ScopeError, match=r"grant the token crm.objects.contacts.read$"):
        client.get("/crm/v3/objects/notes", {}, json.loads)
