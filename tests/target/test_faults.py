"""Killed, stopped, cut off, in another's way: no state claims a row that is not there."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pymysql
import pytest

from tests.conftest import PROGRAMS, TestDatabase
from tests.servers import FAMILY
from tests.target.conftest import (
    LOAD_METHODS,
    StartTarget,
    load,
    load_here,
    record,
    settings,
    state,
    target_environment,
    to_lines,
)
from tests.target.feeding import (
    END_S,
    THINGS,
    feeding,
    holding_row,
    loaded,
    numbered,
    statements_running,
    until,
    waiting_for_locks,
)
from tests.target.locking import IMPATIENT


def test_a_kill_loses_nothing_that_a_state_claims(
    database: TestDatabase, start_target: StartTarget
) -> None:
    """
    Killed at random moments fifty times, and resumed from the last state each time: all rows are
    loaded.
    """
    chance, last_id = random.Random(7), 0
    for _ in range(50):
        target = start_target(batch_size_rows=50)
        assert target.stdout
        lines = to_lines(THINGS) + numbered(last_id + 1, last_id + 4000)
        with feeding(target, lines, pause_s=0.005):
            # A state says that a batch is committed; the kill strikes one of the next.
            states = [target.stdout.readline() for _ in range(chance.randrange(1, 5))]
            time.sleep(chance.uniform(0, 0.02))
            target.kill()
            states = [*states, *target.stdout.read().split()]
        last_id = int(states[-1]) if states else last_id
        if last_id:
            claims = database.query("SELECT COUNT(*) FROM things WHERE id <= %s", (last_id,))
            assert claims == [(last_id,)]
    assert last_id > 0
    last = last_id + 100
    rest = numbered(last_id + 1, last).decode().splitlines()
    assert load(database, THINGS, *rest).code == 0
    right = database.query("SELECT COUNT(*) FROM things WHERE text = CONCAT('text ', id)")
    assert right == [(last,)]
    assert loaded(database) == last


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_between_batches_ends_the_run(
    database: TestDatabase, start_target: StartTarget, number: signal.Signals, code: int
) -> None:
    """
    Committed rows are kept and claimed; waiting rows are neither loaded nor claimed.
    """
    target = start_target(batch_size_rows=100)
    assert target.stdin and target.stdout and target.stderr
    target.stdin.write(to_lines(THINGS) + numbered(1, 250))
    target.stdin.flush()
    # Three batches, each ended by the first STATE after 80 rows.
    until(lambda: loaded(database) == 240)
    target.send_signal(number)
    assert target.wait(END_S) == code
    assert target.stdout.read().split()[-1] == b"240"
    assert loaded(database) == 240


def test_a_signal_does_not_wait_for_a_lock(
    database: TestDatabase, start_target: StartTarget
) -> None:
    """
    A commit that hangs behind another writer is given up, and rolled back, when a signal comes.
    """
    load_here(database, THINGS, record({"id": 1, "text": "before"}))
    with holding_row(database):
        target = start_target(batch_wait_limit_seconds=0.1)
        assert target.stdin and target.stdout
        target.stdin.write(to_lines(THINGS, record({"id": 1, "text": "after"}), state(1)))
        target.stdin.flush()
        until(lambda: "`things`" in statements_running(database))
        target.terminate()
        assert target.wait(END_S) == 143
        assert target.stdout.read() == b""
    until(lambda: "`things`" not in statements_running(database))
    assert database.query("SELECT text FROM things") == [("held",)]


def test_a_signal_does_not_wait_for_a_server_that_is_away(
    database: TestDatabase, start_target: StartTarget
) -> None:
    """
    A signal while the target waits to try again ends that wait.
    """
    load_here(database, THINGS, record({"id": 1, "text": "before"}))
    with holding_row(database):
        target = start_target(init_sql=IMPATIENT)
        assert target.stdin and target.stdout and target.stderr
        target.stdin.write(to_lines(THINGS, record({"id": 1, "text": "after"}), state(1)))
        target.stdin.close()
        assert any(b"retrying" in line for line in iter(target.stderr.readline, b""))
        target.terminate()
        assert target.wait(END_S) == 143
        assert target.stdout.read() == b""


def test_a_lock_wait_is_sent_again(database: TestDatabase, start_target: StartTarget) -> None:
    """
    A batch that waits for another writer beyond the lock timeout is retried until the lock is free.
    """
    load_here(database, THINGS, record({"id": 1, "text": "before"}))
    with holding_row(database):
        target = start_target(init_sql=IMPATIENT)
        assert target.stdin and target.stdout and target.stderr
        target.stdin.write(to_lines(THINGS, record({"id": 1, "text": "after"}), state(1)))
        target.stdin.close()
        lines = iter(target.stderr.readline, b"")
        assert any(b"MySQL error 1205" in line and b"retrying" in line for line in lines)
    assert target.wait(END_S) == 0
    assert target.stdout.read() == b"1\n"
    assert database.query("SELECT text FROM things") == [("after",)]


@pytest.mark.parametrize("method", LOAD_METHODS)
def test_a_killed_connection_is_made_again(
    database: TestDatabase, start_target: StartTarget, method: str
) -> None:
    """
    A connection killed again and again costs nothing but time: all rows, the last state, exit 0.
    """
    keys = (350, 950, 1550)
    load_here(database, THINGS, *[record({"id": key}) for key in keys])
    with ExitStack() as others:
        old_value = [others.enter_context(holding_key(database, key)) for key in keys]
        target = start_target(batch_size_rows=100, load_method=method)
        assert target.stdout and target.stderr and target.stdin
        with feeding(target, to_lines(THINGS) + numbered(1, 3000), pause_s=0.002):
            for holder in old_value:
                # The merge that comes to the key waits for whoever holds it: it is struck for sure.
                until(lambda: waiting_for_locks(database))
                kill_connections(database, {one.thread_id() for one in old_value})
                holder.rollback()
    target.stdin.close()
    output = target.stderr.read()
    assert target.wait(END_S) == 0, output
    assert target.stdout.read().split()[-1] == b"3000"
    assert output.count(b"retrying") >= 3
    assert database.query("SELECT COUNT(*), MAX(id) FROM things") == [(3000, 3000)]


@contextmanager
def holding_key(
    database: TestDatabase, key: int
) -> Iterator[pymysql.Connection[pymysql.cursors.Cursor]]:
    """Yield a connection that holds the lock on the row with this id until a rollback."""
    holder = database.connect(database=database.name)
    with holder, holder.cursor() as cursor:
        cursor.execute("START TRANSACTION")
        cursor.execute("SELECT id FROM things WHERE id = %s FOR UPDATE", (key,))
        yield holder


def kill_connections(database: TestDatabase, spared: set[int]) -> None:
    sql = "SELECT id FROM information_schema.processlist WHERE db = %s AND id <> CONNECTION_ID()"
    for (number,) in database.query(sql, (database.name,)):
        if number not in spared:
            with suppress(pymysql.MySQLError):  # it has ended by itself
                database.query(f"KILL {number}")


def test_a_server_that_is_gone_for_good_ends_the_run() -> None:
    """
    A server that does not come back fails the run within retry_limit_seconds, without a state.
    """
    with FAMILY.server() as server:
        environment = settings(retry_limit_seconds=2, batch_wait_limit_seconds=0.1)
        target = subprocess.Popen(
            [PROGRAMS / "target-mysql"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=target_environment(server.environment() | environment),
        )
        with target:
            assert target.stdin and target.stdout and target.stderr
            target.stdin.write(to_lines(THINGS) + numbered(1, 10))
            target.stdin.flush()
            assert target.stdout.readline() == b"10\n"
            server.kill()
            target.stdin.write(numbered(11, 20))
            target.stdin.close()
            assert target.wait(END_S) == 1
            assert target.stdout.read() == b""
            errors = [line for line in target.stderr if b" ERROR " in line]
            assert len(errors) == 1


def test_a_server_that_was_never_there_is_an_error(database: TestDatabase) -> None:
    """
    A wrong port is said at once, with the address, and without a traceback.
    """
    done = load(database, THINGS, port=1, retry_limit_seconds=0.1)
    assert done.code == 1
    assert "ERROR cannot connect to MySQL at 127.0.0.1:1 as root: " in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("count", [20, 3000])
def test_a_closed_stdout_is_an_error(
    database: TestDatabase, start_target: StartTarget, count: int
) -> None:
    """
    When stdout is closed, early or late, the run ends with 1 and a single error.
    """
    target = start_target(batch_size_rows=10)
    assert target.stdin and target.stdout and target.stderr
    target.stdout.close()
    with suppress(BrokenPipeError):
        target.stdin.write(to_lines(THINGS) + numbered(1, count))
        target.stdin.close()
    assert target.wait(END_S) == 1
    errors = target.stderr.read().decode()
    assert "ERROR the state cannot be written to stdout: " in errors
    assert "Exception" not in errors


def test_a_full_disk_under_stdout_is_an_error(database: TestDatabase) -> None:
    """
    A state that cannot be written is an error, and exit code 1 says so.
    """
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [PROGRAMS / "target-mysql"],
            input=to_lines(THINGS) + numbered(1, 10),
            stdout=full,
            stderr=subprocess.PIPE,
            env=target_environment(database.environment),
            check=False,
        )
    assert done.returncode == 1
    assert b"ERROR the state cannot be written to stdout: " in done.stderr
