"""
The one door to MySQL: connect, run, stream rows in, hold a transaction, know the server.

Errors come out as this package's: TransientError where the same again may succeed.
"""

from __future__ import annotations

import contextlib
import logging
import re
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pymysql
from pymysql.connections import Connection
from pymysql.constants import CLIENT, COMMAND
from pymysql.cursors import Cursor
from pymysql.protocol import OKPacketWrapper

from target_mysql import sql
from target_mysql.columns import (
    SMALL_KEY_BYTES,
    Column,
    Dialect,
    JsonType,
)
from target_mysql.config import Address, Config
from target_mysql.exceptions import ConfigError, ConnectError, DatabaseError, TransientError
from target_mysql.rows import split_row, to_sql
from target_mysql.tables import Table
from target_mysql.widening import ColumnThere

LOGGER = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 10
INSERT_SIZE = 256 * 1024  # bytes of rows in one INSERT
PACKET_SIZE = 1024 * 1024  # bytes of a batch sent at a time; a packet's end is no row's

MARIADB_JSON = JsonType("JSON", depth=31, keeps_digits=True)
MYSQL_JSON = JsonType("JSON", depth=100, keeps_digits=False)

# Errors after which the same again may succeed: the connection was lost, the server is starting,
# stopping or not yet in its cluster, or another transaction was in the way.
TRANSIENT_ERRORS = frozenset(
    (1020, 1040, 1047, 1053, 1152, 1158, 1159, 1160, 1161, 1180, 1203, 1205, 1206, 1213, 1317)
    + (1927, 2002, 2003, 2006, 2013, 2014, 2055)
)
RIGHTS = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, REFERENCES, CREATE TEMPORARY TABLES"
FULL = "a disk of the server is full: free or add space, and run again"
ROW_TOO_LARGE, READ_ONLY = 1118, 1290
# Seconds of silence before the other side is asked whether it is there, and between askings.
KEEP_ALIVE = {socket.TCP_KEEPIDLE: 60, socket.TCP_KEEPINTVL: 10, socket.TCP_KEEPCNT: 6}
ADVICE = {
    1044: f"grant this user its rights on the database: {RIGHTS}",
    1045: "check user and password",
    3: FULL,
    1021: FULL,
    1026: FULL,
    1030: "see the server's log; where its disk is full, free or add space, and run again",
    1114: FULL,
    ROW_TOO_LARGE: "on MySQL 5.6 set innodb_file_format=Barracuda and innodb_large_prefix=ON",
    1142: "grant this user the missing right on the database",
    1153: "raise max_allowed_packet on the server",
    1227: "this user lacks a right",
    READ_ONLY: "the server is read-only: connect to a primary",
    1836: "the server is read-only: connect to a primary",
    1452: "a record's parent is not there: the tap must send it first",
    1698: "this user may log in only in another way, such as unix_socket",
}
NO_FILES = 2027  # the client library's "malformed packet", which is what such an answer is to us
AT_ROW = re.compile(r"column '(?P<column>.+?)' at row (?P<row>\d+)")


@dataclass(frozen=True)
class Server:
    """What the server is and can do."""

    version: str
    is_mariadb: bool
    local_infile: bool
    max_allowed_packet: int
    dialect: Dialect


@dataclass(frozen=True)
class Done:
    """What a statement did: rows it looked at, those that were there before, those changed."""

    affected: int = 0
    records: int = 0
    duplicates: int = 0
    warnings: int = 0


class RowRefused(DatabaseError):
    """The server refuses a row of a batch; `row` counts from 1, `column` is its column's name."""

    def __init__(self, message: str, row: int, column: str) -> None:
        super().__init__(message)
        self.row = row
        self.column = column


class _Connection(Connection):
    """A connection that answers a LOAD DATA LOCAL of ours from memory, and no other ever."""

    def _read_query_result(self, unbuffered: bool = False) -> Any:
        """Read as PyMySQL does, but hang up on a server that asks for a file."""
        try:
            return super()._read_query_result(unbuffered)  # type: ignore[misc]
        except RuntimeError as error:
            # Whatever was sent now, a ROLLBACK, too, would reach the server as the file's text.
            wire: Any = self
            wire._force_close()
            problem = "the server asks for a file of this machine, and gets none: do not trust it"
            raise pymysql.err.NotSupportedError(NO_FILES, problem) from error

    def load_local(self, statement: str, rows: Sequence[bytes]) -> Done:
        """
        Run a LOAD DATA LOCAL, answering with `rows` whatever file the server names.

        The protocol cannot abandon an upload: after a failure in it the connection is closed.
        """
        wire: Any = self  # what is used of PyMySQL here is not in its type stubs
        wire._execute_command(COMMAND.COM_QUERY, statement)
        packet = wire._read_packet()
        if not packet.is_load_local_packet():
            wire._force_close()
            problem = "LOAD DATA LOCAL was not answered as one"
            raise pymysql.err.NotSupportedError(NO_FILES, problem)
        try:
            for data in _packets(rows):
                wire.write_packet(data)
        except BaseException:
            wire._force_close()
            raise
        wire.write_packet(b"")
        return _done(OKPacketWrapper(wire._read_packet()))


