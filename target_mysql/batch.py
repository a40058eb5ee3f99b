"""What waits to be loaded: one stream's rows since the last flush, and what is known of them."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from target_mysql.columns import Column
from target_mysql.exceptions import InputError, shown
from target_mysql.rows import Row, split_row
from target_mysql.tables import LINE_COLUMN, Table


@dataclass
class Batch:
    """
    Rows of the load file for `table`; each holds the values of `columns`.

    `lines` are the input's line numbers of the rows; a bit of `absent` is set while no row had a
    value, not even null, for the property at that place. `children` are the tables whose rows come
    and go with these. `versions` are those of the rows;
    `parent` is the table that `table.parent` names, with the columns that it has.
    """

    table: Table
    columns: Sequence[Column]
    children: Sequence[Table] = ()
    rows: list[bytes] = field(default_factory=list)
    lines: array[int] = field(default_factory=lambda: array("Q"))
    absent: int = -1
    versions: frozenset[int] = frozenset()
    parent: Table | None = None

    def add(self, row: Row, line: int) -> None:
        data, absent = row
        self.rows.append(data)
        self.lines.append(line)
        self.absent &= absent

    @property
    def carried(self) -> list[Column]:
        """
        The columns that some row had a value for, null included.

        The others, such as deselected ones, keep in the table what they have.
        """
        return [
            column
            for index, column in enumerate(self.columns)
            if column is not LINE_COLUMN and not (column.from_record and self.absent >> index & 1)
        ]

    def refused(self, row: int, column: str, reason: str) -> InputError:
        """Return the error for the `row`th row, counted from 1, that the server refused."""
        if not 0 < row <= len(self.rows):
            return InputError(reason, stream=self.table.stream, column=column)
        values = dict(
            zip((one.name for one in self.columns), split_row(self.rows[row - 1]), strict=True)
        )
        key = ", ".join(f"{name}={shown(values.get(name))}" for name in self.table.key)
        return InputError(
            f"{reason}: {shown(values.get(column))}",
            line=self.lines[row - 1],
            stream=self.table.stream,
            key=key or None,
            column=column,
        )
