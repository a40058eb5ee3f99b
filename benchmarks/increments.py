"""What a sync costs when little is new: one change in a hundred, and nothing at all."""

from __future__ import annotations

from benchmarks.bench import Bench, Tap
from benchmarks.contest import Contender, Contest, Goal, hold
from demo.portal import ServedPortal

ENGAGEMENTS = 20_000
CHANGED = ENGAGEMENTS // 100


def measure(bench: Bench) -> list[Contest]:
    """Sync once, then measure syncs from that state: with nothing new, and with CHANGED edits."""
    with ServedPortal(("--engagements", str(ENGAGEMENTS), "--seed", "7")) as portal:
        first = Tap(bench.folder, portal)
        state = first.sync("first")
        tap = Tap(bench.folder, portal, state=state)
        alone = Tap(bench.folder, portal, streams=["engagements"], state=state)
        nothing_new = _nothing_new(tap, alone)
        for engagement_id in portal.ids(CHANGED):
            portal.update(engagement_id, {"engagement": {"ownerId": 70}})
        return [nothing_new, _changed(tap, first)]


def _nothing_new(tap: Tap, alone: Tap) -> Contest:
    name = "the tap, nothing new"
    contenders = [
        Contender(name, alone.run),
        Contender("the tap, nothing new, all streams", tap.run),
    ]
    goals = [Goal("requests", name, 1), Goal("wall_s", name, 0.4)]
    return hold(f"An increment of {ENGAGEMENTS:,} engagements, nothing new", 1, contenders, goals)


def _changed(tap: Tap, first: Tap) -> Contest:
    contenders = [
        Contender("the tap, from its state", tap.run),
        Contender("the tap, everything anew", first.run, records=ENGAGEMENTS),
    ]
    question = f"An increment of {ENGAGEMENTS:,} engagements, {CHANGED:,} changed"
    return hold(question, CHANGED, contenders)
