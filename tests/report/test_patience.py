"""A server that says nothing, queries that take long, and tables that others use."""

from __future__ import annotations

import threading

import pytest

from engagements_report.config import read_config
from engagements_report.exceptions import DatabaseError
from engagements_report.queries import database as report_database
from engagements_report.queries import indexes, retries
from engagements_report.queries.database import Database
from engagements_report.queries.statements import SqlText
from mysql_settings import connecting
from tests.conftest import TestDatabase, run_program
from tests.report.tables import create_tables, run
from tests.servers import FAMILY
from tests.target.conftest import settings
from tests.target.feeding import END_S, until
from tests.target.proxy import Fate, Proxy
from tests.target.test_patience import silent_server


def connect(database: TestDatabase, timeout_s: float | None = None, **more: object) -> Database:
    environment = database.environment | settings(**more)
    return Database(read_config([], environment, ())[0], timeout_s)


@pytest.mark.parametrize("greets", [False, True])
def test_a_server_that_says_nothing(greets: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A server that never greets, or never answers a login, is given up.
    """
    monkeypatch.setattr(connecting, "LOGIN_TIMEOUT_S", 0.2)
    with silent_server(greets) as port:
        config = read_config([], settings(host="127.0.0.1", port=port), ())[0]
        with pytest.raises(DatabaseError, match=r"no answer within 0\.2 s"):
            Database(config)


def test_a_proxy_that_passes_nothing_on(
    database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A query without a response ends after the time-out.
    """
    database.query("SELECT 1")
    monkeypatch.setattr(report_database, "GRACE_S", 0.1)
    released = threading.Event()

    def decide(data: bytes) -> Fate:
        if b"SELECT 7" in data:
            released.wait(END_S)
        return Fate.PASS

    with Proxy(database.server.port, decide) as proxy:
        connection = connect(database, timeout_s=0.1, port=proxy.port, ssl_mode="DISABLED")
        with pytest.raises(
            DatabaseError, match="timed out.*: allow it more seconds with --timeout"
        ):
            connection.query(SqlText("SELECT 7"))
        released.set()


@pytest.mark.skipif(FAMILY.version == "5.6.", reason="this server has no limit of a statement")
def test_a_query_that_takes_too_long(database: TestDatabase) -> None:
    """
    The server itself ends a query that takes longer than --timeout, and a line says so.
    """
    create_tables(database, ["engagements"])
    values = ", ".join(["(NULL)"] * 300)
    database.query(f"INSERT INTO engagements (type) VALUES {values}")
    slow = "SELECT COUNT(*) FROM engagements a, engagements b, engagements c, engagements d"
    connection = connect(database, timeout_s=0.2)
    with pytest.raises(DatabaseError, match="allow it more seconds with --timeout"):
        connection.query(SqlText(slow + " WHERE a.id + b.id + c.id + d.id < 0"))
    connection.close()


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "1e9", "soon"])
def test_timeouts_that_are_none(text: str) -> None:
    """
    --timeout must be a number of seconds, not zero, at most a day.
    """
    done = run_program("engagements-report", "daily", f"--timeout={text}")
    assert done.code == 2
    assert "argument --timeout: " in done.err


@pytest.mark.skipif(not FAMILY.locks_tables, reason="this server does not lock tables")
def test_a_table_that_another_session_changes(
    database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A report waits a minute, not a day, for a locked table, and the error tells the remedy.
    """
    create_tables(database, ["engagements"])
    monkeypatch.setattr(report_database, "LOCK_WAIT_S", 1)
    connection = connect(database)
    other = database.connect(database=database.name)
    with other, other.cursor() as cursor:
        cursor.execute("LOCK TABLES engagements WRITE")
        with pytest.raises(DatabaseError, match=r"error 1205.*: run again when it has ended"):
            connection.query(SqlText("SELECT COUNT(*) FROM engagements"))
    connection.close()


@pytest.mark.skipif(not FAMILY.locks_tables, reason="this server does not lock tables")
def test_an_index_on_a_table_in_use(
    database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    While a transaction delays an index, others can read, and the log names the connection.
    """
    create_tables(database, ["engagements"])
    monkeypatch.setattr(retries, "RETRY_WAIT_S", 0.1)
    messages: list[str] = []
    ours = connect(database)
    user, reader = (database.connect(database=database.name) for _ in range(2))
    with reader, reader.cursor() as reading, user, user.cursor() as cursor:
        cursor.execute("START TRANSACTION")
        cursor.execute("SELECT COUNT(*) FROM engagements")
        making = threading.Thread(
            target=lambda: indexes.create(ours, (indexes.BY_TIME["createdAt"],), messages.append)
        )
        making.start()
        try:
            until(lambda: messages)
            reading.execute("SELECT COUNT(*) FROM engagements")
            assert reading.fetchall() == ((0,),)
        finally:
            cursor.execute("COMMIT")
            making.join()
        assert f"waiting for connection {user.thread_id()} (root at " in messages[0]
        assert "idle in a transaction for " in messages[0]
    assert indexes.missing(ours, (indexes.BY_TIME["createdAt"],)) == ()
    ours.close()


def test_an_index_that_is_made_meanwhile(
    database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    An index that another session creates at the same time is no error.
    """
    create_tables(database, ["engagements"])
    ours = connect(database)
    create_index = ours.create_index

    def meanwhile(statement: str) -> bool:
        database.query(statement)
        return create_index(statement)

    monkeypatch.setattr(ours, "create_index", meanwhile)
    assert indexes.create(ours, (indexes.BY_TIME["createdAt"],), print) == []
    ours.close()


def test_another_index_of_that_name(database: TestDatabase) -> None:
    """
    An index of ours that is not as ours must be is an error that names the statement.
    """
    create_tables(database, ["engagements", "engagement_associations"])
    database.query("CREATE INDEX report_createdAt ON engagements (ownerId)")
    done = run(database, "index")
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "engagements has another index of that name: CREATE INDEX report_createdAt" in done.err
