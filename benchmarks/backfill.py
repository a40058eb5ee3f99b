"""How much several requests at a time speed up a first load from far away."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.measure import Run
from demo.portal import TOKEN, ServedPortal
from demo.shell import PROGRAMS

ENGAGEMENTS = 100_000  # dense old ids, sparse new ones
LATENCY_MS = 300
WORKERS = (1, 6)


def measure(folder: Path) -> None:
    """Print time and requests of a first load by WORKERS, and their ratios."""
    portal_of = ("--engagements", str(ENGAGEMENTS), "--seed", "7", "--latency-ms", str(LATENCY_MS))
    print(f"\nFirst load of {ENGAGEMENTS:,} engagements, {LATENCY_MS} ms a request")
    print(f"{'':34}{'wall s':>9}{'requests':>10}")
    with ServedPortal(portal_of) as portal:
        alone, together = (_run(folder, portal, workers) for workers in WORKERS)
    for workers, (wall_s, requests) in zip(WORKERS, (alone, together), strict=True):
        print(
            f"{workers:>2} {'worker' if workers == 1 else 'workers':31}{wall_s:9.1f}{requests:10}"
        )
    wall, requests = together[0] / alone[0], together[1] / alone[1]
    print(f"{'six to one':34}{wall:9.2f}{requests:10.2f}")


def _run(folder: Path, portal: ServedPortal, workers: int) -> tuple[float, int]:
    """Return seconds on the wall and requests made."""
    config = folder / f"backfill_{workers}.json"
    settings = {
        "access_token": TOKEN,
        "base_url": portal.url,
        "requests_per_10_seconds": 10_000,
        "backfill_workers": workers,
    }
    config.write_text(json.dumps(settings))
    log = folder / f"backfill_{workers}.log"
    with log.open("w") as errors:
        usage = Run(
            [PROGRAMS / "tap-hubspot-engagements", "--config", config], {}, stderr=errors
        ).usage()
    (line,) = (line for line in log.read_text().splitlines() if "http_request_count" in line)
    return usage.wall_s, int(json.loads(line.partition("METRIC: ")[2])["value"])
