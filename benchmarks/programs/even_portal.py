"""
Serves a portal that every tap can read, until SIGTERM or SIGINT; prints the URL.

The portal has no values that end other taps' syncs (times that are not Unix milliseconds, U+0000),
no texts of a megabyte, and no types without v3 objects. The options are the simulator's.
`/requests` returns the number of requests so far, itself included.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec

from benchmarks.programs import v3
from hubspot_simulator import generate
from hubspot_simulator.__main__ import STOP_SIGNALS, build_parser
from hubspot_simulator.portal import Portal
from hubspot_simulator.responses import Response, json_response
from hubspot_simulator.server import RecordedRequest, Simulator

COUNT = "/requests"
MOST_BYTES = 20_000
EARLIEST_MS, LATEST_MS = 10**11, 10**14  # seconds lie below, .NET's ticks above


class CountingSimulator(Simulator):
    """Also serves the count of requests at `/requests`."""

    def handle(self, request: RecordedRequest, body: bytes) -> tuple[Response | None, float]:
        """Handle requests for the count, and leave all others to the simulator."""
        if request.path == COUNT:
            return json_response(len(self.requests)), 1.0
        return super().handle(request, body)


class EvenSimulator(CountingSimulator):
    """Also serves v3's slim objects to any client."""

    def __init__(self, portal: Portal, port: int, token: str) -> None:
        super().__init__(portal, port, token=token)
        self._objects = v3.Objects(portal.records())

    def handle(self, request: RecordedRequest, body: bytes) -> tuple[Response | None, float]:
        """Handle requests for v3 objects, and leave all others to the simulator."""
        response = self._objects.respond(request.path, request.params)
        return (response, 1.0) if response else super().handle(request, body)


def even_portal(engagements: int, seed: int) -> Portal:
    """Return a portal of exactly `engagements` engagements."""
    portal = Portal()
    count = engagements * 11 // 10 + 20  # about 4 % of all, and three of the first, are odd
    for one in islice(iter_even(portal, count, seed), engagements):
        portal.create(one)
    return portal


def iter_even(portal: Portal, count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield `count` generated engagements but for the odd ones."""
    for one in generate.engagements(count, seed, portal.now_ms, portal.portal_id, generate.Shape()):
        inner, body = one["engagement"], msgspec.json.encode(one)
        if (
            inner["type"] in v3.KINDS
            and EARLIEST_MS < inner["timestamp"] < LATEST_MS
            and len(body) <= MOST_BYTES
            and b"\\u0000" not in body
        ):
            yield one


def main() -> None:
    options = build_parser().parse_args()
    # Blocked in this and all later threads until sigwait.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    portal = even_portal(options.engagements, options.seed)
    with EvenSimulator(portal, options.port, options.token) as simulator:
        print(simulator.url, flush=True)
        signal.sigwait(STOP_SIGNALS)


if __name__ == "__main__":
    main()