class Database:
    """
    A connection with the session set as this target needs it.

    Raises ConnectError on construction where the server does not let us in.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._connection = _connect(config)
        self.server = self._read_server()
        self._enter_database()

    def close(self) -> None:
        with contextlib.suppress(pymysql.MySQLError, OSError):
            self._connection.close()

    def hang_up(self) -> None:
        """Break the connection, from any thread: the server undoes what is not committed."""
        wire: Any = self._connection  # its socket is not in the type stubs
        with contextlib.suppress(AttributeError, OSError):
            wire._sock.shutdown(socket.SHUT_RDWR)

    def reconnect(self) -> None:
        """Begin anew on a new connection; raises TransientError while the server is away."""
        self.close()
        try:
            self._connection = _connect(self.config)
        except ConnectError as error:
            if error.may_pass:
                raise TransientError(str(error)) from error
            raise
        # Another server of the list may allow less.
        self.server = self._read_server()
        self._enter_database()

    def execute(self, statement: str, values: Sequence[object] = ()) -> Done:
        """Run one statement; `values` are bound to its %s marks."""
        with _translated(), self._connection.cursor() as cursor:
            cursor.execute(statement, values)
            answer: Any = cursor  # its result is not in the type stubs
            return _done(answer._result)

    def query(self, statement: str, values: Sequence[object] = ()) -> list[Any]:
        """Run one statement and return its rows."""
        with _translated(), self._connection.cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall())

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what is done inside, or, where that fails, none of it."""
        self.execute("START TRANSACTION")
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(DatabaseError, TransientError):
                self.execute("ROLLBACK")
            raise

    def stage(self, staging: str, columns: Sequence[Column], rows: Sequence[bytes]) -> None:
        """
        Send a batch's rows into a staging table, in the fastest way that the server allows.

        Raises RowRefused where a value is cut or does not fit.
        """
        if self.uses_load_data:
            with _translated():
                done = self._connection.load_local(sql.load_staging(staging, columns) % (), rows)
            self._refuse_warnings(done)
        else:
            self._insert(staging, columns, rows)

    def merge(
        self,
        table: Table,
        staged: str,
        carried: Sequence[Column],
        parents: str | None,
        batched_at: str,
    ) -> Done:
        """Upsert the rows staged in `staged`, see sql.merge; `batched_at` is UTC."""
        statement = sql.merge(table, staged, carried, parents)
        return self.execute(statement, sql.merge_values(table, batched_at))

    @property
    def uses_load_data(self) -> bool:
        """Whether rows travel by LOAD DATA LOCAL rather than by INSERT."""
        method = self.config.load_method
        return method == "local_infile" or (method == "auto" and self.server.local_infile)

    def read_columns(self, name: str) -> dict[str, ColumnThere]:
        """Return the columns that the table `name` has in the database, none without it."""
        checks = self.query(sql.READ_CHECKS, (name,)) if self.server.is_mariadb else []
        json_checks = {_as_text(check) for (check,) in checks}
        rows = self.query(sql.READ_COLUMNS, (name,))
        return {str(row[0]): _column_there(row, json_checks) for row in rows}

    def read_key(self, table: Table) -> tuple[str, ...]:
        """Return the columns of the primary key that `table` has in the database."""
        return tuple(str(name) for (name,) in self.query(sql.READ_KEY, (table.name,)))

    def read_unique_indexes(self, table: Table) -> list[str]:
        """Return the names of the table's unique indexes, but for its primary key."""
        return [str(name) for (name,) in self.query(sql.READ_UNIQUE, (table.name,))]

    def read_unsafe_engine(self, table: Table) -> str | None:
        """Return the table's engine where that knows no transactions."""
        ((engine, transactions),) = self.query(sql.READ_ENGINE, (table.name,))
        return None if transactions == "YES" else str(engine or "a view")

    def _insert(self, staging: str, columns: Sequence[Column], rows: Sequence[bytes]) -> None:
        statement = sql.insert_staging(staging, columns) % ()
        limit = self.server.max_allowed_packet
        start = 0
        for chunk in _slices(rows, min(INSERT_SIZE, limit // 4)):
            query = (statement + to_sql(chunk)).encode()
            try:
                if len(query) >= limit:
                    # A single long row. The server would only hang up, and again the next time.
                    problem = f"max_allowed_packet is {limit} bytes, too few"
                    raise RowRefused(problem, 1, _longest(chunk[0], columns))
                self._refuse_warnings(self._run(query))
            except RowRefused as error:
                raise RowRefused(str(error), start + error.row, error.column) from error
            start += len(chunk)

    def _run(self, query: bytes) -> Done:
        """Run a statement that is ready to be sent."""
        with _translated():
            self._connection.query(query)
            wire: Any = self._connection
            return _done(wire._result)

    def _refuse_warnings(self, done: Done) -> None:
        if done.warnings:
            ((_, code, message), *_) = self.query("SHOW WARNINGS LIMIT 1") or [("", 0, "unknown")]
            raise _to_error(pymysql.err.DataError(code, message))

    def _read_server(self) -> Server:
        ((version, comment, local_infile, max_packet),) = self.query(sql.SERVER_FACTS)
        is_mariadb = "mariadb" in f"{version} {comment}".lower()
        dialect = _dialect(str(version), is_mariadb, self._has_large_keys)
        return Server(str(version), is_mariadb, bool(local_infile), int(max_packet), dialect)

    def _has_large_keys(self) -> bool:
        """Tell whether a MySQL 5.6 was set to what is the default from 5.7 on."""
        ((large,),) = self.query(sql.LARGE_KEYS)
        return bool(large)

    def _enter_database(self) -> None:
        name = self.config.database
        # Asked first: a user without the right to create one may use one that is there.
        if not self.query(sql.DATABASE_EXISTS, (name,)):
            self.execute(sql.create_database(name))
        self.execute(sql.use(name))


def _connect(config: Config) -> _Connection:
    """Connect to the first of the configured servers that serves; ConnectError where none does."""
    problems = []
    for name, port in config.addresses:
        try:
            connection = _open(config, name, port)
            if len(config.addresses) > 1:
                _refuse_read_only(connection)
            return connection
        except (pymysql.MySQLError, OSError, RuntimeError) as error:
            problem = _connect_problem(config, Address(name, port), error)
            may_pass = isinstance(error, pymysql.MySQLError) and _is_transient(error)
            problems.append(ConnectError(problem, may_pass=may_pass))
            problems[-1].__cause__ = error
    may_pass = any(problem.may_pass for problem in problems)
    raise ConnectError("; ".join(map(str, problems)), may_pass=may_pass) from problems[-1].__cause__


def _open(config: Config, name: str, port: int) -> _Connection:
    """Connect to one server, and set the session as it is needed."""
    connection = _Connection(
        host=name,
        port=port,
        unix_socket=config.unix_socket,
        user=config.user,
        password=config.password,
        charset="utf8mb4",
        connect_timeout=CONNECT_TIMEOUT_S,
        autocommit=True,
        # The flag without `local_infile`: PyMySQL itself then never opens a file that a
        # server names, and `load_local` alone answers such a wish, from memory.
        client_flag=CLIENT.LOCAL_FILES,
        **_tls(config),
    )
    _keep_alive(connection)
    with connection.cursor() as cursor:
        for statement in (*sql.SESSION, *config.init_sql, sql.SERVES):
            cursor.execute(statement)
    return connection


def _keep_alive(connection: Connection[Cursor]) -> None:
    """Have the system find out that the server's machine is gone: silence looks like long work."""
    wire: Any = connection  # its socket is not in the type stubs
    if wire._sock.family == socket.AF_UNIX:
        return
    wire._sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in KEEP_ALIVE.items():
        wire._sock.setsockopt(socket.IPPROTO_TCP, option, value)


def _refuse_read_only(connection: Connection[Cursor]) -> None:
    """Raise OperationalError where this server of several is a replica, or is becoming one."""
    with connection.cursor() as cursor:
        cursor.execute(sql.IS_READ_ONLY)
        ((read_only,),) = cursor.fetchall()
    if read_only:
        raise pymysql.err.OperationalError(READ_ONLY, "the server is read-only")


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
        return Dialect("utf8mb4_bin", MYSQL_JSON, row_format="DYNAMIC")
    if has_large_keys():
        return Dialect("utf8mb4_bin", None, row_format="DYNAMIC")
    return Dialect("utf8mb4_bin", None, SMALL_KEY_BYTES)


def _tls(config: Config) -> dict[str, Any]:
    """Return PyMySQL's arguments for the ssl_mode, as the mysql client means it."""
    if config.ssl_mode == "DISABLED":
        return {"ssl_disabled": True}
    if config.ssl_mode == "PREFERRED" and not config.ssl_cert:
        return {}  # PyMySQL's own way: TLS, unverified, where the server has it
    try:
        context = ssl.create_default_context(cafile=config.ssl_ca)
        if config.ssl_cert:
            context.load_cert_chain(config.ssl_cert, config.ssl_key)
    except OSError as error:  # an SSLError is one, too
        given = ", ".join(filter(None, (config.ssl_ca, config.ssl_cert, config.ssl_key)))
        raise ConfigError(f"cannot be used for TLS: {given}: {error.strerror}") from error
    # Python 3.13 is stricter than the certificates that MySQL makes for itself.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.check_hostname = config.ssl_mode == "VERIFY_IDENTITY"
    if not config.ssl_mode.startswith("VERIFY"):
        context.verify_mode = ssl.CERT_NONE
    return {"ssl": context}


def _connect_problem(config: Config, address: Address, error: Exception) -> str:
    where = config.unix_socket or str(address)
    code = error.args[0] if error.args else None
    reason = str(error.args[1]) if len(error.args) > 1 else str(error)
    advice = ADVICE.get(code, "check host, port and that the server runs")  # type: ignore[arg-type]
    return f"cannot connect to MySQL at {where} as {config.user}: {reason}: {advice}"


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Raise the driver's errors as this package's."""
    try:
        yield
    except pymysql.MySQLError as error:
        raise _to_error(error) from error
    except (OSError, ssl.SSLError) as error:
        raise TransientError(f"connection to MySQL lost: {error}") from error


def _to_error(error: pymysql.MySQLError) -> DatabaseError | TransientError:
    code = error.args[0] if error.args else 0
    message = str(error.args[1]) if len(error.args) > 1 else str(error) or "connection lost"
    if _is_transient(error):
        return TransientError(f"MySQL error {code}: {message}")
    found = AT_ROW.search(message)
    if found:
        return RowRefused(message, int(found["row"]), found["column"])
    # The same number tells of two things, of which one says itself what to do.
    is_known = code in ADVICE and (code != ROW_TOO_LARGE or "Row size" in message)
    advice = f": {ADVICE[code]}" if is_known else ""
    return DatabaseError(f"MySQL error {code}: {message}{advice}")


def _is_transient(error: pymysql.MySQLError) -> bool:
    # An InterfaceError with code 0: the connection was closed under us.
    code = error.args[0] if error.args else 0
    return code in TRANSIENT_ERRORS or isinstance(error, pymysql.err.InterfaceError)


_WIDTH = re.compile(r"^((?:tiny|small|medium|big)?int)\((?!1\))\d+\)")
_INFO = re.compile(rb"Records: (\d+) +(?:Duplicates|Deleted): (\d+)")


def _done(answer: Any) -> Done:
    """Build a Done of an OK packet or result, whose message says "Records: 3  Duplicates: 1"."""
    message = answer.message or b""
    found = _INFO.search(message.encode() if isinstance(message, str) else message)
    records, duplicates = (int(found[1]), int(found[2])) if found else (0, 0)
    return Done(answer.affected_rows, records, duplicates, answer.warning_count)


def _column_there(row: Sequence[Any], json_checks: set[str]) -> ColumnThere:
    """Build a ColumnThere of a row of sql.READ_COLUMNS."""
    name, sql_type, nullable, default, extra, collation, comment, key = row
    # Not a default of NULL: MariaDB writes that as text.
    has_default = default is not None and _as_text(default) != "NULL"
    return ColumnThere(
        name=str(name),
        sql_type=_without_width(_as_text(sql_type)),
        nullable=nullable == "YES",
        fills_itself=has_default or bool(extra),
        collation=collation and str(collation),
        comment=_as_text(comment),
        is_json=_as_text(sql_type) == "json"
        or f"json_valid({sql.quote(str(name)) % ()})" in json_checks,
        indexed=bool(key),
    )


def _without_width(sql_type: str) -> str:
    """Return a type as MySQL 8 and later name it: integers, but booleans, without their width."""
    return _WIDTH.sub(r"\1", sql_type)


def _longest(row: bytes, columns: Sequence[Column]) -> str:
    """Return the name of the column that has the longest of the row's values."""
    lengths = [len(value or "") for value in split_row(row)]
    return columns[lengths.index(max(lengths))].name


def _as_text(value: object) -> str:
    # MySQL 8 and later give column_type as bytes.
    return value.decode() if isinstance(value, bytes) else str(value)


def _packets(rows: Sequence[bytes]) -> Iterator[bytes]:
    """Yield all rows, in order, in packets of about PACKET_SIZE bytes."""
    for chunk in _slices(rows, PACKET_SIZE):
        data = b"".join(chunk)
        for start in range(0, len(data), PACKET_SIZE):
            yield data[start : start + PACKET_SIZE]


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
