"""
Spills columns that do not fit in a row into one JSON column, `_sdc_overflow`. Pure.

InnoDB limits a row to half a page, about 8 KB by default, and a table to 1,017 columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from target_mysql.tables.column_compatibility import ExistingColumn, Reconciled
from target_mysql.tables.columns import Column, for_property, json_column
from target_mysql.tables.dialect import Dialect
from target_mysql.tables.identifiers import fold
from target_mysql.tables.sizes import row_bytes
from target_mysql.tables.table import Table

OVERFLOW = "_sdc_overflow"
MAX_COLUMNS = 1_000  # of InnoDB's 1,017


@dataclass
class _Room:
    """The room that is left in a row and in a table."""

    free_bytes: int
    free_columns: int

    def take(self, size: int, *, is_new: bool) -> bool:
        """Reserve `size` bytes for a new column, or for a column that grows; False if too few."""
        if size > max(self.free_bytes, 0) or (is_new and not self.free_columns > 0):
            return False
        self.free_bytes -= max(size, 0)
        self.free_columns -= 1 if is_new else 0
        return True


def spill(
    table: Table,
    existing: Mapping[str, ExistingColumn],
    reconciled: Mapping[Column, Reconciled],
    dialect: Dialect,
) -> tuple[Table, list[ExistingColumn]]:
    """
    Return `table` with one column for all properties that do not fit in a row, and the existing
    columns that cannot grow for want of room.

    Existing columns stay. The others get room in the order of the SCHEMA; keys always do.
    """
    parent_keys = table.parent.keys if table.parent else ()
    required = {*table.key, *(child_column for child_column, _ in parent_keys)}
    sizes = {name: row_bytes(column.sql_type, in_key=False) for name, column in existing.items()}
    for column in table.columns:
        if column.name in required or not column.filled_by_record:
            sizes[fold(column.name)] = row_bytes(column.sql_type, column.name in table.key)
    room = _Room(dialect.row_bytes - sum(sizes.values()), MAX_COLUMNS - len(sizes))
    columns, members, outgrown = [], [], []
    for column in table.columns:
        old, result = existing.get(fold(column.name)), reconciled.get(column)
        is_optional = column.name not in required and column.filled_by_record
        size = _additional_bytes(column, result, sizes[fold(column.name)] if old else 0)
        if is_optional and not room.take(size, is_new=result is None):
            members.append(column.path)
            outgrown += [old] if old else []
        else:
            columns.append(column)
    if members:
        # A stream read from a table of this target may have a property of that name.
        name = f"{OVERFLOW}_" if table.has(OVERFLOW) else OVERFLOW
        columns.append(for_property(json_column(name, dialect), name, (), tuple(members)))
    return replace(table, columns=tuple(columns)), outgrown


def _additional_bytes(column: Column, reconciled: Reconciled | None, old_bytes: int) -> int:
    """Return the bytes that a column adds to a row, or by which an existing column grows."""
    if reconciled is None:
        return row_bytes(column.sql_type, in_key=False)
    if not reconciled.modify:
        return 0
    return row_bytes(reconciled.column.sql_type, in_key=False) - old_bytes
