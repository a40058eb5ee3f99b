"""How close to HubSpot's limit of requests a first load into MySQL comes, and on how much CPU."""

from __future__ import annotations

from typing import Any

from benchmarks.bench import Bench, Pipe, Tap, size_of
from benchmarks.contest import Contender, Contest, Goal, hold
from benchmarks.databases import empty
from benchmarks.limit import LIMIT, WINDOW_S
from benchmarks.measure import Usage
from benchmarks.objects import BY_OBJECTS, PROGRAM, SEARCHES, VERSION
from demo.portal import ServedPortal

ENGAGEMENTS = size_of(1_000_000)
DATABASE = "limit"
PAGES_OF = {"v1": 250, VERSION: 100}  # engagements at most, by API
OURS = "tap and target"
AT_THE_LIMIT = f"{LIMIT} full pages in {WINDOW_S} s, and one processor meanwhile, by arithmetic"


def measure(bench: Bench) -> list[Contest]:
    """Load all streams once by each API, from portals that refuse whoever asks more often."""
    portal_of = ("--engagements", str(ENGAGEMENTS), "--seed", "7", "--rate-limit", str(LIMIT))
    with ServedPortal(portal_of) as portal:
        by_v1 = _hold(bench, Tap(bench.folder, portal, {"requests_per_10_seconds": LIMIT}), "v1")
    with ServedPortal((*portal_of, "--search-limit", str(SEARCHES)), PROGRAM) as portal:
        settings: dict[str, Any] = {**BY_OBJECTS, "requests_per_10_seconds": LIMIT}
        return [by_v1, _hold(bench, Tap(bench.folder, portal, settings), VERSION)]


def _hold(bench: Bench, tap: Tap, api: str) -> Contest:
    def run() -> Usage:
        empty(bench.server, DATABASE)
        return Pipe(tap, bench.server, DATABASE).run()

    least_s = ENGAGEMENTS / PAGES_OF[api] * WINDOW_S / LIMIT
    contenders = [
        Contender(OURS, run, runs=1),
        Contender(AT_THE_LIMIT, lambda: Usage(least_s, least_s), runs=1),
    ]
    goals = [
        Goal("wall_s", OURS, 1 / 0.9, (AT_THE_LIMIT,)),
        Goal("cpu_s", OURS, 1.0, (AT_THE_LIMIT,)),
    ]
    question = f"First load of {ENGAGEMENTS:,} engagements into MySQL at HubSpot's limit, by {api}"
    return hold(question, ENGAGEMENTS, contenders, goals)
