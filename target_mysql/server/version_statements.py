"""
The statements that find, and delete or flag, the rows of older versions. Pure.

As in statements.py, a statement is a format whose %s marks are bound to values.
"""

from __future__ import annotations

from collections.abc import Sequence

from target_mysql.tables.identifiers import quote
from target_mysql.tables.table import DELETED_AT, TABLE_VERSION, Table


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
    table: Table, rows: int, *, delete: bool, after: bool, up_to: bool
) -> str:
    """
    Delete, or flag as deleted, at most `rows` rows of older versions.

    Binds the time of deletion unless `delete`, the version, and the `bounds` of two keys: with
    `after` the key before the first row, with `up_to` the key of the last row.
    """
    flag, version = quote(DELETED_AT), quote(TABLE_VERSION)
    conditions = [f"({version} < %s OR {version} IS NULL)"]
    conditions += [] if delete else [f"{flag} IS NULL"]
    conditions += [_comparison(table.key, ">")] if after else []
    conditions += [_comparison(table.key, "<=")] if up_to else []
    name = quote(table.name)
    action = f"DELETE FROM {name}" if delete else f"UPDATE {name} SET {flag} = %s"
    return f"{action} WHERE {' AND '.join(conditions)} LIMIT {rows}"


def bounds(key: Sequence[object]) -> list[object]:
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
