"""
The statements that store the versions of rows, and delete or flag the rows of older ones. Pure.

A full pass gives each row its version. An unchanged row is not updated, since the server's logs
would have the whole row, twice: the narrow table `_sdc_versions` stores its version. The effective
version of a row is the higher of the stored one and that of its column. A child's is at least its
parent's, so a child that is loaded with its parent needs no stored version.

As in statements.py, a statement is a format whose %s marks are bound to values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from target_mysql.server.merge_statements import collated
from target_mysql.tables.dialect import Dialect
from target_mysql.tables.identifiers import VERSIONS_TABLE, quote
from target_mysql.tables.table import DELETED_AT, TABLE_VERSION, Table

CLEAR_VERSIONS = f"DELETE FROM {VERSIONS_TABLE} WHERE table_name = %s"
DELETE_OLD_VERSIONS = f"{CLEAR_VERSIONS} AND version < %s"

Key = Sequence[object]
"""The values of a row's key."""


@dataclass(frozen=True)
class Lineage:
    """
    A table with versions, then its parent's, if that has versions too, and so on.

    `name` is that of the last of them in `_sdc_versions`. Text is compared in `collation`.
    """

    tables: Sequence[Table]
    name: str
    collation: str


def create_versions_table(dialect: Dialect) -> str:
    """Create the table of stored versions; `row_key` identifies a row, see `_row_key`."""
    row_format = f" ROW_FORMAT={dialect.row_format}" if dialect.row_format else ""
    return (
        f"CREATE TABLE IF NOT EXISTS {VERSIONS_TABLE} (table_name VARCHAR(64) NOT NULL,"
        " row_key VARBINARY(64) NOT NULL, version BIGINT NOT NULL,"
        f" PRIMARY KEY (table_name, row_key)) ENGINE=InnoDB{row_format}"
        f" DEFAULT CHARACTER SET utf8mb4 COLLATE {dialect.collation}"
    )


def store_versions(table: Table, staging: str) -> str:
    """
    Store the versions of the rows of `staging` whose rows in the table have lower ones.

    Binds the table's name. A stored version never becomes lower.
    """
    ours, staged, version = quote(table.name), quote(staging), quote(TABLE_VERSION)
    same = " AND ".join(f"{ours}.{quote(one)} = {staged}.{quote(one)}" for one in table.key)
    is_lower = f"COALESCE({ours}.{version} < {staged}.{version}, {ours}.{version} IS NULL)"
    return (
        f"INSERT INTO {VERSIONS_TABLE} (table_name, row_key, version)"
        f" SELECT %s, {_row_key(table)}, {staged}.{version}"
        f" FROM {staged} STRAIGHT_JOIN {ours} ON {same}"
        f" WHERE {staged}.{version} IS NOT NULL AND {is_lower}"
        f" ON DUPLICATE KEY UPDATE version ="
        f" GREATEST({VERSIONS_TABLE}.version, {staged}.{version})"
    )


def apply_versions(table: Table) -> str:
    """Write the stored versions into their rows; binds the table's name."""
    ours, version = quote(table.name), quote(TABLE_VERSION)
    return (
        f"UPDATE {ours} JOIN {VERSIONS_TABLE} ON {VERSIONS_TABLE}.table_name = %s"
        f" AND {VERSIONS_TABLE}.row_key = {_row_key(table)}"
        f" SET {ours}.{version} = {VERSIONS_TABLE}.version"
        f" WHERE COALESCE({ours}.{version} < {VERSIONS_TABLE}.version, {ours}.{version} IS NULL)"
    )


def _row_key(table: Table) -> str:
    """Return the key of a row as text of at most 64 bytes: a longer key as a hash."""
    name = quote(table.name)
    # A table made by hand may be of latin1 until its key is altered.
    parts = [f"CONVERT({name}.{quote(one)} USING utf8mb4)" for one in table.key]
    if len(parts) > 1:
        parts = [f"CONCAT_WS(',', {', '.join(f'HEX({one})' for one in parts)})"]
    (text,) = parts
    return f"IF(LENGTH({text}) < 64, {text}, SHA2({text}, 256))"


