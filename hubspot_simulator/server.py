"""
A portal over real HTTP on a loopback port, with a script of faults.

    with Simulator(Portal.generate(5000), faults=[RATE_LIMITED.at(3)]) as simulator:
        requests.get(f"{simulator.url}/engagements/v1/engagements/paged", headers=…)

Requests are handled concurrently, each connection in a thread of its own.
"""

from __future__ import annotations

import contextlib
import gzip
import http.client
import secrets
import socket
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from hubspot_simulator import endpoints, oauth, responses
from hubspot_simulator.endpoints import Behaviour
from hubspot_simulator.faults import Fault, Faults
from hubspot_simulator.oauth import OAuthApp
from hubspot_simulator.objects import routes
from hubspot_simulator.objects.behaviour import ObjectsBehaviour
from hubspot_simulator.objects.requests import ServedPortal
from hubspot_simulator.objects.views import RecordWriter
from hubspot_simulator.portal import Portal
from hubspot_simulator.rate_limits import RATE_WINDOW_S, HeaderCase, RateLimits
from hubspot_simulator.responses import Response

HOST = "127.0.0.1"
STOP_POLL_S = 0.02  # the longest that the accepting thread takes to notice a stop
GZIP_LEVEL = 1


@dataclass
class RecordedRequest:
    """
    A request as it was received; `at_s` is when, by the monotonic clock.

    `status` is the response's: 0 until the response is sent, and for a dropped connection.
    """

    number: int
    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    at_s: float
    status: int = 0


