"""A load that lost its lock commits nothing more, and holds up no other load."""

from __future__ import annotations

import threading

import pytest

from target_mysql.config import Config
from target_mysql.exceptions import LockedError
from target_mysql.loading.table_locks import TableLocks
from target_mysql.server.database import Database
from tests.conftest import TestDatabase
from tests.target.conftest import (
    TEXT,
    First,
    Message,
    StartTarget,
    activate,
    load,
    load_here,
    record,
    schema,
    state,
)
from tests.target.feeding import END_S, THINGS, until
from tests.target.locking import (
    IMPATIENT,
    OTHER,
    OURS,
    SHORT,
    THEIRS,
    WAIT,
    end,
    read_state,
    send,
    the_error,
)
from tests.target.proxy import Fate, Proxy

MORE = schema({"text": TEXT, "more": TEXT})
AFTER_A_LOSS = {
    "records": [record({"id": 2}), state(2)],
    "a state alone": [state(2)],
    "another SCHEMA": [MORE, record({"id": 2}), state(2)],
    "ACTIVATE_VERSION": [activate(7), state(2)],
}


@pytest.mark.parametrize("messages", AFTER_A_LOSS.values(), ids=AFTER_A_LOSS)
def test_nothing_is_done_without_the_lock(
    database: TestDatabase, first: First, messages: list[Message]
) -> None:
    """
    After another load has taken the lock over, a load changes no row and no table, and writes no
    state.
    """
    shape = "SELECT column_name FROM information_schema.columns WHERE table_schema = %s"
    rows = "SELECT id, _sdc_deleted_at FROM things"
    running = first(lock_timeout_seconds=600)
    before = database.query(shape, (database.name,)), database.query(rows)
    database.query("UPDATE _sdc_tables SET token = 'another', host = 'far.example'")
    send(running, *messages)
    done = end(running)
    assert (done.code, done.out) == (75, ""), done.err
    assert "table things was taken over by a load (host far.example" in the_error(done)
    assert (database.query(shape, (database.name,)), database.query(rows)) == before
    assert read_state(database, "token") == "another"


def test_a_silent_load_ends_when_its_lock_is_lost(database: TestDatabase, first: First) -> None:
    """
    A load whose tap says nothing does not wait for the next record to notice.
    """
    running = first(**SHORT)
    database.query("UPDATE _sdc_tables SET token = 'another'")
    assert running.wait(END_S) == 75


def test_nothing_is_confirmed_once_a_lock_is_lost(database: TestDatabase) -> None:
    """
    After the renewals have found a lock lost, a state alone or a change of a table is refused, too.
    """
    connection = Database(Config.from_sources({}, database.environment, option_files=()))
    locks = TableLocks(connection, lease_s=1.0)
    assert locks.try_acquire("things") is None
    database.query("UPDATE _sdc_tables SET token = 'another'")
    until(lambda: not any(thread.name == "renew" for thread in threading.enumerate()))
    with pytest.raises(LockedError):
        locks.confirm(connection)
    locks.release()
    connection.close()


def test_a_lock_is_lost_while_another_is_waited_for(
    database: TestDatabase, first: First, start_target: StartTarget
) -> None:
    """
    A load that waits for a table ends when another load takes over a table of its own.
    """
    running = first()
    waiting = start_target(**SHORT, **WAIT)
    send(waiting, OTHER, THINGS)
    assert waiting.stderr
    assert any(b"things: waiting up" in line for line in iter(waiting.stderr.readline, b""))
    database.query("UPDATE _sdc_tables SET token = 'another' WHERE table_name = 'other_things'")
    done = end(waiting)
    assert (done.code, done.out) == (75, ""), done.err
    assert "table other_things was taken over" in the_error(done)
    assert end(running).code == 0