def highest_version(name: str) -> str:
    """Select the highest version of the rows of the table `name`, which has that column."""
    return f"SELECT MAX({quote(TABLE_VERSION)}) FROM {quote(name)}"


def find_key(table: Table, rows: int, after: bool) -> str:
    """
    Select the key of the row that is `rows` rows further along the key.

    Binds the `bounds` of the key to start at if `after`.
    """
    keys = ", ".join(map(quote, table.key))
    start = f" WHERE {_comparison(table.key, '>')}" if after else ""
    name = quote(table.name)
    return f"SELECT {keys} FROM {name}{start} ORDER BY {keys} LIMIT 1 OFFSET {rows - 1}"


def delete_older_versions_sql(
    lineage: Lineage, version: int, rows: int, at: str | None, after: Key, up_to: Key
) -> tuple[str, list[object]]:
    """
    Flag at most `rows` rows of versions before `version` as deleted at that time, or delete them.

    Returns the statement and the values that it binds. The rows are those after the key `after` and
    up to the key `up_to`; an empty key is an end of the table.
    """
    table = lineage.tables[0]
    name, flag, column = quote(table.name), quote(DELETED_AT), quote(TABLE_VERSION)
    is_stored, of_stored = _has_stored_version(lineage, version)
    action = f"DELETE FROM {name}" if at is None else f"UPDATE {name} SET {flag} = %s"
    conditions = [f"({column} < %s OR {column} IS NULL)"]
    conditions += [] if at is None else [f"{flag} IS NULL"]
    conditions += [_comparison(table.key, ">")] if after else []
    conditions += [_comparison(table.key, "<=")] if up_to else []
    conditions += [f"NOT {is_stored}"] if is_stored else []
    values = [*([] if at is None else [at]), version, *bounds(after), *bounds(up_to), *of_stored]
    return f"{action} WHERE {' AND '.join(conditions)} LIMIT {rows}", values


def _has_stored_version(lineage: Lineage, version: int) -> tuple[str, list[object]]:
    """
    Return the condition that the stored version of a row, or its parent's effective one, is at
    least `version`.

    It comes with the values that it binds, and is empty for rows that have neither.
    """
    table, *ancestors = lineage.tables
    if table.parent is None:
        if not table.key:
            return "", []
        own = f"table_name = %s AND row_key = {_row_key(table)} AND version >= %s"
        return f"EXISTS (SELECT 1 FROM {VERSIONS_TABLE} WHERE {own})", [lineage.name, version]
    if not ancestors:
        return "", []
    of_parent, of_values = _has_stored_version(replace(lineage, tables=ancestors), version)
    name, parent = quote(table.name), quote(ancestors[0].name)
    columns = {one.name: one for one in table.columns}
    same = [
        f"{parent}.{quote(theirs)} = {collated(columns[ours], name, lineage.collation)}"
        for ours, theirs in table.parent.keys
    ]
    has_version = f"{parent}.{quote(TABLE_VERSION)} >= %s"
    is_current = f"({has_version} OR {of_parent})" if of_parent else has_version
    condition = " AND ".join([*same, is_current])
    return f"EXISTS (SELECT 1 FROM {parent} WHERE {condition})", [version, *of_values]


def bounds(key: Key) -> list[object]:
    """Return the values that a comparison with `key` binds."""
    return [value for length in range(1, len(key) + 1) for value in key[:length]]


def _comparison(key: Sequence[str], operator: str) -> str:
    """
    Return the comparison of a key with a bound one, in the order of the index.

    MySQL finds no index for a comparison of whole rows, `(a, b) > (1, 2)`.
    """
    cases = []
    for at, name in enumerate(key):
        same = [f"{quote(one)} = %s" for one in key[:at]]
        sign = operator if at == len(key) - 1 else operator[0]
        cases.append(" AND ".join([*same, f"{quote(name)} {sign} %s"]))
    return f"({' OR '.join(cases)})"
