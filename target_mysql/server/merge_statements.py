"""
The statements that upsert staged rows into tables, and delete the rows they replace. Pure.

As in statements.py, a statement is a format whose %s marks are bound to values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from target_mysql.tables.columns import Column
from target_mysql.tables.dialect import Dialect
from target_mysql.tables.identifiers import quote
from target_mysql.tables.kinds import Kind
from target_mysql.tables.table import (
    BATCHED_AT,
    DELETED_AT,
    EXTRACTED_AT,
    LINE_COLUMN,
    MISSING_BITS,
    TABLE_VERSION,
    UNCHANGED,
    Parent,
    Table,
)

# A longer JSON document counts as changed. Its text, with spaces and escapes, could exceed
# max_allowed_packet, from 1 MB on, and the server would refuse to compare it.
MAX_COMPARED_JSON_BYTES = 128 * 1024


@dataclass(frozen=True)
class Merge:
    """
    How one batch is merged: the rows in the staging table `staging` are upserted into `table`.

    Only `columns` are updated, besides _sdc_batched_at and _sdc_deleted_at, which becomes NULL
    unless the record sets it. `parents` is the staging table of the parent stream, None if no
    parents are staged: a child counts only if its line comes after the last line of its parent.
    `parent_version` is its column of versions, if it has one.

    With `in_order`, rows may lack properties, whose columns keep their values. Keys may then
    repeat, and rows are merged in the order of their lines; `parents_repeat` says the same of
    `parents`.
    """

    table: Table
    staging: str
    columns: Sequence[Column]
    dialect: Dialect
    parents: str | None = None
    parent_version: Column | None = None
    in_order: bool = False
    parents_repeat: bool = False

    @property
    def finds_unchanged(self) -> bool:
        """Whether `flag_unchanged` can find unchanged rows."""
        return bool(self.table.key) and not self.in_order


def flag_unchanged(merge: Merge) -> str:
    """
    Flag the staged rows that equal those of the table, to the byte, so that nothing is written.

    The times of loading do not count. A higher version counts only for a child whose parent is not
    staged with it: others have a stored version, see version_statements.py, or their parent's.
    """
    table, name, staging = merge.table, quote(merge.table.name), quote(merge.staging)
    version = table.added(TABLE_VERSION)
    not_compared = (version, table.added(EXTRACTED_AT))
    conditions = [
        _equals(one.column, f"{name}.{one.target}", one.update, merge.dialect)
        for one in _assignments(merge)
        if one.update and one.column not in not_compared
    ]
    if table.adds(DELETED_AT):
        conditions.append(f"{name}.{quote(DELETED_AT)} IS NULL")
    join = ""
    if version and table.parent:
        column = quote(version.name)
        versions = [f"{name}.{column}"]
        if merge.parents and merge.parent_version and not merge.parents_repeat:
            join = _left_join(merge.staging, table.parent, merge.parents)
            versions.append(f"{quote(merge.parents)}.{quote(merge.parent_version.name)}")
        reached = [f"{one} >= {staging}.{column}" for one in versions]
        conditions.append(f"({' OR '.join([f'{staging}.{column} IS NULL', *reached])})")
    same = " AND ".join(f"{name}.{quote(one)} = {staging}.{quote(one)}" for one in table.key)
    return (
        f"UPDATE {staging} STRAIGHT_JOIN {name} ON {same}{join}"
        f" SET {staging}.{quote(UNCHANGED)} = 1"
        f" WHERE {' AND '.join(conditions) or 'TRUE'}"
    )


def merge_sql(merge: Merge, batched_at: str) -> str:
    """
    Return the upsert of the rows without a flag; `batched_at` is the UTC date-time of the batch.

    _sdc_table_version never becomes lower.
    """
    table, staging = merge.table, quote(merge.staging)
    assignments = _assignments(merge)
    targets = [one.target for one in assignments]
    sources = [one.source for one in assignments]
    updates = {one.target: one.update for one in assignments if one.update}
    if table.adds(BATCHED_AT):
        targets.append(quote(BATCHED_AT))
        sources.append(f"'{batched_at}'")
        updates[quote(BATCHED_AT)] = f"'{batched_at}'"
    if table.adds(DELETED_AT):
        updates[quote(DELETED_AT)] = "NULL"
    join, conditions = _after_parent(merge)
    if merge.finds_unchanged:
        conditions.append(f"{staging}.{quote(UNCHANGED)} = 0")
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    order = f" ORDER BY {staging}.{quote(LINE_COLUMN.name)}" if merge.in_order else ""
    statement = (
        f"INSERT INTO {quote(table.name)} ({', '.join(targets)})"
        f" SELECT {', '.join(sources)} FROM {staging}{join}{where}{order}"
    )
    if not table.key:
        return statement
    key = quote(table.key[0])
    updates = updates or {key: f"{quote(table.name)}.{key}"}
    assigned = ", ".join(f"{target} = {value}" for target, value in updates.items())
    return f"{statement} ON DUPLICATE KEY UPDATE {assigned}"


class _Assignment(NamedTuple):
    """A column, the value to insert, and the value to update, empty for a key; all are SQL."""

    column: Column
    target: str
    source: str
    update: str


def _equals(column: Column, existing: str, staged: str, dialect: Dialect) -> str:
    """Return the condition that a column has the staged value, to the byte."""
    mixable = _mixable(column, staged, dialect)
    if column.json and column.json.is_parsed:
        collate = f"COLLATE {dialect.collation}"
        is_short = f"COALESCE(LENGTH({staged}), 0) <= {MAX_COMPARED_JSON_BYTES}"
        # As text, too: JSON values 1 and 1.0 are equal.
        same_text = f"{existing} {collate} <=> {mixable} {collate}"
        return f"IF({existing} <=> {mixable} AND {is_short}, {same_text}, FALSE)"
    if column.kind is Kind.NUMBER:
        # Only as text a zero has its sign.
        has_sign = f"({existing} <> 0 OR CONCAT({existing}) <=> CONCAT({staged}))"
        return f"{existing} <=> {staged} AND {has_sign}"
    # Text not as BINARY: a CAST of more than max_allowed_packet is NULL.
    equals = f"{existing} <=> {mixable}"
    if dialect.pads and (column.json or column.collated):
        return f"{equals} AND LENGTH({existing}) <=> LENGTH({staged})"
    return equals


def _mixable(column: Column, staged: str, dialect: Dialect) -> str:
    """
    Return the staged value as an operand beside the existing one, whatever the collation of that.

    The server refuses to mix two collations that both compare bytes. JSON is staged as text.
    """
    if column.json and column.json.is_parsed:
        return f"CAST({staged} AS JSON)"
    return f"{staged} COLLATE {dialect.collation}" if column.json or column.collated else staged


def _assignments(merge: Merge) -> list[_Assignment]:
    name = quote(merge.table.name)
    version = merge.table.added(TABLE_VERSION)
    assignments = []
    for at, column in enumerate(merge.columns):
        target = quote(column.name)
        source = update = f"{quote(merge.staging)}.{target}"
        if version and column.name == version.name:
            update = _highest(source, f"{name}.{target}")
        elif merge.in_order and at < len(merge.table.filled_by_record):
            given = _mixable(column, source, merge.dialect)
            update = f"IF({_is_missing(merge, at)}, {name}.{target}, {given})"
        is_key = column.name in merge.table.key
        assignments.append(_Assignment(column, target, source, "" if is_key else update))
    return assignments


def _is_missing(merge: Merge, at: int) -> str:
    """Return the condition that a staged row lacks the property of the column at position `at`."""
    flags = quote(merge.table.missing_columns[at // MISSING_BITS].name)
    return f"{quote(merge.staging)}.{flags} & {1 << at % MISSING_BITS}"


def _after_parent(merge: Merge) -> tuple[str, list[str]]:
    """Return the join and conditions that leave out children of an earlier record of a parent."""
    parent, parents = merge.table.parent, merge.parents
    if parents is None or parent is None:
        return "", []
    line, (_, parent_column) = quote(LINE_COLUMN.name), parent.keys[0]
    latest = quote(parents)
    if merge.parents_repeat:
        keys = ", ".join(quote(name) for _, name in parent.keys)
        last = f"SELECT {keys}, MAX({line}) AS {line} FROM {latest} GROUP BY {keys}"
        latest = f"({last}) AS {latest}"
    is_newer = f"{quote(merge.staging)}.{line} > {quote(parents)}.{line}"
    return (
        _left_join(merge.staging, parent, parents, latest),
        [f"({quote(parents)}.{quote(parent_column)} IS NULL OR {is_newer})"],
    )


def _highest(value: str, other: str) -> str:
    """Return the higher of two values; NULL counts as the lowest."""
    return f"COALESCE(GREATEST({value}, {other}), {value}, {other})"


def _left_join(child: str, parent: Parent, parents: str, source: str = "") -> str:
    """Return the join of the staging table `child` with `parents`, or a `source` of that name."""
    same = " AND ".join(
        f"{quote(child)}.{quote(child_column)} = {quote(parents)}.{quote(parent_column)}"
        for child_column, parent_column in parent.keys
    )
    return f" LEFT JOIN {source or quote(parents)} ON {same}"


def delete_children(child: Table, parents: str, children: str | None, collation: str) -> str:
    """
    Delete the rows of `child` that belong to a parent in the staging table `parents`.

    With `children`, the staging table of the child's rows, only the rows are deleted that its
    upsert would not update: most children are unchanged. The text of both staging tables is of
    `collation`.
    """
    assert child.parent is not None, "a child has a parent"
    name, line = quote(child.name), quote(LINE_COLUMN.name)
    is_parent = " AND ".join(
        _is_of_parent(child, ours, f"{quote(parents)}.{quote(theirs)}", collation)
        for ours, theirs in child.parent.keys
    )
    # With an index of the child, in this order: a server without fresh statistics scans the
    # child's table for each batch. Without one, it had better scan that only once.
    has_index = bool(child.key) and child.key[0] in dict(child.parent.keys)
    join = "STRAIGHT_JOIN" if has_index else "JOIN"
    statement = f"DELETE {name} FROM {quote(parents)} {join} {name} ON {is_parent}"
    if children is None:
        return statement
    identity = {*child.key, *(column for column, _ in child.parent.keys)}
    same = " AND ".join(
        f"{quote(children)}.{quote(one.name)} = {collated(one, name, collation)}"
        for one in child.columns
        if one.name in identity
    )
    is_newer = f"{quote(children)}.{line} > {quote(parents)}.{line}"
    return (
        f"{statement} LEFT JOIN {quote(children)} ON {same} AND {is_newer}"
        f" WHERE {quote(children)}.{line} IS NULL"
    )


def _is_of_parent(child: Table, column: str, staged: str, collation: str) -> str:
    """
    Return the condition that a column of `child` has the value `staged` of a parent's key.

    Text that is in no key may have another collation than the staged. It is compared twice, since
    the index of an operand serves only where the other has the COLLATE.
    """
    ours = f"{quote(child.name)}.{quote(column)}"
    is_text = any(one.name == column and one.collated for one in child.columns)
    if not is_text or column in child.key:
        return f"{ours} = {staged}"
    return f"{ours} = {staged} COLLATE {collation} AND {ours} COLLATE {collation} = {staged}"


def collated(column: Column, table: str, collation: str) -> str:
    """Return the column of `table`; text, whatever its character set, in `collation`."""
    value = f"{table}.{quote(column.name)}"
    return f"CONVERT({value} USING utf8mb4) COLLATE {collation}" if column.collated else value


def delete_flagged(table: Table, staging: str) -> str:
    """Delete the merged rows of `staging` that have a time of deletion."""
    name = quote(table.name)
    keys = " AND ".join(f"{name}.{quote(one)} = {quote(staging)}.{quote(one)}" for one in table.key)
    return (
        f"DELETE {name} FROM {quote(staging)} STRAIGHT_JOIN {name} ON {keys}"
        f" WHERE {name}.{quote(DELETED_AT)} IS NOT NULL"
    )
