"""What a full pass without any change takes: of the server, of its logs, and of a replica."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from benchmarks.bench import Bench, Pipe, Tap, size_of
from benchmarks.contest import Contender, Contest, Goal, Measure, hold, measured
from benchmarks.databases import MySQLDatabase, empty, logs_mb, query_rows
from benchmarks.measure import Usage, wait_until_idle
from benchmarks.replica import Replica, replicated
from demo.portal import ServedPortal

ENGAGEMENTS = size_of(1_000_000)
DATABASE = "full_pass"
FIRST_LOAD, FULL_PASS = "the first load", "a full pass, nothing changed"
MINIMAL = f"{FULL_PASS}, binlog_row_image=MINIMAL"
DUE_AT_ONCE = {"full_refresh_days": 1e-6}
MOST = 0.25  # of the first load
LIMITED: tuple[Measure, ...] = ("server_cpu_s", "redo_mb", "binlog_mb")


def measure(bench: Bench) -> list[Contest]:
    """Load a portal, then read everything again, and let a replica catch up after each load."""
    portal_of = ("--engagements", str(ENGAGEMENTS), "--seed", "7")
    with replicated() as replica, ServedPortal(portal_of) as portal:
        empty(replica.source, DATABASE)
        loads = _Loads(Pipe(Tap(bench.folder, portal), replica.source, DATABASE), replica)
        # A first load cannot take turns: the passes need what it loads.
        first = loads.run(FIRST_LOAD)
        contenders = [
            Contender(FULL_PASS, lambda: loads.run(FULL_PASS), runs=2),
            Contender(MINIMAL, lambda: loads.run(MINIMAL, "MINIMAL"), runs=1),
            measured(FIRST_LOAD, [first]),
        ]
        goals = [Goal(one, FULL_PASS, MOST, (FIRST_LOAD,)) for one in LIMITED]
        question = f"A full pass over {ENGAGEMENTS:,} engagements, with a binary log"
        contest = hold(question, ENGAGEMENTS, contenders, goals)
        return [contest, _replica_contest(loads)]


def _replica_contest(loads: _Loads) -> Contest:
    names = (FULL_PASS, MINIMAL, FIRST_LOAD)
    contenders = [measured(name, loads.replicated[name]) for name in names]
    question = f"The replica of that server, after loads of {ENGAGEMENTS:,} engagements"
    return hold(question, ENGAGEMENTS, contenders)


@dataclass
class _Loads:
    """
    Loads through one pipe, each from the state of the load before; the replica applies each.

    `replicated` has the replica's usage of each load, by the name of the load.
    """

    pipe: Pipe
    replica: Replica
    replicated: dict[str, list[Usage]] = field(default_factory=dict)

    def run(self, name: str, row_image: str = "FULL") -> Usage:
        """
        Run both programs, then the replica.

        `row_image` is what the binary log has of a changed row: FULL or MINIMAL. Returns the usage
        of the programs and their server. Raises RuntimeError unless both servers then have every
        engagement.
        """
        server = self.pipe.server
        query_rows(server, f"SET GLOBAL binlog_row_image = {row_image}")
        wait_until_idle(server.pid)
        redo_mb, binlog_mb = logs_mb(server)
        usage = self.pipe.run()
        redo_after_mb, binlog_after_mb = logs_mb(server)
        self.replicated.setdefault(name, []).append(self.replica.catch_up())
        for one in (server, self.replica.server):
            _check(MySQLDatabase(one, DATABASE))
        tap = replace(self.pipe.tap, settings=DUE_AT_ONCE, state=self.pipe.last_state())
        self.pipe = replace(self.pipe, tap=tap)
        return replace(
            usage, redo_mb=redo_after_mb - redo_mb, binlog_mb=binlog_after_mb - binlog_mb
        )


def _check(database: MySQLDatabase) -> None:
    """Raise RuntimeError unless the table has every engagement, none of them deleted."""
    rows, deleted = database.query("SELECT COUNT(*), COUNT(_sdc_deleted_at) FROM engagements")
    if (rows, deleted) != (ENGAGEMENTS, 0):
        raise RuntimeError(f"{rows} rows, {deleted} of them deleted, of {ENGAGEMENTS} engagements")
