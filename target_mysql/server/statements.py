"""
Every statement this target sends, as text from a pure function; values are always bound.

A statement is a format: its %s marks are where values are bound, with or without any.
"""

from __future__ import annotations

from collections.abc import Sequence

from target_mysql.rows.load_file import ESCAPE, FIELD_END, ROW_END
from target_mysql.tables.alter_plan import AlterPlan
from target_mysql.tables.column_compatibility import ExistingColumn
from target_mysql.tables.columns import Column, Dialect, Kind, wide_decimal
from target_mysql.tables.table import (
    BATCHED_AT,
    DELETED_AT,
    LINE_COLUMN,
    MISSING_BITS,
    TABLE_VERSION,
    Parent,
    Table,
)

# All that a load relies on, whatever the server's defaults and its init_connect are: each of these
# can make a commit void, a value another one, or a warning silent. The zero of an AUTO_INCREMENT
# key is a value; the check is MariaDB's of JSON. OceanBase refuses a limit past 63 bits.
SESSION = (
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO',"
    " time_zone = '+00:00', autocommit = 1, completion_type = 0, foreign_key_checks = 1,"
    " unique_checks = 1, sql_safe_updates = 0, sql_auto_is_null = 0, sql_notes = 1,"
    " sql_select_limit = 9223372036854775807"
    "/*M!100201 , check_constraint_checks = 1 */",
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE",
    "SET NAMES utf8mb4",
)
# What init_sql must leave as SESSION has it; names that a server does not know are passed over.
READ_SESSION = (
    "SHOW SESSION VARIABLES WHERE variable_name IN ('sql_mode', 'time_zone', 'autocommit',"
    " 'completion_type', 'foreign_key_checks', 'unique_checks', 'sql_safe_updates',"
    " 'sql_auto_is_null', 'sql_notes', 'sql_select_limit',"
    " 'check_constraint_checks', 'tx_read_only', 'transaction_read_only', 'character_set_client',"
    " 'character_set_connection', 'character_set_results', 'collation_connection')"
)
WRITE_PROBE = "DO 0"  # nothing, which a Galera node outside of its cluster refuses to do
SERVER_FACTS = (
    "SELECT VERSION(), @@version_comment, @@local_infile, @@max_allowed_packet,"
    " @@lower_case_table_names, @@wait_timeout, @@innodb_page_size, @@hostname, @@port, @@server_id"
)
IS_READ_ONLY = "SELECT @@read_only"
LARGE_KEYS = "SELECT @@innodb_file_format = 'Barracuda' AND @@innodb_large_prefix"
DATABASE_EXISTS = "SELECT 1 FROM information_schema.schemata WHERE schema_name = %s"
READ_COLUMNS = (
    "SELECT column_name, column_type, is_nullable, column_default, extra, collation_name,"
    " column_comment FROM information_schema.columns"
    " WHERE table_schema = DATABASE() AND table_name = %s ORDER BY ordinal_position"
)
# MariaDB's JSON is LONGTEXT with a check; no other server has checks by table.
READ_CHECKS = (
    "SELECT check_clause FROM information_schema.check_constraints"
    " WHERE constraint_schema = DATABASE() AND table_name = %s"
)
# The engine, whether it knows transactions, and the other unique indexes.
READ_ENGINE = (
    "SELECT t.engine, e.transactions FROM information_schema.tables t"
    " LEFT JOIN information_schema.engines e ON e.engine = t.engine"
    " WHERE t.table_schema = DATABASE() AND t.table_name = %s"
)
READ_UNIQUE = (
    "SELECT DISTINCT index_name FROM information_schema.statistics WHERE non_unique = 0"
    " AND index_name <> 'PRIMARY' AND table_schema = DATABASE() AND table_name = %s"
)
# The columns of the other indexes; those of text search know no lengths.
READ_INDEX_PARTS = (
    "SELECT index_name, column_name, sub_part FROM information_schema.statistics"
    " WHERE index_name <> 'PRIMARY' AND index_type IN ('BTREE', 'HASH')"
    " AND table_schema = DATABASE() AND table_name = %s AND column_name IS NOT NULL"
)
READ_KEY = (
    "SELECT column_name FROM information_schema.key_column_usage WHERE constraint_name = 'PRIMARY'"
    " AND table_schema = DATABASE() AND table_name = %s ORDER BY ordinal_position"
)

