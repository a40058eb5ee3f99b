"""Two loads of one table: never at a time, and the one that lost its lock commits nothing more."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from target_mysql.config import Config
from target_mysql.exceptions import LockedError
from target_mysql.loading.process_identity import ProcessIdentity
from target_mysql.loading.table_locks import TableLocks
from target_mysql.server.database import Database
from tests.conftest import Outcome, TestDatabase
from tests.servers import FAMILY
from tests.target.conftest import (
    TEXT,
    Message,
    StartTarget,
    activate,
    load,
    load_here,
    record,
    schema,
    state,
    to_lines,
)
from tests.target.feeding import END_S, THINGS, holding_row, loaded, statements_running, until
from tests.target.proxy import Fate, Proxy

OURS, THEIRS = record({"id": 1, "text": "ours"}), record({"id": 1, "text": "theirs"})
IMPATIENT = '["SET innodb_lock_wait_timeout = 1"]'
OTHER = schema({"text": TEXT}, stream="other_things")
WAIT = {"lock_wait_seconds": 120}
SHORT = {"lock_timeout_seconds": 2}


def registry(database: TestDatabase, column: str, table: str = "things") -> object:
    """Return a column of the table's row of _sdc_tables, None without such a row."""
    if not database.query("SHOW TABLES LIKE '\\_sdc\\_tables'"):
        return None
    sql = f"SELECT {column} FROM _sdc_tables WHERE table_name = %s"
    return next((value for (value,) in database.query(sql, (table,))), None)


def is_held(database: TestDatabase) -> bool:
    return registry(database, "token") is not None


Target = subprocess.Popen[bytes]


def send(target: Target, *messages: Message) -> None:
    assert target.stdin
    target.stdin.write(to_lines(*messages))
    target.stdin.flush()


def end(target: Target) -> Outcome:
    """Close the target's input, and return what it did."""
    out, err = target.communicate(timeout=END_S)
    return Outcome(target.returncode, out.decode(), err.decode())


@pytest.fixture
def first(database: TestDatabase, start_target: StartTarget) -> Callable[..., Target]:
    """Start a load that holds the table `things` with `OURS` loaded, and waits for more."""

    def start(**config: object) -> Target:
        target = start_target(**{"batch_wait_limit_seconds": 0.1, **config})
        send(target, THINGS, OURS, state("ours"))
        assert target.stdout
        assert target.stdout.readline() == b'"ours"\n'
        return target

    return start


First = Callable[..., Target]


def the_error(done: Outcome) -> str:
    (line,) = [line for line in done.err.splitlines() if line.startswith("ERROR")]
    return line


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
    Loads of different tables of one database run at a time.
    """
    running = first()
    done = load(database, OTHER, record({"id": 1}, stream="other_things"), state(1))
    assert (done.code, done.out) == (0, "1\n"), done.err
    assert end(running).code == 0


def test_a_second_load_waits_if_it_is_told_to(
    database: TestDatabase, first: First, start_target: StartTarget
) -> None:
    """
    With lock_wait_seconds the second load says that it waits, and goes on when the first ends.
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
        until(lambda: "INSERT INTO `things`" in statements_running(database))
        before = registry(database, "renewals")
        until(lambda: int(str(registry(database, "renewals"))) > int(str(before)) + 12)
        assert load(database, THINGS, THEIRS).code == 75
    done = end(running)
    assert (done.code, done.out) == (0, '"later"\n'), done.err


@pytest.fixture
def one_connection(database: TestDatabase) -> Iterator[dict[str, object]]:
    """How to log in as a user who may have but one connection."""
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
    A load that may open no second connection renews its lock while the tap is silent.
    """
    database.query("SELECT 1")  # which makes the database
    running = first(**SHORT, **one_connection)
    before = int(str(registry(database, "renewals")))
    until(lambda: int(str(registry(database, "renewals"))) > before + 3)
    assert load(database, THINGS, THEIRS).code == 75
    send(running, OTHER)
    assert end(running).code == 0


# --- When the first load is gone --------------------------------------------------------------


@pytest.mark.parametrize("ending", ["done", "bad line", "signal"])
def test_the_lock_is_released(database: TestDatabase, first: First, ending: str) -> None:
    """
    However a load ends by itself, nobody holds its table any more.
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
    A load on a machine that cannot be looked at keeps its lock until its timeout, and no longer.
    """
    running = first(**SHORT)
    database.query("UPDATE _sdc_tables SET machine = 'another', host = 'far.example'")
    running.kill()
    assert running.wait(END_S)
    database.query("UPDATE _sdc_tables SET expires_at = UTC_TIMESTAMP(6) + INTERVAL 2 SECOND")
    done = load(database, THINGS, THEIRS)
    assert done.code == 75 and "host far.example" in the_error(done)
    done = load(database, THINGS, THEIRS, state("theirs"), **WAIT)
    assert (done.code, done.out) == (0, '"theirs"\n'), done.err
    assert database.query("SELECT text FROM things") == [("theirs",)]


def test_a_stopped_load_comes_back_too_late(database: TestDatabase, first: First) -> None:
    """
    A load that stood still for longer than its lock lasts is followed by another; when it goes on,
    it commits nothing and writes no state.
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
    A load whose network is cut before COMMIT holds neither its lock nor its rows for long, and
    commits nothing when the network is back.
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
    Once its lock is another's, a load changes no row and no table and writes no state.
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
    assert registry(database, "token") == "another"


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
    A load that waits for one table ends when another takes over one that it has.
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
    A load that saw the lock free, when another took and released it in between, takes it, too: no
    load goes on without.
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
    A load ends though the connection that renews its locks is never answered.
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
        until(lambda: int(str(registry(database, "renewals") or 0)) > 4)
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
    A load that is cut off before COMMIT keeps its own tables' locks, not those of others.
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


