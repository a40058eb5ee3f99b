"""A server that is away, silent or busy when a load begins, and tables that others use."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
import time
from collections.abc import Iterator

import pytest

from mysql_settings import connecting
from target_mysql.config import Config
from target_mysql.exceptions import ConnectError
from target_mysql.loading.migrate import migrate
from target_mysql.server import connection
from target_mysql.server.database import Database
from target_mysql.server.introspection import read_columns
from target_mysql.tables.table import Table, to_table
from tests.conftest import TestDatabase, without_times
from tests.servers import FAMILY
from tests.target.conftest import (
    TEXT,
    StartTarget,
    load,
    load_here,
    record,
    schema,
    settings,
    state,
    to_lines,
)
from tests.target.feeding import END_S, THINGS, loaded, until
from tests.target.locking import send as send_messages
from tests.target.proxy import Fate, Proxy, first_time
from tests.wire import greeting, receive, send

WIDER = schema({"text": TEXT, "more": TEXT})


@contextlib.contextmanager
def silent_server(greets: bool) -> Iterator[int]:
    """Accept connections and say nothing, but for a greeting; gives the port."""
    is_over = threading.Event()

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                with client, contextlib.suppress(OSError):
                    if greets:
                        send(client, 0, greeting())
                        receive(client)
                    is_over.wait(END_S)

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            is_over.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize("greets", [False, True])
def test_a_server_that_says_nothing(greets: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A server that never greets, or never answers a login, is given up, and may come back.
    """
    monkeypatch.setattr(connecting, "LOGIN_TIMEOUT_S", 0.2)
    with silent_server(greets) as port:
        values = settings(host="127.0.0.1", port=port)
        with pytest.raises(ConnectError, match=r"no answer within 0\.2 s: check host") as raised:
            connection.connect(Config.from_sources({}, values, ()))
    assert raised.value.may_pass


def errors_of(target: subprocess.Popen[bytes]) -> list[str]:
    """Return the list that the target's lines on stderr are added to as they come."""
    lines: list[str] = []

    def follow() -> None:
        assert target.stderr
        for line in iter(target.stderr.readline, b""):
            lines.append(without_times(line.decode()))

    threading.Thread(target=follow, daemon=True).start()
    return lines


def begin(target: subprocess.Popen[bytes], lines: bytes) -> None:
    assert target.stdin
    target.stdin.write(lines)
    target.stdin.close()


def _where(own: TestDatabase) -> dict[str, object]:
    """Return the configuration that leads to a database of the test's own server."""
    prefix = "TARGET_MYSQL_"
    return {name.removeprefix(prefix).lower(): value for name, value in own.environment.items()}


def test_a_server_that_is_away_when_a_load_begins(start_target: StartTarget) -> None:
    """
    The load logs its retries, and begins when the server is up.
    """
    with FAMILY.server() as server:
        server.kill()
        own = TestDatabase(server, "late")
        target = start_target(**_where(own))
        output = errors_of(target)
        begin(target, to_lines(THINGS, record({"id": 1}), state(1)))
        until(lambda: any("retrying in" in line for line in output))
        assert "cannot connect to MySQL at 127.0.0.1:" in output[0]
        server.start()
        assert target.wait(END_S) == 0, output
        assert loaded(own) == 1


def test_a_connection_that_is_cut_in_the_login(database: TestDatabase) -> None:
    """
    If the first connection is lost during the login, another is opened, even if the login took
    longer than retry_limit_seconds.
    """
    is_slow = first_time(b"", Fate.LOSE, do=lambda: time.sleep(3))
    with Proxy(database.server.port, is_slow) as proxy:
        config = {"port": proxy.port, "retry_limit_seconds": 2}
        done = load(database, THINGS, record({"id": 1}), state(1), **config)
    assert (done.code, done.out) == (0, "1\n"), done.err
    assert "retrying in" in done.err


@pytest.mark.parametrize("limit", ["the server's", "the user's own"])
def test_too_many_connections(start_target: StartTarget, limit: str) -> None:
    """
    A server that has no connection to spare, for anybody or for this user, is waited for.
    """
    of_all = ["--max-user-connections=1"] if limit == "the server's" else []
    with FAMILY.server(["--max-connections=10", *of_all]) as server:
        own = TestDatabase(server, "full")
        own.query("CREATE USER modest@'%'")
        if not of_all:
            own.query("GRANT USAGE ON *.* TO modest@'%' WITH MAX_USER_CONNECTIONS 1")
        own.query("GRANT ALL ON full.* TO modest@'%'")
        config = Config.from_sources(
            {}, {**own.environment, **settings(user="modest", password="")}, ()
        )
        only = Database(config)
        target = start_target(**{**_where(own), "user": "modest", "password": ""})
        output = errors_of(target)
        begin(target, to_lines(THINGS, record({"id": 1}), state(1)))
        until(lambda: any("retrying in" in line for line in output))
        only.close()
        assert target.wait(END_S) == 0, output
        assert loaded(own) == 1