READ_TABLE_NAMES = (
    "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
    " AND LEFT(table_name, CHAR_LENGTH(%s)) = %s"
)


def quote(name: str) -> str:
    """Return `name` as a quoted identifier, its percent signs doubled: they are no marks."""
    return "`" + name.replace("`", "``").replace("%", "%%") + "`"


def names(columns: Sequence[Column], of: str | None = None) -> str:
    """Return the columns' quoted names, each with the table `of` before it where given."""
    before = f"{quote(of)}." if of else ""
    return ", ".join(before + quote(column.name) for column in columns)


def create_database(name: str) -> str:
    return f"CREATE DATABASE IF NOT EXISTS {quote(name)} CHARACTER SET utf8mb4"


def set_wait_timeout(seconds: int) -> str:
    """Have the server end this connection, and its transaction, after so long without a word."""
    return f"SET SESSION wait_timeout = {seconds}"


def read_definition(name: str) -> str:
    return f"SHOW CREATE TABLE {quote(name)}"


def use(name: str) -> str:
    return f"USE {quote(name)}"


def create_table(table: Table, dialect: Dialect, foreign_keys: bool) -> str:
    lines = [_definition(column, column.name in table.key, dialect) for column in table.columns]
    if table.key:
        lines.append(f"PRIMARY KEY ({', '.join(map(quote, table.key))})")
    if foreign_keys and table.parent:
        lines.append(_foreign_key(table.parent))
    return (
        f"CREATE TABLE IF NOT EXISTS {quote(table.name)} ({', '.join(lines)}) ENGINE=InnoDB"
        f"{_row_format(dialect)} DEFAULT CHARACTER SET utf8mb4 COLLATE {dialect.collation}"
    )


def alter_table(plan: AlterPlan, primary_key: bool, dialect: Dialect) -> str:
    """Do all that `plan` asks for, in one statement; add the primary key where that is missing."""
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
    """Make columns of `table` the given ones, by their names."""
    parts = [f"MODIFY {_definition(one, one.name in table.key, dialect)}" for one in columns]
    return f"ALTER TABLE {quote(table.name)} {', '.join(parts)}"


def longest_texts(table: Table, columns: Sequence[Column]) -> str:
    """Find the length of the longest text of each column, in characters."""
    lengths = ", ".join(f"COALESCE(MAX(CHAR_LENGTH({quote(one.name)})), 0)" for one in columns)
    return f"SELECT {lengths} FROM {quote(table.name)}"


def find_inexact(table: Table, column: Column) -> str:
    """Find a row whose number would change, were its column made the given DOUBLE or DECIMAL."""
    name = quote(column.name)
    if column.kind is Kind.NUMBER:
        changed = f"CAST({name} + 0e0 AS {wide_decimal(column.name).sql_type}) <> {name}"
    else:
        changed = f"CAST({name} AS {column.sql_type}) + 0e0 <> {name} + 0e0"
    return f"SELECT 1 FROM {quote(table.name)} WHERE {changed} LIMIT 1"


