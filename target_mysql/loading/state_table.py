"""
The table `_sdc_tables`, with a row for each table that is or was loaded.

A row says which load holds the table's lock and until when, which source the data come from, and
the highest version of the table's rows. All times are the server's, in UTC. Each statement names a
single row by key: MariaDB would lock all other rows, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from target_mysql.loading.process_identity import ProcessIdentity
from target_mysql.server.database import Database
from target_mysql.server.introspection import read_table_names
from target_mysql.tables.dialect import Dialect
from target_mysql.tables.identifiers import STATE_TABLE

READ = (
    "SELECT token, host, pid, machine, start, locked_at,"
    f" expires_at <= UTC_TIMESTAMP(6), renewals, source, version FROM {STATE_TABLE}"
    " WHERE table_name = %s"
)
READ_HOLDERS = f"SELECT token, host, pid, machine, start FROM {STATE_TABLE} WHERE token IS NOT NULL"
ADD = f"INSERT IGNORE INTO {STATE_TABLE} (table_name) VALUES (%s)"
# A renewal after the row was read changes `renewals`: then the lock is not taken over.
TAKE = (
    f"UPDATE {STATE_TABLE} SET token = %s, host = %s, pid = %s, machine = %s, start = %s,"
    " locked_at = UTC_TIMESTAMP(6), expires_at = UTC_TIMESTAMP(6) + INTERVAL %s MICROSECOND,"
    " renewals = renewals + 1 WHERE table_name = %s AND token <=> %s AND renewals = %s"
)
# Changes one row, or none if another load holds the lock. The version never becomes lower.
RENEW = (
    f"UPDATE {STATE_TABLE} SET renewals = renewals + 1,"
    " expires_at = UTC_TIMESTAMP(6) + INTERVAL %s MICROSECOND,"
    " version = COALESCE(GREATEST(version, %s), version, %s) WHERE table_name = %s AND token = %s"
)
RELEASE = (
    f"UPDATE {STATE_TABLE} SET token = NULL, expires_at = NULL WHERE table_name = %s AND token = %s"
)
DESCRIBE = (
    f"UPDATE {STATE_TABLE} SET source = %s, version = %s WHERE table_name = %s AND token = %s"
)


@dataclass(frozen=True)
class Holder:
    """The load that holds a table's lock: its process, and since when (UTC, the server's time)."""

    process: ProcessIdentity
    since: str

    def __str__(self) -> str:
        return f"host {self.process.host}, pid {self.process.pid}, since {self.since} UTC"


@dataclass(frozen=True)
class TableState:
    """A row of the state table; `token` and `holder` are None while no load holds the table."""

    token: str | None
    holder: Holder | None
    is_expired: bool
    renewals: int
    source: str | None
    version: int | None


def create_statement(dialect: Dialect) -> str:
    row_format = f" ROW_FORMAT={dialect.row_format}" if dialect.row_format else ""
    return (
        f"CREATE TABLE IF NOT EXISTS {STATE_TABLE} (table_name VARCHAR(64) NOT NULL PRIMARY KEY,"
        " source LONGTEXT NULL, version BIGINT NULL, token VARCHAR(64) NULL,"
        " host VARCHAR(255) NULL, pid BIGINT NULL, machine VARCHAR(255) NULL,"
        " start VARCHAR(64) NULL, locked_at DATETIME(6) NULL, expires_at DATETIME(6) NULL,"
        " renewals BIGINT NOT NULL DEFAULT 0) ENGINE=InnoDB"
        f"{row_format} DEFAULT CHARACTER SET utf8mb4 COLLATE {dialect.collation}"
    )


def create_if_missing(database: Database) -> None:
    """Create the state table in a database that has none."""
    if STATE_TABLE not in read_table_names(database, STATE_TABLE):
        database.execute(create_statement(database.server.dialect))


def read_state(database: Database, name: str) -> TableState | None:
    """Return the state of the table `name`, None without a row."""
    rows = database.query(READ, (name,))
    return _to_state(rows[0]) if rows else None


def read_or_add(database: Database, name: str) -> TableState:
    """Return the state of the table `name`; adds a row if the table has none."""
    rows = database.query(READ, (name,))
    if not rows:
        database.execute(ADD, (name,))
        rows = database.query(READ, (name,))
    return _to_state(rows[0])


def read_holders(database: Database) -> dict[str, ProcessIdentity]:
    """Return the processes of the loads that hold tables, by the tokens of their locks."""
    return {str(token): _to_process(process) for token, *process in database.query(READ_HOLDERS)}


def _to_state(row: Any) -> TableState:
    token, *process, locked_at, is_expired, renewals, source, version = row
    holder = Holder(_to_process(process), f"{locked_at:%Y-%m-%d %H:%M:%S}") if token else None
    return TableState(token, holder, bool(is_expired), int(renewals), source, version)


def _to_process(values: Sequence[Any]) -> ProcessIdentity:
    host, pid, machine, start = values
    return ProcessIdentity(str(host), int(pid or 0), str(machine or ""), str(start or ""))