def test_servers_that_are_all_read_only_for_a_moment(start_target: StartTarget) -> None:
    """
    During a switchover several servers are read-only: they are waited for, at the start of a load
    and in its middle, and no connection to them is kept.
    """
    with FAMILY.server() as server:
        own = TestDatabase(server, "switched")
        own.query("CREATE USER modest@'%'")
        own.query("GRANT ALL ON switched.* TO modest@'%'")
        hosts = f"127.0.0.1:{server.port},localhost:{server.port}"
        user = {"host": hosts, "user": "modest", "password": ""}

        own.query("SET GLOBAL read_only = 1")
        target = start_target(**{**_where(own), **user, "batch_wait_limit_seconds": 0.1})
        assert target.stdin and target.stdout
        output = errors_of(target)

        def is_read_only() -> bool:
            return any("cannot connect to MySQL at localhost:" in line for line in output)

        until(is_read_only)
        connections = "SELECT id FROM information_schema.processlist WHERE user = 'modest'"
        until(lambda: not own.query(connections))
        own.query("SET GLOBAL read_only = 0")
        send_messages(target, THINGS, record({"id": 1}), state(1))
        assert target.stdout.readline() == b"1\n"

        output.clear()
        own.query("SET GLOBAL read_only = 1")
        send_messages(target, record({"id": 2}), state(2))
        until(is_read_only)
        own.query("SET GLOBAL read_only = 0")
        assert target.stdout.readline() == b"2\n"
        target.stdin.close()
        assert target.wait(END_S) == 0, output
        assert loaded(own) == 2


def test_a_wrong_password_is_not_tried_again(database: TestDatabase) -> None:
    """
    A permanent failure ends the run without a retry.
    """
    done = load(database, THINGS, user="nobody", password="wr0ng")
    assert done.code == 1
    assert "Access denied" in done.err and "retrying" not in done.err


def test_a_table_that_is_in_use(database: TestDatabase, start_target: StartTarget) -> None:
    """
    While a transaction blocks a change of a table, others can read the table; the log names the
    transaction; the load continues after its end.
    """
    load_here(database, THINGS, record({"id": 1, "text": "a"}))
    user = database.connect(database=database.name)
    with user, user.cursor() as cursor:
        cursor.execute("START TRANSACTION")
        cursor.execute("SELECT COUNT(*) FROM things")
        target = start_target()
        output = errors_of(target)
        begin(target, to_lines(WIDER, record({"id": 2, "more": "b"}), state(2)))
        waiting = f"waiting for connection {user.thread_id()} (root at "
        until(lambda: any(waiting in line for line in output))
        # It waits behind the change of the table at most, and that soon gives up.
        assert database.query("SELECT text FROM things") == [("a",)]
        cursor.execute("COMMIT")
    assert target.wait(END_S) == 0, output
    (line, *_) = [line for line in output if waiting in line]
    assert line.startswith("WARNING table things cannot be changed while others use it: ")
    assert "idle in a transaction for " in line
    assert database.query("SELECT more FROM things ORDER BY id") == [(None,), ("b",)]


def _table(database: Database, *names: str) -> Table:
    message = schema(dict.fromkeys(names, TEXT))["schema"]
    return to_table(
        "things",
        message,
        ("id",),
        database.server.dialect,
        add_metadata_columns=False,
        flattening_levels=0,
        existing={},
    )


@pytest.mark.parametrize("exists", [False, True])
def test_another_session_makes_the_same_column(
    database: TestDatabase, exists: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    If a table or column appears between introspection and change, the table is read again. The same
    happens after an ALTER whose response was lost.
    """
    config = Config.from_sources({}, database.environment, ())
    ours = Database(config)
    if exists:
        migrate(_table(ours, "text"), ours)
    reads = 0

    def meanwhile(connection: Database, name: str) -> object:
        nonlocal reads
        columns = read_columns(connection, name)
        reads += connection is ours
        if connection is ours and reads == 1:
            other = Database(config)
            migrate(_table(other, "text", "more"), other)
            other.close()
        return columns

    monkeypatch.setattr("target_mysql.loading.migrate.read_columns", meanwhile)
    migrate(_table(ours, "text", "more", "last"), ours)
    ours.close()
    assert reads == 2
    names = [name for name, *_ in database.query("SHOW COLUMNS FROM things")]
    assert sorted(names) == ["id", "last", "more", "text"]
