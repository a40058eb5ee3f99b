"""Opens connections as configured, with a session that a load can rely on."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from typing import Any

import pymysql
from pymysql.connections import Connection
from pymysql.constants import CLIENT
from pymysql.cursors import Cursor

from mysql_settings.addresses import Address
from mysql_settings.connecting import connection_options, describe_failure, error_code
from mysql_settings.exceptions import SettingsError
from mysql_settings.login import end_login
from target_mysql.config import Config
from target_mysql.exceptions import ConfigError, ConnectError
from target_mysql.server import statements
from target_mysql.server.dialect import PRODUCT, is_oceanbase
from target_mysql.server.errors import ADVICE, READ_ONLY, is_transient
from target_mysql.server.upload_connection import UploadConnection

CHECK_ADDRESS = "check host, port and that the server runs"
NOT_READ_ONLY = ("0", "OFF")  # MariaDB 12 and later have a word instead of a number
TLS_CUT_OFF = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
# Seconds of silence before the first TCP keep-alive probe, seconds between probes, and probes.
KEEP_ALIVE = {socket.TCP_KEEPIDLE: 60, socket.TCP_KEEPINTVL: 10, socket.TCP_KEEPCNT: 6}


def connect(config: Config) -> UploadConnection:
    """Connect to the first server that accepts the login; ConnectError if none does."""
    problems = []
    for name, port in config.addresses:
        try:
            return _open(config, name, port)
        except (pymysql.MySQLError, OSError, RuntimeError) as error:
            advice = ADVICE.get(error_code(error), CHECK_ADDRESS)
            problem = describe_failure(config, Address(name, port), error, advice)
            problems.append(ConnectError(problem, may_pass=_may_pass(config, error)))
            problems[-1].__cause__ = error
    may_pass = any(problem.may_pass for problem in problems)
    raise ConnectError("; ".join(map(str, problems)), may_pass=may_pass) from problems[-1].__cause__


def _open(config: Config, name: str, port: int) -> UploadConnection:
    """Connect to a server, set the session variables, and end the login's time-out."""
    connection = UploadConnection(
        # The flag without `local_infile`: PyMySQL never opens a file that a server names.
        # Only `load_local` responds to such a request, from memory.
        client_flag=CLIENT.LOCAL_FILES,
        **_options(config, name, port),
    )
    try:
        _keep_alive(connection)
        _set_session(connection, config.init_sql)
        if len(config.addresses) > 1:
            _refuse_read_only(connection)
    except BaseException:
        # The traceback keeps the connection: retries would use up the server's connections.
        connection.close()
        raise
    end_login(connection, config.read_timeout_seconds or None)
    return connection


def _set_session(connection: Connection[Cursor], init_sql: Sequence[str]) -> None:
    """
    Set the variables that a load relies on, and run `init_sql`.

    Raises ConfigError if `init_sql` changes the variables or is refused.
    """
    with connection.cursor() as cursor:
        for statement in statements.SESSION:
            cursor.execute(statement)
        cursor.execute(PRODUCT)
        if is_oceanbase(cursor.fetchall()):
            for statement in statements.OCEANBASE_SESSION:
                cursor.execute(statement)
        if init_sql:
            cursor.execute(statements.READ_SESSION)
            ours = dict(cursor.fetchall())
            for statement in init_sql:
                _run_init_statement(cursor, statement)
            cursor.execute(statements.READ_SESSION)
            changes = sorted(name for name, value in cursor.fetchall() if ours[name] != value)
            if changes:
                problem = (
                    f"init_sql changes variables that the target relies on: {', '.join(changes)}"
                )
                raise ConfigError(f"{problem}: remove them from init_sql")
        cursor.execute(statements.WRITE_PROBE)


def _run_init_statement(cursor: Cursor, statement: str) -> None:
    """Run a statement of `init_sql`; raises ConfigError if the server refuses the statement."""
    try:
        cursor.execute(statement)
    except pymysql.MySQLError as error:
        if is_transient(error):
            raise
        text = f"init_sql: the server refuses {statement}: {error.args[-1]}"
        raise ConfigError(f"{text}: correct or remove the statement") from error


def _keep_alive(connection: Connection[Cursor]) -> None:
    """Have the system detect a dead server machine: silence could also be a long statement."""
    wire: Any = connection  # its socket is not in the type stubs
    if wire._sock.family == socket.AF_UNIX:
        return
    wire._sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in KEEP_ALIVE.items():
        wire._sock.setsockopt(socket.IPPROTO_TCP, option, value)


def _refuse_read_only(connection: Connection[Cursor]) -> None:
    """Raise OperationalError if this server is a replica, or becomes one."""
    with connection.cursor() as cursor:
        cursor.execute(statements.IS_READ_ONLY)
        ((read_only,),) = cursor.fetchall()
    if str(read_only) not in NOT_READ_ONLY:
        raise pymysql.err.OperationalError(READ_ONLY, "the server is read-only")


def _options(config: Config, name: str, port: int) -> dict[str, Any]:
    """Return PyMySQL's arguments for one server; raises ConfigError."""
    try:
        return connection_options(config, name, port)
    except SettingsError as error:
        raise ConfigError(str(error)) from error


def _may_pass(config: Config, error: Exception) -> bool:
    """Whether a retry may succeed: a certificate that is refused now is refused again."""
    cause = error.__context__
    is_refused = isinstance(cause, ssl.SSLError) and not isinstance(cause, TLS_CUT_OFF)
    return (
        isinstance(error, pymysql.MySQLError)
        and is_transient(error, has_other_servers=len(config.addresses) > 1)
        and not is_refused
    )
