"""
A connection to the server: runs statements, uploads rows, holds a transaction.

All errors of the driver become errors of this package; a TransientError is worth a retry.
"""

from __future__ import annotations

import contextlib
import math
import socket
from collections.abc import Iterator, Sequence
from typing import Any

import pymysql
from msgspec.structs import replace

from mysql_settings.addresses import Address
from target_mysql.config import Config
from target_mysql.exceptions import (
    ConnectError,
    DatabaseError,
    DatabaseMissing,
    RowRefused,
    TransientError,
)
from target_mysql.server import statements
from target_mysql.server.connection import connect
from target_mysql.server.dialect import read_server
from target_mysql.server.errors import driver_errors, to_error
from target_mysql.server.insert import INSERT_SIZE, split_rows, to_insert
from target_mysql.server.upload_connection import StatementResult, statement_result
from target_mysql.tables.columns import Column

# About the binary log's format, and about syntax that a later version will lack.
HARMLESS_WARNINGS = (1287, 1592, 1681)


class Database:
    """
    A connection whose session has the settings that a load relies on.

    Raises ConnectError on construction when no server accepts the login. A missing database is
    created; without `creates_database` DatabaseMissing is raised.
    """

    def __init__(self, config: Config, *, creates_database: bool = True) -> None:
        self.config = config
        self._creates_database = creates_database
        self._connection = connect(config)
        self.server = read_server(self.query)
        self._enter_database()

    def close(self) -> None:
        with contextlib.suppress(pymysql.MySQLError, OSError):
            self._connection.close()

    def abort(self) -> None:
        """Break the connection, from any thread: the server rolls its transaction back."""
        wire: Any = self._connection  # its socket is not in the type stubs
        with contextlib.suppress(AttributeError, OSError):
            wire._sock.shutdown(socket.SHUT_RDWR)

    def reconnect(self) -> None:
        """Replace the connection by a new one; raises TransientError while no server is up."""
        self.close()
        try:
            self._connection = connect(self.config)
        except ConnectError as error:
            if error.may_pass:
                raise TransientError(str(error)) from error
            raise
        # Another server of the list may allow less.
        self.server = read_server(self.query)
        self._enter_database()

    def execute(self, statement: str, values: Sequence[object] = ()) -> StatementResult:
        """
        Run a statement with `values` bound to its %s marks.

        The read timeout does not apply to an ALTER, which may copy the whole table.
        """
        is_slow = statement.startswith("ALTER ")
        patience = self._no_read_timeout() if is_slow else contextlib.nullcontext()
        with patience, self._driver_errors(), self._connection.cursor() as cursor:
            cursor.execute(statement, values)
            untyped: Any = cursor  # its result is not in the type stubs
            return statement_result(untyped._result)

    def query(self, statement: str, values: Sequence[object] = ()) -> list[Any]:
        """Run a statement with `values` bound to its %s marks, and return its rows."""
        with self._driver_errors(), self._connection.cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall())

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """
        Commit the statements of the block, or roll them back when it raises.

        The server also rolls back when this process stands still or loses the network: after
        `lock_timeout_seconds`, when another load may take over the table's lock, no row stays
        locked.
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
        Upload the rows of a batch into a staging table, by the fastest method allowed.

        Raises RowRefused for a value that the column would truncate or refuse.
        """
        if self.uses_load_data:
            with self._driver_errors():
                result = self._connection.load_local(
                    statements.load_staging(staging, columns) % (),
                    rows,
                    self.server.max_allowed_packet,
                )
            self.check_warnings(result)
        else:
            self._insert(staging, columns, rows)

    def config_of_server(self) -> Config:
        """Return the configuration with the address of this very server alone."""
        if self.config.unix_socket:
            return self.config
        wire: Any = self._connection  # its address is not in the type stubs
        return replace(self.config, host=(Address(wire.host, wire.port),))

    def is_same_server(self, other: Database) -> bool:
        """
        Whether both are, and stay, connections to one server.

        Nodes of a cluster, listed or behind one name, see each other's commits late.
        """
        return len(self.config.addresses) == 1 and self.server.identity == other.server.identity

    @property
    def uses_load_data(self) -> bool:
        """Whether rows are uploaded by LOAD DATA LOCAL; INSERT is the fallback."""
        if self.server.is_oceanbase:
            return False
        method = self.config.load_method
        return method == "local_infile" or (method == "auto" and self.server.local_infile)

    def check_warnings(self, result: StatementResult) -> None:
        """Raise DatabaseError for a warning of the last statement, unless it is harmless."""
        if not result.warnings:
            return
        warnings = self.query("SHOW WARNINGS") or [("", 0, "unknown")]
        for _, code, message in warnings:
            if code not in HARMLESS_WARNINGS:
                raise to_error(pymysql.err.DataError(code, message))

    @contextlib.contextmanager
    def _no_read_timeout(self) -> Iterator[None]:
        """Wait for responses for ever during the block."""
        wire: Any = self._connection  # this attribute of PyMySQL is not in its type stubs
        timeout_s, wire._read_timeout = wire._read_timeout, None
        try:
            yield
        finally:
            wire._read_timeout = timeout_s

    def _driver_errors(self) -> contextlib.AbstractContextManager[None]:
        return driver_errors(has_other_servers=len(self.config.addresses) > 1)

    def _insert(self, staging: str, columns: Sequence[Column], rows: Sequence[bytes]) -> None:
        statement = (statements.insert_staging(staging, columns) % ()).encode()
        limit = self.server.max_allowed_packet
        start = 0
        for part in split_rows(rows, min(INSERT_SIZE, limit // 4)):
            try:
                self.check_warnings(self._run(to_insert(statement, part, columns, limit)))
            except RowRefused as error:
                raise RowRefused(str(error), start + error.row, error.column) from error
            start += len(part)

    def _run(self, query: bytes) -> StatementResult:
        """Run a statement without values to bind."""
        with self._driver_errors():
            self._connection.query(query)
            wire: Any = self._connection
            return statement_result(wire._result)

    def _enter_database(self) -> None:
        name = self.config.database
        # A user without the right to create a database may use an existing one.
        if not self.query(statements.DATABASE_EXISTS, (name,)):
            if not self._creates_database:
                raise DatabaseMissing(f"database {name} does not exist")
            self.execute(statements.create_database(name))
        self.execute(statements.use(name))
