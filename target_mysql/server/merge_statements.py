"""
The statements that upsert staged rows into tables, and delete or flag other rows. Pure.

As in statements.py, a statement is a format whose %s marks are bound to values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from target_mysql.tables.columns import Column
from target_mysql.tables.identifiers import quote
from target_mysql.tables.table import (
    BATCHED_AT,
    DELETED_AT,
    LINE_COLUMN,
    MISSING_BITS,
    TABLE_VERSION,
    Parent,
    Table,
)


@dataclass(frozen=True)
class Merge:
    """
    How one batch is merged: the rows in the staging table `staging` are upserted into `table`.

    Only `columns` are updated, besides _sdc_batched_at and _sdc_deleted_at, which becomes NULL
    unless the record sets it. `parents` is the staging table of the parent stream, None if no
    parents are staged: a child counts only if its line comes after the last line of its parent.

    With `in_order`, rows may lack properties, whose columns keep their values. Keys may then
    repeat, and rows are merged in the order of their lines; `parents_repeat` says the same of
    `parents`. With `raises_to_parent`, a row gets at least the _sdc_table_version that its parent
    has in the parent's table.
    """

    table: Table
    staging: str
    columns: Sequence[Column]
    parents: str | None = None
    raises_to_parent: bool = False
    in_order: bool = False
    parents_repeat: bool = False


def merge_sql(merge: Merge) -> str:
    """Return the upsert; binds `merge_values`. _sdc_table_version never becomes lower."""
    table, staging = merge.table, quote(merge.staging)
    assignments = _assignments(merge)
    targets = [target for target, _, _ in assignments]
    sources = [source for _, source, _ in assignments]
    updates = [f"{target} = {update}" for target, _, update in assignments if update]
    if table.adds(BATCHED_AT):
        targets.append(quote(BATCHED_AT))
        sources.append("%s")
        updates.append(f"{quote(BATCHED_AT)} = %s")
    if table.adds(DELETED_AT):
        updates.append(f"{quote(DELETED_AT)} = NULL")
    order = f" ORDER BY {staging}.{quote(LINE_COLUMN.name)}" if merge.in_order else ""
    statement = (
        f"INSERT INTO {quote(table.name)} ({', '.join(targets)})"
        f" SELECT {', '.join(sources)} FROM {staging}{_stored_parent(merge)}"
        f"{_after_parent(merge)}{order}"
    )
    if not table.key:
        return statement
    no_update = f"{quote(table.key[0])} = {quote(table.name)}.{quote(table.key[0])}"
    return f"{statement} ON DUPLICATE KEY UPDATE {', '.join(updates) or no_update}"


def merge_values(table: Table, batched_at: str) -> tuple[str, ...]:
    """Return the values that `merge_sql` binds; `batched_at` is the UTC date-time of the batch."""
    if not table.adds(BATCHED_AT):
        return ()
    # Bound twice for an upsert: MySQL deprecates VALUES(), with a warning.
    return (batched_at, batched_at) if table.key else (batched_at,)


def _assignments(merge: Merge) -> list[tuple[str, str, str]]:
    """
    Return (column, value to insert, value to update), quoted, for each column.

    The value to update is empty for a key's column, which never changes.
    """
    name = quote(merge.table.name)
    version = merge.table.added(TABLE_VERSION)
    assignments = []
    for at, column in enumerate(merge.columns):
        target = quote(column.name)
        source = update = f"{quote(merge.staging)}.{target}"
        if version and column.name == version.name:
            if merge.raises_to_parent and merge.table.parent:
                source = _highest(source, f"{quote(merge.table.parent.table)}.{target}")
            update = _highest(source, f"{name}.{target}")
        elif merge.in_order and at < len(merge.table.filled_by_record):
            update = f"IF({_is_missing(merge, at)}, {name}.{target}, {source})"
        assignments.append((target, source, "" if column.name in merge.table.key else update))
    return assignments


def _is_missing(merge: Merge, at: int) -> str:
    """Return the condition that a staged row lacks the property of the column at position `at`."""
    flags = quote(merge.table.missing_columns[at // MISSING_BITS].name)
    return f"{quote(merge.staging)}.{flags} & {1 << at % MISSING_BITS}"


def _stored_parent(merge: Merge) -> str:
    parent = merge.table.parent
    if not merge.raises_to_parent or not parent:
        return ""
    return f" LEFT JOIN {quote(parent.table)} ON {_joins_parent(merge.staging, parent)}"


def _after_parent(merge: Merge) -> str:
    """Return the join and condition that leave out children of an earlier record of a parent."""
    parent, parents = merge.table.parent, merge.parents
    if parents is None or parent is None:
        return ""
    line, (_, parent_column) = quote(LINE_COLUMN.name), parent.keys[0]
    latest = quote(parents)
    if merge.parents_repeat:
        keys = ", ".join(quote(name) for _, name in parent.keys)
        last = f"SELECT {keys}, MAX({line}) AS {line} FROM {latest} GROUP BY {keys}"
        latest = f"({last}) AS {latest}"
    return (
        f" LEFT JOIN {latest} ON {_joins_parent(merge.staging, parent, parents)}"
        f" WHERE {quote(parents)}.{quote(parent_column)} IS NULL"
        f" OR {quote(merge.staging)}.{line} > {quote(parents)}.{line}"
    )


def _highest(value: str, other: str) -> str:
    """Return the higher of two values; NULL counts as the lowest."""
    return f"COALESCE(GREATEST({value}, {other}), {value}, {other})"


def _joins_parent(child: str, parent: Parent, parents: str | None = None) -> str:
    """Return the condition that joins the table `child` with `parents`, or the parent's table."""
    parents = parents or parent.table
    return " AND ".join(
        f"{quote(child)}.{quote(child_column)} = {quote(parents)}.{quote(parent_column)}"
        for child_column, parent_column in parent.keys
    )


def delete_children(child: Table, parents: str) -> str:
    """Delete the rows of `child` that belong to a parent in the staging table `parents`."""
    assert child.parent is not None, "a child has a parent"
    return (
        f"DELETE {quote(child.name)} FROM {quote(child.name)}"
        f" JOIN {quote(parents)} ON {_joins_parent(child.name, child.parent, parents)}"
    )


def delete_flagged(table: Table, staging: str) -> str:
    """Delete the merged rows of `staging` that have a time of deletion."""
    keys = " AND ".join(
        f"{quote(table.name)}.{quote(one)} = {quote(staging)}.{quote(one)}" for one in table.key
    )
    return (
        f"DELETE {quote(table.name)} FROM {quote(table.name)} JOIN {quote(staging)} ON {keys}"
        f" WHERE {quote(table.name)}.{quote(DELETED_AT)} IS NOT NULL"
    )


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
