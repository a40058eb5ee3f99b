"""
A portal over real HTTP on a loopback port, with all that may go wrong on the way.

    with Simulator(Portal.generate(5000), faults=[RATE_LIMITED.at(3)]) as simulator:
        requests.get(f"{simulator.url}/engagements/v1/engagements/paged", headers=…)
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
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

from hubspot_simulator import answers, endpoints, oauth
from hubspot_simulator.answers import Answer
from hubspot_simulator.endpoints import Switches
from hubspot_simulator.faults import Fault, Faults
from hubspot_simulator.oauth import OAuthApp
from hubspot_simulator.objects import routes
from hubspot_simulator.objects.behaviour import ObjectsBehaviour
from hubspot_simulator.objects.requests import ServedPortal
from hubspot_simulator.objects.views import RecordWriter
from hubspot_simulator.portal import Portal

HeaderCase = Literal["documented", "title", "lower"]

HOST = "127.0.0.1"
DAILY_LIMIT = 500_000  # HubSpot usage limits: a Professional portal's, before late 2024
RATE_WINDOW_S = 10.0
SEARCH_WINDOW_S = 1.0
STOP_POLL_S = 0.02  # how long a stop may wait for the accepting thread to notice
GZIP_LEVEL = 1


@dataclass
class Request:
    """
    A request as it came; `at_s` is its arrival on the monotonic clock.

    `status` is what it was answered with: 0 before that, and for a dropped connection.
    """

    number: int
    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    at_s: float
    status: int = 0


class RollingLimit:
    """At most `most` requests in any `window_s` seconds; refused ones do not count."""

    def __init__(self, most: int, window_s: float) -> None:
        self.most = most
        self.window_s = window_s
        self._taken: deque[float] = deque()
        self._lock = threading.Lock()

    def take(self) -> int | None:
        """Take one request and return how many are left; None where it is one too many."""
        with self._lock:
            now_s = time.monotonic()
            while self._taken and self._taken[0] <= now_s - self.window_s:
                self._taken.popleft()
            if len(self._taken) >= self.most:
                return None
            self._taken.append(now_s)
            return self.most - len(self._taken)


class Simulator:
    """
    Serves `portal` on a loopback port, 0 for a free one, between `start` and `stop`.

    `token` is the one that is let in; with an `oauth_app` it is those that the app gives out.
    `rate_limit` is the requests allowed in any `rate_window_s` seconds (None: any number, and no
    headers about it). `latency_s` goes before every answer. `header_case` is the case of the
    X-HubSpot-RateLimit headers: it varies in recordings. With `compress` whoever accepts gzip gets
    it. `search_limit` is the searches allowed in any second, apart from `rate_limit` (HubSpot: 5 an
    account; None: any number). `objects` are the switches of the objects API. The other options are
    those of `endpoints.Switches`.
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
        scopes: Collection[str] | None = None,
        index_delay_ms: int = 0,
        last_after: Literal["present", "missing", "null"] = "present",
        has_modified_after: bool = True,
        since_exclusive: bool = False,
        server_error_above: int | None = None,
        header_case: HeaderCase = "documented",
        compress: bool = False,
    ) -> None:
        self.portal = portal
        self.port = port
        self.token = token
        self.oauth_app = oauth_app
        self.latency_s = latency_s
        self.header_case = header_case
        self.compress = compress
        self.faults = Faults()
        self.faults.add(*faults)
        self.requests: list[Request] = []
        self.switches = Switches(
            scopes=scopes,
            index_delay_ms=index_delay_ms,
            last_after=last_after,
            has_modified_after=has_modified_after,
            since_exclusive=since_exclusive,
            server_error_above=server_error_above,
        )
        self.objects = objects or ObjectsBehaviour()
        self._writer = RecordWriter(portal.objects, self.objects, portal.portal_id)
        self._search_limit = (
            None if search_limit is None else RollingLimit(search_limit, SEARCH_WINDOW_S)
        )
        self._limit = None if rate_limit is None else RollingLimit(rate_limit, rate_window_s)
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
        """Where it answers, without a slash at the end."""
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        """Listen and answer, in threads of its own. Raises OSError where the port is taken."""
        self._closing.clear()
        self._listener = _Listener(self)
        self.port = self._listener.server_address[1]
        self._thread = threading.Thread(
            target=self._listener.serve_forever, args=(STOP_POLL_S,), name="hubspot-simulator"
        )
        self._thread.start()

    def stop(self) -> None:
        """Close every socket and wait for every thread; an answer under way is cut."""
        self._closing.set()
        if self._listener is not None and self._thread is not None:
            self._listener.shutdown()
            self._thread.join()
            self._listener.close()
        self._listener = self._thread = None

    def note(self, method: str, target: str, headers: dict[str, str]) -> Request:
        """Write down a request and return it."""
        url = urlsplit(target)
        params = dict(parse_qsl(url.query, keep_blank_values=True))
        with self._lock:
            number = len(self.requests) + 1
            request = Request(number, method, url.path, params, headers, time.monotonic())
            self.requests.append(request)
        return request

    def exchange(self, request: Request, body: bytes) -> tuple[Answer | None, float]:
        """
        Return the answer to a request (None: drop the connection) and the share of it to send.

        The portal is changed by the faults that strike; waits end early when the simulator stops.
        """
        due = self.faults.due(request.method, request.path)
        wait_s = self.latency_s + sum(fault.delay_s for fault in due)
        if wait_s:
            self._closing.wait(wait_s)
        for fault in due:
            if fault.before is not None:
                fault.before(self.portal)
        wrong = next((fault for fault in due if fault.spoils), Fault())
        answer = wrong.answer or self._answer(request, body)
        for fault in due:
            if fault.then is not None:
                fault.then(self.portal)
        return (None if wrong.drop else answer), wrong.sent

    def head(self, answer: Answer, *, last: bool) -> bytes:
        """Return an answer's status line and headers; `last` on its connection or not."""
        lines = [
            f"HTTP/1.1 {answer.status} {http.client.responses.get(answer.status, '')}",
            f"Date: {formatdate(self.portal.now_ms / 1000, usegmt=True)}",
            "Server: cloudflare",
            f"X-Trace: 2B{secrets.token_hex(20).upper()}",
            *(f"{name}: {value}" for name, value in answer.headers.items()),
        ]
        if answer.status != http.client.NO_CONTENT:
            lines += [f"Content-Type: {answer.content_type}", f"Content-Length: {len(answer.body)}"]
        if last:
            lines.append("Connection: close")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def _answer(self, request: Request, body: bytes) -> Answer:
        left = self._limit.take() if self._limit else 0
        headers = self._limit_headers(request.number, left or 0)
        if left is None:
            return replace(answers.rate_limited(), headers=headers)
        if self.oauth_app is not None and (request.method, request.path) == ("POST", oauth.PATH):
            return self.oauth_app.refresh(dict(parse_qsl(body.decode())))
        if routes.is_search(request.method, request.path):
            headers = {}  # HubSpot's search guide: replies to searches carry no rate headers
            if self._search_limit is not None and self._search_limit.take() is None:
                return answers.rate_limited("SECONDLY")
        answer = self._refusal(request) or self._respond(request, body)
        if self.compress and answer.body and "gzip" in _header(request, "accept-encoding"):
            headers["Content-Encoding"] = "gzip"
            answer = replace(answer, body=gzip.compress(answer.body, GZIP_LEVEL))
        return replace(answer, headers={**headers, **answer.headers})

    def _respond(self, request: Request, body: bytes) -> Answer:
        """Return the answer of the API that has the request's path."""
        method, path, params = request.method, request.path, request.params
        answer = routes.respond(self._served_portal(), method, path, params, body)
        return answer or endpoints.answer(self.portal, self.switches, method, path, params, body)

    def _served_portal(self) -> ServedPortal:
        delay_ms = self.objects.search_delay_ms
        return ServedPortal(
            self.portal.portal_id,
            self.portal.objects,
            self._writer,
            self.objects,
            self.switches.scopes,
            self.switches.index_delay_ms if delay_ms is None else delay_ms,
        )

    def _refusal(self, request: Request) -> Answer | None:
        """Return the 401 for a request without the right token."""
        scheme, _, token = _header(request, "authorization").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return answers.no_credentials()
        if self.oauth_app is not None:
            return self.oauth_app.refusal(token.strip())
        return None if token.strip() == self.token else answers.undecodable_token()

    def _limit_headers(self, number: int, left: int) -> dict[str, str]:
        values = {
            "X-HubSpot-RateLimit-Daily": DAILY_LIMIT,
            "X-HubSpot-RateLimit-Daily-Remaining": max(0, DAILY_LIMIT - number),
        }
        if self._limit is not None:
            # Still sent, no longer enforced (HubSpot usage limits).
            secondly = max(1, self._limit.most // 10)
            values |= {
                "X-HubSpot-RateLimit-Interval-Milliseconds": int(self._limit.window_s * 1000),
                "X-HubSpot-RateLimit-Max": self._limit.most,
                "X-HubSpot-RateLimit-Remaining": left,
                "X-HubSpot-RateLimit-Secondly": secondly,
                "X-HubSpot-RateLimit-Secondly-Remaining": min(left, secondly),
            }
        return {self._cased(name): str(value) for name, value in values.items()}

    def _cased(self, name: str) -> str:
        if self.header_case == "documented":
            return name
        return name.title() if self.header_case == "title" else name.lower()


class _Connection(BaseHTTPRequestHandler):
    """One client's connection, kept alive from request to request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listener

    def answer(self) -> None:
        """Read the rest of a request, and answer it in a single send."""
        simulator = self.server.simulator
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = simulator.note(self.command, self.path, dict(self.headers.items()))
        answer, share = simulator.exchange(request, body)
        if answer is None:
            self.close_connection = True
            return
        request.status = answer.status
        self.close_connection = self.close_connection or share < 1
        head = simulator.head(answer, last=self.close_connection)
        whole = b"" if self.command == "HEAD" else answer.body
        self.connection.sendall(head + whole[: int(len(whole) * share)])

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: what was asked is in `Simulator.requests`."""


class _Listener(ThreadingHTTPServer):
    """Accepts connections, and knows those that are open."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__((HOST, simulator.port), _Connection)

    def server_bind(self) -> None:
        """Bind without looking up a host name: that may take seconds where there is no DNS."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = HOST, self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember a connection, and serve it in a thread of its own."""
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection that has ended."""
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report what is our fault; a client that goes away is not."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def close(self) -> None:
        """Cut the connections that are open, so that their threads end, and join them."""
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):  # the client may have gone meanwhile
                    connection.shutdown(socket.SHUT_RDWR)
        self.server_close()


def _header(request: Request, name: str) -> str:
    return next((value for key, value in request.headers.items() if key.lower() == name), "")
