"""How several requests at a time speed up a first load from afar."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.bench import Bench, Tap
from benchmarks.contest import Contender, Contest, Goal, hold
from demo.portal import ServedPortal

# By latency in ms; dense old ids, sparse new ones. From afar more of them, or what each first load
# waits for alone, its first answer, its last ones and its changes, would be much of what is timed.
ENGAGEMENTS = {0: 50_000, 50: 50_000, 300: 100_000}
WORKERS = (6, 1, 2, 4, 8)  # the default first


def measure(bench: Bench) -> list[Contest]:
    """Load at each latency."""
    return [_at(bench, latency_ms, engagements) for latency_ms, engagements in ENGAGEMENTS.items()]


def _at(bench: Bench, latency_ms: int, engagements: int) -> Contest:
    portal_of = ("--engagements", str(engagements), "--seed", "7", "--latency-ms", str(latency_ms))
    with ServedPortal(portal_of) as portal:
        contenders = [_by_workers(bench, portal, workers) for workers in WORKERS]
        question = f"First load of {engagements:,} engagements, {latency_ms} ms a request"
        return hold(question, engagements, contenders, _goals() if latency_ms >= 300 else ())


def _by_workers(bench: Bench, portal: ServedPortal, workers: int) -> Contender:
    tap = Tap(bench.folder, portal, {"backfill_workers": workers})
    return Contender(_name(workers), tap.run)


def _name(workers: int) -> str:
    return f"{workers} worker{'s'[: workers > 1]}"


def _goals() -> Sequence[Goal]:
    six, one = _name(6), _name(1)
    return Goal("wall_s", six, 1 / 5, (one,)), Goal("requests", six, 1.1, (one,))
