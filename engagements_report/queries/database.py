"""The one door to MySQL: connect for reading, and ask one question at a time."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pymysql
from pymysql.connections import Connection
from pymysql.constants import CR
from pymysql.cursors import Cursor

from engagements_report.exceptions import DatabaseError, TableInUse, UsageError
from engagements_report.queries.statements import SqlText
from mysql_settings.addresses import Address
from mysql_settings.connecting import connection_options, describe_failure, error_code
from mysql_settings.exceptions import SettingsError
from mysql_settings.login import GuardedConnection, end_login
from mysql_settings.server import ServerSettings

STATEMENT_TIMEOUT_S = 600.0
GRACE_S = 10.0  # by which the server's own limit of a statement comes before ours
LOCK_WAIT_S = 60  # for a table that another session changes
CHANGE_LOCK_WAIT_S = 3  # for a table that we change: readers have to wait behind us
# Grouping by an alias, and no zone or mode of the server's own choosing.
SESSION = "SET SESSION time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'"
NO_DATABASE, NO_TABLE, NO_COLUMN = 1049, 1146, 1054
LOCK_WAIT_TIMEOUT, INDEX_EXISTS = 1205, 1061
TOOK_TOO_LONG = (1969, 3024)  # MariaDB's, MySQL's
# Connections that use this database, except those that are idle outside of a transaction.
HOLDERS = (
    "SELECT p.id, p.user, p.host, p.command, p.time FROM information_schema.processlist p"
    " LEFT JOIN information_schema.innodb_trx t ON t.trx_mysql_thread_id = p.id"
    " WHERE p.id <> CONNECTION_ID() AND p.db = DATABASE()"
    " AND (t.trx_id IS NOT NULL OR p.command <> 'Sleep') ORDER BY p.time DESC LIMIT 3"
)
# Of our statements; daily.sql has none.
ALIASES = {
    "e": "engagements",
    "r": "engagements",
    None: "engagements",
    "contact": "engagement_associations",
    "replied": "engagement_associations",
}
LOAD_FIRST = "load it first: tap-hubspot-engagements … | target-mysql"


@dataclass(frozen=True)
class Rows:
    """What a question gave: the columns' names, and rows of as many values."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]


class Database:
    """
    A connection for reading; raises DatabaseError where there is none to be had.

    No statement takes longer than `timeout_s`, in seconds; None is for changes of large tables.
    """

    def __init__(
        self, settings: ServerSettings, timeout_s: float | None = STATEMENT_TIMEOUT_S
    ) -> None:
        self._connection = _connect(settings)
        if timeout_s is not None:
            self._limit(timeout_s)

    def close(self) -> None:
        self._connection.close()

    def ask(self, text: SqlText) -> Rows:
        """Run one query with its values bound. Raises DatabaseError."""
        with _translated(), self._connection.cursor() as cursor:
            cursor.execute(text.sql, dict(text.values))
            return Rows(_columns(cursor), cursor.fetchall())

    def change(self, statement: str) -> bool:
        """
        Run a statement that makes an index; False where there is one of that name.

        Raises TableInUse, naming who uses the table, where it is in use for CHANGE_LOCK_WAIT_S.
        """
        self.ask(SqlText(f"SET SESSION lock_wait_timeout = {CHANGE_LOCK_WAIT_S}"))
        try:
            self.ask(SqlText(statement))
        except DatabaseError as error:
            code, _ = _parts(error.__cause__ or error)
            if code == LOCK_WAIT_TIMEOUT:
                raise TableInUse(f"waiting for {self._holders()}") from error
            if code != INDEX_EXISTS:
                raise
            return False
        return True

    def _limit(self, timeout_s: float) -> None:
        """Have the server end what takes too long, and hang up if it does not."""
        end_login(self._connection, read_timeout_s=timeout_s + GRACE_S)
        connection: Any = self._connection  # its version is not in the type stubs
        version = str(connection.server_version)
        if "MariaDB" in version:
            self.ask(SqlText(f"SET SESSION max_statement_time = {timeout_s:.3f}"))
        elif not version.startswith("5.6."):  # which knows no such limit
            self.ask(SqlText(f"SET SESSION max_execution_time = {math.ceil(timeout_s * 1000)}"))

    def _holders(self) -> str:
        """Return which connections may be using a table, as far as this user may see them."""
        rows: Sequence[Sequence[Any]] = ()
        with contextlib.suppress(DatabaseError):  # only a user with the right PROCESS may look
            rows = self.ask(SqlText(HOLDERS)).rows
        if not rows:
            return "a connection that this user may not see (the right PROCESS would show it)"
        return " or ".join(map(_describe_holder, rows))

    def render_sql(self, text: SqlText) -> str:
        """Return a statement with its values in it, as this server would read them."""
        with self._connection.cursor() as cursor:
            return str(cursor.mogrify(text.sql, dict(text.values)))

    def begin_snapshot(self) -> None:
        """Let all further questions see the database as it is now, and change nothing."""
        self.ask(SqlText("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"))

    def indexed(self) -> set[tuple[str, str]]:
        """Return (table, column) of every column that an index begins with."""
        asked = SqlText(
            "SELECT table_name, column_name FROM information_schema.statistics"
            " WHERE table_schema = DATABASE() AND seq_in_index = 1"
        )
        return {(table, column) for table, column in self.ask(asked).rows}

    def columns(self) -> dict[str, set[str]]:
        """Return the columns' names of every table."""
        asked = SqlText(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = DATABASE()"
        )
        found: dict[str, set[str]] = {}
        for table, column in self.ask(asked).rows:
            found.setdefault(table, set()).add(column)
        return found


