"""How close to HubSpot's limit of requests a first load comes."""

from __future__ import annotations

import time

from benchmarks.bench import Bench, Tap
from benchmarks.contest import Contender, Contest, Goal, hold
from benchmarks.measure import Usage
from demo.portal import ServedPortal

ENGAGEMENTS = 50_000
PAGE_SIZE = 50  # so that there are some thousand requests
LIMIT, WINDOW_S = 190, 10  # HubSpot's, of a Professional or Enterprise portal
OURS = "the tap"
BY_ARITHMETIC = f"as many requests as fast as {LIMIT} in {WINDOW_S} s allow, by arithmetic"


def measure(bench: Bench) -> list[Contest]:
    """Load from a portal that refuses whoever asks more often."""
    portal_of = ("--engagements", str(ENGAGEMENTS), "--seed", "7", "--rate-limit", str(LIMIT))
    with ServedPortal(portal_of) as portal:
        tap = Tap(bench.folder, portal, {"requests_per_10_seconds": LIMIT, "page_size": PAGE_SIZE})
        made: list[Usage] = []

        def run() -> Usage:
            time.sleep(WINDOW_S)  # or the requests of the run before would count in this one
            made.append(tap.run())
            return made[-1]

        return [
            hold(
                f"First load of {ENGAGEMENTS:,} engagements, {LIMIT} requests in {WINDOW_S} s",
                ENGAGEMENTS,
                [Contender(OURS, run), Contender(BY_ARITHMETIC, lambda: least(made[-1]))],
                [Goal("wall_s", OURS, 1 / 0.9, (BY_ARITHMETIC,))],
            )
        ]


def least(made: Usage) -> Usage:
    """Return the least time for as many requests: a window's at once, the next a window later."""
    requests = made.requests or 1
    return Usage(float((requests - 1) // LIMIT * WINDOW_S), requests=requests)
