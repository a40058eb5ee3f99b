"""Schedules of overlapping runs, with edits, kills, stops and lost connections."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

import pymysql
from pymysql.cursors import Cursor

from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator
from private_servers.server import PrivateServer
from tests.conftest import TestDatabase
from tests.pipeline import Pipeline, assert_equals
from tests.tap.test_every_source import change

END_S = 240
PAIRS_A_SCHEDULE = 5
# Seconds from a lock's last renewal to its expiry: short, so that a stopped run loses the lock.
LOCK_TIMEOUT_S = 1.5
EXIT_LOCKED = 75
DISTURBANCES = (
    *("nothing", "nothing", "kill target", "kill tap", "stop target", "stop tap"),
    *("stop target for long", "stop target for long", "lose connections"),
)


@dataclass(frozen=True)
class ClusterDatabase(TestDatabase):
    """
    A database of a cluster.

    `fresh_reads` is the statement after which a connection reads the commits of all nodes. Programs
    get all nodes as hosts; tests connect to the first node that accepts writes.
    """

    nodes: Sequence[PrivateServer] = ()
    fresh_reads: str = ""
    foreign_keys: bool = True

    @property
    def environment(self) -> dict[str, str]:
        foreign_keys = str(self.foreign_keys).lower()
        own = {"TARGET_MYSQL_HOST": self.hosts(), "TARGET_MYSQL_FOREIGN_KEYS": foreign_keys}
        return {**super().environment, **own}

    def hosts(self, turn: int = 0) -> str:
        """Return the nodes' addresses, starting with the `turn`th, from 0."""
        nodes = [*self.nodes[turn:], *self.nodes[:turn]]
        return ",".join(f"127.0.0.1:{node.port}" for node in nodes)

    def connect(self, **options: Any) -> pymysql.Connection[Cursor]:
        for node in self.nodes:
            with suppress(pymysql.MySQLError):
                connection = TestDatabase(node, self.name).connect(**options)
                with connection.cursor() as cursor:
                    cursor.execute("SELECT @@read_only")
                    if cursor.fetchone() == (0,):
                        cursor.execute(self.fresh_reads)
                        return connection
                connection.close()
        raise pymysql.OperationalError(2003, "no node of the cluster serves")


Run = tuple["subprocess.Popen[bytes]", "subprocess.Popen[bytes]"]


