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
        name = "the tap, nothing new"
        tap = Tap(bench.folder, portal, state=state)
        goals = [Goal("requests", name, 1), Goal("wall_s", name, 0.4)]
        streams = ["engagements"]
        alone = Tap(bench.folder, portal, streams=streams, state=state)
        found = [
            hold(
                f"An increment of {ENGAGEMENTS:,} engagements, nothing new",
                1,
                [
                    Contender(name, alone.run),
                    Contender("the tap, nothing new, all streams", tap.run),
                ],
                goals,
            )
        ]
        for engagement_id in portal.ids(CHANGED):
            portal.update(engagement_id, {"engagement": {"ownerId": 70}})
        found.append(
            hold(
                f"An increment of {ENGAGEMENTS:,} engagements, {CHANGED:,} changed",
                CHANGED,
                [
                    Contender("the tap, from its state", tap.run),
                    Contender("the tap, everything anew", first.run, records=ENGAGEMENTS),
                ],
            )
        )
    return found
