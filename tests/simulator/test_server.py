"""The portal over real HTTP: tokens, rate limits, connections, and a clean stop."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime

import pytest
import requests

from hubspot_simulator.faults import Fault
from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator
from tests.simulator.conftest import NOW_MS, PAGED, RECENT, Serve, ids, note


@pytest.mark.parametrize(
    ("header", "category"),
    [
        (None, "INVALID_AUTHENTICATION"),
        ("Basic dTpw", "INVALID_AUTHENTICATION"),
        ("Bearer ", "INVALID_AUTHENTICATION"),
        ("Bearer wrong", "EXPIRED_AUTHENTICATION"),
    ],
)
def test_only_the_token_is_accepted(
    portal: Portal, serve: Serve, header: str | None, category: str
) -> None:
    """Without a token the 401 says so; a wrong token "expired in 1970", as at HubSpot."""
    hubspot = serve(portal, token="pat-na1-right")
    assert hubspot.get(PAGED).status_code == 200

    headers = {} if header is None else {"Authorization": header}
    response = requests.get(hubspot.simulator.url + PAGED, headers=headers, timeout=60)

    assert (401, category) == (response.status_code, response.json()["category"])
    if category == "EXPIRED_AUTHENTICATION":
        assert "expired 20543 day(s) ago" in response.json()["message"]


def test_headers_of_a_response(portal: Portal, serve: Serve) -> None:
    """The date is the portal's; all other headers are HubSpot's."""
    headers = serve(portal, rate_limit=100).get(PAGED).headers

    assert parsedate_to_datetime(headers["Date"]).timestamp() * 1000 == NOW_MS
    assert headers["Content-Type"] == "application/json;charset=utf-8"
    assert headers["X-Trace"]
    assert {name: value for name, value in headers.items() if "RateLimit" in name} == {
        "X-HubSpot-RateLimit-Daily": "500000",
        "X-HubSpot-RateLimit-Daily-Remaining": "499999",
        "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
        "X-HubSpot-RateLimit-Max": "100",
        "X-HubSpot-RateLimit-Remaining": "99",
        "X-HubSpot-RateLimit-Secondly": "10",
        "X-HubSpot-RateLimit-Secondly-Remaining": "10",
    }


@pytest.mark.parametrize(
    ("case", "name"),
    [("title", "X-Hubspot-Ratelimit-Daily"), ("lower", "x-hubspot-ratelimit-daily")],
)
def test_header_names_vary_in_case(portal: Portal, serve: Serve, case: str, name: str) -> None:
    """The limit's headers can have each case of the recordings."""
    assert name in list(serve(portal, header_case=case).get(PAGED).headers)


def test_the_rate_limit_rolls(portal: Portal, serve: Serve) -> None:
    """More requests than allowed in a window get a 429, until the first leaves the window."""
    for window_s in (0.5, 2.0, 8.0, 32.0):  # on a slow machine four requests may take longer
        hubspot = serve(portal, rate_limit=3, rate_window_s=window_s)
        start = time.monotonic()
        responses = [hubspot.get(PAGED) for _ in range(4)]
        if time.monotonic() - start < window_s:
            break

    assert [response.status_code for response in responses] == [200, 200, 200, 429]
    assert responses[-1].json()["policyName"] == "TEN_SECONDLY_ROLLING"
    assert "Retry-After" not in responses[-1].headers
    while hubspot.get(PAGED).status_code == 429:
        time.sleep(0.02)
    first = hubspot.simulator.requests[0]
    last = hubspot.simulator.requests[-1]
    assert (first.status, last.status) == (200, 200)
    assert last.at_s >= first.at_s + window_s - 0.1  # recorded just before it is counted


def test_requests_are_recorded_in_order(portal: Portal, serve: Serve) -> None:
    """The simulator records number, method, path, parameters, headers, status and time."""
    hubspot = serve(portal)
    hubspot.get(PAGED, limit=5, offset=0)
    hubspot.get("/nowhere")
    first, second = hubspot.simulator.requests

    assert (
        first.number,
        first.method,
        first.path,
        first.params,
        first.status,
    ) == (1, "GET", PAGED, {"limit": "5", "offset": "0"}, 200)
    assert first.headers["Authorization"] == "Bearer pat-test"
    assert (second.number, second.status) == (2, 404)
    assert first.at_s <= second.at_s <= time.monotonic()


