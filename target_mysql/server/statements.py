"""
SQL statements as text from pure functions; values are always bound.

Each statement is a format whose %s marks are bound to values, with or without any.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from target_mysql.rows.load_file import LOAD_DATA_FORMAT
from target_mysql.tables.alter_plan import AlterPlan
from target_mysql.tables.column_compatibility import ExistingColumn
from target_mysql.tables.columns import Column, wide_decimal
from target_mysql.tables.dialect import Dialect
from target_mysql.tables.identifiers import quote
from target_mysql.tables.kinds import Kind
from target_mysql.tables.table import (
    UNCHANGED,
    Parent,
    Table,
)

# The session that a load relies on, whatever the server's defaults and init_connect are. Each
# variable can make a commit void, change a value, or silence a warning. NO_AUTO_VALUE_ON_ZERO
# keeps the zero of an AUTO_INCREMENT key; check_constraint_checks is for MariaDB's JSON. OceanBase
# refuses a limit past 63 bits.
SESSION = (
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO',"
    " time_zone = '+00:00', autocommit = 1, completion_type = 0, foreign_key_checks = 1,"
    " unique_checks = 1, sql_safe_updates = 0, sql_auto_is_null = 0, sql_notes = 1,"
    " sql_select_limit = 9223372036854775807"
    "/*M!100201 , check_constraint_checks = 1 */",
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE",
    "SET NAMES utf8mb4",
)
# What OceanBase needs besides SESSION. Its REPEATABLE READ refuses to change a row that another
# session has changed since the transaction began (error 6235), and the locks of the tables are
# renewed meanwhile. It ends a statement after 10 s, older versions a transaction after 100 s, and
# has another variable for innodb_lock_wait_timeout. All times are in microseconds.
OCEANBASE_SESSION = (
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE",
    "SET SESSION ob_query_timeout = 86400000000, ob_trx_timeout = 86400000000,"
    " ob_trx_lock_timeout = 50000000",
)
# Variables of SESSION that init_sql must not change; unknown names are ignored.
READ_SESSION = (
    "SHOW SESSION VARIABLES WHERE variable_name IN ('sql_mode', 'time_zone', 'autocommit',"
    " 'completion_type', 'foreign_key_checks', 'unique_checks', 'sql_safe_updates',"
    " 'sql_auto_is_null', 'sql_notes', 'sql_select_limit',"
    " 'check_constraint_checks', 'tx_read_only', 'transaction_read_only', 'character_set_client',"
    " 'character_set_connection', 'character_set_results', 'collation_connection')"
)
WRITE_PROBE = "DO 0"  # does nothing; a Galera node outside its cluster refuses even that
IS_READ_ONLY = "SELECT @@read_only"
DATABASE_EXISTS = "SELECT 1 FROM information_schema.schemata WHERE schema_name = %s"


def names(columns: Sequence[Column], of: str | None = None) -> str:
    """Return the columns' quoted names, qualified by the table `of` if given."""
    before = f"{quote(of)}." if of else ""
    return ", ".join(before + quote(column.name) for column in columns)


def create_database(name: str) -> str:
    return f"CREATE DATABASE IF NOT EXISTS {quote(name)} CHARACTER SET utf8mb4"


def set_wait_timeout(seconds: int) -> str:
    """Have the server end this connection, and roll back, after so many seconds of silence."""
    return f"SET SESSION wait_timeout = {seconds}"


def use(name: str) -> str:
    return f"USE {quote(name)}"


def create_table(table: Table, dialect: Dialect, foreign_key: bool) -> str:
    lines = [_definition(column, column.name in table.key, dialect) for column in table.columns]
    if table.key:
        lines.append(f"PRIMARY KEY ({', '.join(map(quote, table.key))})")
    if foreign_key and table.parent:
        lines.append(_foreign_key(table.parent))
    return (
        f"CREATE TABLE IF NOT EXISTS {quote(table.name)} ({', '.join(lines)}) ENGINE=InnoDB"
        f"{_row_format(dialect)} DEFAULT CHARACTER SET utf8mb4 COLLATE {dialect.collation}"
    )


def alter_table(plan: AlterPlan, primary_key: bool, dialect: Dialect) -> str:
    """Make all changes of `plan` in a statement; add the primary key if that is missing."""
    key = plan.table.key
    parts = [
        f"CHANGE {quote(one.name)} {_existing_definition(one, name)}" for one, name in plan.renamed
    ]
    parts += [f"MODIFY {_definition(one, one.name in key, dialect)}" for one in plan.modified]
    parts += [f"MODIFY {_existing_definition(one, one.name)}" for one in plan.made_nullable]
    order = [column.name for column in plan.table.columns]
    for column in plan.added:
        at = order.index(column.name)
        place = f"AFTER {quote(order[at - 1])}" if at else "FIRST"
        parts.append(f"ADD COLUMN {_definition(column, column.name in key, dialect)} {place}")
    if primary_key:
        parts.append(f"ADD PRIMARY KEY ({', '.join(map(quote, key))})")
    return f"ALTER TABLE {quote(plan.table.name)} {', '.join(parts)}"