def test_the_lock_is_free_again_before_it_is_taken(
    database: TestDatabase, start_target: StartTarget
) -> None:
    """
    A load that saw the lock free takes the lock even if another load took and released the lock
    meanwhile; no load runs without.
    """
    load_here(database, THINGS)
    is_at_take, go_on = threading.Event(), threading.Event()

    def decide(data: bytes) -> Fate:
        if b"SET token = '" in data and not go_on.is_set():
            is_at_take.set()
            go_on.wait(END_S)
        return Fate.PASS

    with Proxy(database.server.port, decide) as proxy:
        address = {"host": "127.0.0.1", "port": proxy.port, "ssl_mode": "DISABLED"}
        slow = start_target(batch_wait_limit_seconds=0.1, **address)
        send(slow, THINGS)
        until(is_at_take.is_set)
        assert load(database, THINGS, THEIRS, state("theirs")).code == 0
        go_on.set()
        send(slow, OURS, state("ours"))
        assert slow.stdout and slow.stdout.readline() == b'"ours"\n'
        assert load(database, THINGS, THEIRS).code == 75
        assert end(slow).code == 0
    assert database.query("SELECT text FROM things") == [("ours",)]


def test_a_silent_renewer_does_not_hold_up_the_end(
    database: TestDatabase, start_target: StartTarget
) -> None:
    """
    A load ends even if the connection that renews its locks gets no response.
    """
    is_silent, loading = threading.Event(), set()  # threads of the proxy, one a connection

    def decide(data: bytes) -> Fate:
        if b"SET token = '" in data or b"_sdc_staging" in data:
            loading.add(threading.get_ident())
        is_renewal = b"UPDATE _sdc_tables SET renewals" in data
        if is_silent.is_set() and is_renewal and threading.get_ident() not in loading:
            threading.Event().wait(END_S)
        return Fate.PASS

    with Proxy(database.server.port, decide) as proxy:
        address = {"host": "127.0.0.1", "port": proxy.port, "ssl_mode": "DISABLED"}
        target = start_target(batch_wait_limit_seconds=0.1, **SHORT, **address)
        send(target, THINGS, OURS, state("ours"))
        until(lambda: int(str(read_state(database, "renewals") or 0)) > 4)
        is_silent.set()
        done = end(target)
    assert done.code == 0, done.err


def test_a_signal_does_not_wait_for_a_server_that_does_not_answer(
    database: TestDatabase, first: First
) -> None:
    """
    A load that is stopped while all writing waits, as for a backup, ends all the same.
    """
    running = first(**SHORT)
    other = database.connect()
    with other, other.cursor() as cursor:
        cursor.execute("FLUSH TABLES WITH READ LOCK")
        waiting = "SELECT 1 FROM information_schema.processlist WHERE info LIKE 'UPDATE _sdc_tab%'"
        until(lambda: cursor.execute(waiting))
        running.terminate()
        assert running.wait(END_S) == 143
        cursor.execute("UNLOCK TABLES")


def test_a_load_that_is_cut_off_holds_up_no_other_table(
    database: TestDatabase, start_target: StartTarget
) -> None:
    """
    A load that is cut off before COMMIT keeps only its own tables' locks.
    """
    streams = [f"things_{number}" for number in range(3)]
    schemas = [schema({"text": TEXT}, stream=stream) for stream in streams]
    load_here(database, THINGS, *schemas)
    is_cut, is_over = threading.Event(), threading.Event()

    def decide(data: bytes) -> Fate:
        if b"COMMIT" in data:
            is_cut.set()
            is_over.wait(END_S)
        return Fate.PASS

    with Proxy(database.server.port, decide) as proxy:
        address = {"host": "127.0.0.1", "port": proxy.port, "ssl_mode": "DISABLED"}
        cut_off = start_target(lock_timeout_seconds=END_S, **address)
        rows = [record({"id": 1}, stream=stream) for stream in streams]
        send(cut_off, *schemas, *rows, state(1))
        assert cut_off.stdin
        cut_off.stdin.close()
        until(is_cut.is_set)
        # It would wait for as long as the transaction is open, and then be retried.
        done = load(database, THINGS, THEIRS, state(2), init_sql=IMPATIENT)
        is_over.set()
        assert cut_off.wait(END_S) == 0
    assert (done.code, done.out) == (0, "2\n") and "retrying" not in done.err, done.err