def test_a_connection_is_kept_alive(portal: Portal, serve: Serve) -> None:
    """All requests of a client use one connection, so that pages cost no handshakes."""
    simulator = serve(portal).simulator
    connection = http.client.HTTPConnection("127.0.0.1", simulator.port, timeout=60)
    sockets = set()
    for method in ("GET", "HEAD", "GET"):
        connection.request(method, PAGED, headers={"Authorization": "Bearer pat-test"})
        sockets.add(connection.sock)
        connection.getresponse().read()
    connection.close()

    assert len(sockets) == 1
    assert [request.status for request in simulator.requests] == [200, 405, 200]


def test_gzip_is_optional(portal: Portal, serve: Serve) -> None:
    """Bodies are compressed only with `compress`, and if the client accepts gzip."""
    portal.create(note(1))
    plain, compressing = serve(portal), serve(portal, compress=True)
    bare = compressing.request("GET", PAGED, headers={"Accept-Encoding": "identity"})

    assert "Content-Encoding" not in plain.get(PAGED).headers
    assert "Content-Encoding" not in bare.headers
    response = compressing.get(PAGED)
    assert response.headers["Content-Encoding"] == "gzip"
    assert plain.json(PAGED) == response.json() == bare.json()


def test_latency_delays_every_response(portal: Portal, serve: Serve) -> None:
    """Each request takes at least the latency; concurrent requests wait in parallel."""
    hubspot = serve(portal, latency_s=1.0)
    start = time.monotonic()
    with ThreadPoolExecutor(6) as pool:
        assert [a.status_code for a in pool.map(hubspot.get, [PAGED] * 6)] == [200] * 6

    assert 1.0 <= time.monotonic() - start < 6.0


def test_concurrent_clients_and_changes(serve: Serve) -> None:
    """While the portal changes, every response is complete and ordered."""
    portal = Portal.generate(500, seed=3)
    hubspot = serve(portal)
    done = threading.Event()

    def change() -> None:
        while not done.is_set():
            record_id = portal.create({"engagement": {"type": "NOTE"}})["engagement"]["id"]
            portal.update(record_id)
            portal.delete(record_id)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        with ThreadPoolExecutor(4) as pool:
            pages = list(pool.map(hubspot.json, [PAGED, RECENT] * 20))
    finally:
        done.set()
        thread.join()
    for page in pages[::2]:
        record_ids = ids(page)
        assert sorted(set(record_ids)) == record_ids


def test_a_stop_leaves_nothing_running(portal: Portal) -> None:
    """After a stop no thread runs and no port is open, even with a response pending."""
    before = set(threading.enumerate())
    with Simulator(portal, faults=[Fault(on=2, delay_s=60)]) as simulator:
        url, session = simulator.url, requests.Session()
        headers = {"Authorization": "Bearer pat-test"}
        session.get(url + PAGED, headers=headers, timeout=60)
        with pytest.raises(requests.Timeout):
            requests.get(url + PAGED, headers=headers, timeout=0.05)
        idle = socket.create_connection(("127.0.0.1", simulator.port))
        start = time.monotonic()

    assert time.monotonic() - start < 50  # the stop did not wait for the delayed response
    assert before == set(threading.enumerate())
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", simulator.port))
    idle.close()
    session.close()


def test_a_port_can_be_chosen(portal: Portal) -> None:
    """A simulator can use the port of an earlier one; a port in use raises OSError."""
    with Simulator(portal) as first:
        port = first.port
        with pytest.raises(OSError, match="in use"):
            Simulator(portal, port).start()
    with Simulator(portal, port) as second:
        assert f"http://127.0.0.1:{port}" == second.url


def test_errors_in_a_change_are_reported(
    portal: Portal, serve: Serve, capfd: pytest.CaptureFixture[str]
) -> None:
    """A change that raises closes the connection and prints the traceback: a bug of the test."""
    hubspot = serve(portal, faults=[Fault(then=lambda portal: portal.delete(404))])

    with pytest.raises(requests.ConnectionError):
        hubspot.get(PAGED)
    assert "KeyError: 404" in capfd.readouterr().err
