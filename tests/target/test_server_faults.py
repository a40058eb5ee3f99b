"""A server that is killed, cut off, full, read-only, or refuses: all comes right, or nothing is
claimed."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pymysql
import pytest

from private_servers.shell import CommandFailed, run_steps
from target_mysql.server.errors import to_error
from tests.conftest import TestDatabase
from tests.servers import FAMILY
from tests.target.conftest import (
    LOAD_METHODS,
    TEXT,
    StartTarget,
    load,
    load_here,
    record,
    schema,
    state,
    to_lines,
)
from tests.target.feeding import (
    END_S,
    THINGS,
    feeding,
    loaded,
    numbered,
    until,
    waiting_for_locks,
)
from tests.target.proxy import Fate, Proxy, first_time

ONE_BATCH = 64 * 1024 * 1024  # bytes that hold all of a test's rows
COMMIT = b"\x03COMMIT"  # as a command of the protocol


@contextmanager
def own_server(*options: str) -> Iterator[TestDatabase]:
    """A database on a separate server that the test may kill."""
    with FAMILY.server(options) as server:
        yield TestDatabase(server, "own")


def test_a_server_that_is_restarted_in_mid_load(start_target: StartTarget) -> None:
    """
    Killed and restarted at random moments, the server always has the rows that states claim, and
    the run completes.
    """
    chance, states = random.Random(11), [0]
    with own_server() as own:
        environment = {
            "host": "127.0.0.1",
            "port": own.server.port,
            "password": own.server.password,
            "database": own.name,
        }
        target = start_target(batch_size_rows=50, **environment)
        assert target.stdin and target.stdout and target.stderr
        reader = threading.Thread(target=lambda: states.extend(map(int, target.stdout)))  # type: ignore[arg-type]
        reader.start()
        with feeding(target, to_lines(THINGS) + numbered(1, 12_000), pause_s=0.02):
            for _ in range(4):
                goal = states[-1] + chance.randrange(50, 600)
                until(lambda goal=goal: states[-1] >= goal)
                own.server.kill()
                claims = states[-1]
                own.server.start()
                there = own.query("SELECT COUNT(*) FROM things WHERE id <= %s", (claims,))
                assert there == [(claims,)]
        target.stdin.close()
        assert target.wait(END_S) == 0, target.stderr.read()
        reader.join()
        assert states[-1] == 12_000
        assert own.query("SELECT COUNT(*), MAX(id) FROM things") == [(12_000, 12_000)]


@pytest.mark.parametrize("method", LOAD_METHODS)
def test_a_connection_is_cut_while_rows_travel(database: TestDatabase, method: str) -> None:
    """
    A batch of which only a part has arrived is sent again, whole.
    """
    sent = 0

    def decide(data: bytes) -> Fate:
        nonlocal sent
        before, sent = sent, sent + len(data)
        return Fate.LOSE if before < 200_000 <= sent else Fate.PASS

    rows = numbered(1, 20_000).decode().splitlines()
    with Proxy(database.server.port, decide) as proxy:
        done = load(database, THINGS, *rows, load_method=method, **through(proxy))
    assert (done.code, done.out.split()[-1]) == (0, "20000"), done.err
    assert done.err.count("retrying") == 1
    assert database.query("SELECT COUNT(*), MAX(id) FROM things") == [(20_000, 20_000)]


def through(proxy: Proxy) -> dict[str, object]:
    """Return the settings for a connection through the proxy, without TLS."""
    return {"host": "127.0.0.1", "port": proxy.port, "ssl_mode": "DISABLED"}


@pytest.mark.parametrize(("key", "copies"), [(("id",), 1), ((), 2)])
def test_the_answer_to_a_commit_is_lost(
    database: TestDatabase, key: tuple[str, ...], copies: int
) -> None:
    """
    A batch whose commit may have succeeded is sent again: harmless with a key; without a key, rows
    are loaded at least once.
    """
    rows = [record({"id": number}) for number in range(10)]
    with Proxy(database.server.port, first_time(COMMIT, Fate.LAST)) as proxy:
        done = load(
            database,
            schema({}, key=key),
            *rows,
            state(1),
            primary_key_required="false",
            **through(proxy),
        )
    assert (done.code, done.out) == (0, "1\n"), done.err
    assert done.err.count("retrying") == 1
    assert loaded(database) == 10 * copies


def test_a_deadlock_is_sent_again(database: TestDatabase, start_target: StartTarget) -> None:
    """
    When the server resolves a deadlock against this load, the batch is retried.
    """
    load_here(database, THINGS, *[record({"id": number}) for number in range(1, 500)])
    other = database.connect(database=database.name)
    with other, other.cursor() as cursor:
        # Keeps no lock on a row that it only looked at, as a scan of MariaDB 11 looks at the first.
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        cursor.execute("START TRANSACTION")
        # The server gives up whoever has changed less.
        cursor.execute("UPDATE things SET text = 'theirs' WHERE id > 1")
        target = start_target()
        assert target.stdin and target.stdout and target.stderr
        rows = [record({"id": number, "text": "ours"}) for number in (1, 2)]
        target.stdin.write(to_lines(THINGS, *rows, state(1)))
        target.stdin.close()
        # It has the lock on the first row by then, and waits for that on the second.
        until(lambda: waiting_for_locks(database))
        cursor.execute("UPDATE things SET text = 'theirs' WHERE id = 1")
        cursor.execute("COMMIT")
    assert target.wait(END_S) == 0
    assert b"MySQL error 1213" in target.stderr.read()
    assert target.stdout.read() == b"1\n"
    assert database.query("SELECT text FROM things WHERE id <= 2") == [("ours",), ("ours",)]


# --- Full disks -------------------------------------------------------------------------------


def test_a_full_server_is_an_error() -> None:
    """
    A batch that does not fit on the disk leaves no row and no state; with more space the batch
    loads.
    """
    space = "--innodb-data-file-path=ibdata1:12M:autoextend:max:{}M"
    one_file = ["--innodb-file-per-table=0"]
    if FAMILY.version == "MariaDB":
        # MariaDB 11.8 ends itself where there is no room for a rollback: with undo logs apart.
        one_file.append("--innodb-undo-tablespaces=0")
    rows = [record({"id": number, "text": "x" * 100_000}) for number in range(2, 502)]
    with own_server(*one_file, space.format(40)) as own:
        load_here(own, THINGS, record({"id": 1}), state(1))
        config = {"batch_size_bytes": ONE_BATCH, "retry_limit_seconds": 20}
        done = load(own, THINGS, *rows, state(2), **config)
        assert (done.code, done.out) == (1, ""), done.err
        (error,) = [line for line in done.err.splitlines() if line.startswith("ERROR")]
        if own.server.is_running:
            assert "MySQL error 1114" in error and "free or add space, and run again" in error
            own.server.stop()
        else:  # some releases of MariaDB end themselves
            assert "cannot connect to MySQL" in error
            own.server.kill()
        own.server.options = (*one_file, space.format(400))
        own.server.start()
        assert own.query("SELECT id FROM things") == [(1,)]
        done = load(own, THINGS, *rows, state(2), batch_size_bytes=ONE_BATCH)
        assert (done.code, done.out) == (0, "2\n"), done.err
        assert loaded(own) == 501


@pytest.mark.skipif(FAMILY.version != "MariaDB", reason="its errors are others")
def test_a_table_that_a_full_server_cannot_create() -> None:
    """
    The error of a SCHEMA on a full disk, which has many numbers, says so.
    """
    full = "--innodb-data-file-path=ibdata1:12M:autoextend:max:16M"
    with own_server("--innodb-file-per-table=0", "--innodb-undo-tablespaces=0", full) as own:
        with pytest.raises(pymysql.MySQLError):
            for number in range(100):
                own.query(f"CREATE TABLE big_{number} AS SELECT REPEAT('x', 300000) AS text")
        streams = [schema({"text": TEXT}, stream=f"things_{number}") for number in range(100)]
        done = load(own, *streams)
        assert done.code == 1
        assert "free or add space, and run again" in done.err.splitlines()[-1], done.err


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (1815, "Internal error: InnoDB: Insert into SYS_COLUMNS failed"),
        (1005, 'Can\'t create table `d`.`t` (errno: 135 "No more room in record file")'),
        (1005, 'Can\'t create table `d`.`t` (errno: 28 "No space left on device")'),
    ],
)
def test_the_errors_of_a_full_disk(code: int, message: str) -> None:
    """
    Every error of a full disk says what to do, and others of the same number do not.
    """
    assert str(to_error(pymysql.OperationalError(code, message))).endswith("and run again")
    foreign_key = "Can't create table `d`.`t` (errno: 150)"
    assert "space" not in str(to_error(pymysql.OperationalError(1005, foreign_key)))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a small disk")
@pytest.mark.skipif(FAMILY.version != "MariaDB", reason="its temporary tables are elsewhere")
def test_a_full_temporary_folder_is_an_error() -> None:
    """
    A batch that cannot be staged leaves no row and no state; with more space the batch loads.
    """
    rows = [record({"id": number, "text": "x" * 50_000}) for number in range(2, 202)]
    # Without much memory to keep them in, temporary tables are on the disk.
    memory = "--aria-pagecache-buffer-size=1M"
    with (
        TemporaryDirectory() as name,
        small_disk(Path(name), megabytes=4) as resize,
        own_server(memory, f"--tmpdir={name}") as own,
    ):
        load_here(own, THINGS, record({"id": 1}), state(1))
        done = load(own, THINGS, *rows, state(2), batch_size_bytes=ONE_BATCH)
        assert (done.code, done.out) == (1, ""), done.err
        (error,) = [line for line in done.err.splitlines() if line.startswith("ERROR")]
        assert "free or add space, and run again" in error
        assert own.query("SELECT id FROM things") == [(1,)]
        resize(64)
        done = load(own, THINGS, *rows, state(2), batch_size_bytes=ONE_BATCH)
        assert (done.code, done.out) == (0, "2\n"), done.err


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Callable[[int], None]]:
    """Mount a disk of this size on the folder; yields a function that resizes the disk."""

    def mount(*options: str) -> None:
        run_steps(["mount", "-t", "tmpfs", *options, "tmpfs", folder])

    try:
        mount("-o", f"size={megabytes}m,mode=777")
    except CommandFailed as error:
        pytest.skip(f"no small disk can be made here: {error}")
    try:
        yield lambda size: mount("-o", f"remount,size={size}m")
    finally:
        run_steps(["umount", "--lazy", folder])


@pytest.mark.parametrize(
    ("sqlstate", "number"), [("HY000", 3100), ("40000", 3101), ("40XYZ", 9007), ("HY000", 4031)]
)
def test_a_transaction_that_the_server_ends_is_sent_again(
    database: TestDatabase, sqlstate: str, number: int
) -> None:
    """
    The errors of a group or cluster that rolls back a transaction, all of SQLSTATE class 40, and
    the error of a session that was ended for inactivity lead to another attempt.
    """
    load_here(database, THINGS)
    database.query("CREATE TABLE attempts (n INT) ENGINE=MyISAM")  # which no rollback empties
    database.query(
        "CREATE TRIGGER refuse BEFORE INSERT ON things FOR EACH ROW BEGIN"
        " INSERT INTO attempts VALUES (1);"
        " IF (SELECT COUNT(*) FROM attempts) < 2 THEN"
        f" SIGNAL SQLSTATE '{sqlstate}' SET MYSQL_ERRNO = {number}; END IF; END"
    )
    done = load(database, THINGS, record({"id": 1, "text": "a"}), state(1))
    assert (done.code, done.out) == (0, "1\n"), done.err
    assert done.err.count("retrying") == 1
    assert database.query("SELECT id, text FROM things") == [(1, "a")]


def test_a_server_that_does_not_answer(database: TestDatabase) -> None:
    """
    A server that stands still in the middle of a merge counts as lost after read_timeout_seconds.
    The batch is retried, even if retry_limit_seconds is shorter.
    """
    load_here(database, THINGS)
    is_over = threading.Event()
    stand_still = first_time(b"INSERT INTO `things`", Fate.LOSE, do=lambda: is_over.wait(END_S))
    with Proxy(database.server.port, stand_still) as proxy:
        rows = (record({"id": 1, "text": "a"}), state(1))
        limits = {"read_timeout_seconds": 3, "retry_limit_seconds": 2}
        done = load(database, THINGS, *rows, **limits, **through(proxy))
        is_over.set()
    assert (done.code, done.out) == (0, "1\n"), done.err
    (retry,) = [line for line in done.err.splitlines() if "retrying" in line]
    assert "timed out" in retry
    assert database.query("SELECT id, text FROM things") == [(1, "a")]


def test_a_server_that_stops_reading(database: TestDatabase) -> None:
    """
    A server that stops reading in the middle of an upload counts as lost after
    read_timeout_seconds.
    """
    sent, is_over = 0, threading.Event()

    def decide(data: bytes) -> Fate:
        nonlocal sent
        before, sent = sent, sent + len(data)
        if not before < 200_000 <= sent:
            return Fate.PASS
        is_over.wait(END_S)
        return Fate.LOSE

    # More than the buffers of the connection hold.
    rows = [record({"id": number, "text": "x" * 1_000_000}) for number in range(16)]
    with Proxy(database.server.port, decide) as proxy:
        config = {"batch_size_bytes": ONE_BATCH, "read_timeout_seconds": 10, **through(proxy)}
        done = load(database, THINGS, *rows, state(1), **config)
        is_over.set()
    assert (done.code, done.out) == (0, "1\n"), done.err
    first, *_ = [line for line in done.err.splitlines() if "retrying" in line]
    assert "timed out" in first
    assert loaded(database) == 16


def test_only_an_alter_may_take_longer_than_the_read_timeout(database: TestDatabase) -> None:
    """
    An ALTER that takes longer than read_timeout_seconds is waited for. The time-out applies again
    to the statement after it.
    """
    load_here(database, THINGS)
    is_altered, is_over = threading.Event(), threading.Event()

    def decide(data: bytes) -> Fate:
        if b"ALTER TABLE `things`" in data:
            time.sleep(5)
            is_altered.set()
        elif is_altered.is_set():
            is_altered.clear()
            is_over.wait()
            return Fate.LOSE
        return Fate.PASS

    wider = schema({"text": TEXT, "more": TEXT})
    limits = {"read_timeout_seconds": 3, "lock_timeout_seconds": 600}
    with Proxy(database.server.port, decide) as proxy:
        rows = (record({"id": 1, "more": "a"}), state(1))
        done = load(database, wider, *rows, **limits, **through(proxy))
        is_over.set()
    assert (done.code, done.out) == (0, "1\n"), done.err
    # The first statement after an ALTER restores a variable, and its own error is not logged.
    (retry,) = [line for line in done.err.splitlines() if "retrying" in line]
    assert "connection lost" in retry
    assert database.query("SELECT id, more FROM things") == [(1, "a")]


@pytest.mark.parametrize("number", [1836, 3032, 3098])
def test_a_primary_that_steps_down(database: TestDatabase, number: int) -> None:
    """
    A server that no longer accepts writes is left for another; without another, the error has
    advice.
    """
    load_here(database, THINGS)
    database.query("CREATE TABLE attempts (n INT) ENGINE=MyISAM")
    database.query(
        "CREATE TRIGGER refuse BEFORE INSERT ON things FOR EACH ROW BEGIN"
        " INSERT INTO attempts VALUES (1);"
        " IF (SELECT COUNT(*) FROM attempts) < 3 THEN"
        f" SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {number}; END IF; END"
    )
    rows = (record({"id": 1, "text": "a"}), state(1))
    done = load(database, THINGS, *rows)
    assert (done.code, f"MySQL error {number}" in done.err) == (1, True), done.err
    host = f"127.0.0.1:{database.server.port},localhost:{database.server.port}"
    done = load(database, THINGS, *rows, host=host)
    assert (done.code, done.out) == (0, "1\n"), done.err
    assert done.err.count("retrying") == 1