class Simulator:
    """
    Serves `portal` on a loopback port between `start` and `stop`; port 0 picks a free one.

    The only accepted token is `token`; with an `oauth_app`, those that the app issues.
    `rate_limit` is how many requests are allowed in any `rate_window_s` seconds; with None there
    is no limit, and no header about a limit. `latency_s` delays every response. `header_case` is
    the case of the X-HubSpot-RateLimit headers, which varies in recordings. With `compress`,
    clients that accept gzip get gzip. `search_limit` is how many searches are allowed in any
    second, apart from `rate_limit` (HubSpot: 5 for an account; None: no limit). `objects` are the
    switches of the objects API. `behaviour` are the options of `endpoints.Behaviour`.
    """

    def __init__(
        self,
        portal: Portal,
        port: int = 0,
        *,
        token: str = "pat-test",
        oauth_app: OAuthApp | None = None,
        latency_s: float = 0.0,
        rate_limit: int | None = None,
        rate_window_s: float = RATE_WINDOW_S,
        search_limit: int | None = None,
        objects: ObjectsBehaviour | None = None,
        faults: Iterable[Fault] = (),
        header_case: HeaderCase = "documented",
        compress: bool = False,
        **behaviour: Any,
    ) -> None:
        self.portal = portal
        self.port = port
        self.token = token
        self.oauth_app = oauth_app
        self.latency_s = latency_s
        self.compress = compress
        self.faults = Faults()
        self.faults.add(*faults)
        self.requests: list[RecordedRequest] = []
        self.behaviour = Behaviour(**behaviour)
        self.objects = objects or ObjectsBehaviour()
        self._writer = RecordWriter(portal.objects, self.objects, portal.portal_id)
        self._limits = RateLimits(rate_limit, rate_window_s, search_limit, header_case)
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._listener: _Listener | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Simulator:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The base URL, without a slash at the end."""
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        """Listen and serve in threads of their own. Raises OSError if the port is in use."""
        self._closing.clear()
        self._listener = _Listener(self)
        self.port = self._listener.server_address[1]
        self._thread = threading.Thread(
            target=self._listener.serve_forever, args=(STOP_POLL_S,), name="hubspot-simulator"
        )
        self._thread.start()

    def stop(self) -> None:
        """Close every socket and join every thread; a response being sent is truncated."""
        self._closing.set()
        if self._listener is not None and self._thread is not None:
            self._listener.shutdown()
            self._thread.join()
            self._listener.close()
        self._listener = self._thread = None

    def record_request(self, method: str, target: str, headers: dict[str, str]) -> RecordedRequest:
        """Append a request to `requests` and return it."""
        url = urlsplit(target)
        params = dict(parse_qsl(url.query, keep_blank_values=True))
        with self._lock:
            number = len(self.requests) + 1
            request = RecordedRequest(number, method, url.path, params, headers, time.monotonic())
            self.requests.append(request)
        return request

    def handle(self, request: RecordedRequest, body: bytes) -> tuple[Response | None, float]:
        """
        Return the response to a request and the share of its body to send, from 0 to 1.

        None drops the connection. Due faults change the portal before and after the response is
        made. Delays end early when the simulator stops.
        """
        due = self.faults.due(request.method, request.path)
        wait_s = self.latency_s + sum(fault.delay_s for fault in due)
        if wait_s:
            self._closing.wait(wait_s)
        for fault in due:
            if fault.before is not None:
                fault.before(self.portal)
        replacing = next((fault for fault in due if fault.replaces_response), Fault())
        is_done = replacing.response is None or replacing.done
        answer = self._respond(request, body) if is_done else None
        response = replacing.response or answer
        for fault in due:
            if fault.then is not None:
                fault.then(self.portal)
        return (None if replacing.drop else response), replacing.sent

    def head(self, response: Response, *, closes: bool) -> bytes:
        """Return the status line and headers; `closes` says that the connection ends with them."""
        status = response.status
        lines = [
            f"HTTP/1.1 {status} {http.client.responses.get(status, '')}",
            f"Date: {formatdate(self.portal.now_ms / 1000, usegmt=True)}",
            "Server: cloudflare",
            f"X-Trace: 2B{secrets.token_hex(20).upper()}",
            *(f"{name}: {value}" for name, value in response.headers.items()),
        ]
        if status != http.client.NO_CONTENT:
            lines.append(f"Content-Type: {response.content_type}")
            lines.append(f"Content-Length: {len(response.body)}")
        if closes:
            lines.append("Connection: close")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def _respond(self, request: RecordedRequest, body: bytes) -> Response:
        remaining = self._limits.take()
        headers = self._limits.headers(request.number, remaining or 0)
        if remaining is None:
            return replace(responses.rate_limited(), headers=headers)
        if self.oauth_app is not None and (request.method, request.path) == ("POST", oauth.PATH):
            return self.oauth_app.refresh(dict(parse_qsl(body.decode())))
        if routes.is_search(request.method, request.path):
            headers = {}  # HubSpot's search guide: replies to searches carry no rate headers
            if not self._limits.take_search():
                return responses.rate_limited("SECONDLY")
        response = self._reject_token(request) or self._portal_response(request, body)
        if self.compress and response.body and "gzip" in _header(request, "accept-encoding"):
            headers["Content-Encoding"] = "gzip"
            response = replace(response, body=gzip.compress(response.body, GZIP_LEVEL))
        return replace(response, headers={**headers, **response.headers})

    def _portal_response(self, request: RecordedRequest, body: bytes) -> Response:
        """Return the response of the API that has the request's path."""
        method, path, params = request.method, request.path, request.params
        response = routes.respond(self._served_portal(), method, path, params, body)
        return response or endpoints.respond(
            self.portal, self.behaviour, method, path, params, body
        )

    def _served_portal(self) -> ServedPortal:
        delay_ms = self.objects.search_delay_ms
        return ServedPortal(
            self.portal,
            self.portal.portal_id,
            self.portal.objects,
            self._writer,
            self.objects,
            self.behaviour.scopes,
            self.behaviour.index_delay_ms if delay_ms is None else delay_ms,
        )

    def _reject_token(self, request: RecordedRequest) -> Response | None:
        """Return the 401 for a missing or wrong token, None for a valid token."""
        scheme, _, token = _header(request, "authorization").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return responses.no_credentials()
        if self.oauth_app is not None:
            return self.oauth_app.reject_token(token.strip())
        return None if token.strip() == self.token else responses.undecodable_token()


class _Connection(BaseHTTPRequestHandler):
    """One client's connection, kept alive from request to request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listener

    def respond(self) -> None:
        """Read the rest of a request, and send the response in one piece."""
        simulator = self.server.simulator
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = simulator.record_request(self.command, self.path, dict(self.headers.items()))
        response, share = simulator.handle(request, body)
        if response is None:
            self.close_connection = True
            return
        request.status = response.status
        self.close_connection = self.close_connection or share < 1
        head = simulator.head(response, closes=self.close_connection)
        content = b"" if self.command == "HEAD" else response.body
        self.connection.sendall(head + content[: int(len(content) * share)])

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = respond

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: `Simulator.requests` has every request."""


class _Listener(ThreadingHTTPServer):
    """Accepts connections, and keeps the open ones to close them."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__((HOST, simulator.port), _Connection)

    def server_bind(self) -> None:
        """Bind without looking up a host name, which takes seconds without DNS."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = HOST, self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread of its own."""
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection that has ended."""
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report the simulator's errors; a client that disconnects is no error."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def close(self) -> None:
        """Close all open connections, so that their threads end, and join the threads."""
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):  # the client may have disconnected already
                    connection.shutdown(socket.SHUT_RDWR)
        self.server_close()


def _header(request: RecordedRequest, name: str) -> str:
    return next((value for key, value in request.headers.items() if key.lower() == name), "")
