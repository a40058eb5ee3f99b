"""
Connections to a server: opened as the configuration says, with the session as it is needed.

No file that a server asks for is ever read: while a LOAD DATA of ours runs, and only then, such a
wish is answered, from memory.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from typing import Any

import pymysql
from pymysql.connections import Connection
from pymysql.constants import CLIENT, CR
from pymysql.cursors import Cursor

from mysql_settings.login import (
    LOGIN_TIMEOUT_S,
    end_login,
)
from target_mysql.config import Address, Config
from target_mysql.exceptions import ConfigError, ConnectError
from target_mysql.server import statements
from target_mysql.server.errors import ADVICE, READ_ONLY, is_transient
from target_mysql.server.upload_connection import UploadConnection

CONNECT_TIMEOUT_S = 10
CHECK_ADDRESS = "check host, port and that the server runs"
TLS_CUT_OFF = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
# Errors of a login whose text says what to do.
EXPLAINED = (CR.CR_MALFORMED_PACKET, CR.CR_AUTH_PLUGIN_CANNOT_LOAD, CR.CR_AUTH_PLUGIN_ERR)
# Seconds of silence before the other side is asked whether it is there, and between askings.
KEEP_ALIVE = {socket.TCP_KEEPIDLE: 60, socket.TCP_KEEPINTVL: 10, socket.TCP_KEEPCNT: 6}


def connect(config: Config) -> UploadConnection:
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
            problems.append(ConnectError(problem, may_pass=_may_pass(error)))
            problems[-1].__cause__ = error
    may_pass = any(problem.may_pass for problem in problems)
    raise ConnectError("; ".join(map(str, problems)), may_pass=may_pass) from problems[-1].__cause__


def _open(config: Config, name: str, port: int) -> UploadConnection:
    """Connect to one server, and set the session as it is needed."""
    connection = UploadConnection(
        host=name,
        port=port,
        unix_socket=config.unix_socket,
        user=config.user,
        password=config.password.encode(),  # of a text PyMySQL would make latin1
        charset="utf8mb4",
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=LOGIN_TIMEOUT_S,
        write_timeout=LOGIN_TIMEOUT_S,
        verifies_tls=config.ssl_mode.startswith("VERIFY"),
        autocommit=True,
        # The flag without `local_infile`: PyMySQL itself then never opens a file that a
        # server names, and `load_local` alone answers such a wish, from memory.
        client_flag=CLIENT.LOCAL_FILES,
        **_tls(config),
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
    where = f"cannot connect to MySQL at {config.unix_socket or address} as {config.user}"
    code = error.args[0] if error.args else None
    if code == CR.CR_SERVER_LOST and isinstance(error.__context__, TimeoutError):
        return f"{where}: no answer within {LOGIN_TIMEOUT_S:g} s: {CHECK_ADDRESS}"
    reason = str(error.args[1]) if len(error.args) > 1 else str(error)
    if code in EXPLAINED:
        return f"{where}: {reason}"
    advice = ADVICE.get(code, CHECK_ADDRESS)  # type: ignore[arg-type]
    return f"{where}: {reason}: {advice}"


def _may_pass(error: Exception) -> bool:
    """Whether another try may succeed: a certificate that is refused now is refused again."""
    cause = error.__context__
    is_refused = isinstance(cause, ssl.SSLError) and not isinstance(cause, TLS_CUT_OFF)
    return isinstance(error, pymysql.MySQLError) and is_transient(error) and not is_refused
