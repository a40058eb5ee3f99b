"""Databases of private servers, one for each contender."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import pymysql
from pymysql.cursors import DictCursor

from private_servers.postgres import PrivatePostgres
from private_servers.server import PrivateServer


class Database(Protocol):
    """The database that a contender loads into."""

    @property
    def server_pid(self) -> int | None:
        """The server's process id."""

    def empty(self) -> None:
        """Create the database, or drop and create an existing one."""

    def query(self, sql: str) -> tuple[int, ...]:
        """Return the only row of a query's result; raises RuntimeError if the query fails."""


@dataclass(frozen=True)
class MySQLDatabase:
    """A database of MariaDB or MySQL."""

    server: PrivateServer
    name: str

    @property
    def server_pid(self) -> int | None:
        return self.server.pid

    def empty(self) -> None:
        empty(self.server, self.name)

    def query(self, sql: str) -> tuple[int, ...]:
        connection = connect(self.server)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(f"USE `{self.name}`")
                cursor.execute(sql)
                (row,) = cursor.fetchall()
        except pymysql.MySQLError as error:
            raise RuntimeError(f"{self.name}: {error}") from error
        return tuple(map(int, row))


@dataclass(frozen=True)
class PostgresDatabase:
    """A database of PostgreSQL."""

    server: PrivatePostgres
    name: str

    @property
    def server_pid(self) -> int | None:
        return self.server.pid

    def empty(self) -> None:
        remove, make = f'DROP DATABASE IF EXISTS "{self.name}"', f'CREATE DATABASE "{self.name}"'
        self.server.run_sql("postgres", remove, make)

    def query(self, sql: str) -> tuple[int, ...]:
        return tuple(map(int, self.server.run_sql(self.name, sql).strip().split("|")))


def empty(server: PrivateServer, database: str) -> None:
    """Create a database of MariaDB, or drop and create an existing one."""
    connection = connect(server)
    with connection, connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS `{database}`")
        cursor.execute(f"CREATE DATABASE `{database}` CHARACTER SET utf8mb4")


def query_rows(server: PrivateServer, sql: str) -> list[dict[str, Any]]:
    """Run a statement as root, without a database; returns the rows of the result."""
    connection = connect(server)
    with connection, connection.cursor(DictCursor) as cursor:
        connection.autocommit(True)
        cursor.execute(sql)
        return list(cursor.fetchall())


def logs_mb(server: PrivateServer) -> tuple[float, float]:
    """Return what a server with a binary log has written to its redo log and its binary log."""
    (redo,) = query_rows(server, "SHOW GLOBAL STATUS LIKE 'Innodb_os_log_written'")
    binary = sum(int(file["File_size"]) for file in query_rows(server, "SHOW BINARY LOGS"))
    return int(redo["Value"]) / 1e6, binary / 1e6


def connect(server: PrivateServer) -> pymysql.Connection[pymysql.cursors.Cursor]:
    """Return a connection as root, without a database."""
    return pymysql.connect(
        host="127.0.0.1", port=server.port, user="root", password=server.password
    )
