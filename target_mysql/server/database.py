"""
The one door to MySQL: connect, run, stream rows in, hold a transaction, know the server.

Errors come out as this package's: TransientError where the same again may succeed.
"""

from __future__ import annotations

import contextlib
import logging
import math
import re
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pymysql
from msgspec.structs import replace

from mysql_settings.addresses import Address
from target_mysql.config import Config
from target_mysql.exceptions import ConnectError, DatabaseError, TransientError
from target_mysql.rows.encoder import longest_field, to_sql
from target_mysql.server import statements
from target_mysql.server.connection import (
    ServerConnection,
    StatementResult,
    connect,
    statement_result,
)
from target_mysql.server.errors import RowRefused, driver_errors, to_error
from target_mysql.tables.column_compatibility import ExistingColumn
from target_mysql.tables.columns import (
    SMALL_KEY_BYTES,
    Column,
    Dialect,
    JsonType,
)
from target_mysql.tables.index_room import IndexPart, with_index_room
from target_mysql.tables.table import Table

LOGGER = logging.getLogger(__name__)

# Of the binary log's format, and of syntax that some later version will lack.
HARMLESS_WARNINGS = (1287, 1592, 1681)
INSERT_SIZE = 256 * 1024  # bytes of rows in one INSERT

A_VIEW = "a view"
MARIADB_JSON = JsonType("JSON", depth=31, keeps_digits=True)
MYSQL_JSON = JsonType("JSON", depth=100, keeps_digits=False)


@dataclass(frozen=True)
class Server:
    """What the server is and can do."""

    version: str
    identity: tuple[object, ...]  # that no other server has
    is_mariadb: bool
    local_infile: bool
    is_oceanbase: bool  # whose LOAD DATA makes an empty text at the end of a row NULL
    max_allowed_packet: int
    folds_names: bool  # `Things` and `things` are one table
    wait_timeout_s: int  # how long this connection may be silent
    dialect: Dialect


