"""How several requests at a time speed up a first load from afar, and one within a limit."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.bench import Bench, Tap
from benchmarks.contest import Contender, Contest, Goal, hold
from benchmarks.measure import Usage
from demo.portal import ServedPortal

ENGAGEMENTS = 50_000  # dense old ids, sparse new ones
LATENCIES_MS = (0, 50, 300)
WORKERS = (6, 1, 2, 4, 8)  # the default first
LIMIT, WINDOW_S = 190, 10  # HubSpot's, of a Professional or Enterprise portal
LIMITED_PAGE_SIZE = 50  # so that there are some thousand requests


def measure(bench: Bench) -> list[Contest]:
    """Ask at each latency, then at the limit."""
    return [*(_at(bench, latency_ms) for latency_ms in LATENCIES_MS), _at_the_limit(bench)]


def _at(bench: Bench, latency_ms: int) -> Contest:
    with _portal("--latency-ms", str(latency_ms)) as portal:
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


def _at_the_limit(bench: Bench) -> Contest:
    settings = {"requests_per_10_seconds": LIMIT, "page_size": LIMITED_PAGE_SIZE}
    made: list[Usage] = []

    def run() -> Usage:
        made.append(tap.run())
        return made[-1]

    def by_arithmetic() -> Usage:
        """The least time for as many requests: a window's at once, the next a window later."""
        return Usage(wall_s=float(((made[-1].requests or 1) - 1) // LIMIT * WINDOW_S))

    with _portal("--rate-limit", str(LIMIT)) as portal:
        tap = Tap(bench.folder, portal, settings)
        limit = f"as many requests as fast as {LIMIT} in {WINDOW_S} s allow, by arithmetic"
        return hold(
            f"First load of {ENGAGEMENTS:,} engagements within a limit of {LIMIT} requests"
            f" in {WINDOW_S} s",
            ENGAGEMENTS,
            [Contender("the tap", run), Contender(limit, by_arithmetic)],
            [Goal("wall_s", "the tap", 1 / 0.9, (limit,))],
        )


def _portal(*arguments: str) -> ServedPortal:
    return ServedPortal(("--engagements", str(ENGAGEMENTS), "--seed", "7", *arguments))
