"""
Which SPLIT_POINT a full pass by ranges of ids should have: `python -m benchmarks.split_point`.

Simulates passes of the tap's own plan over a list of ids, with requests of random latency and
without network. For each split point it prints the number of requests, and the time of a pass in
latencies of a request, both relative to the least possible ones. The smallest product is best.
"""

from __future__ import annotations

import heapq
import random
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from math import ceil
from statistics import fmean

from tap_hubspot_engagements.engagement import Engagement
from tap_hubspot_engagements.source import Page
from tap_hubspot_engagements.v1 import id_ranges
from tap_hubspot_engagements.v1.id_ranges import Remainder
from tap_hubspot_engagements.v1.page_size import PageSizes

ENGAGEMENTS = 50_000
PAGE_SIZE = 250
WORKERS = 6
PASSES = 5  # with random latencies, for each kind of ids
SPLIT_POINTS = (0.0, 0.3, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)
NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def even_ids(random_: random.Random) -> list[int]:
    """Return ids at about the same distance."""
    return _ids(lambda _: random_.randint(1, 2000))


def dense_ids(random_: random.Random) -> list[int]:
    """Return ids as HubSpot has them: old ones close together, new ones far apart."""
    return _ids(lambda share: random_.randint(1, 2 + int(10_000 * share**6)))


def uneven_ids(random_: random.Random) -> list[int]:
    """Return ids in clumps, as imports leave them."""
    return _ids(lambda _: 1 if random_.random() < 0.999 else random_.randint(1, 10**8))


KINDS: Mapping[str, Callable[[random.Random], list[int]]] = {
    "even": even_ids,
    "dense": dense_ids,
    "uneven": uneven_ids,
}


def simulate(ids: Sequence[int], random_: random.Random) -> tuple[int, float]:
    """Return the requests of a pass over `ids`, and the pass's time in latencies of a request."""
    plan = id_ranges._Plan(PageSizes(PAGE_SIZE), Remainder())
    plan.top = ids[-1]
    in_flight: list[tuple[float, int, id_ranges._Part]] = []
    now = requests = 0.0
    while True:
        while len(in_flight) < WORKERS and (part := plan.next_part()):
            part.is_requested = True
            requests += 1
            heapq.heappush(in_flight, (now + random_.uniform(0.7, 1.3), int(requests), part))
        if not in_flight:
            return int(requests), now
        now, _, part = heapq.heappop(in_flight)
        plan.advance(part, page_after(ids, part.at))


def page_after(ids: Sequence[int], offset: int) -> Page:
    """Return the page that HubSpot would list after `offset`."""
    start = bisect_right(ids, offset)
    listed = ids[start : start + PAGE_SIZE]
    is_last = start + PAGE_SIZE >= len(ids)
    engagements = [Engagement(engagement_id, None, None, None, None) for engagement_id in listed]
    return Page(engagements, {"offset": listed[-1] if listed else offset}, is_last, NOW, NOW)


def main() -> None:
    """Print the table."""
    least = ceil(ENGAGEMENTS / PAGE_SIZE)
    print(f"{'split point':>11} " + "".join(f"{kind + ': requests, time':>26}" for kind in KINDS))
    for split_point in SPLIT_POINTS:
        id_ranges.SPLIT_POINT = split_point
        cells, products = [], []
        for make_ids in KINDS.values():
            random_ = random.Random(1)
            passes = [simulate(make_ids(random_), random_) for _ in range(PASSES)]
            requests = fmean(number for number, _ in passes) / least
            time = fmean(took for _, took in passes) / (least / WORKERS)
            products.append(requests * time)
            cells.append(f"{requests:18.3f}, {time:6.3f}")
        print(f"{split_point:11.2f} {''.join(cells)}   product {fmean(products):.3f}")


def _ids(gap: Callable[[float], int]) -> list[int]:
    """Return ascending ids; `gap` gives the distance at each share of the list, 0 to 1."""
    ids, last = [], 1
    for number in range(ENGAGEMENTS):
        last += gap(number / ENGAGEMENTS)
        ids.append(last)
    return ids


if __name__ == "__main__":
    main()
