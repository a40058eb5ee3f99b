"""
Connections to a server: opened as the configuration says, with the session as it is needed.

No file that a server asks for is ever read: while a LOAD DATA of ours runs, and only then, such a
wish is answered, from memory.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pymysql
from pymysql.connections import Connection
from pymysql.constants import CLIENT, COMMAND
from pymysql.cursors import Cursor
from pymysql.protocol import OKPacketWrapper

from mysql_settings.addresses import Address
from mysql_settings.connecting import connection_options, describe_failure, error_code
from mysql_settings.exceptions import SettingsError
from mysql_settings.login import GuardedConnection, checked_packets, end_login
from target_mysql.config import Config
from target_mysql.exceptions import ConfigError, ConnectError
from target_mysql.server import statements
from target_mysql.server.errors import ADVICE, READ_ONLY, is_transient

PACKET_SIZE = 1024 * 1024  # bytes of a batch sent at a time; a packet's end is no row's
FILE_REQUEST_REFUSED = (
    2027  # the client library's "malformed packet", which is what such an answer is to us
)
CHECK_ADDRESS = "check host, port and that the server runs"
TLS_CUT_OFF = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
# Seconds of silence before the other side is asked whether it is there, and between askings.
KEEP_ALIVE = {socket.TCP_KEEPIDLE: 60, socket.TCP_KEEPINTVL: 10, socket.TCP_KEEPCNT: 6}


@dataclass(frozen=True)
class StatementResult:
    """
    What a statement did: rows it looked at, those that were there before, those changed.

    `deleted` are the rows of a merge that its records say are deleted, with hard_delete.
    """

    affected: int = 0
    records: int = 0
    duplicates: int = 0
    warnings: int = 0
    deleted: int = 0


class ServerConnection(GuardedConnection):
    """A connection that answers a LOAD DATA LOCAL of ours from memory, and no other ever."""

    def _read_query_result(self, unbuffered: bool = False) -> Any:
        """Read as PyMySQL does, but hang up on a server that asks for a file."""
        try:
            return super()._read_query_result(unbuffered)
        except RuntimeError as error:
            # Whatever was sent now, a ROLLBACK, too, would reach the server as the file's text.
            wire: Any = self
            wire._force_close()
            problem = "the server asks for a file of this machine, and gets none: do not trust it"
            raise pymysql.err.NotSupportedError(FILE_REQUEST_REFUSED, problem) from error

    def load_local(self, statement: str, rows: Sequence[bytes], max_packet: int) -> StatementResult:
        """
        Run a LOAD DATA LOCAL, answering with `rows` whatever file the server names.

        A server that takes at most `max_packet` bytes in a packet hangs up at a longer one.
        The protocol cannot abandon an upload: after a failure in it the connection is closed.
        """
        wire: Any = self  # what is used of PyMySQL here is not in its type stubs
        wire._execute_command(COMMAND.COM_QUERY, statement)
        with checked_packets(self):
            packet = wire._read_packet()
        if not packet.is_load_local_packet():
            wire._force_close()
            problem = "LOAD DATA LOCAL was not answered as one"
            raise pymysql.err.NotSupportedError(FILE_REQUEST_REFUSED, problem)
        try:
            for data in _packets(rows, min(PACKET_SIZE, max_packet // 2)):
                wire.write_packet(data)
        except BaseException:
            wire._force_close()
            raise
        wire.write_packet(b"")
        with checked_packets(self):
            return statement_result(OKPacketWrapper(wire._read_packet()))


def connect(config: Config) -> ServerConnection:
    """Connect to the first of the configured servers that serves; ConnectError where none does."""
    problems = []
    for name, port in config.addresses:
        try:
            connection = _open(config, name, port)
            if len(config.addresses) > 1:
                _refuse_read_only(connection)
            return connection
        except (pymysql.MySQLError, OSError, RuntimeError) as error:
            advice = ADVICE.get(error_code(error), CHECK_ADDRESS)
            problem = describe_failure(config, Address(name, port), error, advice)
            problems.append(ConnectError(problem, may_pass=_may_pass(error)))
            problems[-1].__cause__ = error
    may_pass = any(problem.may_pass for problem in problems)
    raise ConnectError("; ".join(map(str, problems)), may_pass=may_pass) from problems[-1].__cause__


def _open(config: Config, name: str, port: int) -> ServerConnection:
    """Connect to one server, and set the session as it is needed."""
    connection = ServerConnection(
        # The flag without `local_infile`: PyMySQL itself then never opens a file that a
        # server names, and `load_local` alone answers such a wish, from memory.
        client_flag=CLIENT.LOCAL_FILES,
        **_options(config, name, port),
    )
    _keep_alive(connection)
    _set_session(connection, config.init_sql)
    end_login(connection, read_timeout_s=None)
    return connection


def _set_session(connection: Connection[Cursor], init_sql: Sequence[str]) -> None:
    """Set what a load relies on; raises ConfigError where `init_sql` changes any of that."""
    with connection.cursor() as cursor:
        for statement in statements.SESSION:
            cursor.execute(statement)
        if init_sql:
            cursor.execute(statements.READ_SESSION)
            ours = dict(cursor.fetchall())
            for statement in init_sql:
                cursor.execute(statement)
            cursor.execute(statements.READ_SESSION)
            changed = sorted(name for name, value in cursor.fetchall() if ours[name] != value)
            if changed:
                problem = f"init_sql changes what this target relies on: {', '.join(changed)}"
                raise ConfigError(f"{problem}: leave that out")
        cursor.execute(statements.WRITE_PROBE)


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
        cursor.execute(statements.IS_READ_ONLY)
        ((read_only,),) = cursor.fetchall()
    if read_only:
        raise pymysql.err.OperationalError(READ_ONLY, "the server is read-only")


def _options(config: Config, name: str, port: int) -> dict[str, Any]:
    """Return PyMySQL's arguments for one server; raises ConfigError."""
    try:
        return connection_options(config, name, port)
    except SettingsError as error:
        raise ConfigError(str(error)) from error


def _may_pass(error: Exception) -> bool:
    """Whether another try may succeed: a certificate that is refused now is refused again."""
    cause = error.__context__
    is_refused = isinstance(cause, ssl.SSLError) and not isinstance(cause, TLS_CUT_OFF)
    return isinstance(error, pymysql.MySQLError) and is_transient(error) and not is_refused


_INFO = re.compile(rb"Records: (\d+) +(?:Duplicates|Deleted): (\d+)")


def statement_result(answer: Any) -> StatementResult:
    """Build a Done of an OK packet or result, whose message says "Records: 3  Duplicates: 1"."""
    message = answer.message or b""
    found = _INFO.search(message.encode() if isinstance(message, str) else message)
    records, duplicates = (int(found[1]), int(found[2])) if found else (0, 0)
    return StatementResult(answer.affected_rows, records, duplicates, answer.warning_count)


def _packets(rows: Sequence[bytes], size: int) -> Iterator[bytes]:
    """Yield all rows, in order, in packets of about `size` bytes, and never more."""
    if not rows:
        return
    rows_a_packet = max(1, size * len(rows) // sum(map(len, rows)))
    for first in range(0, len(rows), rows_a_packet):
        data = b"".join(rows[first : first + rows_a_packet])
        for start in range(0, len(data), size):
            yield data[start : start + size]
