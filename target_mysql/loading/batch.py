"""What waits to be loaded: one stream's rows since the last flush, and what is known of them."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from target_mysql.exceptions import InputError, shown
from target_mysql.rows.encoder import Row, split_row
from target_mysql.tables.columns import Column
from target_mysql.tables.table import LINE_COLUMN, STAGING, Table


@dataclass
class Batch:
    """
    Rows of the load file for `table`; each holds the values of `columns`.

    `lines` are the input's line numbers of the rows; a bit of `missing` is set where some row lacks
    the property at that place, and its column must keep its value. `children` are the tables whose
    rows come and go with these. `versions` are those of the rows;
    `parent` is the table that `table.parent` names, with the columns that it has.
    """

    table: Table
    columns: Sequence[Column]
    children: Sequence[Table] = ()
    rows: list[bytes] = field(default_factory=list)
    lines: array[int] = field(default_factory=lambda: array("Q"))
    missing: int = 0
    versions: frozenset[int] = frozenset()
    parent: Table | None = None

    def add(self, row: Row, line: int) -> None:
        data, missing = row
        self.rows.append(data)
        self.lines.append(line)
        self.missing |= missing

    @property
    def merged_columns(self) -> list[Column]:
        """
        The columns that are merged into the table; those that only staging needs are not.

        Columns that the SCHEMA does not have, such as deselected ones, keep their values.
        """
        return [
            column
            for column in self.columns
            if column.filled_by_record or not column.name.startswith(STAGING)
        ]

    @property
    def staging_key(self) -> tuple[str, ...]:
        """
        The key of the staging table, of which the last row wins.

        Where a row may lack properties, the earlier rows of its key count, too: all are staged,
        and merged in order.
        """
        return (LINE_COLUMN.name,) if self.missing else self.table.key

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
