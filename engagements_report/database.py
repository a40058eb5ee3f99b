"""The one door to MySQL: connect for reading, and ask one question at a time."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pymysql
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from engagements_report.config import Config
from engagements_report.exceptions import DatabaseError

CONNECT_TIMEOUT_S = 10
# Grouping by an alias, and no zone or mode of the server's own choosing.
SESSION = "SET SESSION time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'"
NO_DATABASE, NO_TABLE, NO_COLUMN = 1049, 1146, 1054
LOAD_FIRST = "load it first: tap-hubspot-engagements … | target-mysql"


@dataclass(frozen=True)
class Rows:
    """What a question gave: the columns' names, and rows of as many values."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]


class Database:
    """A connection for reading; raises DatabaseError where there is none to be had."""

    def __init__(self, config: Config) -> None:
        self._connection = _connect(config)

    def close(self) -> None:
        self._connection.close()

    def ask(self, statement: str, values: Mapping[str, object] | None = None) -> Rows:
        """Run one query; `values` are bound to its %(name)s marks. Raises DatabaseError."""
        with _translated(), self._connection.cursor() as cursor:
            cursor.execute(statement, values)
            return Rows(_columns(cursor), cursor.fetchall())


def _connect(config: Config) -> Connection[Cursor]:
    """Connect to the first of the configured servers that lets us in."""
    problems = []
    for host, port in config.addresses:
        try:
            return pymysql.connect(
                host=host,
                port=port,
                unix_socket=config.unix_socket,
                user=config.user,
                password=config.password,
                database=config.database,
                charset="utf8mb4",
                connect_timeout=CONNECT_TIMEOUT_S,
                autocommit=True,
                init_command=SESSION,
                **_tls(config),
            )
        except (pymysql.MySQLError, OSError, RuntimeError) as error:
            problems.append(_connect_problem(config, f"{host}:{port}", error))
    raise DatabaseError("; ".join(problems))


def _columns(cursor: Cursor) -> tuple[str, ...]:
    return tuple(str(column[0]) for column in cursor.description or ())


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except pymysql.MySQLError as error:
        code, reason = _parts(error)
        if code == NO_TABLE:
            reason = f"{reason}: {LOAD_FIRST}"
        elif code == NO_COLUMN:
            reason = f"{reason}: select that field in the tap's catalog and sync again"
        raise DatabaseError(f"MySQL error {code}: {reason}") from error
    except OSError as error:
        raise DatabaseError(f"connection to MySQL lost: {error}") from error


def _connect_problem(config: Config, address: str, error: Exception) -> str:
    where = config.unix_socket or address
    code, reason = _parts(error)
    advice = LOAD_FIRST if code == NO_DATABASE else "check the connection's settings"
    return f"cannot connect to MySQL at {where} as {config.user}: {reason}: {advice}"


def _parts(error: Exception) -> tuple[int, str]:
    """Return a driver error's code, 0 without one, and its text."""
    if len(error.args) > 1 and isinstance(error.args[0], int):
        return error.args[0], str(error.args[1])
    return 0, str(error)


def _tls(config: Config) -> dict[str, Any]:
    """Return PyMySQL's arguments for the ssl_mode, as the mysql client means it."""
    if config.ssl_mode == "DISABLED":
        return {"ssl_disabled": True}
    if config.ssl_mode == "PREFERRED" and not (config.ssl_ca or config.ssl_cert):
        return {}  # PyMySQL's own way: TLS, unverified, where the server has it
    context = ssl.create_default_context(cafile=config.ssl_ca)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # MySQL's own certificates are not strict
    context.check_hostname = config.ssl_mode == "VERIFY_IDENTITY"
    if not config.ssl_mode.startswith("VERIFY"):
        context.verify_mode = ssl.CERT_NONE
    if config.ssl_cert:
        context.load_cert_chain(config.ssl_cert, config.ssl_key)
    return {"ssl": context}
