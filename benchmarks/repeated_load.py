"""What a load of existing, equal rows takes of the server and its logs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.bench import SERVER_OPTIONS, TARGET, Bench, Tap, size_of
from benchmarks.contest import Contender, Contest, Goal, Measure, hold
from benchmarks.databases import empty, logs_mb
from benchmarks.measure import Run, Usage, wait_until_idle
from benchmarks.replica import SOURCE_OPTIONS
from demo.portal import ServedPortal
from private_servers.mariadb import PrivateMariaDB
from private_servers.server import PrivateServer

ENGAGEMENTS = size_of(100_000)
DATABASE = "repeated_load"
AGAIN, FIRST_LOAD = "the same lines again", "the first load"
MOST: dict[Measure, float] = {"server_cpu_s": 1 / 3, "redo_mb": 0.25, "binlog_mb": 0.25}


def measure(bench: Bench) -> list[Contest]:
    """Load the lines of the tap, all streams, and load them again."""
    lines = bench.folder / "repeated_lines"
    with ServedPortal(("--engagements", str(ENGAGEMENTS), "--seed", "7")) as portal:
        Tap(bench.folder, portal).run(lines)
    with PrivateMariaDB((*SERVER_OPTIONS, *SOURCE_OPTIONS)) as server:
        loads = _Loads(server, lines)
        loads.first()
        contenders = [Contender(AGAIN, loads.again), Contender(FIRST_LOAD, loads.first)]
        goals = [Goal(one, AGAIN, most, (FIRST_LOAD,)) for one, most in MOST.items()]
        question = f"A load of {ENGAGEMENTS:,} engagements that are there already"
        contest = hold(question, ENGAGEMENTS, contenders, goals)
    lines.unlink()
    return [contest]


@dataclass(frozen=True)
class _Loads:
    """The target alone, loading `lines`."""

    server: PrivateServer
    lines: Path

    def first(self) -> Usage:
        """Load into an empty database."""
        empty(self.server, DATABASE)
        return self.again()

    def again(self) -> Usage:
        """Load into the database as it is; the usage includes the server's logs."""
        wait_until_idle(self.server.pid)
        redo_mb, binlog_mb = logs_mb(self.server)
        environment = {**self.server.environment(), "TARGET_MYSQL_DATABASE": DATABASE}
        with self.lines.open("rb") as stdin:
            usage = Run([TARGET], environment, stdin=stdin, server=self.server.pid).usage()
        redo_after_mb, binlog_after_mb = logs_mb(self.server)
        return replace(
            usage, redo_mb=redo_after_mb - redo_mb, binlog_mb=binlog_after_mb - binlog_mb
        )