class Database:
    """
    A connection with the session set as this target needs it.

    Raises ConnectError on construction where the server does not let us in.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._connection = self._connect()
        self.server = self._read_server()
        self._enter_database()

    def _connect(self) -> ServerConnection:
        connection = connect(self.config)
        self._wait_for_answers(connection, self.config.read_timeout_seconds)
        return connection

    def _wait_for_answers(self, connection: ServerConnection, seconds: float) -> None:
        """Take the connection for lost where an answer takes longer; 0 waits for ever."""
        wire: Any = connection  # this of PyMySQL is not in its type stubs
        wire._read_timeout = seconds or None

    def _driver_errors(self) -> contextlib.AbstractContextManager[None]:
        return driver_errors(has_other_servers=len(self.config.addresses) > 1)

    def close(self) -> None:
        with contextlib.suppress(pymysql.MySQLError, OSError):
            self._connection.close()

    def abort(self) -> None:
        """Break the connection, from any thread: the server undoes what is not committed."""
        wire: Any = self._connection  # its socket is not in the type stubs
        with contextlib.suppress(AttributeError, OSError):
            wire._sock.shutdown(socket.SHUT_RDWR)

    def reconnect(self) -> None:
        """Begin anew on a new connection; raises TransientError while the server is away."""
        self.close()
        try:
            self._connection = self._connect()
        except ConnectError as error:
            if error.may_pass:
                raise TransientError(str(error)) from error
            raise
        # Another server of the list may allow less.
        self.server = self._read_server()
        self._enter_database()

    def execute(self, statement: str, values: Sequence[object] = ()) -> StatementResult:
        """Run one statement; `values` are bound to its %s marks. An ALTER may take its time."""
        is_slow = statement.startswith("ALTER ")
        self._wait_for_answers(self._connection, 0 if is_slow else self.config.read_timeout_seconds)
        with self._driver_errors(), self._connection.cursor() as cursor:
            cursor.execute(statement, values)
            answer: Any = cursor  # its result is not in the type stubs
            return statement_result(answer._result)

    def query(self, statement: str, values: Sequence[object] = ()) -> list[Any]:
        """Run one statement and return its rows."""
        with self._driver_errors(), self._connection.cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall())

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """
        Commit what is done inside, or, where that fails, none of it.

        Where this program stands still or is cut off meanwhile the server rolls back, in about the
        time after which another load may take the table's lock over: its rows are not kept locked.
        """
        patience_s = min(math.ceil(self.config.lock_timeout_seconds), self.server.wait_timeout_s)
        self.execute(statements.set_wait_timeout(patience_s))
        self.execute("START TRANSACTION")
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(DatabaseError, TransientError):
                self.execute("ROLLBACK")
                self.execute(statements.set_wait_timeout(self.server.wait_timeout_s))
            raise
        self.execute(statements.set_wait_timeout(self.server.wait_timeout_s))

    def stage(self, staging: str, columns: Sequence[Column], rows: Sequence[bytes]) -> None:
        """
        Send a batch's rows into a staging table, in the fastest way that the server allows.

        Raises RowRefused where a value is cut or does not fit.
        """
        if self.uses_load_data:
            with self._driver_errors():
                done = self._connection.load_local(
                    statements.load_staging(staging, columns) % (),
                    rows,
                    self.server.max_allowed_packet,
                )
            self._refuse_warnings(done)
        else:
            self._insert(staging, columns, rows)

    def merge(
        self,
        table: Table,
        staged: str,
        columns: Sequence[Column],
        parents: str | None,
        batched_at: str,
        *,
        versioned_parent: bool = False,
        in_order: bool = False,
        parents_repeat: bool = False,
    ) -> StatementResult:
        """
        Upsert the rows staged in `staged`, see statements.merge; `batched_at` is UTC.

        Raises DatabaseError, which names the table, also where the server only warns.
        """
        statement = statements.merge(
            table, staged, columns, parents, versioned_parent, in_order, parents_repeat
        )
        try:
            done = self.execute(statement, statements.merge_values(table, batched_at))
            self._refuse_warnings(done)
        except DatabaseError as error:
            raise DatabaseError(f"table {table.name}: {error}") from error
        return done

    def config_of_server(self) -> Config:
        """Return the configuration to connect to this very server, whichever others are named."""
        if self.config.unix_socket:
            return self.config
        wire: Any = self._connection  # its address is not in the type stubs
        return replace(self.config, host=(Address(wire.host, wire.port),))

    def is_same_server(self, other: Database) -> bool:
        """
        Whether this is, and stays, a connection to the server of `other`.

        Nodes of a cluster, named in a list or behind one name, see each other's commits late.
        """
        return len(self.config.addresses) == 1 and self.server.identity == other.server.identity

    @property
    def uses_load_data(self) -> bool:
        """Whether rows travel by LOAD DATA LOCAL rather than by INSERT."""
        if self.server.is_oceanbase:
            return False
        method = self.config.load_method
        return method == "local_infile" or (method == "auto" and self.server.local_infile)

    def read_columns(self, name: str) -> dict[str, ExistingColumn]:
        """Return the columns that the table `name` has in the database, none without it."""
        checks = self.query(statements.READ_CHECKS, (name,)) if self.server.is_mariadb else []
        json_checks = {_as_text(check) for (check,) in checks}
        rows = self.query(statements.READ_COLUMNS, (name,))
        columns = {str(row[0]): _existing_column(row, json_checks) for row in rows}
        parts = self.query(statements.READ_INDEX_PARTS, (name,)) if columns else []
        return with_index_room(columns, map(_index_part, parts), self.server.dialect)

    def read_definition(self, name: str) -> str:
        """Return the statement that would make the table `name`; DatabaseError without it."""
        rows = self.query(statements.read_definition(name))
        if not rows:
            raise DatabaseError(f"table {name} is gone: run again")
        return _as_text(rows[0][1])

    def read_key(self, table: Table) -> tuple[str, ...]:
        """Return the columns of the primary key that `table` has in the database."""
        return tuple(str(name) for (name,) in self.query(statements.READ_KEY, (table.name,)))

    def read_unique_indexes(self, table: Table) -> list[str]:
        """Return the names of the table's unique indexes, but for its primary key."""
        return [str(name) for (name,) in self.query(statements.READ_UNIQUE, (table.name,))]

    def read_unsafe_engine(self, table: Table) -> str | None:
        """Return the table's engine where that knows no transactions, A_VIEW for a view's."""
        ((engine, transactions),) = self.query(statements.READ_ENGINE, (table.name,))
        return None if transactions == "YES" else str(engine or A_VIEW)

    def _insert(self, staging: str, columns: Sequence[Column], rows: Sequence[bytes]) -> None:
        statement = (statements.insert_staging(staging, columns) % ()).encode()
        limit = self.server.max_allowed_packet
        start = 0
        for chunk in _slices(rows, min(INSERT_SIZE, limit // 4)):
            try:
                self._refuse_warnings(self._run(_insert_of(statement, chunk, columns, limit)))
            except RowRefused as error:
                raise RowRefused(str(error), start + error.row, error.column) from error
            start += len(chunk)

    def _run(self, query: bytes) -> StatementResult:
        """Run a statement that is ready to be sent."""
        with self._driver_errors():
            self._connection.query(query)
            wire: Any = self._connection
            return statement_result(wire._result)

    def _refuse_warnings(self, done: StatementResult) -> None:
        if not done.warnings:
            return
        warnings = self.query("SHOW WARNINGS") or [("", 0, "unknown")]
        for _, code, message in warnings:
            if code not in HARMLESS_WARNINGS:
                raise to_error(pymysql.err.DataError(code, message))

    def _read_server(self) -> Server:
        (facts,) = self.query(statements.SERVER_FACTS)
        version, comment, local_infile, max_packet, folds, wait_timeout_s, page, *identity = facts
        is_mariadb = "mariadb" in f"{version} {comment}".lower()
        is_oceanbase = "oceanbase" in f"{version} {comment}".lower()
        dialect = _dialect(str(version), is_mariadb, self._has_large_keys)
        if is_oceanbase:
            # A JSON column cannot become text there (error 1235).
            dialect = dialect.without_json()
        return Server(
            version=str(version),
            identity=tuple(identity),
            is_mariadb=is_mariadb,
            local_infile=bool(local_infile),
            is_oceanbase=is_oceanbase,
            max_allowed_packet=int(max_packet),
            folds_names=bool(int(folds)),
            wait_timeout_s=int(wait_timeout_s),
            dialect=dialect.with_pages(int(page)),
        )

    def _has_large_keys(self) -> bool:
        """Tell whether a MySQL 5.6 was set to what is the default from 5.7 on."""
        ((large,),) = self.query(statements.LARGE_KEYS)
        return bool(large)

    def _enter_database(self) -> None:
        name = self.config.database
        # Asked first: a user without the right to create one may use one that is there.
        if not self.query(statements.DATABASE_EXISTS, (name,)):
            self.execute(statements.create_database(name))
        self.execute(statements.use(name))


def _dialect(version: str, is_mariadb: bool, has_large_keys: Callable[[], bool]) -> Dialect:
    """Return how a server's tables differ; `has_large_keys` is asked where both may be."""
    if is_mariadb:
        return Dialect(
            "utf8mb4_nopad_bin", MARIADB_JSON, row_format="DYNAMIC", staging_engine="Aria"
        )
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if numbers >= (8, 0):
        return Dialect("utf8mb4_0900_bin", MYSQL_JSON, row_format="DYNAMIC")
    if numbers >= (5, 7):
        return Dialect("utf8mb4_bin", MYSQL_JSON, row_format="DYNAMIC", pads=True)
    if has_large_keys():
        return Dialect("utf8mb4_bin", None, row_format="DYNAMIC", pads=True)
    return Dialect("utf8mb4_bin", None, SMALL_KEY_BYTES, pads=True)


# Not INVISIBLE, nor ON UPDATE, which give a new row no value.
_FILLS = re.compile("auto_increment|generated", re.IGNORECASE)
_GENERATED = re.compile(
    "(virtual|stored|persistent) generated|^(virtual|persistent)", re.IGNORECASE
)
_WIDTH = re.compile(r"^((?:tiny|small|medium|big)?int)\((?!1\))\d+\)")


def _existing_column(row: Sequence[Any], json_checks: set[str]) -> ExistingColumn:
    """Build a ColumnThere of a row of statements.READ_COLUMNS."""
    name, sql_type, nullable, default, extra, collation, comment = row
    # Not a default of NULL: MariaDB writes that as text.
    has_default = default is not None and _as_text(default) != "NULL"
    return ExistingColumn(
        name=str(name),
        sql_type=_without_width(_as_text(sql_type)),
        nullable=nullable == "YES",
        has_default=has_default or bool(_FILLS.search(_as_text(extra))),
        is_generated=bool(_GENERATED.search(_as_text(extra))),
        collation=collation and str(collation),
        comment=_as_text(comment),
        is_json=_as_text(sql_type) == "json"
        or f"json_valid({statements.quote(str(name)) % ()})" in json_checks,
    )


def _index_part(row: Sequence[Any]) -> IndexPart:
    index, column, prefix_length = row
    return IndexPart(str(index), str(column), prefix_length and int(prefix_length))


def _without_width(sql_type: str) -> str:
    """Return a type as MySQL 8 and later name it: integers, but booleans, without their width."""
    return _WIDTH.sub(r"\1", sql_type)


def _slices(rows: Sequence[bytes], limit: int) -> Iterator[Sequence[bytes]]:
    """Yield runs of rows of at least one row, at most `limit` bytes where a row allows it."""
    start = size = 0
    for at, row in enumerate(rows):
        if size and size + len(row) > limit:
            yield rows[start:at]
            start, size = at, 0
        size += len(row)
    if start < len(rows):
        yield rows[start:]


def _insert_of(
    statement: bytes, rows: Sequence[bytes], columns: Sequence[Column], limit: int
) -> bytes:
    """
    Return the INSERT of `rows`; raises RowRefused where it is longer than `limit` bytes.

    Only a single row can be that long. The server would hang up, and again the next time. A row
    that is too long by itself is refused before it is copied.
    """
    size = len(statement) + sum(map(len, rows))
    query = statement + to_sql(rows) if size < limit else b""
    if not query or len(query) >= limit:
        problem = f"max_allowed_packet is {limit} bytes, too few"
        raise RowRefused(problem, 1, columns[longest_field(rows[0])].name)
    return query


def _as_text(value: object) -> str:
    # MySQL 8 and later give column_type as bytes.
    return value.decode() if isinstance(value, bytes) else str(value)
