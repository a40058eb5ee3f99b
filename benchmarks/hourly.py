"""
What `hubspot-engagements sync` costs in portals in which 1 % changes each day: the hourly run, the
daily run that also sweeps deletions, and the weekly run that reads everything.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.bench import NO_LIMIT, Bench, requests_of
from benchmarks.contest import RUNS, Contest, hold, measured
from benchmarks.databases import empty
from benchmarks.measure import Run, Usage
from benchmarks.objects import VERSION
from demo.portal import TOKEN, ServedPortal
from private_servers.shell import PROGRAMS

SYNC = PROGRAMS / "hubspot-engagements"
# Engagements, and those that an hourly run reads where 1 % changes each day: the changes of its
# hour, and by the lookback those of the hour before. The changes of a portal of ten million are
# made in one of 100,000: the sizes without changes show that only changes count.
PORTALS = {1_000: (0, 1), 100_000: (0, 83, 8_333)}
APIS = ("v1", VERSION)
DATABASE = "hourly"
SWEEP_DUE: dict[str, Any] = {"deletion_sweep_hours": 0}
FULL_PASS_DUE: dict[str, Any] = {"full_refresh_days": 1e-6}


@dataclass(frozen=True)
class Hourly:
    """A portal that is loaded by one API of HubSpot, and the `ids` of engagements to edit."""

    bench: Bench
    portal: ServedPortal
    api: str
    ids: Sequence[int]

    def runs(self, changes: int, settings: dict[str, Any] | None = None) -> list[Usage]:
        """Return the usages of RUNS runs."""
        return [self.run(changes, settings) for _ in range(RUNS)]

    def run(self, changes: int, settings: dict[str, Any] | None = None) -> Usage:
        """
        Edit as many engagements, then sync with `settings` of the tap; returns the sync's usage.

        The engagements are the same each time: a run also reads what the runs of the last hour have
        read.
        """
        for engagement_id in self.ids[:changes]:
            self.portal.update(engagement_id, {"engagement": {"ownerId": 70}})
        log = self.bench.folder / "hourly.log"
        with log.open("w") as stderr:
            command: list[str | Path] = [SYNC, "sync", "--config", self._config(settings or {})]
            usage = Run(command, {}, stderr=stderr, server=self.bench.server.pid).usage()
        return replace(usage, requests=requests_of(log))

    def _config(self, settings: dict[str, Any]) -> Path:
        server = self.bench.server.environment()
        keys = {name.removeprefix("TARGET_MYSQL_").lower(): server[name] for name in server}
        sections = {
            "tap": {
                "access_token": TOKEN,
                "base_url": self.portal.url,
                "api_version": self.api,
                "requests_per_10_seconds": NO_LIMIT,
                **settings,
            },
            "target": {**keys, "database": DATABASE},
        }
        path = self.bench.folder / "hourly.json"
        path.write_text(json.dumps(sections))
        path.chmod(0o600)
        return path


def measure(bench: Bench) -> list[Contest]:
    """Load each portal, then sync all of it, then as many changes as a run reads, few first."""
    return [
        _measure(bench, api, size, changes) for api in APIS for size, changes in PORTALS.items()
    ]


def _measure(bench: Bench, api: str, size: int, changes: Sequence[int]) -> Contest:
    empty(bench.server, DATABASE)
    with ServedPortal(("--engagements", str(size), "--seed", "7")) as portal:
        hourly = Hourly(bench, portal, api, portal.ids(max(changes)))
        hourly.run(0)  # the first load
        # In turn, few changes first: the runs of an hour read its changes again.
        contenders = [
            measured("a full pass", hourly.runs(0, FULL_PASS_DUE)),
            measured("a sweep of deletions", hourly.runs(0, SWEEP_DUE), 1),
            *(
                measured(f"{count:,} changed", hourly.runs(count), count or 1)
                for count in sorted(changes)
            ),
        ]
        question = f"A run of sync over {size:,} engagements, by {api}"
        return hold(question, size, contenders, compared=False)
