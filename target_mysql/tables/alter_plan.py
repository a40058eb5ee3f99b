"""
The changes that bring an existing table to the requested one, in a single ALTER. Pure.

A column stays, is widened, or is renamed and made anew if no type holds its old and its new
values. Properties that do not fit in a row go to one JSON column, see overflow.py.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from target_mysql.tables.column_compatibility import ExistingColumn, Reconciled, reconcile
from target_mysql.tables.columns import Column
from target_mysql.tables.dialect import Dialect
from target_mysql.tables.identifiers import fold, to_name
from target_mysql.tables.overflow import spill
from target_mysql.tables.table import Parent, Table


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
        """Whether the existing table needs any change."""
        return bool(self.added or self.modified or self.renamed or self.made_nullable)

    def with_replaced(self, column: Column, other: Column) -> AlterPlan:
        """Return the plan with `other` in place of `column`."""
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
    Return the changes that make `existing`, columns by name, hold the rows of `table`.

    Without existing columns the plan creates the table. Raises ValueError if a key's column cannot
    stay, or a property's column is generated.
    """
    by_name = {fold(name): column for name, column in existing.items()}
    table, outgrown = spill(table, by_name, _reconcile_all(table, by_name, dialect), dialect)
    reconciled = _reconcile_all(table, by_name, dialect)  # now with the overflow column
    outgrown += [
        by_name[fold(column.name)]
        for column in table.columns
        if column not in reconciled and fold(column.name) in by_name
    ]
    columns = {one: reconciled[one].column for one in table.columns if one in reconciled}
    names = {fold(column.name): column.name for column in columns.values()}
    names_kept = {*names, *(fold(one.name) for one in outgrown)}
    return AlterPlan(
        replace(
            table,
            columns=tuple(columns.get(column, column) for column in table.columns),
            key=tuple(names.get(fold(name), name) for name in table.key),
            parent=table.parent and _with_names(table.parent, names),
        ),
        tuple(column for column in table.columns if column not in columns),
        tuple(reconciled[one].column for one in columns if reconciled[one].modify),
        _renamings(outgrown, {*by_name, *(fold(column.name) for column in table.columns)}),
        tuple(one for name, one in by_name.items() if name not in names_kept and one.required),
    )


def _with_names(parent: Parent, names: Mapping[str, str]) -> Parent:
    """Return the parent with our columns as the existing table spells them."""
    keys = tuple((names.get(fold(ours), ours), theirs) for ours, theirs in parent.keys)
    return replace(parent, keys=keys)


def _reconcile_all(
    table: Table, existing: Mapping[str, ExistingColumn], dialect: Dialect
) -> dict[Column, Reconciled]:
    """Return the columns of `table` that existing ones can hold, reconciled with them."""
    reconciled = {}
    for column in table.columns:
        old = existing.get(fold(column.name))
        if old is None:
            continue
        if old.is_generated:
            raise ValueError(f"column {old.name} is generated: deselect the property, or")
        result = reconcile(column, old, dialect, in_key=column.name in table.key)
        if result:
            reconciled[column] = result
        elif column.name in table.key:
            raise ValueError(f"key column {old.name} is {old.sql_type}, not {column.sql_type}")
    return reconciled


def _renamings(
    columns: Sequence[ExistingColumn], names_in_use: Collection[str]
) -> tuple[tuple[ExistingColumn, str], ...]:
    """Return the columns with new names after their contents, such as name__text."""
    in_use = set(names_in_use)
    renamings = []
    for column in columns:
        name = base = to_name(f"{column.name}__{column.family}")
        number = 2
        while fold(name) in in_use:
            name = to_name(f"{base}_{number}")
            number += 1
        in_use.add(fold(name))
        renamings.append((column, name))
    return tuple(renamings)