def test_names_of_one_table_have_one_lock(start_target: StartTarget) -> None:
    """
    On a server that ignores the case of names, a stream of another case finds the lock and the
    source of its table.
    """
    with FAMILY.server(("--lower-case-table-names=1",)) as server:
        database = TestDatabase(server, "folded")
        place = {"host": "127.0.0.1", "port": server.port, "password": server.password}
        running = start_target(batch_wait_limit_seconds=0.1, database="folded", **place)
        send(running, of("portal:1"), OURS, state("ours"))
        assert running.stdout and running.stdout.readline() == b'"ours"\n'
        other = {**of("portal:2"), "stream": "Things"}
        assert load(database, other).code == 75
        assert end(running).code == 0
        done = load(database, other)
        assert (done.code, done.out) == (1, "")
        assert "has the data of portal:1" in the_error(done)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a namespace")
def test_a_process_whose_pid_counts_elsewhere() -> None:
    """
    Where /proc shows the pids of another namespace, no process can be looked up.
    """
    program = "from target_mysql.loading.process_identity import ProcessIdentity as P;"
    command = [sys.executable, "-c", program + "print([P.of_this_process().machine])"]
    done = subprocess.run(
        ["unshare", "--pid", "--fork", *command], check=True, capture_output=True, text=True
    )
    assert done.stdout == "['']\n"


def test_a_process_that_has_ended() -> None:
    """
    Only what this machine can know to have ended has: not this process, nor one elsewhere.
    """
    us = ProcessIdentity.of_this_process()
    assert us.pid == os.getpid() and us.start and us.machine
    assert not us.has_ended()
    assert not replace(us, pid=2**22 + 1, machine="another").has_ended()
    assert not replace(us, pid=2**22 + 1, machine="").has_ended()
    assert replace(us, pid=2**22 + 1).has_ended()
    assert replace(us, start="1").has_ended(), "the pid was given to a later process"


# --- A second line of defence -----------------------------------------------------------------


def versions(database: TestDatabase, table: str = "things") -> dict[int, int]:
    return dict(database.query(f"SELECT id, _sdc_table_version FROM {table}"))


def test_a_version_never_goes_down(database: TestDatabase) -> None:
    """
    A record of a lower version, or of none, is merged, and its row keeps its version.
    """
    load_here(database, THINGS, *(record({"id": n}, version=5) for n in (1, 2)))
    load_here(database, THINGS, record({"id": 1, "text": "old"}, version=3), record({"id": 2}))
    load_here(database, THINGS, record({"id": 3}, version=4))
    assert versions(database) == {1: 5, 2: 5, 3: 4}
    assert database.query("SELECT text FROM things WHERE id = 1") == [("old",)]


def test_versions_of_a_table_that_no_lock_has_known(database: TestDatabase) -> None:
    """
    The versions of a table that an earlier release loaded are read once: a lower one is ignored.
    """
    load_here(database, THINGS, record({"id": 1}, version=5), record({"id": 2}))
    database.query("DROP TABLE _sdc_tables")
    done = load(database, THINGS, activate(4))
    assert "ACTIVATE_VERSION 4 ignored" in done.err
    assert database.query("SELECT COUNT(*) FROM things WHERE _sdc_deleted_at IS NULL") == [(2,)]