def create_staging(
    name: str, columns: Sequence[Column], key: Sequence[str], dialect: Dialect, *, temporary: bool
) -> str:
    """A table for one stream's batch; its key lets the last row of a key win."""
    lines = [_definition(column, column.name in key, dialect) for column in columns]
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
    Load a batch's rows; the name of the file means nothing, the rows come from memory.

    REPLACE makes a bad value an error: without it LOCAL cuts and clamps, in strict mode too.
    """
    return (
        f"LOAD DATA LOCAL INFILE 'batch' REPLACE INTO TABLE {quote(name)}"
        f" CHARACTER SET utf8mb4 FIELDS TERMINATED BY '{FIELD_END}' ESCAPED BY '{ESCAPE}'"
        f" LINES TERMINATED BY '{ROW_END}' ({names(columns)})"
    )


def insert_staging(name: str, columns: Sequence[Column]) -> str:
    """The same by INSERT, for servers that forbid LOAD DATA LOCAL; rows.to_sql has its values."""
    return f"REPLACE INTO {quote(name)} ({names(columns)}) VALUES "


def delete_children(child: Table, parents: str) -> str:
    """Delete the rows of `child` that belong to any of the parents staged in `parents`."""
    assert child.parent is not None, "a child has one"
    return (
        f"DELETE {quote(child.name)} FROM {quote(child.name)}"
        f" JOIN {quote(parents)} ON {_of_parent(child.name, child.parent, parents)}"
    )


def merge(
    table: Table,
    staged: str,
    columns: Sequence[Column],
    parents: str | None = None,
    versioned_parent: bool = False,
    in_order: bool = False,
    parents_repeat: bool = False,
) -> str:
    """
    Upsert the rows staged in `staged` into `table`; binds what `merge_values` gives.

    Of the children of parents that are staged, in `parents`, those count that came after the
    parent: where it came twice the earlier ones are not its any more. Only `columns` are touched,
    but for _sdc_batched_at, and _sdc_deleted_at: a row that comes is not deleted, unless its
    record says so. Rows may lack properties where they are merged `in_order`, of lines: their
    columns keep their values. Then keys may repeat, as those of `parents` do with `parents_repeat`.
    _sdc_table_version never becomes lower: a child has at least its parent's, where that is a
    `versioned_parent`, a table with such a column.
    """
    name, parent = quote(table.name), table.parent if versioned_parent else None
    targets = [quote(column.name) for column in columns]
    sources = [f"{quote(staged)}.{column}" for column in targets]
    updates = _updates(table, targets, sources, staged if in_order else None)
    if ours := table.added(TABLE_VERSION):
        version = quote(ours.name)
        at = targets.index(version)
        if parent:
            sources[at] = _highest(sources[at], f"{quote(parent.table)}.{version}")
        updates[at] = f"{version} = {_highest(sources[at], f'{name}.{version}')}"
    in_key = {quote(column) for column in table.key}
    updates = [one for one, target in zip(updates, targets, strict=True) if target not in in_key]
    if table.adds(BATCHED_AT):
        targets.append(quote(BATCHED_AT))
        sources.append("%s")
        updates.append(f"{quote(BATCHED_AT)} = %s")
    if table.adds(DELETED_AT):
        updates.append(f"{quote(DELETED_AT)} = NULL")
    stored_parent = (
        f" LEFT JOIN {quote(parent.table)} ON {_of_parent(staged, parent)}" if parent else ""
    )
    order = f" ORDER BY {quote(staged)}.{quote(LINE_COLUMN.name)}" if in_order else ""
    statement = (
        f"INSERT INTO {name} ({', '.join(targets)})"
        f" SELECT {', '.join(sources)} FROM {quote(staged)}{stored_parent}"
        f"{_later_than(parents, staged, table, parents_repeat)}{order}"
    )
    if not table.key:
        return statement
    nothing = f"{quote(table.key[0])} = {name}.{quote(table.key[0])}"
    return f"{statement} ON DUPLICATE KEY UPDATE {', '.join(updates) or nothing}"


def merge_values(table: Table, batched_at: str) -> tuple[str, ...]:
    """Return what `merge` binds: the batch's UTC date-time for each of its marks."""
    if not table.adds(BATCHED_AT):
        return ()
    # Bound twice where rows are updated: MySQL calls VALUES() deprecated, and warns.
    return (batched_at, batched_at) if table.key else (batched_at,)


def _later_than(parents: str | None, staged: str, table: Table, parents_repeat: bool) -> str:
    if parents is None or table.parent is None:
        return ""
    line, (_, theirs) = quote(LINE_COLUMN.name), table.parent.keys[0]
    latest = quote(parents)
    if parents_repeat:
        keys = ", ".join(quote(name) for _, name in table.parent.keys)
        last = f"SELECT {keys}, MAX({line}) AS {line} FROM {latest} GROUP BY {keys}"
        latest = f"({last}) AS {latest}"
    return (
        f" LEFT JOIN {latest} ON {_of_parent(staged, table.parent, parents)}"
        f" WHERE {quote(parents)}.{quote(theirs)} IS NULL"
        f" OR {quote(staged)}.{line} > {quote(parents)}.{line}"
    )


