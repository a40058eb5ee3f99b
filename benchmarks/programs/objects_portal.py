"""
Serves an even portal whose related records have fixed numbers, until SIGTERM or SIGINT.

Of 100 engagements there are 30 contacts, 8 companies, 10 deals and 5 tickets, each associated. The
objects API is the simulator's own, with all properties. The options are the simulator's.
`/requests` returns the number of requests so far, itself included.
"""

from __future__ import annotations

import json
import re
import signal
from dataclasses import replace
from itertools import islice

from benchmarks.programs.even_portal import CountingSimulator, iter_even
from benchmarks.programs.v3 import EMPTY, PROPERTIES
from hubspot_simulator.__main__ import STOP_SIGNALS, build_parser
from hubspot_simulator.portal import Portal
from hubspot_simulator.responses import Response, json_response
from hubspot_simulator.server import RecordedRequest

SHARES = {"contactIds": 30, "companyIds": 8, "dealIds": 10, "ticketIds": 5}
"""By the key of associations, related records for each 100 engagements."""

FIRST_ID = 1_000_000
V2_PROPERTIES = re.compile(r"/properties/v2/([\w-]+)/properties")


class ObjectsSimulator(CountingSimulator):
    """Also answers the discovery of other taps, which asks for types that this portal has not."""

    def handle(self, request: RecordedRequest, body: bytes) -> tuple[Response | None, float]:
        """
        Handle a request; unknown types have no properties, and no schemas.

        v2's definitions of properties, a list by themselves, have the names and types of v3's.
        """
        if match := V2_PROPERTIES.fullmatch(request.path):
            response, share = self.handle(replace(request, path=PROPERTIES + match[1]), body)
            results = json.loads(response.body)["results"] if response else []
            return json_response(results), share
        response, share = super().handle(request, body)
        if response and response.status >= 400 and request.path.startswith(PROPERTIES):
            return json_response({"results": []}), share
        if request.path in EMPTY:
            return json_response(EMPTY[request.path]), share
        return response, share


def objects_portal(engagements: int, seed: int) -> Portal:
    """Return a portal of exactly `engagements` engagements, a multiple of 100."""
    portal = Portal()
    generated = iter_even(portal, engagements * 11 // 10 + 20, seed)
    for number, one in enumerate(islice(generated, engagements)):
        associations = {
            key: [FIRST_ID + number % (engagements * share // 100)] for key, share in SHARES.items()
        }
        portal.create({**one, "associations": associations})
    return portal


def main() -> None:
    options = build_parser().parse_args()
    # Blocked in this and all later threads until sigwait.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    portal = objects_portal(options.engagements, options.seed)
    with ObjectsSimulator(
        portal,
        options.port,
        token=options.token,
        rate_limit=options.rate_limit,
        search_limit=options.search_limit,
    ) as simulator:
        print(simulator.url, flush=True)
        signal.sigwait(STOP_SIGNALS)


if __name__ == "__main__":
    main()
