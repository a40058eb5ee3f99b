"""
How to bring the table that is there to the one that is wanted, in one ALTER. Pure.

A column stays, is widened, or, where a wider one would lose what it is wanted for, is put aside
under another name and begun anew. What finds no place in a row goes into one column of JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from target_mysql.columns import BYTES_A_CHARACTER, Column, Dialect, for_property, json_column
from target_mysql.tables import Table, to_name
from target_mysql.widening import ColumnThere, fit

OVERFLOW = "_sdc_overflow"
# Of InnoDB's 8,126 bytes a row, what is left for columns: its own, null bits and ours taken off.
ROW_BYTES = 7_850
MAX_COLUMNS = 1_000  # of InnoDB's 1,017
OFF_PAGE_BYTES = 41  # of a long text; the rest of it is kept elsewhere
FIXED_BYTES = {
    "tinyint": 1,
    "smallint": 2,
    "mediumint": 3,
    "int": 4,
    "bigint": 8,
    "double": 8,
    "float": 4,
    "date": 3,
    "time": 6,
    "datetime": 8,
    "timestamp": 7,
}


@dataclass(frozen=True)
class Plan:
    """
    How to bring what is there to what is wanted, and the table as it then is.

    `aside` are columns to put aside, each with its new name; `relaxed` those that no record fills
    any more, which must become nullable.
    """

    table: Table
    added: tuple[Column, ...]
    modified: tuple[Column, ...]
    aside: tuple[tuple[ColumnThere, str], ...]
    relaxed: tuple[ColumnThere, ...]

    @property
    def changes(self) -> bool:
        """Tell whether there is anything to do."""
        return bool(self.added or self.modified or self.aside or self.relaxed)

    def with_instead(self, column: Column, other: Column) -> Plan:
        """Return the plan with `column` made `other`."""
        modified = tuple(other if one is column else one for one in self.modified)
        columns = tuple(other if one is column else one for one in self.table.columns)
        return replace(self, modified=modified, table=replace(self.table, columns=columns))


def to_plan(table: Table, there: Mapping[str, ColumnThere], dialect: Dialect) -> Plan:
    """
    Return how to make `there`, columns by name, hold the rows of `table`; empty makes it anew.

    Raises ValueError where a key's column cannot be kept.
    """
    by_name = {name.casefold(): column for name, column in there.items()}
    table = _spill(table, there.values(), dialect)
    taken = {*by_name, *(column.name.casefold() for column in table.columns)}
    aside, modified, fitting = [], [], {}
    for wanted in table.columns:
        found = by_name.get(wanted.name.casefold())
        if found is None:
            continue
        fits = fit(wanted, found, dialect, in_key=wanted.name in table.key)
        if fits is None and wanted.name in table.key:
            raise ValueError(f"key column {found.name} is {found.sql_type}, not {wanted.sql_type}")
        if fits is None:
            name = _aside_name(found, taken)
            aside.append((found, name))
            taken.add(name.casefold())
        else:
            fitting[wanted] = fits.column
            modified += [fits.column] if fits.modify else []
    names = {column.name.casefold(): column.name for column in fitting.values()}
    wanted_columns = tuple(fitting.get(column, column) for column in table.columns)
    key = tuple(names.get(name.casefold(), name) for name in table.key)
    return Plan(
        replace(table, columns=wanted_columns, key=key),
        tuple(column for column in table.columns if column not in fitting),
        tuple(modified),
        tuple(aside),
        tuple(column for name, column in by_name.items() if name not in names and column.required),
    )


def _aside_name(there: ColumnThere, taken: set[str]) -> str:
    name = wanted = to_name(f"{there.name}__{there.family}")
    number = 2
    while name.casefold() in taken:
        name = to_name(f"{wanted}_{number}")
        number += 1
    return name


def _spill(table: Table, there: Iterable[ColumnThere], dialect: Dialect) -> Table:
    """
    Return `table` with one column for all properties that its rows have no room for.

    What is there stays; of the others the first come first, but for keys, which must have columns.
    """
    sizes = {column.name.casefold(): _row_bytes(column.sql_type, in_key=False) for column in there}
    must = {*table.key, *(ours for ours, _ in (table.parent.keys if table.parent else ()))}
    for column in table.columns:
        if column.name in must or not column.from_record:
            sizes[column.name.casefold()] = _row_bytes(column.sql_type, column.name in table.key)
    room = ROW_BYTES - sum(sizes.values())
    columns, members = [], []
    for column in table.columns:
        if column.name.casefold() not in sizes:
            size = _row_bytes(column.sql_type, in_key=False)
            if size > room or len(sizes) >= MAX_COLUMNS:
                members.append(column.path)
                continue
            sizes[column.name.casefold()] = size
            room -= size
        columns.append(column)
    if members:
        # A stream read from a table of ours may have a property of that name.
        name = f"{OVERFLOW}_" if table.has(OVERFLOW) else OVERFLOW
        columns.append(for_property(json_column(name, dialect), name, (), tuple(members)))
    return replace(table, columns=tuple(columns))


def _row_bytes(sql_type: str, in_key: bool) -> int:
    """Return the bytes that a value takes in its row, at most."""
    column = ColumnThere("", sql_type.lower())
    numbers = column.arguments
    if column.base == "decimal":
        return numbers[0] // 2 + 4
    if column.base in ("varchar", "char") and (in_key or numbers[0] * BYTES_A_CHARACTER < 256):
        return numbers[0] * BYTES_A_CHARACTER + 2
    return FIXED_BYTES.get(column.base, OFF_PAGE_BYTES)
