"""
The SQL of `_sdc_tables`, which has one row for each table that is or was loaded. Pure.

A row says which load holds the table and until when, whose data the table has, and the highest
version that its rows have had. All times are the server's, in UTC. Each statement names one row by
its key: over several rows MariaDB would lock all others, too.
"""

from __future__ import annotations

from target_mysql.tables.columns import Dialect
from target_mysql.tables.table import STATE_TABLE

READ = (
    "SELECT token, host, pid, machine, start, locked_at,"
    f" expires_at <= UTC_TIMESTAMP(6), renewals, source, version FROM {STATE_TABLE}"
    " WHERE table_name = %s"
)
READ_HOLDERS = f"SELECT token, host, pid, machine, start FROM {STATE_TABLE} WHERE token IS NOT NULL"
ADD = f"INSERT IGNORE INTO {STATE_TABLE} (table_name) VALUES (%s)"
# A renewal between reading the row and this changes `renewals`: then nobody is locked out.
TAKE = (
    f"UPDATE {STATE_TABLE} SET token = %s, host = %s, pid = %s, machine = %s, start = %s,"
    " locked_at = UTC_TIMESTAMP(6), expires_at = UTC_TIMESTAMP(6) + INTERVAL %s MICROSECOND,"
    " renewals = renewals + 1 WHERE table_name = %s AND token <=> %s AND renewals = %s"
)
# Changes one row, and none where the lock is another's by now. The version never becomes lower.
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


def create(dialect: Dialect) -> str:
    row_format = f" ROW_FORMAT={dialect.row_format}" if dialect.row_format else ""
    return (
        f"CREATE TABLE IF NOT EXISTS {STATE_TABLE} (table_name VARCHAR(64) NOT NULL PRIMARY KEY,"
        " source LONGTEXT NULL, version BIGINT NULL, token VARCHAR(64) NULL,"
        " host VARCHAR(255) NULL, pid BIGINT NULL, machine VARCHAR(255) NULL,"
        " start VARCHAR(64) NULL, locked_at DATETIME(6) NULL, expires_at DATETIME(6) NULL,"
        " renewals BIGINT NOT NULL DEFAULT 0) ENGINE=InnoDB"
        f"{row_format} DEFAULT CHARACTER SET utf8mb4 COLLATE {dialect.collation}"
    )
