"""How several requests at a time speed up a first load from afar."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.bench import Bench, Tap
from benchmarks.contest import Contender, Contest, Goal, hold
from demo.portal import ServedPortal

ENGAGEMENTS = 50_000  # dense old ids, sparse new ones
LATENCIES_MS = (0, 50, 300)
WORKERS = (6, 1, 2, 4, 8)  # the default first


def measure(bench: Bench) -> list[Contest]:
    """Load at each latency."""
    return [_at(bench, latency_ms) for latency_ms in LATENCIES_MS]


def _at(bench: Bench, latency_ms: int) -> Contest:
    portal_of = ("--engagements", str(ENGAGEMENTS), "--seed", "7", "--latency-ms", str(latency_ms))
    with ServedPortal(portal_of) as portal:
        contenders = [_by_workers(bench, portal, workers) for workers in WORKERS]
        question = f"First load of {ENGAGEMENTS:,} engagements, {latency_ms} ms a request"
        return hold(question, ENGAGEMENTS, contenders, _goals() if latency_ms >= 300 else ())


def _by_workers(bench: Bench, portal: ServedPortal, workers: int) -> Contender:
    tap = Tap(bench.folder, portal, {"backfill_workers": workers})
    return Contender(_name(workers), tap.run)


def _name(workers: int) -> str:
    return f"{workers} worker{'s'[: workers > 1]}"


def _goals() -> Sequence[Goal]:
    six, one = _name(6), _name(1)
    return Goal("wall_s", six, 1 / 5, (one,)), Goal("requests", six, 1.1, (one,))
