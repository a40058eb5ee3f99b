"""What an hour costs: `hubspot-engagements sync` of portals in which 1 % changes each day."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.bench import Bench, requests_of
from benchmarks.contest import Contender, Contest, hold
from benchmarks.databases import empty
from benchmarks.measure import Run, Usage
from demo.portal import TOKEN, ServedPortal
from private_servers.shell import PROGRAMS

SYNC = PROGRAMS / "hubspot-engagements"
# Engagements, and those that change in an hour. The changes of a portal of ten million are made in
# one of 100,000: the sizes without changes show that only changes count.
PORTALS = {1_000: (0, 1), 100_000: (0, 42, 4_167)}
DATABASE = "hourly"


@dataclass(frozen=True)
class Hourly:
    """A portal that is loaded, and the `ids` of engagements to edit."""

    bench: Bench
    portal: ServedPortal
    ids: Sequence[int]

    def run(self, changes: int) -> Usage:
        """
        Edit as many engagements, then sync; the usage is that of the sync.

        They are the same each time: a run also reads what the runs of the last minutes have read.
        """
        for engagement_id in self.ids[:changes]:
            self.portal.update(engagement_id, {"engagement": {"ownerId": 70}})
        log = self.bench.folder / "hourly.log"
        with log.open("w") as stderr:
            command: list[str | Path] = [SYNC, "sync", "--config", self._config()]
            usage = Run(command, {}, stderr=stderr, server=self.bench.server.pid).usage()
        return replace(usage, requests=requests_of(log))

    def _config(self) -> Path:
        server = self.bench.server.environment()
        keys = {name.removeprefix("TARGET_MYSQL_").lower(): server[name] for name in server}
        sections = {
            "tap": {"access_token": TOKEN, "base_url": self.portal.url},
            "target": {**keys, "database": DATABASE},
        }
        path = self.bench.folder / "hourly.json"
        path.write_text(json.dumps(sections))
        path.chmod(0o600)
        return path


def measure(bench: Bench) -> list[Contest]:
    """Load each portal, then sync it with as many changes as an hour brings, few first."""
    return [one for size, changes in PORTALS.items() for one in _measure(bench, size, changes)]


def _measure(bench: Bench, size: int, changes: Sequence[int]) -> list[Contest]:
    empty(bench.server, DATABASE)
    with ServedPortal(("--engagements", str(size), "--seed", "7")) as portal:
        hourly = Hourly(bench, portal, portal.ids(max(changes)))
        hourly.run(0)  # the first load
        return [_hold(hourly, size, count) for count in sorted(changes)]


def _hold(hourly: Hourly, size: int, changes: int) -> Contest:
    contender = Contender("tap, target and sync", lambda: hourly.run(changes))
    question = f"An hourly run of {size:,} engagements, {changes:,} changed"
    return hold(question, changes or 1, [contender], compared=False)