@dataclass
class Overlap:
    """
    Runs overlapping pairs of runs on the simulator's portal, and checks the tables after each pair.
    """

    pipeline: Pipeline
    simulator: Simulator
    chance: random.Random
    codes: list[int] = field(default_factory=list)

    @property
    def portal(self) -> Portal:
        return self.simulator.portal

    def run_schedule(self) -> None:
        """Load the portal, run pairs, and compare every table after a final full pass."""
        self.pipeline.configure(self.simulator, page_size=25, backfill_workers=1)
        self._run_alone()
        for number in range(PAIRS_A_SCHEDULE):
            self._run_pair(number)
        self._run_alone(full_refresh=True)
        assert_equals(self.pipeline, self.portal)

    def _run_pair(self, number: int) -> None:
        with ExitStack() as stack:
            first = self._start(stack, f"-{number}a", turn=0)
            time.sleep(self.chance.uniform(0, 1))
            second = self._start(stack, f"-{number}b", turn=1)
            self._disturb(stack, self.chance.choice((first, second)))
            for process in (*first, *second):
                process.wait(END_S)
        logs = "".join(path.read_text() for path in self.pipeline.folder.glob(f"*-{number}?.log"))
        for _, target in (first, second):
            assert target.returncode in (0, EXIT_LOCKED, -signal.SIGKILL), logs
            self.codes.append(target.returncode)
        self._assert_nothing_is_flagged(logs)
        self._run_alone()
        self._assert_nothing_is_missing(logs)

    def _start(self, stack: ExitStack, name: str, turn: int) -> Run:
        self._edit()
        settings = {
            "TARGET_MYSQL_BATCH_SIZE_ROWS": "60",
            "TARGET_MYSQL_BATCH_WAIT_LIMIT_SECONDS": "0.2",
            "TARGET_MYSQL_LOCK_TIMEOUT_SECONDS": str(LOCK_TIMEOUT_S),
            "TARGET_MYSQL_LOCK_WAIT_SECONDS": self.chance.choice(("0", "60")),
        }
        if isinstance(self.pipeline.database, ClusterDatabase):
            settings["TARGET_MYSQL_HOST"] = self.pipeline.database.hosts(turn)
        run = self.pipeline.start(settings, full_refresh=self.chance.random() < 0.7, name=name)
        for process in run:
            stack.callback(_end, process)
        return run

    def _disturb(self, stack: ExitStack, run: Run) -> None:
        disturbance = self.chance.choice(DISTURBANCES)
        tap, target = run
        process = tap if "tap" in disturbance else target
        time.sleep(self.chance.uniform(0, 1.5))
        self._edit()
        if disturbance.startswith("kill"):
            process.kill()
        elif disturbance.startswith("stop"):
            process.send_signal(signal.SIGSTOP)
            longest = 3 if disturbance.endswith("long") else 1
            timer = threading.Timer(
                self.chance.uniform(longest * 0.7, longest * 2 * LOCK_TIMEOUT_S),
                process.send_signal,
                [signal.SIGCONT],
            )
            timer.start()
            stack.callback(timer.join)
        elif disturbance == "lose connections":
            kill_connections(self.pipeline.database)

    def _edit(self) -> None:
        for kind in self.chance.choices(("add", "edit", "retype", "delete"), k=3):
            change(kind, self.chance)(self.portal)

    def _run_alone(self, full_refresh: bool = False) -> None:
        tap, target = self.pipeline.run(full_refresh=full_refresh)
        assert (tap.code, target.code) == (0, 0), tap.err + target.err
        locks = "SELECT table_name FROM _sdc_tables WHERE token IS NOT NULL"
        assert self.pipeline.database.query(locks) == []

    def _assert_nothing_is_flagged(self, logs: str) -> None:
        """Assert that no engagement of the portal is flagged as deleted."""
        sql = "SELECT id FROM engagements WHERE _sdc_deleted_at IS NOT NULL"
        flagged_ids = {key for (key,) in self.pipeline.database.query(sql)}
        assert not flagged_ids & self._live_ids(), logs

    def _assert_nothing_is_missing(self, logs: str) -> None:
        """Assert that the table has every engagement of the portal, with the last edit."""
        table = self.pipeline.table()
        for record in self.portal.records():
            inner = record["engagement"]
            row = table.get((inner["id"],))
            assert row and row["lastUpdated"] == inner["lastUpdated"], f"{inner['id']}\n{logs}"

    def _live_ids(self) -> set[int]:
        return {record["engagement"]["id"] for record in self.portal.records()}


def run_schedules(build: Callable[[int], Pipeline], schedules: Sequence[int]) -> list[int]:
    """
    Run a schedule for each seed of `schedules`; returns the exit codes of all targets.

    `build` returns the pipeline of a seed, in a separate folder and database.
    """
    codes = []
    for seed in schedules:
        portal = Portal.generate(150, seed)
        with Simulator(portal, latency_s=0.1) as simulator:
            overlap = Overlap(build(seed), simulator, random.Random(seed))
            overlap.run_schedule()
            codes += overlap.codes
    return codes


def kill_connections(database: TestDatabase) -> None:
    """Kill all other connections to the database, on every node of a cluster."""
    nodes = database.nodes if isinstance(database, ClusterDatabase) else (database.server,)
    sql = "SELECT id FROM information_schema.processlist WHERE db = %s AND id <> CONNECTION_ID()"
    for node in nodes:
        connection = TestDatabase(node, database.name).connect()
        with connection, connection.cursor() as cursor:
            cursor.execute(sql, (database.name,))
            for (number,) in cursor.fetchall():
                with suppress(pymysql.MySQLError):  # the connection has ended already
                    cursor.execute(f"KILL {number}")


def schedules(default: int) -> range:
    """Return the seeds of the schedules to run: PAIRS of the environment, or `default` pairs."""
    pairs = int(os.environ.get("PAIRS", default))
    return range(-(-pairs // PAIRS_A_SCHEDULE))


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGCONT)
    process.kill()
    process.wait()
