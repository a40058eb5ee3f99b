"""Two loads of a table never run concurrently; a load that lost its lock commits nothing more."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator

import pytest

from tests.conftest import TestDatabase
from tests.servers import FAMILY
from tests.target.conftest import (
    First,
    StartTarget,
    load,
    load_here,
    record,
    state,
)
from tests.target.feeding import END_S, THINGS, holding_row, statements_running, until
from tests.target.locking import (
    OTHER,
    OURS,
    SHORT,
    THEIRS,
    WAIT,
    end,
    is_held,
    read_state,
    send,
    the_error,
    with_source,
)
from tests.target.proxy import Fate, Proxy

# --- While the first load runs ----------------------------------------------------------------


def test_a_second_load_ends_at_once(database: TestDatabase, first: First) -> None:
    """
    The second load of a table ends with 75, without a row or a state, and names the first.
    """
    running = first()
    done = load(database, THINGS, THEIRS, state("theirs"))
    assert (done.code, done.out) == (75, "")
    line = the_error(done)
    assert f"table things is being loaded by another target-mysql (host {socket.gethostname()}" in (
        line
    )
    assert f"pid {running.pid}, since 20" in line and "lock_wait_seconds" in line
    assert end(running).code == 0
    assert database.query("SELECT text FROM things") == [("ours",)]


def test_tables_are_locked_each_by_itself(database: TestDatabase, first: First) -> None:
    """
    Loads of different tables of a database run concurrently.
    """
    running = first()
    done = load(database, OTHER, record({"id": 1}, stream="other_things"), state(1))
    assert (done.code, done.out) == (0, "1\n"), done.err
    assert end(running).code == 0


def test_a_second_load_waits_if_it_is_told_to(
    database: TestDatabase, first: First, start_target: StartTarget
) -> None:
    """
    With lock_wait_seconds the second load logs that it waits, and continues when the first ends.
    """
    running = first()
    second = start_target(**WAIT)
    send(second, THINGS, THEIRS, state("theirs"))
    assert second.stderr
    assert any(b"things: waiting up to 120 s" in line for line in iter(second.stderr.readline, b""))
    assert database.query("SELECT text FROM things") == [("ours",)]
    assert end(running).code == 0
    done = end(second)
    assert (done.code, done.out) == (0, '"theirs"\n'), done.err
    assert database.query("SELECT text FROM things") == [("theirs",)]


def test_waiting_ends(database: TestDatabase, first: First) -> None:
    """
    A first load that does not end within lock_wait_seconds is an error as without waiting.
    """
    running = first()
    assert load(database, THINGS, THEIRS, lock_wait_seconds=1).code == 75
    assert end(running).code == 0


def test_a_merge_may_take_longer_than_the_lock(
    database: TestDatabase, first: First, start_target: StartTarget
) -> None:
    """
    The lock is renewed while a merge waits, far longer than lock_timeout_seconds.
    """
    running = first(**SHORT)
    with holding_row(database):
        send(running, THEIRS, state("later"))
        until(lambda: "`things`" in statements_running(database))
        before = read_state(database, "renewals")
        until(lambda: int(str(read_state(database, "renewals"))) > int(str(before)) + 12)
        assert load(database, THINGS, THEIRS).code == 75
    done = end(running)
    assert (done.code, done.out) == (0, '"later"\n'), done.err


@pytest.fixture
def one_connection(database: TestDatabase) -> Iterator[dict[str, object]]:
    """The login of a user who is limited to a single connection."""
    connection = database.connect()
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE USER lonely@'%' IDENTIFIED BY 's3cr3t'")
        cursor.execute(f"GRANT ALL ON `{database.name}`.* TO lonely@'%'")
        cursor.execute("GRANT USAGE ON *.* TO lonely@'%' WITH MAX_USER_CONNECTIONS 1")
        yield {"user": "lonely", "password": "s3cr3t"}
        cursor.execute("DROP USER lonely@'%'")


def test_the_lock_of_a_user_with_one_connection_is_renewed(
    database: TestDatabase, first: First, one_connection: dict[str, object]
) -> None:
    """
    A load with a single connection renews its lock while the tap is silent.
    """
    database.query("SELECT 1")  # which makes the database
    running = first(**SHORT, **one_connection)
    before = int(str(read_state(database, "renewals")))
    until(lambda: int(str(read_state(database, "renewals"))) > before + 3)
    assert load(database, THINGS, THEIRS).code == 75
    send(running, OTHER)
    assert end(running).code == 0


# --- When the first load is gone --------------------------------------------------------------


@pytest.mark.parametrize("ending", ["done", "bad line", "signal"])
def test_the_lock_is_released(database: TestDatabase, first: First, ending: str) -> None:
    """
    After any regular end of a load, no one holds the table.
    """
    running = first()
    assert is_held(database)
    if ending == "bad line":
        assert running.stdin
        running.stdin.write(b"no JSON\n")
    if ending == "signal":
        running.terminate()
    assert end(running).code == {"done": 0, "bad line": 1, "signal": 143}[ending]
    assert not is_held(database)


def test_a_killed_load_of_this_machine_holds_nobody_up(
    database: TestDatabase, first: First
) -> None:
    """
    After kill -9 the next load of the same machine begins at once.
    """
    running = first(lock_timeout_seconds=3600)
    running.kill()
    done = load(database, THINGS, THEIRS, state("theirs"))
    assert (done.code, done.out) == (0, '"theirs"\n'), done.err
    assert f"has ended: host {socket.gethostname()}, pid {running.pid}" in done.err


def test_a_load_of_a_lost_machine_holds_nobody_up_for_long(
    database: TestDatabase, first: First
) -> None:
    """
    A load on an unreachable machine keeps its lock only until the timeout.
    """
    running = first(**SHORT)
    database.query("UPDATE _sdc_tables SET machine = 'another', host = 'far.example'")
    running.kill()
    assert running.wait(END_S)
    database.query("UPDATE _sdc_tables SET expires_at = UTC_TIMESTAMP(6) + INTERVAL 1 HOUR")
    done = load(database, THINGS, THEIRS)
    assert done.code == 75 and "host far.example" in the_error(done)
    database.query("UPDATE _sdc_tables SET expires_at = UTC_TIMESTAMP(6) + INTERVAL 1 SECOND")
    done = load(database, THINGS, THEIRS, state("theirs"), **WAIT)
    assert (done.code, done.out) == (0, '"theirs"\n'), done.err
    assert database.query("SELECT text FROM things") == [("theirs",)]


def test_a_stopped_load_comes_back_too_late(database: TestDatabase, first: First) -> None:
    """
    A load that stands still for longer than its lease is followed by another; when it continues, it
    commits nothing and writes no state.
    """
    running = first(**SHORT)
    running.send_signal(signal.SIGSTOP)
    done = load(database, THINGS, THEIRS, state("theirs"), **WAIT)
    assert (done.code, done.out) == (0, '"theirs"\n'), done.err
    running.send_signal(signal.SIGCONT)
    send(running, record({"id": 1, "text": "too late"}), record({"id": 2}), state("too late"))
    done = end(running)
    assert (done.code, done.out) == (75, ""), done.err
    assert "table things was taken over" in the_error(done)
    assert database.query("SELECT id, text FROM things") == [(1, "theirs")]


def test_a_load_that_is_cut_off_in_its_transaction(
    database: TestDatabase, start_target: StartTarget
) -> None:
    """
    A load whose network fails before COMMIT soon loses its lock and its row locks, and commits
    nothing when the network returns.
    """
    load_here(database, THINGS, OURS)
    is_cut, is_back = threading.Event(), threading.Event()

    def decide(data: bytes) -> Fate:
        if b"COMMIT" in data:
            is_cut.set()
        if is_cut.is_set():
            is_back.wait(END_S)
        return Fate.PASS

    with Proxy(database.server.port, decide) as proxy:
        address = {"host": "127.0.0.1", "port": proxy.port, "ssl_mode": "DISABLED"}
        cut_off = start_target(**SHORT, **address)
        database.query("UPDATE _sdc_tables SET machine = 'another'")
        send(cut_off, THINGS, record({"id": 1, "text": "too late"}), state("too late"))
        assert cut_off.stdin
        cut_off.stdin.close()
        until(is_cut.is_set)
        done = load(database, THINGS, THEIRS, state("theirs"), **WAIT)
        assert (done.code, done.out) == (0, '"theirs"\n'), done.err
        is_back.set()
        assert cut_off.wait(END_S) == 75
    assert cut_off.stdout and cut_off.stdout.read() == b""
    assert database.query("SELECT text FROM things") == [("theirs",)]


def test_names_of_one_table_have_one_lock(start_target: StartTarget) -> None:
    """
    On a server that ignores the case of names, streams that differ by case share the lock and the
    source of their table.
    """
    with FAMILY.server(("--lower-case-table-names=1",)) as server:
        database = TestDatabase(server, "folded")
        place = {"host": "127.0.0.1", "port": server.port, "password": server.password}
        running = start_target(batch_wait_limit_seconds=0.1, database="folded", **place)
        send(running, with_source("portal:1"), OURS, state("ours"))
        assert running.stdout and running.stdout.readline() == b'"ours"\n'
        other = {**with_source("portal:2"), "stream": "Things"}
        assert load(database, other).code == 75
        assert end(running).code == 0
        done = load(database, other)
        assert (done.code, done.out) == (1, "")
        assert "has the data of portal:1" in the_error(done)


def test_renewals_do_not_disturb_a_merge(database: TestDatabase, start_target: StartTarget) -> None:
    """
    The table's lock is renewed while a merge waits for another writer, and the merge commits at the
    first attempt.
    """
    load_here(database, THINGS, record({"id": 1, "text": "before"}))
    with holding_row(database):
        target = start_target(**SHORT)
        assert target.stdin and target.stdout and target.stderr
        # OceanBase repeats a transaction's first statement by itself: the second must wait.
        send(target, OTHER, THINGS, record({"id": 1}, stream="other_things"))
        send(target, record({"id": 1, "text": "after"}), state(1))
        target.stdin.close()
        until(lambda: "`things`" in statements_running(database))
        renewals = read_state(database, "renewals")
        until(lambda: read_state(database, "renewals") != renewals)
    output = target.stderr.read()
    assert (target.wait(END_S), target.stdout.read()) == (0, b"1\n"), output
    assert b"retrying" not in output
    assert database.query("SELECT text FROM things") == [("after",)]
