"""The connection to MySQL: read only, one query at a time, each with a time limit."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pymysql
from pymysql.connections import Connection
from pymysql.constants import CR
from pymysql.cursors import Cursor

from engagements_report.exceptions import DatabaseError, TableInUse, UsageError
from engagements_report.queries.statements import SqlText
from mysql_settings.addresses import Address
from mysql_settings.connecting import connection_options, describe_failure, error_code, error_reason
from mysql_settings.exceptions import SettingsError
from mysql_settings.login import GuardedConnection, end_login
from mysql_settings.server import ServerSettings

STATEMENT_TIMEOUT_S = 600.0
GRACE_S = 10.0  # the server's own limit of a statement ends this long before ours
LOCK_WAIT_S = 60  # for a table that another session changes
CHANGE_LOCK_WAIT_S = 3  # for a table that we change: meanwhile its readers wait, too
TEMPORARY_TABLE_SIZE = 64 * 2**20
TEMPORARY_TABLE_LIMITS = ("tmp_table_size", "max_heap_table_size")
# GROUP BY an alias must work, whatever the server's time zone and mode.
SESSION = "SET SESSION time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'"
NO_DATABASE, NO_TABLE, NO_COLUMN = 1049, 1146, 1054
LOCK_WAIT_TIMEOUT, INDEX_EXISTS = 1205, 1061
RIGHT_MISSING = (1142, 1143)  # on a table, on a column
STATEMENT_TIMEOUTS = (1969, 3024, 4012)  # MariaDB's, MySQL's, OceanBase's
# Connections that use this database, without those that are idle outside of a transaction.
HOLDERS = (
    "SELECT p.id, p.user, p.host, p.command, p.time FROM information_schema.processlist p"
    " LEFT JOIN information_schema.innodb_trx t ON t.trx_mysql_thread_id = p.id"
    " WHERE p.id <> CONNECTION_ID() AND p.db = DATABASE()"
    " AND (t.trx_id IS NOT NULL OR p.command <> 'Sleep') ORDER BY p.time DESC LIMIT 3"
)
# Table aliases in the SQL files, which errors name; daily.sql has none.
TABLE_ALIASES = {
    "e": "engagements",
    "r": "engagements",
    None: "engagements",
    "contact": "engagement_associations",
    "replied": "engagement_associations",
}
LOAD_FIRST = "load it first: tap-hubspot-engagements … | target-mysql"


@dataclass(frozen=True)
class Rows:
    """The result of a query: column names, and rows with a value for each column."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]

    def has_numbers(self, index: int) -> bool:
        """Whether a column has numbers, which stand to the right."""
        return any(isinstance(row[index], (int, Decimal)) for row in self.rows)


