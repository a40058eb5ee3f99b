"""
How to bring the table that is there to the one that is wanted, in one ALTER. Pure.

A column stays, is widened, or, where a wider one would lose what it is wanted for, is put aside
under another name and begun anew. What finds no place in a row goes into one column of JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from target_mysql.tables.column_compatibility import ExistingColumn, Reconciled, reconcile
from target_mysql.tables.columns import (
    Column,
    Dialect,
    for_property,
    json_column,
)
from target_mysql.tables.sizes import row_bytes
from target_mysql.tables.table import Table, fold, to_name

OVERFLOW = "_sdc_overflow"
MAX_COLUMNS = 1_000  # of InnoDB's 1,017


@dataclass(frozen=True)
class AlterPlan:
    """
    The changes that an existing table needs for a SCHEMA, and the table after them.

    `renamed` pairs each column that is set aside with its new name. `made_nullable` are required
    columns that no record fills any more.
    """

    table: Table
    added: tuple[Column, ...]
    modified: tuple[Column, ...]
    renamed: tuple[tuple[ExistingColumn, str], ...]
    made_nullable: tuple[ExistingColumn, ...]

    @property
    def changes(self) -> bool:
        """Tell whether there is anything to do."""
        return bool(self.added or self.modified or self.renamed or self.made_nullable)

    def with_instead(self, column: Column, other: Column) -> AlterPlan:
        """Return the plan with `column` made `other`."""
        modified = tuple(other if one is column else one for one in self.modified)
        columns = tuple(other if one is column else one for one in self.table.columns)
        return replace(self, modified=modified, table=replace(self.table, columns=columns))

    def with_columns(self, table: Table) -> AlterPlan:
        """Return the plan with the columns of `table`, those that differ from ours modified."""
        ours = {column.name: column for column in self.table.columns}
        new = {column.name: column for column in table.columns if column != ours[column.name]}
        modified = {column.name: column for column in self.modified} | new
        return replace(self, table=table, modified=tuple(modified.values()))


def to_alter_plan(
    table: Table, existing: Mapping[str, ExistingColumn], dialect: Dialect
) -> AlterPlan:
    """
    Return how to make `existing`, columns by name, hold the rows of `table`; empty makes it anew.

    Raises ValueError where a key's column cannot be kept.
    """
    by_name = {fold(name): column for name, column in existing.items()}
    table, outgrown = _spill(table, by_name, _reconcile_all(table, by_name, dialect), dialect)
    reconciled = _reconcile_all(table, by_name, dialect)  # now with the column for what was spilled
    taken = {*by_name, *(fold(column.name) for column in table.columns)}
    renamed, modified, fitting = [], [], {}
    for requested in table.columns:
        coerced = reconciled.get(requested)
        if coerced:
            fitting[requested] = coerced.column
            modified += [coerced.column] if coerced.modify else []
        elif found := by_name.get(fold(requested.name)):
            outgrown.append(found)
    for found in outgrown:
        name = _name_for_renamed(found, taken)
        renamed.append((found, name))
        taken.add(fold(name))
    names = {fold(column.name): column.name for column in fitting.values()}
    gone = {*names, *(fold(one.name) for one in outgrown)}
    wanted_columns = tuple(fitting.get(column, column) for column in table.columns)
    key = tuple(names.get(fold(name), name) for name in table.key)
    return AlterPlan(
        replace(table, columns=wanted_columns, key=key),
        tuple(column for column in table.columns if column not in fitting),
        tuple(modified),
        tuple(renamed),
        tuple(column for name, column in by_name.items() if name not in gone and column.required),
    )


def _reconcile_all(
    table: Table, existing: Mapping[str, ExistingColumn], dialect: Dialect
) -> dict[Column, Reconciled]:
    """Return what makes the columns that are there hold those of `table`, where anything does."""
    reconciled = {}
    for requested in table.columns:
        found = existing.get(fold(requested.name))
        if found is None:
            continue
        if found.is_generated:
            raise ValueError(f"column {found.name} is generated: deselect the property, or")
        coerced = reconcile(requested, found, dialect, in_key=requested.name in table.key)
        if coerced:
            reconciled[requested] = coerced
        elif requested.name in table.key:
            raise ValueError(
                f"key column {found.name} is {found.sql_type}, not {requested.sql_type}"
            )
    return reconciled


def _name_for_renamed(existing: ExistingColumn, taken: set[str]) -> str:
    name = requested = to_name(f"{existing.name}__{existing.family}")
    number = 2
    while fold(name) in taken:
        name = to_name(f"{requested}_{number}")
        number += 1
    return name


def _spill(
    table: Table,
    existing: Mapping[str, ExistingColumn],
    reconciled: Mapping[Column, Reconciled],
    dialect: Dialect,
) -> tuple[Table, list[ExistingColumn]]:
    """
    Return `table` with one column for all properties that its rows have no room for, and the
    columns there that cannot be widened for want of room.

    What is there stays; of the others the first come first, but for keys, which must have columns.
    """
    sizes = {name: row_bytes(column.sql_type, in_key=False) for name, column in existing.items()}
    must = {*table.key, *(ours for ours, _ in (table.parent.keys if table.parent else ()))}
    for column in table.columns:
        if column.name in must or not column.filled_by_record:
            sizes[fold(column.name)] = row_bytes(column.sql_type, column.name in table.key)
    room = dialect.row_bytes - sum(sizes.values())
    count = len(sizes)
    columns, members, outgrown = [], [], []
    for column in table.columns:
        found, coerced = existing.get(fold(column.name)), reconciled.get(column)
        if column.name not in must and column.filled_by_record:
            size = row_bytes(coerced.column.sql_type if coerced else column.sql_type, in_key=False)
            if found and coerced:  # it grows in its place, or stays as it is
                size = size - sizes[fold(column.name)] if coerced.modify else 0
            if size > max(room, 0) or (not coerced and count >= MAX_COLUMNS):
                members.append(column.path)
                outgrown += [found] if found else []
                continue
            room -= max(size, 0)
            count += 0 if coerced else 1
        columns.append(column)
    if members:
        # A stream read from a table of ours may have a property of that name.
        name = f"{OVERFLOW}_" if table.has(OVERFLOW) else OVERFLOW
        columns.append(for_property(json_column(name, dialect), name, (), tuple(members)))
    return replace(table, columns=tuple(columns)), outgrown