def _connect(settings: ServerSettings) -> Connection[Cursor]:
    """Connect to the first of the servers that lets this user in."""
    problems = []
    for name, port in settings.addresses:
        try:
            return _open(settings, name, port)
        except (pymysql.MySQLError, OSError, RuntimeError) as error:
            is_missing = error_code(error) == NO_DATABASE
            advice = LOAD_FIRST if is_missing else "check the connection's settings"
            problems.append(describe_failure(settings, Address(name, port), error, advice))
    raise DatabaseError("; ".join(problems))


def _open(settings: ServerSettings, name: str, port: int) -> Connection[Cursor]:
    """Connect to one server; raises UsageError where a certificate file cannot be used."""
    try:
        options = connection_options(settings, name, port)
    except SettingsError as error:
        raise UsageError(str(error)) from error
    connection = GuardedConnection(database=settings.database, init_command=SESSION, **options)
    with connection.cursor() as cursor:
        cursor.execute(f"SET SESSION lock_wait_timeout = {LOCK_WAIT_S}")
    end_login(connection, read_timeout_s=None)
    return connection


def _describe_holder(row: Sequence[Any]) -> str:
    number, user, host, command, seconds = row
    what = "idle in a transaction" if command == "Sleep" else "running a statement"
    return f"connection {number} ({user} at {host}, {what} for {int(seconds)} s)"


def _columns(cursor: Cursor) -> tuple[str, ...]:
    return tuple(str(column[0]) for column in cursor.description or ())


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except pymysql.MySQLError as error:
        code, reason = _parts(error)
        advice = _advice(code, reason)
        raise DatabaseError(f"MySQL error {code}: {reason}{advice}") from error
    except OSError as error:
        raise DatabaseError(f"connection to MySQL lost: {error}") from error


def _advice(code: int, reason: str) -> str:
    """Return what to do where a table or a column is missing: the stream or field to select."""
    if code in TOOK_TOO_LONG or (code == CR.CR_SERVER_LOST and "timed out" in reason):
        return ": allow it more seconds by --timeout, or ask for fewer days by --from"
    if code == LOCK_WAIT_TIMEOUT:
        return ": another session changes a table of the report: run again when that has ended"
    named = re.search(r"'(?:[^'.]*\.)*?(?:([^'.]+)\.)?([^'.]+)'", reason)
    if code == NO_TABLE and named and named[2] != "engagements":
        return f": select the stream {named[2]} in the tap's catalog and sync again"
    if code == NO_TABLE:
        return f": {LOAD_FIRST}"
    if code != NO_COLUMN or not named:
        return ""
    if named[2].startswith("_sdc_"):
        return ": let target-mysql add it, by its add_metadata_columns"
    stream = ALIASES.get(named[1], named[1])
    return f": select the field {named[2]} of {stream} in the tap's catalog and sync again"


def _parts(error: BaseException) -> tuple[int, str]:
    """Return a driver error's code, 0 without one, and its text."""
    if len(error.args) > 1 and isinstance(error.args[0], int):
        return error.args[0], str(error.args[1])
    return 0, str(error)
