"""Whether large tables slow the target: a run of few changes, and ACTIVATE_VERSION."""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from benchmarks.bench import TARGET, Bench, size_of
from benchmarks.contest import Contender, Contest, Goal, Measure, hold
from benchmarks.databases import MySQLDatabase
from benchmarks.measure import Run, Usage, wait_until_idle
from benchmarks.memory import MOST_MB
from benchmarks.singer_lines import FIRST_ID, INTEGER, NARROW, STREAM, TEXT, narrow_record
from private_servers.server import PrivateServer

LARGEST = size_of(10_000_000)
SIZES = [size for size in (10_000, 100_000, 1_000_000, 10_000_000) if size <= LARGEST]
CHANGES, RUNS = 100, 10  # of one measurement: the server takes few ticks of the clock for a run
FLAT = 1.5  # the largest table to the smallest
CHILD = "engagement_associations"
PAGE = 1000
OLD, CURRENT = 1, 2  # versions
OLD_EVERY = 100
EXTRACTED = b'"time_extracted":"2026-01-01T00:00:00.000000Z"'
FLAT_MEASURES: tuple[Measure, ...] = ("cpu_s", "server_cpu_s", "wall_s")


def measure(bench: Bench) -> list[Contest]:
    """Fill tables of SIZES rows, change few rows of each, and end a version of the largest."""
    tables = [_Tables(bench.server, size) for size in SIZES]
    for one in tables:
        one.fill()
    wait_until_idle(bench.server.pid)
    return [_changes(tables), _activate_version(tables[-1])]


def _changes(tables: list[_Tables]) -> Contest:
    contenders = [Contender(f"{one.rows:,} rows", one.run_hourly, runs=3) for one in tables]
    fewest, most = contenders[0].name, contenders[-1].name
    goals = [Goal(one, most, FLAT, (fewest,)) for one in FLAT_MEASURES]
    question = f"{RUNS} runs of target-mysql, {CHANGES} changes each, by rows of a table"
    return hold(question, RUNS * CHANGES, contenders, goals)


def _activate_version(tables: _Tables) -> Contest:
    """Flag and delete the rows of the old version; each run finds what the ones before left."""
    old = tables.rows // OLD_EVERY
    runs = {
        f"{old:,} soft deletes": (False, tables.rows, old),
        "no soft delete": (False, tables.rows, old),
        f"{old:,} hard deletes": (True, tables.rows - old, 0),
        "no hard delete": (True, tables.rows - old, 0),
    }
    contenders = [
        Contender(name, lambda one=one: tables.activate_version(*one), runs=1)  # type: ignore[misc]
        for name, one in runs.items()
    ]
    goals = [Goal("peak_mb", name, MOST_MB) for name in runs]
    question = f"ACTIVATE_VERSION of a table of {tables.rows:,} rows"
    return hold(question, tables.rows, contenders, goals, compared=False)


@dataclass(frozen=True)
class _Tables:
    """Two tables of `rows` rows in a database of their own: engagements, and a child of each."""

    server: PrivateServer
    rows: int

    @property
    def database(self) -> MySQLDatabase:
        return MySQLDatabase(self.server, f"growth_{self.rows}")

    def fill(self) -> None:
        """Load all rows; every hundredth engagement has the old version."""
        self.database.empty()
        self._load(itertools.chain(_schemas(), pages(range(self.rows), change=0)))

    def run_hourly(self) -> Usage:
        """Return the sums of RUNS runs; each changes the same rows, spread over the table."""
        numbers = range(1, self.rows, self.rows // CHANGES)
        runs = [[*_schemas(), *pages(numbers, change)] for change in range(1, RUNS + 1)]
        return _sum([self._load(lines) for lines in runs])

    def activate_version(self, hard_delete: bool, rows: int, deleted: int) -> Usage:
        """
        Send ACTIVATE_VERSION of the current version.

        Raises RuntimeError unless `rows` rows are left, `deleted` of them with a time of deletion.
        """
        message = {"type": "ACTIVATE_VERSION", "stream": STREAM, "version": CURRENT}
        lines = [*_schemas(), json.dumps(message).encode() + b"\n"]
        usage = self._load(lines, {"TARGET_MYSQL_HARD_DELETE": str(hard_delete).lower()})
        counts = self.database.query(f"SELECT COUNT(*), COUNT(_sdc_deleted_at) FROM {STREAM}")
        if counts != (rows, deleted):
            raise RuntimeError(f"{counts} rows and deletions, in place of {(rows, deleted)}")
        return usage

    def _load(self, lines: Iterable[bytes], settings: dict[str, str] | None = None) -> Usage:
        database = {"TARGET_MYSQL_DATABASE": self.database.name}
        environment = {**self.server.environment(), **database, **(settings or {})}
        target = Run([TARGET], environment, stdin=subprocess.PIPE, server=self.server.pid)
        assert target.process.stdin is not None  # PIPE
        with target.process.stdin as stdin:
            stdin.writelines(lines)
        return target.usage()


def _sum(usages: list[Usage]) -> Usage:
    return Usage(
        sum(one.wall_s for one in usages),
        sum(one.cpu_s for one in usages),
        max(one.peak_mb for one in usages),
        sum(one.server_cpu_s or 0.0 for one in usages),
    )


def _schemas() -> Iterator[bytes]:
    keys = {STREAM: ["id"], CHILD: ["engagementId", "objectType", "objectId"]}
    columns = {
        "engagementId": INTEGER,
        "objectType": {**TEXT, "maxLength": 16},
        "objectId": INTEGER,
    }
    child = {"x-parent": {"stream": STREAM, "keys": {"engagementId": "id"}}, "properties": columns}
    for stream, schema in ((STREAM, {"properties": NARROW}), (CHILD, child)):
        message = {"type": "SCHEMA", "stream": stream, "schema": schema}
        yield json.dumps({**message, "key_properties": keys[stream]}).encode() + b"\n"


def pages(numbers: range, change: int) -> Iterator[bytes]:
    """Yield pages of engagements, each followed by the children of its engagements and a STATE."""
    for start in range(0, len(numbers), PAGE):
        page = numbers[start : start + PAGE]
        for number in page:
            version = CURRENT if number % OLD_EVERY else OLD
            record = narrow_record(number, change)
            yield _record(STREAM.encode(), record, version)
        for number in page:
            child = b'"engagementId":%d,"objectType":"contact","objectId":%d'
            yield _record(CHILD.encode(), child % (FIRST_ID + 7 * number, number % 1000), CURRENT)
        yield b'{"type":"STATE","value":{"reached":%d}}\n' % start


def _record(stream: bytes, record: bytes, version: int) -> bytes:
    return b'{"type":"RECORD","stream":"%b","record":{%b},%b,"version":%d}\n' % (
        stream,
        record,
        EXTRACTED,
        version,
    )