def modify_columns(table: Table, columns: Sequence[Column], dialect: Dialect) -> str:
    """Change the columns of `table` with these names to these definitions."""
    parts = [f"MODIFY {_definition(one, one.name in table.key, dialect)}" for one in columns]
    return f"ALTER TABLE {quote(table.name)} {', '.join(parts)}"


def longest_texts(table: Table, columns: Sequence[Column]) -> str:
    """Select the length of the longest text of each column, in characters."""
    lengths = ", ".join(f"COALESCE(MAX(CHAR_LENGTH({quote(one.name)})), 0)" for one in columns)
    return f"SELECT {lengths} FROM {quote(table.name)}"


def find_inexact(table: Table, column: Column) -> str:
    """Select a row whose number would lose precision in the DOUBLE or DECIMAL `column`."""
    name = quote(column.name)
    if column.kind is Kind.NUMBER:
        is_inexact = f"CAST({name} + 0e0 AS {wide_decimal(column.name).sql_type}) <> {name}"
    else:
        is_inexact = f"CAST({name} AS {column.sql_type}) <> {name}"
    return f"SELECT 1 FROM {quote(table.name)} WHERE {is_inexact} LIMIT 1"


def create_staging(
    name: str, columns: Sequence[Column], key: Sequence[str], dialect: Dialect, *, temporary: bool
) -> str:
    """
    Create the table for a stream's batch; REPLACE deduplicates rows by `key`.

    JSON is staged as text: the server would check each document twice.
    """
    staged = [_as_text(one) if one.json else one for one in columns]
    lines = [_definition(column, column.name in key, dialect) for column in staged]
    # NOT NULL: InnoDB then updates the flag in place.
    lines.append(f"{quote(UNCHANGED)} TINYINT NOT NULL DEFAULT 0")
    if key:
        lines.append(f"PRIMARY KEY ({', '.join(map(quote, key))})")
    text_key = any(column.max_length for column in columns if column.name in key)
    is_innodb = text_key or not dialect.staging_engine or not temporary
    engine = f"InnoDB{_row_format(dialect)}" if is_innodb else dialect.staging_engine
    return (
        f"CREATE{_temporary(temporary)} TABLE {quote(name)} ({', '.join(lines)}) ENGINE={engine}"
        f" DEFAULT CHARACTER SET utf8mb4 COLLATE {dialect.collation}"
    )


def drop_staging(name: str, *, temporary: bool) -> str:
    return f"DROP{_temporary(temporary)} TABLE IF EXISTS {quote(name)}"


def _temporary(temporary: bool) -> str:
    return " TEMPORARY" if temporary else ""


def load_staging(name: str, columns: Sequence[Column]) -> str:
    """
    Load the rows of a batch. The file name is a placeholder: rows are sent from memory.

    REPLACE makes a bad value an error: without it, LOCAL truncates and clamps values even in strict
    mode. The rows are UTF-8, as the columns are: declared binary, they are read faster.
    """
    return (
        f"LOAD DATA LOCAL INFILE 'batch' REPLACE INTO TABLE {quote(name)}"
        f" CHARACTER SET binary {LOAD_DATA_FORMAT} ({names(columns)})"
    )


def insert_staging(name: str, columns: Sequence[Column]) -> str:
    """Return the beginning of the INSERT, for servers that forbid LOAD DATA LOCAL."""
    return f"REPLACE INTO {quote(name)} ({names(columns)}) VALUES "


def has_foreign_key(table: Table) -> bool:
    """Whether the definition of `table` has the foreign key that `create_table` gives it."""
    key = _foreign_key(table.parent).replace("%%", "%") if table.parent else ""
    return bool(key) and key in table.definition


def _foreign_key(parent: Parent) -> str:
    ours, theirs = (", ".join(map(quote, names)) for names in zip(*parent.keys, strict=True))
    return f"FOREIGN KEY ({ours}) REFERENCES {quote(parent.table)} ({theirs}) ON DELETE CASCADE"


def _row_format(dialect: Dialect) -> str:
    return f" ROW_FORMAT={dialect.row_format}" if dialect.row_format else ""


def _definition(column: Column, in_key: bool, dialect: Dialect) -> str:
    sql_type = column.sql_type.replace("%", "%%")
    if column.collated:
        # A table made by hand may be of latin1.
        sql_type += f" CHARACTER SET utf8mb4 COLLATE {dialect.collation}"
    null = "NOT NULL" if in_key else "NULL"
    comment = f" COMMENT '{column.comment}'" if column.comment else ""
    return f"{quote(column.name)} {sql_type} {null}{comment}"


def _as_text(column: Column) -> Column:
    return replace(column, sql_type="LONGTEXT", json=None)


def _existing_definition(column: ExistingColumn, name: str) -> str:
    """Return the definition of an existing column, but nullable, with the name `name`."""
    text = f" COLLATE {column.collation}" if column.collation and not column.is_json else ""
    return f"{quote(name)} {column.sql_type.replace('%', '%%')}{text} NULL"
