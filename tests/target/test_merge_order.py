"""Batches over two connections: the next is staged meanwhile, and nothing overtakes."""

from __future__ import annotations

from contextlib import suppress

import pymysql

from tests.conftest import TestDatabase
from tests.target.conftest import (
    StartTarget,
    load,
    load_here,
    record,
    state,
    to_lines,
)
from tests.target.feeding import (
    END_S,
    THINGS,
    feeding,
    holding_row,
    loaded,
    numbered,
    until,
    waiting_for_locks,
)

TWO = (record({"id": 1, "text": "after"}), record({"id": 2}), state(2))
TWO_MORE = (record({"id": 3}), record({"id": 4}), state(4))


def connections(database: TestDatabase) -> int:
    sql = "SELECT COUNT(*) FROM information_schema.processlist WHERE db = %s"
    # Who asks, and who holds the row, are two of them.
    return int(database.query(sql, (database.name,))[0][0]) - 2


def interrupt(database: TestDatabase) -> None:
    """End the statements that wait for a lock, with MySQL's error 1317."""
    for number in waiting_for_locks(database):
        with suppress(pymysql.MySQLError):  # it has ended by itself
            database.query(f"KILL QUERY {number}")


def test_nothing_overtakes_a_batch_that_waits(
    database: TestDatabase, start_target: StartTarget
) -> None:
    """
    While a batch waits for another writer the next is there to follow, but is not merged before.
    """
    load_here(database, THINGS, record({"id": 1, "text": "before"}))
    with holding_row(database):
        target = start_target(batch_size_rows=2)
        assert target.stdin and target.stdout
        target.stdin.write(to_lines(THINGS, *TWO, *TWO_MORE))
        target.stdin.flush()
        until(lambda: connections(database) == 2)
        assert loaded(database) == 1
    target.stdin.close()
    assert target.wait(END_S) == 0
    assert target.stdout.read() == b"2\n4\n"
    assert database.query("SELECT id, text FROM things WHERE id IN (1, 4)") == [
        (1, "after"),
        (4, None),
    ]


def test_nothing_follows_a_batch_that_failed(
    database: TestDatabase, start_target: StartTarget
) -> None:
    """
    When a batch fails for good, the next, already staged, is neither merged nor claimed.
    """
    load_here(database, THINGS, record({"id": 1, "text": "before"}))
    with holding_row(database):
        target = start_target(
            batch_size_rows=2,
            retry_limit_seconds=0.1,
        )
        assert target.stdin and target.stdout and target.stderr
        target.stdin.write(to_lines(THINGS, *TWO, *TWO_MORE))
        target.stdin.flush()
        until(lambda: connections(database) == 2)
        target.stdin.close()
        until(lambda: interrupt(database) or target.poll() is not None)
        assert target.returncode == 1
        assert target.stdout.read() == b""
        errors = [line for line in target.stderr if b" ERROR " in line]
        assert len(errors) == 1 and b"1317" in errors[0]
    assert database.query("SELECT id, text FROM things") == [(1, "held")]


def test_one_connection_is_enough(database: TestDatabase) -> None:
    """
    A user limited to a single connection loads the same rows, and the log says so.
    """
    database.query("CREATE USER lonely@'127.0.0.1'")
    try:
        database.query(f"GRANT ALL ON `{database.name}`.* TO lonely@'127.0.0.1'")
        try:
            database.query("ALTER USER lonely@'127.0.0.1' WITH MAX_USER_CONNECTIONS 1")
        except pymysql.err.ProgrammingError:  # MySQL 5.6
            database.query("GRANT USAGE ON *.* TO lonely@'127.0.0.1' WITH MAX_USER_CONNECTIONS 1")
        rows = numbered(1, 500).decode().splitlines()
        done = load(database, THINGS, *rows, batch_size_rows=20, user="lonely", password="")
    finally:
        database.query("DROP USER lonely@'127.0.0.1'")
    assert (done.code, done.out.split()[-1]) == (0, "500"), done.err
    assert "using a single connection" in done.err
    assert loaded(database) == 500


def test_a_second_connection_only_when_the_first_is_busy(
    database: TestDatabase, start_target: StartTarget
) -> None:
    """
    A load that fits in a batch needs only a single connection.
    """
    target = start_target(batch_size_rows=20)
    assert target.stdin and target.stdout
    with feeding(target, to_lines(THINGS) + numbered(1, 20), pause_s=0.1):
        until(lambda: loaded(database) == 20)
        assert connections(database) + 1 == 1  # nobody holds a row here
    target.stdin.close()
    assert target.wait(END_S) == 0