def _updates(
    table: Table, targets: Sequence[str], sources: Sequence[str], flagged: str | None
) -> list[str]:
    """
    Return what sets each column of `targets` to its source, those of the record first.

    Where the rows of the staging table `flagged` lack a property its column keeps its value.
    """
    if flagged is None:
        return [f"{column} = {source}" for column, source in zip(targets, sources, strict=True)]
    updates = []
    for at, (column, source) in enumerate(zip(targets, sources, strict=True)):
        if at < len(table.filled_by_record):
            flags = quote(table.missing_columns[at // MISSING_BITS].name)
            is_missing = f"{quote(flagged)}.{flags} & {1 << at % MISSING_BITS}"
            source = f"IF({is_missing}, {quote(table.name)}.{column}, {source})"
        updates.append(f"{column} = {source}")
    return updates


def delete_flagged(table: Table, staged: str) -> str:
    """Delete the staged rows that are flagged as deleted once they are merged."""
    keys = " AND ".join(
        f"{quote(table.name)}.{quote(one)} = {quote(staged)}.{quote(one)}" for one in table.key
    )
    return (
        f"DELETE {quote(table.name)} FROM {quote(table.name)} JOIN {quote(staged)} ON {keys}"
        f" WHERE {quote(table.name)}.{quote(DELETED_AT)} IS NOT NULL"
    )


def _highest(value: str, other: str) -> str:
    """Return the higher of two values, or the one that is not NULL."""
    return f"COALESCE(GREATEST({value}, {other}), {value}, {other})"


def _of_parent(child: str, parent: Parent, parents: str | None = None) -> str:
    """Join the table `child` with its parents, which are in `parents` or in their own table."""
    parents = parents or parent.table
    return " AND ".join(
        f"{quote(child)}.{quote(ours)} = {quote(parents)}.{quote(theirs)}"
        for ours, theirs in parent.keys
    )


def _foreign_key(parent: Parent) -> str:
    ours, theirs = (", ".join(map(quote, names)) for names in zip(*parent.keys, strict=True))
    return f"FOREIGN KEY ({ours}) REFERENCES {quote(parent.table)} ({theirs}) ON DELETE CASCADE"


def highest_version(name: str) -> str:
    """Find the highest version of the rows of the table `name`, which has such a column."""
    return f"SELECT MAX({quote(TABLE_VERSION)}) FROM {quote(name)}"


def find_key(table: Table, rows: int, after: bool) -> str:
    """Find the key of the row that is `rows` rows on; binds, where `after`, the key to start at."""
    keys = ", ".join(map(quote, table.key))
    start = f" WHERE {_compared(table.key, '>')}" if after else ""
    name = quote(table.name)
    return f"SELECT {keys} FROM {name}{start} ORDER BY {keys} LIMIT 1 OFFSET {rows - 1}"


def delete_older_versions_sql(
    table: Table, rows: int, *, delete: bool, after: bool, up_to: bool
) -> str:
    """
    Delete or flag at most `rows` rows of versions before a given one.

    Binds the time, where it flags, the version, and the `bounds` of the keys `after` and `up_to`
    which to look, where there are such.
    """
    flag, version = quote(DELETED_AT), quote(TABLE_VERSION)
    wanted = [f"({version} < %s OR {version} IS NULL)"]
    wanted += [] if delete else [f"{flag} IS NULL"]
    wanted += [_compared(table.key, ">")] if after else []
    wanted += [_compared(table.key, "<=")] if up_to else []
    name = quote(table.name)
    action = f"DELETE FROM {name}" if delete else f"UPDATE {name} SET {flag} = %s"
    return f"{action} WHERE {' AND '.join(wanted)} LIMIT {rows}"


def bounds(key: Sequence[object]) -> list[object]:
    """Return what a comparison with `key` binds."""
    return [value for length in range(1, len(key) + 1) for value in key[:length]]


def _compared(key: Sequence[str], operator: str) -> str:
    """
    Compare a key with one that is bound, in the order of the index.

    Spelt out, since a comparison of whole rows, `(a, b) > (1, 2)`, finds no index.
    """
    cases = []
    for at, name in enumerate(key):
        same = [f"{quote(one)} = %s" for one in key[:at]]
        sign = operator if at == len(key) - 1 else operator[0]
        cases.append(" AND ".join([*same, f"{quote(name)} {sign} %s"]))
    return f"({' OR '.join(cases)})"


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


def _existing_definition(column: ExistingColumn, name: str) -> str:
    """A column as it is there, but nullable, and under `name`."""
    text = f" COLLATE {column.collation}" if column.collation and not column.is_json else ""
    return f"{quote(name)} {column.sql_type.replace('%', '%%')}{text} NULL"