def test_a_lower_version_is_not_activated(database: TestDatabase) -> None:
    """
    ACTIVATE_VERSION below the highest version of a table's rows flags nothing, and says so.
    """
    load_here(database, THINGS, record({"id": 1}), record({"id": 2}, version=5))
    done = load(database, THINGS, activate(4), state(1))
    assert (done.code, done.out) == (0, "1\n"), done.err
    assert "things: ACTIVATE_VERSION 4 ignored: its table has rows of version 5" in done.err
    live = "SELECT COUNT(*) FROM things WHERE _sdc_deleted_at IS NULL"
    assert database.query(live) == [(2,)]
    load_here(database, THINGS, activate(5))
    assert database.query(live) == [(1,)]


def test_an_activated_version_counts_without_a_row(database: TestDatabase) -> None:
    """
    A version that was activated is remembered, though no row ever had it.
    """
    load_here(database, THINGS, record({"id": 1}, version=1), activate(9))
    load_here(database, THINGS, record({"id": 2}), activate(8))
    live = "SELECT id FROM things WHERE _sdc_deleted_at IS NULL"
    assert database.query(live) == [(2,)]


def test_a_child_has_its_parents_version(database: TestDatabase) -> None:
    """
    A child that comes with a lower version gets that of its parent's row, which kept the higher.
    """
    children = schema({"thing": {"type": "integer"}}, stream="children")
    children["schema"]["x-parent"] = {"stream": "things", "keys": {"thing": "id"}}

    def both(version: int) -> list[Message]:
        child = record({"id": 1, "thing": 1}, stream="children", version=version)
        return [record({"id": 1}, version=version), child]

    load_here(database, THINGS, children, both(5)[0], both(3)[1])
    assert (versions(database), versions(database, "children")) == ({1: 5}, {1: 5})
    load_here(database, THINGS, children, *both(3))
    assert (versions(database), versions(database, "children")) == ({1: 5}, {1: 5})
    alone = record({"id": 2, "thing": 1}, stream="children", version=2)
    load_here(database, THINGS, children, alone)
    assert versions(database, "children") == {1: 5, 2: 5}


# --- Whose data a table has -------------------------------------------------------------------


def of(source: object) -> Message:
    message = schema({"text": TEXT})
    message["schema"]["x-source"] = source
    return message


def test_another_source_is_refused(database: TestDatabase) -> None:
    """
    A table with one source's data takes no other's: exit 1, no row, no state, what to do.
    """
    load_here(database, of("portal:1"), record({"id": 1}))
    done = load(database, of("portal:2"), record({"id": 2}), state(2))
    assert (done.code, done.out) == (1, "")
    assert the_error(done) == (
        "ERROR line 1, stream things: table things has the data of portal:1, these are of portal:2:"
        " load them into another database"
    )
    assert loaded(database) == 1
    assert load(database, of("portal:1"), record({"id": 3}), state(3)).code == 0
    assert load(database, THINGS, record({"id": 4}), state(4)).code == 0, "no word of a source"
    assert load(database, of("portal:2"), record({"id": 2}), state(2)).code == 1


def test_a_table_without_a_source_takes_the_first_one(database: TestDatabase) -> None:
    """
    A table that was loaded before its tap named a source belongs to the first that does.
    """
    load_here(database, THINGS, record({"id": 1}))
    load_here(database, of("portal:1"), record({"id": 2}))
    assert load(database, of("portal:2"), record({"id": 3})).code == 1


def test_a_dropped_table_is_forgotten(database: TestDatabase) -> None:
    """
    Whose data a table had, and its version, count no more once the table is dropped.
    """
    load_here(database, of("portal:1"), record({"id": 1}, version=9))
    database.query("DROP TABLE things")
    load_here(database, of("portal:2"), record({"id": 1}, version=1), activate(1))
    assert versions(database) == {1: 1}
    assert (registry(database, "source"), registry(database, "version")) == ("portal:2", 1)


@pytest.mark.parametrize("source", [7, "", ["portal"]])
def test_a_source_is_a_text(database: TestDatabase, source: object) -> None:
    """
    An x-source that is no text is an error of its line.
    """
    done = load(database, of(source), record({"id": 1}))
    assert done.code == 1
    assert the_error(done) == "ERROR line 1, stream things: x-source must be a string"


def test_a_stream_may_have_the_name_of_our_own_table(database: TestDatabase) -> None:
    """
    A stream called _sdc_tables has a table of another name.
    """
    message = schema({"text": TEXT}, stream="_sdc_tables")
    load_here(database, message, record({"id": 1}, stream="_sdc_tables"))
    names = {str(name) for (name,) in database.query("SHOW TABLES")} - {"_sdc_tables"}
    (name,) = names
    assert name.startswith("_sdc_tables__")
    assert database.query(f"SELECT id FROM `{name}`") == [(1,)]