class Database:
    """
    A connection for reading; raises DatabaseError if no server lets this user in.

    Each statement may take `timeout_s` seconds. None means no limit, for indexes of large tables.
    """

    def __init__(
        self, settings: ServerSettings, timeout_s: float | None = STATEMENT_TIMEOUT_S
    ) -> None:
        self._connection = _connect(settings)
        if timeout_s is not None:
            self._set_timeout(timeout_s)

    def close(self) -> None:
        self._connection.close()

    def query(self, text: SqlText) -> Rows:
        """Run a query with values bound. Raises DatabaseError."""
        with _driver_errors(), self._connection.cursor() as cursor:
            cursor.execute(text.sql, dict(text.values))
            columns = tuple(str(column[0]) for column in cursor.description or ())
            return Rows(columns, cursor.fetchall())

    def create_index(self, statement: str) -> bool:
        """Run a CREATE INDEX as `change` does; return False if an index of that name exists."""
        try:
            self.change(statement)
        except DatabaseError as error:
            if error_code(error.__cause__ or error) != INDEX_EXISTS:
                raise
            return False
        return True

    def change(self, statement: str) -> None:
        """
        Run a statement that creates or drops something.

        Raises TableInUse, with the connections that use the table, after CHANGE_LOCK_WAIT_S.
        """
        self.query(SqlText(f"SET SESSION lock_wait_timeout = {CHANGE_LOCK_WAIT_S}"))
        try:
            self.query(SqlText(statement))
        except DatabaseError as error:
            if error_code(error.__cause__ or error) != LOCK_WAIT_TIMEOUT:
                raise
            raise TableInUse(f"waiting for {self._holders()}") from error

    def may_read(self, table: str) -> bool:
        """Whether the user may read a table, which may not exist."""
        try:
            self.query(SqlText(f"SELECT 1 FROM {table} LIMIT 0"))
        except DatabaseError as error:
            return not is_right_missing(error)
        return True

    def render_sql(self, text: SqlText) -> str:
        """Return a statement with the values filled in, quoted for this server."""
        with self._connection.cursor() as cursor:
            return str(cursor.mogrify(text.sql, dict(text.values)))

    def begin_snapshot(self) -> None:
        """
        Begin a transaction in which all queries see the data of this moment; read only.

        In READ COMMITTED, which is the default of some servers, each query has its own moment. On
        OceanBase the moment is that of the first query.
        """
        self.query(SqlText("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        self.query(SqlText("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"))

    def enlarge_temporary_tables(self) -> None:
        """
        Let a temporary table take TEMPORARY_TABLE_SIZE in memory, for queries of many groups.

        Beyond the default of 16 MiB it would be on disk, and take three times as long.
        """
        sizes = [f"{name} = {TEMPORARY_TABLE_SIZE}" for name in TEMPORARY_TABLE_LIMITS]
        with contextlib.suppress(DatabaseError):  # a server without these limits
            self.query(SqlText(f"SET SESSION {', '.join(sizes)}"))

    def kinds(self) -> dict[str, str]:
        """Return for each table and view that the user can see `BASE TABLE`, `VIEW` or another."""
        text = SqlText(
            "SELECT table_name, table_type FROM information_schema.tables"
            " WHERE table_schema = DATABASE()"
        )
        return {str(table): str(kind) for table, kind in self.query(text).rows}

    def indexed_columns(self) -> set[tuple[str, str]]:
        """Return (table, column) of the first column of every index."""
        text = SqlText(
            "SELECT table_name, column_name FROM information_schema.statistics"
            " WHERE table_schema = DATABASE() AND seq_in_index = 1"
        )
        return {(table, column) for table, column in self.query(text).rows}

    def columns(self) -> dict[str, set[str]]:
        """Return the column names of every table."""
        text = SqlText(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = DATABASE()"
        )
        columns: dict[str, set[str]] = {}
        for table, column in self.query(text).rows:
            columns.setdefault(table, set()).add(column)
        return columns

    def is_oceanbase(self) -> bool:
        """Whether the server is OceanBase, whose proxy hides this in the version."""
        ((comment,),) = self.query(SqlText("SELECT @@version_comment")).rows
        return "OceanBase" in comment

    def _set_timeout(self, timeout_s: float) -> None:
        """Let the server end a statement that takes longer; hang up if the server does not."""
        end_login(self._connection, read_timeout_s=timeout_s + GRACE_S)
        connection: Any = self._connection  # the type stubs lack its version
        version = str(connection.server_version)
        if "MariaDB" in version:
            self.query(SqlText(f"SET SESSION max_statement_time = {timeout_s:.3f}"))
        elif self.is_oceanbase():
            self.query(SqlText(f"SET SESSION ob_query_timeout = {math.ceil(timeout_s * 10**6)}"))
        elif not version.startswith("5.6."):  # MySQL 5.6 has no such limit
            self.query(SqlText(f"SET SESSION max_execution_time = {math.ceil(timeout_s * 1000)}"))

    def _holders(self) -> str:
        """Return the connections that may use a table, as far as this user can see them."""
        rows: Sequence[Sequence[Any]] = ()
        with contextlib.suppress(DatabaseError):  # only a user with the right PROCESS may look
            rows = self.query(SqlText(HOLDERS)).rows
        if not rows:
            return "a connection that this user may not see (the right PROCESS would show it)"
        return " or ".join(map(_describe_holder, rows))


def is_right_missing(error: DatabaseError) -> bool:
    """Whether the user lacks a right on a table or column."""
    return error_code(error.__cause__ or error) in RIGHT_MISSING


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
    """Connect to one server; raises UsageError for a certificate file that cannot be used."""
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
    activity = "idle in a transaction" if command == "Sleep" else "running a statement"
    return f"connection {number} ({user} at {host}, {activity} for {int(seconds)} s)"


@contextlib.contextmanager
def _driver_errors() -> Iterator[None]:
    """Raise errors of PyMySQL as DatabaseError, with advice."""
    try:
        yield
    except pymysql.MySQLError as error:
        code = error_code(error)
        reason = error_reason(error)
        raise DatabaseError(f"MySQL error {code}: {reason}{_advice(code, reason)}") from error
    except OSError as error:
        raise DatabaseError(f"connection to MySQL lost: {error}") from error


def _advice(code: int, reason: str) -> str:
    """Return the remedy for an error: more time, or a stream or field to select."""
    if code in STATEMENT_TIMEOUTS or (code == CR.CR_SERVER_LOST and "timed out" in reason):
        return ": allow it more seconds with --timeout, or report on fewer days with --from"
    if code == LOCK_WAIT_TIMEOUT:
        return ": another session changes a table of the report: run again when it has ended"
    denied = re.match(r"([A-Z ]+) command denied", reason)
    if code in RIGHT_MISSING:
        right = denied[1] if denied else "SELECT"
        return f": let an administrator grant this user the right {right}"
    match = re.search(r"'(?:[^'.]*\.)*?(?:([^'.]+)\.)?([^'.]+)'", reason)
    if code == NO_TABLE and match and match[2] != "engagements":
        return f": select the stream {match[2]} in the tap's catalog and sync again"
    if code == NO_TABLE:
        return f": {LOAD_FIRST}"
    if code != NO_COLUMN or not match:
        return ""
    if match[2].startswith("_sdc_"):
        return ": let target-mysql add it, with add_metadata_columns"
    stream = TABLE_ALIASES.get(match[1], match[1])
    return f": select the field {match[2]} of {stream} in the tap's catalog and sync again"
